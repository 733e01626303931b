"""The work that is disturbed: a sweep, a study, a download; small, and with a known result."""

import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study.jobs import Job, run_jobs
from ftte_lab.data import fetch, images
from ftte_lab.data.remote_file import RemoteFile
from ftte_lab.experiments import sweep
from ftte_lab.simulation import run
from tests.tiny import TINY

RUNS = tuple(TINY.replace(seed=seed, horizon_s=20.0, evaluations=5) for seed in range(8))
JOBS = tuple(Job("run", scenario) for scenario in RUNS[:6])


@dataclass(frozen=True)
class Work:
    """Something to disturb.

    Attributes:
        do: does it, in a folder; what is there already is not done again.
        results: reads what is there, by name; raises if a result is not whole.
    """

    do: Callable[[Path], None]
    results: Callable[[Path], Mapping[str, Any]]


def warm_up() -> None:
    """Load what every run loads: the processes that are forked then have it, and begin at once."""
    for scenario in RUNS:
        run(scenario, processes=1)


def _forking() -> None:
    """Let pools fork: their workers start at once, because nothing has to be imported."""
    forking = multiprocessing.get_context("fork")
    multiprocessing.get_context = lambda method=None: forking  # type: ignore[assignment]


def _sweep(folder: Path) -> None:
    _forking()
    sweep(RUNS, folder, processes=2, progress=False)


def _study(folder: Path) -> None:
    _forking()
    with contextlib.redirect_stderr(io.StringIO()):
        outcome = run_jobs(JOBS, folder, processes=2)
    assert not outcome.failures, outcome.failures


def _download(folder: Path) -> None:
    os.environ["FTTE_DATA_HOME"] = str(folder)
    fetch("cifar10", progress=False)


def _histories(folder: Path) -> dict[str, Any]:
    """Read the results of a sweep or study: each must be whole."""
    found = {}
    for path in folder.glob("*.json") if folder.is_dir() else ():
        content = json.loads(path.read_bytes())
        content.pop("core_s", None)
        found[path.name] = content
    assert not folder.is_dir() or not list(folder.glob("*.failed"))
    return found


def _arrays(folder: Path) -> dict[str, Any]:
    path = folder / "cifar10.npz"
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name].tolist() for name in arrays.files}


WORKS: Mapping[str, Work] = {
    "sweep": Work(_sweep, _histories),
    "study": Work(_study, _histories),
    "download": Work(_download, _arrays),
}


def _archive() -> bytes:
    rng = np.random.default_rng(0)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name in [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]:
            rows = rng.integers(0, 256, (60, 3073), dtype=np.uint8)
            rows[:, 0] = np.arange(60) % 10
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = rows.size
            tar.addfile(member, io.BytesIO(rows.tobytes()))
    return out.getvalue()


@contextlib.contextmanager
def served() -> Iterator[None]:
    """Serve the archive slowly, from another process so that a fork holds no lock of the server."""
    content = _archive()
    ours, theirs = multiprocessing.get_context("fork").Pipe()
    server = multiprocessing.get_context("fork").Process(target=_serve, args=(content, theirs))
    server.start()
    before = images.CIFAR10
    md5 = hashlib.md5(content).hexdigest()  # noqa: S324
    images.CIFAR10 = RemoteFile(f"http://127.0.0.1:{ours.recv()}/cifar.tar.gz", md5)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    try:
        yield
    finally:
        images.CIFAR10 = before
        server.kill()
        server.join()


def _serve(content: bytes, port: Any) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            at = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if at >= len(content):
                return self.send_error(416)
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(content) - at))
            self.end_headers()
            with contextlib.suppress(OSError):
                for k in range(at, len(content), 65_536):
                    self.wfile.write(content[k : k + 65_536])
                    time.sleep(0.01)
            return None

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.send(http.server_port)
    threading.Thread(target=http.serve_forever).start()
