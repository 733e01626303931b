"""All that the kit reads from outside, each with a valid text of it."""

import base64
import io
import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.study import results
from benchmarks.study.jobs import Job, Results
from ftte_lab.course import Report, progress, report
from ftte_lab.data import images, load, wrist
from ftte_lab.experiments import Sweep
from ftte_lab.lab import Settings, share_code
from ftte_lab.models import Model, Subset, build, pack, unpack
from ftte_lab.simulation import History, Scenario, run
from tests.data.test_download import cifar_archive, idx
from tests.tiny import TINY

SHORT = TINY.replace(horizon_s=10.0, evaluations=4)


@dataclass(frozen=True)
class Reader:
    """Something that is read.

    Attributes:
        name: of the file in the folder.
        valid: bytes that are accepted.
        read: reads the file in a folder; returns what it read, or raises.
        is_json: whether its values can be mutated.
        verdict: whether it answers in words where others refuse.
    """

    name: str
    valid: Callable[[], bytes]
    read: Callable[[Path], Any]
    is_json: bool = True
    verdict: bool = False


@cache
def history() -> History:
    """Return a run whose text the readers get."""
    return run(SHORT)


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _job(path: Path) -> Any:
    found = Results(path.parent)
    if not found.has(SHORT):
        raise ValueError("it is computed again; allowed: a whole result.")
    return found.history(SHORT)


def _swept(path: Path) -> Any:
    found = dict(Sweep(path.parent, (SHORT,)))
    if SHORT not in found:
        raise ValueError("it is computed again; allowed: a whole result.")
    return found


def _failure(path: Path) -> Any:
    if not (found := Sweep(path.parent, (SHORT,)).failures):
        raise ValueError("it is run again; allowed: a whole failure.")
    return found


@contextmanager
def _variable(name: str, value: Path) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = str(value)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _record(path: Path) -> Any:
    """Read a student's record, and say what it says; a damaged one is a verdict in words."""
    progress.forget()
    with _variable(progress.VARIABLE, path.parent):
        return f"{report('Ada')}"


def _dataset(path: Path) -> Any:
    with _variable("FTTE_DATA_HOME", path.parent):
        return load(path.stem)


def _coded(raw: bytes) -> str:
    """Write any bytes as a code whose checksum is right."""
    packer = zlib.compressobj(9, wbits=-15, zdict=share_code._WORDS[share_code.PREFIX])
    packed = packer.compress(raw) + packer.flush()
    body = base64.urlsafe_b64encode(share_code._check(packed) + packed).decode().rstrip("=")
    return share_code.PREFIX + body


def _saved(arrays: dict[str, np.ndarray]) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def _cifar10() -> bytes:
    x = np.zeros((30, 3, 32, 32), np.uint8)
    y = (np.arange(30) % 10).astype(np.uint8)
    return _saved({"x_train": x, "y_train": y, "x_test": x, "y_test": y})


def _wrist() -> bytes:
    n = 40
    each = np.arange(n)
    return _saved(
        {
            "x": np.zeros((n, 3, 128), np.float32),
            "y": each % 2,
            "person": each % 5,
            "recording": each,
            "classes": np.array(["walk", "sit"]),
            "people": np.array(["m1", "m2", "f1", "f2", "f3"]),
        }
    )


def _progress() -> bytes:
    exercises = {"05a": {"attempts": 3, "passed": True}}
    guesses = {"05": {"said": "a lot", "measured": None, "question": "How long?"}}
    return json.dumps({"exercises": exercises, "predictions": guesses}).encode()


def _lines() -> bytes:
    row = dict.fromkeys((*results.KEY, "digest"), "x") | {"final_accuracy": 0.5}
    return pd.DataFrame([row, row]).to_csv(index=False).encode()


def _recording() -> bytes:
    return "\n".join(f"{k % 64} {3 * k % 64} {7 * k % 64}" for k in range(200)).encode()


READERS = {
    "scenario": Reader(
        "scenario.json",
        lambda: SHORT.to_json().encode(),
        lambda path: Scenario.from_json(_text(path)),
    ),
    "settings": Reader(
        "ftte-settings.json",
        lambda: Settings().set(seed=3).to_json().encode(),
        lambda path: Settings.restore(_text(path)),
    ),
    "share code": Reader(
        "code.txt",
        lambda: Settings().set(seed=3).code().encode(),
        lambda path: Settings.restore(_text(path)),
        is_json=False,
    ),
    "content of a share code": Reader(
        "content.json",
        lambda: json.dumps(share_code.decode(Settings().set(seed=3).code())).encode(),
        lambda path: Settings.restore(_coded(path.read_bytes())),
    ),
    "history": Reader(
        "run.json", lambda: history().to_json().encode(), lambda path: History.load(path)
    ),
    "sweep result": Reader(f"{SHORT.digest()}.json", lambda: history().to_json().encode(), _swept),
    "sweep failure": Reader(
        f"{SHORT.digest()}.failed", lambda: b'{"error": "x", "traceback": "y"}', _failure
    ),
    "study result": Reader(
        Job("run", SHORT).path(Path()).name,
        lambda: json.dumps({"history": json.loads(history().to_json()), "core_s": 1.0}).encode(),
        _job,
    ),
    "study lines": Reader("study.csv", _lines, results.read, is_json=False),
    "progress": Reader("05.json", _progress, _record, verdict=True),
    "report": Reader(
        "report.json",
        lambda: report("Ada").to_json().encode(),
        lambda path: Report.from_json(_text(path)),
    ),
    "data set": Reader("cifar10.npz", _cifar10, _dataset, is_json=False),
    "wrist data set": Reader("wrist.npz", _wrist, _dataset, is_json=False),
    "wrist recording": Reader("walk.txt", _recording, wrist._codes, is_json=False),
    "images of the network": Reader(
        "x.gz", lambda: idx(np.zeros((3, 2, 2), np.uint8)), images._idx, is_json=False
    ),
    "archive of the network": Reader(
        "cifar.tar.gz", lambda: cifar_archive(3), images.unpack_cifar10, is_json=False
    ),
    "net": Reader(
        "net.json",
        lambda: build("mlp", (1, 8, 8), 10).to_json().encode(),
        lambda path: Model.from_json(_text(path)),
    ),
    "subset": Reader(
        "subset.json",
        lambda: Subset({"head.bias": None, "head.weight": (1, 2)}).to_json().encode(),
        lambda path: Subset.from_json(_text(path)),
    ),
    "message": Reader(
        "message.bin",
        lambda: pack({"head.bias": torch.zeros(10)}),
        lambda path: unpack(path.read_bytes()),
        is_json=False,
    ),
}
