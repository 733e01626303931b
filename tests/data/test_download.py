"""Downloads from a small server in this process, and wrist recordings from folders."""

import contextlib
import gzip
import hashlib
import io
import os
import struct
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ftte_lab.cli import main
from ftte_lab.data import download, fetch, images, load, split
from ftte_lab.data.remote_file import RemoteFile

REAL = Path(__file__).parents[3] / "shared" / "data"
REAL_WRIST, REAL_CIFAR = REAL / "hmp_wrist.tar.xz", REAL / "cifar10_jpeg.tar.xz"


@dataclass
class Server:
    """Serve `files` in slow pieces, cut off the first `cuts` half way, note each `Range`."""

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: int = 0
    knows_ranges: bool = True
    piece_s: float = 0.0
    requested: list[str] = field(default_factory=list)
    address: str = ""

    def add(self, name: str, content: bytes, md5: str | None = None) -> RemoteFile:
        self.files[name] = content
        return RemoteFile(f"{self.address}/{name}", md5 or hashlib.md5(content).hexdigest())  # noqa: S324

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range", "")
        self.requested.append(wanted)
        content = self.files.get(request.path.strip("/"))
        if content is None:
            request.send_error(404)
            return
        start = (
            int(wanted.removeprefix("bytes=").removesuffix("-"))
            if wanted and self.knows_ranges
            else 0
        )
        if start >= len(content):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        rest = content[start:]
        if self.cuts:
            self.cuts -= 1
            rest = rest[: len(rest) // 2]
        with contextlib.suppress(OSError):  # a client that was killed
            for at in range(0, len(rest), 1 << 15):
                request.wfile.write(rest[at : at + (1 << 15)])
                time.sleep(self.piece_s)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{http.server_port}"
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield state
    http.shutdown()
    http.server_close()


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FTTE_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def cifar_archive(records: int = 40, damage: str = "") -> bytes:
    rng = np.random.default_rng(0)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name in [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]:
            if damage == "missing" and name == "test_batch":
                continue
            rows = rng.integers(0, 256, (records, 3073), dtype=np.uint8)
            rows[:, 0] = np.arange(records) % 10
            raw = rows.tobytes()[: -5 if damage == "short" else None]
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
    return out.getvalue()


def idx(values: np.ndarray) -> bytes:
    head = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return gzip.compress(head + values.tobytes(), mtime=0)


def test_download_keeps_a_good_file_and_requests_it_once(server: Server, tmp_path: Path) -> None:
    source = server.add("a.bin", os.urandom(300_000))
    for _ in range(2):
        path = download.download(source, tmp_path, progress=False)
        assert path.read_bytes() == server.files["a.bin"]
    assert server.requested == [""]
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_download_resumes_where_it_was_cut_off(server: Server, tmp_path: Path) -> None:
    source = server.add("a.bin", os.urandom(1 << 19))
    server.cuts = 1
    path = download.download(source, tmp_path, progress=False)
    assert path.read_bytes() == server.files["a.bin"]
    assert server.requested == ["", "bytes=262144-"]


def test_download_keeps_its_part_for_the_next_call(server: Server, tmp_path: Path) -> None:
    source = server.add("a.bin", os.urandom(1 << 19))
    server.cuts = 3
    with pytest.raises(
        ValueError,
        match=r"could not be downloaded .*458,752 bytes are kept.*continues where it stopped",
    ):
        download.download(source, tmp_path, progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin.part"]
    path = download.download(source, tmp_path, progress=False)
    assert path.read_bytes() == server.files["a.bin"]
    assert server.requested[-1] == "bytes=458752-"


def test_download_starts_over_if_the_server_ignores_ranges(server: Server, tmp_path: Path) -> None:
    source = server.add("a.bin", os.urandom(100_000))
    server.cuts, server.knows_ranges = 1, False
    assert download.download(source, tmp_path, progress=False).read_bytes() == server.files["a.bin"]


def test_download_uses_a_complete_part(server: Server, tmp_path: Path) -> None:
    source = server.add("a.bin", os.urandom(100_000))
    (tmp_path / "a.bin.part").write_bytes(server.files["a.bin"])
    assert download.download(source, tmp_path, progress=False).read_bytes() == server.files["a.bin"]


def test_download_with_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    source = server.add("a.bin", b"not the file", md5="0" * 32)
    with pytest.raises(ValueError, match=r"another checksum; allowed: MD5 0{32}.*deleted"):
        download.download(source, tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


def test_download_explains_a_missing_server_and_a_missing_file(
    server: Server, tmp_path: Path
) -> None:
    gone = RemoteFile(f"{server.address}/none.bin", "0" * 32)
    with pytest.raises(ValueError, match="could not be downloaded \\(HTTPError\\)"):
        download.download(gone, tmp_path, progress=False)
    # A refusal is not requested again.
    assert server.requested == [""]
    with pytest.raises(ValueError, match="Check the network"):
        download.download(
            RemoteFile("http://127.0.0.1:9/a.bin", "0" * 32), tmp_path, progress=False
        )


def test_download_shows_a_progress_bar(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download.download(server.add("a.bin", os.urandom(100_000)), tmp_path)
    assert "a.bin: 100%" in capsys.readouterr().err


def test_fetch_cifar10_writes_one_file(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "CIFAR10", server.add("cifar-10-binary.tar.gz", cifar_archive()))
    path = fetch("cifar10", progress=False)
    assert [p.name for p in home.iterdir()] == ["cifar10.npz"]
    assert fetch("cifar10", progress=False) == path
    assert len(server.requested) == 1
    d = load("cifar10")
    assert d.x_train.shape == (180, 3, 32, 32)
    assert len(d.y_test) == 40
    assert len(d.y_public) == 20
    raw = np.random.default_rng(0).integers(0, 256, (40, 3073), dtype=np.uint8)
    np.testing.assert_allclose(d.x_train[0].ravel(), raw[0, 1:] / 255, rtol=1e-6)
    assert len(load("cifar10", people=5, samples_per_person=10).y_train) == 50


@pytest.mark.parametrize("damage", ["missing", "short"])
def test_fetch_cifar10_with_a_damaged_archive_writes_nothing(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr(
        images, "CIFAR10", server.add("cifar-10-binary.tar.gz", cifar_archive(damage=damage))
    )
    with pytest.raises(ValueError, match=r"test_batch|3,073"):
        fetch("cifar10", progress=False)
    assert not (home / "cifar10.npz").exists()


def fashion(server: Server) -> dict[str, RemoteFile]:
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    labels = (np.arange(60) % 10).astype(np.uint8)
    return {
        "x_train": server.add("xt.gz", idx(pictures)),
        "y_train": server.add("yt.gz", idx(labels)),
        "x_test": server.add("xs.gz", idx(pictures[:20])),
        "y_test": server.add("ys.gz", idx(labels[:20])),
    }


def test_fetch_fashion_mnist_writes_one_file(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "FASHION_MNIST", fashion(server))
    fetch("fashion_mnist", progress=False)
    assert [p.name for p in home.iterdir()] == ["fashion_mnist.npz"]
    d = load("fashion_mnist")
    assert d.x_train.shape == (54, 1, 28, 28)
    assert d.classes[d.y_train[0]] == "T-shirt"


@pytest.mark.parametrize(
    "content",
    [
        b"plain",
        gzip.compress(b"\0\0\x08", mtime=0),
        gzip.compress(b"ab", mtime=0),
        idx(np.zeros(9, "u1"))[:-6],
    ],
    # The same names in every test process.
    ids=["plain", "no header", "no idx", "cut off"],
)
def test_fetch_fashion_mnist_with_a_damaged_file_writes_nothing(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(
        images, "FASHION_MNIST", fashion(server) | {"x_test": server.add("bad.gz", content)}
    )
    with pytest.raises(ValueError, match=r"bad\.gz .*Delete it"):
        fetch("fashion_mnist", progress=False)
    assert not (home / "fashion_mnist.npz").exists()


def test_command_fetches_or_explains(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(images, "FASHION_MNIST", fashion(server))
    assert main(["data", "fashion_mnist"]) == 0
    assert str(home) in capsys.readouterr().out
    assert main(["data", "wrist"]) == 2
    assert "wrist needs folder" in capsys.readouterr().err


def record(folder: Path, activity: str, person: str, number: int, samples: int = 200) -> Path:
    where = folder / activity
    where.mkdir(parents=True, exist_ok=True)
    path = where / f"Accelerometer-2011-04-11-13-28-{number:02d}-{activity.lower()}-{person}.txt"
    codes = np.random.default_rng(number).integers(0, 64, (samples, 3))
    path.write_text("\n".join(" ".join(map(str, row)) for row in codes) + "\n")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    where = tmp_path / "HMP_Dataset"
    for k, person in enumerate(["m1", "m2", "f1", "f2", "f3"]):
        for activity in ("Walk", "Drink_glass"):
            for n in range(8 - k):
                record(where, activity, person, n)
    record(where, "Walk_MODEL", "m1", 50)
    (where / "README.txt").write_text("about")
    return where


def test_fetch_wrist_reads_a_folder_by_person(home: Path, folder: Path) -> None:
    fetch("wrist", folder=folder)
    d = load("wrist")
    assert d.classes == ("drink glass", "walk")
    assert d.shape == (3, 128)
    # Two of the five are the server's volunteers.
    assert d.people == 3
    assert d.test_person is not None
    assert set(d.test_person) == {0, 1, 2}
    # Two windows of each recording.
    assert len(d.y_public) == 2 * (4 + 5) * 2
    codes = np.loadtxt(folder / "Walk" / "Accelerometer-2011-04-11-13-28-00-walk-m1.txt")
    first = d.x_train[d.y_train == 1][0]
    np.testing.assert_allclose(first, (codes[:128] * 3 / 63 - 1.5).T, atol=1e-6)
    assert -1.5 <= d.x_train.min() < d.x_train.max() <= 1.5
    split(d, 3, by="person")


def test_fetch_wrist_extends_a_short_recording(home: Path, folder: Path) -> None:
    path = record(folder, "Walk", "f3", 60, samples=100)
    fetch("wrist", folder=folder)
    last = np.loadtxt(path)[-1] * 3 / 63 - 1.5
    d = load("wrist")
    held = [x for x in d.x_public if np.allclose(x[:, 99:], last[:, None], atol=1e-6)]
    assert len(held) == 1


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        ("empty", "other contents"),
        ("text", "cannot be read"),
        ("range", "other contents"),
        ("columns", "other contents"),
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_fetch_wrist_names_a_wrong_recording_and_writes_nothing(
    home: Path, folder: Path, damage: str, text: str
) -> None:
    path = record(folder, "Walk", "m1", 0)
    path.write_text(
        {"empty": "", "text": "a b c\n", "range": "1 2 64\n", "columns": "1 2\n"}[damage]
    )
    with pytest.raises(ValueError, match=rf"walk-m1\.txt .*{text}"):
        fetch("wrist", folder=folder)
    assert not (home / "wrist.npz").exists()


def test_fetch_wrist_refuses_a_wrong_folder(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no recordings"):
        fetch("wrist", folder=tmp_path / "nowhere")
    record(tmp_path / "two", "Walk", "m1", 0)
    with pytest.raises(ValueError, match="1 people; allowed: at least 4"):
        fetch("wrist", folder=tmp_path / "two")


@pytest.mark.skipif(
    not REAL_WRIST.exists(), reason="no copy of the real recordings beside the project"
)
def test_fetch_wrist_reads_the_real_recordings(home: Path, tmp_path: Path) -> None:
    with tarfile.open(REAL_WRIST) as tar:
        tar.extractall(tmp_path / "HMP_Dataset", filter="data")
    fetch("wrist", folder=tmp_path / "HMP_Dataset")
    d = load("wrist")
    assert d.people == 14
    assert d.n_classes == 14
    assert len(d.y_train) > 3000
    assert len(d.y_test) > 1000
    assert len(load("wrist", people=16, samples_per_person=40).y_train) == 640


@pytest.mark.skipif(
    not REAL_CIFAR.exists(), reason="no copy of the real pictures beside the project"
)
def test_fetch_cifar10_reads_real_images(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    wanted = {"train": 100, "test": 20}
    with tarfile.open(REAL_CIFAR) as tar:
        for member in tar:
            part, _, rest = member.name.partition("/")
            picture = tar.extractfile(member) if member.name.endswith(".jpg") else None
            if picture is not None and len(rows[part]) < wanted[part]:
                pixels = np.asarray(Image.open(picture).convert("RGB")).transpose(2, 0, 1)
                label = images.CIFAR10_CLASSES.index(rest.split("/")[0])
                rows[part].append(np.concatenate([[label], pixels.ravel()]).astype(np.uint8))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        batches = [rows["train"][k * 20 : k * 20 + 20] for k in range(5)] + [rows["test"]]
        for name, batch in zip(
            [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"], batches, strict=True
        ):
            raw = np.stack(batch).tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
    monkeypatch.setattr(images, "CIFAR10", server.add("cifar-10-binary.tar.gz", out.getvalue()))
    fetch("cifar10", progress=False)
    d = load("cifar10")
    got = np.concatenate([d.x_train, d.x_public])
    want = np.stack(rows["train"])[:, 1:].reshape(-1, 3, 32, 32) / 255
    np.testing.assert_allclose(got, want, rtol=1e-6)
    # Neighbours in an image are alike: the axes are in the right order.
    smooth = np.abs(np.diff(got, axis=3)).mean()
    assert smooth < 0.5 * np.abs(got - np.roll(got, 7, axis=3)).mean() + 0.02
