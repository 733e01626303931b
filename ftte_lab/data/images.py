"""Image sets: `digits` comes with scikit-learn, `cifar10` and `fashion_mnist` are downloaded on request."""

from __future__ import annotations

import gzip
import struct
import tarfile
import zlib
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from ftte_lab._common import require
from ftte_lab.data import store
from ftte_lab.data.download import RemoteFile, download
from ftte_lab.data.types import Dataset

_TAG = 2301
_TEST_AT_MOST = 2000  # when only a part of a data set is asked for
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


def digits(most: int | None, seed: int) -> Dataset:
    """1,797 handwritten digits of 8 x 8 pixels: 1,257 train, 360 test, 180 public."""
    bunch = load_digits()
    x = np.round(bunch.images[:, None] * (255 / 16)).astype(np.uint8)  # as the other image sets
    order = np.random.default_rng([_TAG, 0]).permutation(
        len(x)
    )  # test and public parts are the same for every seed
    test, rest = order[:360], order[360:]
    y = bunch.target.astype(np.int64)
    arrays = {"x_train": x[rest], "y_train": y[rest], "x_test": x[test], "y_test": y[test]}
    return from_arrays("digits", arrays, tuple(str(k) for k in range(10)), most, seed, public=180)


def from_arrays(
    name: str,
    arrays: dict[str, np.ndarray],
    classes: tuple[str, ...],
    most: int | None,
    seed: int,
    public: int,
) -> Dataset:
    """A `Dataset` from bytes 0..255; the last `public` training samples become the public share.

    With `most`, so many training samples are drawn by `seed`, and at most 2,000 test samples, always the same.
    """
    x, y = arrays["x_train"], arrays["y_train"].astype(np.int64)
    xt, yt = arrays["x_test"], arrays["y_test"].astype(np.int64)
    mine = len(x) - public
    kept = np.arange(mine)
    if most is not None:
        kept = np.sort(np.random.default_rng([_TAG, seed]).permutation(mine)[:most])
        xt, yt = xt[:_TEST_AT_MOST], yt[:_TEST_AT_MOST]
    x_public, y_public = x[mine:], y[mine:]
    return Dataset(
        name, _scaled(x[kept]), y[kept], _scaled(xt), yt, _scaled(x_public), y_public, classes
    )


def _scaled(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x, dtype=np.float32) / 255


def fetch_cifar10(progress: bool) -> Path:
    """Download the binary archive (170 MB), check it, and keep it as `cifar10.npz`."""
    archive = download(CIFAR10, store.data_home(), progress=progress)
    try:
        with tarfile.open(archive) as tar:
            batches = [_batch(tar, f"data_batch_{k}.bin") for k in range(1, 6)]
            x_test, y_test = _batch(tar, "test_batch.bin")
    except (tarfile.TarError, KeyError, EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{archive} is damaged ({error}); allowed: the binary CIFAR-10 archive. Delete it."
        ) from error
    x, y = (np.concatenate([batch[k] for batch in batches]) for k in (0, 1))
    path = store.write("cifar10", {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test})
    archive.unlink()
    return path


def _batch(tar: tarfile.TarFile, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Records of one label byte and 3 x 32 x 32 pixel bytes."""
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
    """Download the four IDX files (30 MB), check them, and keep them as `fashion_mnist.npz`."""
    files = {
        key: download(source, store.data_home(), progress=progress)
        for key, source in FASHION_MNIST.items()
    }
    arrays = {key: _idx(path) for key, path in files.items()}
    arrays["x_train"], arrays["x_test"] = arrays["x_train"][:, None], arrays["x_test"][:, None]
    path = store.write("fashion_mnist", arrays)
    for file in files.values():
        file.unlink()
    return path


def _idx(path: Path) -> np.ndarray:
    """An IDX file of bytes: two zeros, type 8, the number of axes, their lengths, the values."""
    allowed = "a gzipped IDX file of bytes"
    try:
        raw = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error}); allowed: {allowed}. Delete it.") from error
    require(
        len(raw) >= 4 and raw[:3] == b"\0\0\x08", f"{path} is no IDX file", allowed, "Delete it"
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
