"""Image data sets.

`digits` comes with scikit-learn. `cifar10` and `fashion_mnist` are downloaded on request.
"""

from __future__ import annotations

import gzip
import struct
import tarfile
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ftte_lab._common import brief, require
from ftte_lab.data import store
from ftte_lab.data.remote_file import RemoteFile
from ftte_lab.data.types import Dataset

_TAG = 2301
# The number of test samples where only a part of a data set is loaded.
_TEST_AT_MOST = 2000
KEYS = ("x_train", "y_train", "x_test", "y_test")

CIFAR10 = RemoteFile(
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"
)
CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_MIRROR = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
FASHION_MNIST = {
    "x_train": RemoteFile(
        f"{_MIRROR}train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"
    ),
    "y_train": RemoteFile(
        f"{_MIRROR}train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"
    ),
    "x_test": RemoteFile(f"{_MIRROR}t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
    "y_test": RemoteFile(f"{_MIRROR}t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
}
FASHION_MNIST_CLASSES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def digits(cap: int | None, seed: int) -> Dataset:
    """Load 1,797 handwritten digits of 8 x 8 pixels: 1,257 train, 360 test, 180 public.

    Args:
        cap: at most so many training samples, `None` for all.
        seed: of the draw under a cap. Test and public parts are the same for every seed.
    """
    images, y = _digits_table()
    # Bytes 0..255, as in the other image sets.
    x = np.round(images[:, None] * (255 / 16)).astype(np.uint8)
    order = np.random.default_rng([_TAG, 0]).permutation(len(x))
    test, rest = order[:360], order[360:]
    arrays = {"x_train": x[rest], "y_train": y[rest], "x_test": x[test], "y_test": y[test]}
    names = tuple(str(k) for k in range(10))
    return from_pixels("digits", arrays, names, cap, seed, public=180)


def _digits_table() -> tuple[np.ndarray, np.ndarray]:
    """Return the images `(n, 8, 8)` and the labels that scikit-learn ships.

    Its table is read without importing the library, which takes a node of a real fleet seconds and
    80 MiB.
    """
    found = find_spec("sklearn")
    table = Path(found.origin or "").parent / "datasets/data/digits.csv.gz" if found else None
    if table is not None and table.is_file():
        values = np.loadtxt(table, delimiter=",")
        return values[:, :-1].reshape(-1, 8, 8), values[:, -1].astype(np.int64)
    from sklearn.datasets import load_digits  # another edition, or one inside an archive

    bunch = load_digits()
    return bunch.images, bunch.target.astype(np.int64)


def fits(arrays: dict[str, np.ndarray], classes: int) -> bool:
    """Report whether arrays of a file are images with labels, as `from_pixels` needs them.

    Args:
        arrays: the content of the file, by key.
        classes: how many classes there are.

    Example:
        >>> x, y = np.zeros((20, 1, 2, 2), np.uint8), np.zeros(20, np.uint8)
        >>> fits({"x_train": x, "y_train": y, "x_test": x, "y_test": y}, 10)
        True
    """
    shapes = []
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.dtype != np.uint8 or x.ndim != 4 or not x.size:
            return False
        if y.dtype.kind not in "iu" or y.shape != x.shape[:1]:
            return False
        if y.min() < 0 or y.max() >= classes:
            return False
        shapes.append(x.shape[1:])
    # A tenth of the training samples becomes public, and some must stay.
    return shapes[0] == shapes[1] and len(arrays["x_train"]) >= 20


def from_pixels(
    name: str,
    arrays: dict[str, np.ndarray],
    classes: tuple[str, ...],
    cap: int | None,
    seed: int,
    public: int,
) -> Dataset:
    """Make a `Dataset` from pixels 0..255, scaled to 0..1.

    Args:
        name: of the data set.
        arrays: `x_train`, `y_train`, `x_test`, `y_test`; inputs are uint8 `(n, channels, ...)`.
        classes: names of the classes.
        cap: at most so many training samples, and at most 2,000 test samples (always the same);
            `None` for all.
        seed: of the draw of training samples under a cap.
        public: so many of the last training samples become the public share.
    """
    x, y = arrays["x_train"], arrays["y_train"].astype(np.int64)
    xt, yt = arrays["x_test"], arrays["y_test"].astype(np.int64)
    private = len(x) - public
    kept = np.arange(private)
    if cap is not None:
        kept = np.sort(np.random.default_rng([_TAG, seed]).permutation(private)[:cap])
        xt, yt = xt[:_TEST_AT_MOST], yt[:_TEST_AT_MOST]
    x_public, y_public = x[private:], y[private:]
    return Dataset(
        name, _scaled(x[kept]), y[kept], _scaled(xt), yt, _scaled(x_public), y_public, classes
    )


def _scaled(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x, dtype=np.float32) / 255


def fetch_cifar10(progress: bool) -> Path:
    """Download the binary archive (170 MB), check it, and keep it as `cifar10.npz`.

    Raises:
        ValueError: no network, a wrong checksum, or an archive with other contents.
    """
    from ftte_lab.data.download import download  # what it needs is needed here alone

    archive = download(CIFAR10, store.data_home(), progress=progress)
    path = store.write("cifar10", unpack_cifar10(archive))
    archive.unlink(missing_ok=True)  # another process may have done the same
    return path


def unpack_cifar10(archive: Path) -> dict[str, np.ndarray]:
    """Read the binary archive: pixels and labels, by key. Nothing is unpacked to the disk.

    Raises:
        ValueError: an archive that is damaged, or has other contents.
    """
    try:
        with tarfile.open(archive) as tar:
            batches = [_batch(tar, f"data_batch_{k}.bin") for k in range(1, 6)]
            x_test, y_test = _batch(tar, "test_batch.bin")
    except (tarfile.TarError, KeyError, EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{archive} is damaged ({brief(error)}); allowed: the binary CIFAR-10 archive. "
            "Delete it."
        ) from error
    x, y = (np.concatenate([batch[k] for batch in batches]) for k in (0, 1))
    return {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}


def _batch(tar: tarfile.TarFile, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read records of one label byte and 3 x 32 x 32 pixel bytes: pixels, labels."""
    member = tar.extractfile(f"cifar-10-batches-bin/{name}")
    raw = np.frombuffer(member.read() if member else b"", dtype=np.uint8)
    require(
        len(raw) > 0 and len(raw) % 3073 == 0,
        f"{name} has {len(raw)} bytes",
        "records of 3,073 bytes",
    )
    rows = raw.reshape(-1, 3073)
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].copy()


def fetch_fashion_mnist(progress: bool) -> Path:
    """Download the four IDX files (30 MB), check them, and keep them as `fashion_mnist.npz`.

    Raises:
        ValueError: no network, a wrong checksum, or a file with other contents.
    """
    from ftte_lab.data.download import download  # what it needs is needed here alone

    files = {
        key: download(source, store.data_home(), progress=progress)
        for key, source in FASHION_MNIST.items()
    }
    arrays = {key: _idx(path) for key, path in files.items()}
    arrays["x_train"], arrays["x_test"] = arrays["x_train"][:, None], arrays["x_test"][:, None]
    path = store.write("fashion_mnist", arrays)
    for file in files.values():
        file.unlink(missing_ok=True)
    return path


def _idx(path: Path) -> np.ndarray:
    """Read a gzipped IDX file: two zeros, type 8, the number of axes, their lengths, the values."""
    allowed = "a gzipped IDX file of bytes"
    try:
        raw = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path} is damaged ({brief(error)}); allowed: {allowed}. Delete it."
        ) from error
    require(
        len(raw) >= 4 and raw[:3] == b"\0\0\x08", f"{path} is not an IDX file", allowed, "Delete it"
    )
    head = 4 + 4 * raw[3]
    require(len(raw) >= head, f"{path} ends inside its header", allowed, "Delete it")
    shape = struct.unpack(f">{raw[3]}I", raw[4:head])
    values = np.frombuffer(raw, dtype=np.uint8, offset=head)
    require(
        len(values) == np.prod(shape),
        f"{path} has {len(values)} values for shape {shape}",
        allowed,
        "Delete it",
    )
    return values.reshape(shape)
