"""Disturb a piece of work at random moments, and compare what comes of it with calm work."""

import contextlib
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kills.faults import CRASHED, REFUSED, happen, start
from tests.kills.work import WORKS, Work, served, warm_up

_LIMIT_S = 60.0


@dataclass
class Tally:
    """Count what happened.

    Attributes:
        moments: how often a fault came, now and then when the work was done already.
        hit: how often it kept the work from its end.
        answers: how the process ended: killed, "done", or "one sentence".
        lost: results that were there before a fault and not after it, except with the folder.
        continued: how often results of an earlier moment were there at the start.
        finished: how often the work was then done to its end, with the same numbers.
        wrong: what must not happen, in words.
    """

    moments: int = 0
    hit: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    continued: int = 0
    finished: int = 0
    wrong: list[str] = field(default_factory=list)


def disturb(name: str, fault: str, moments: int, seed: int = 0) -> Tally:
    """Disturb a piece of work at some random moments; each disturbed folder is used again.

    Args:
        name: one of `WORKS`.
        fault: one of `FAULTS`.
        moments: how many that come before the work is done.
        seed: of the moments.
    """
    warm_up()
    work, tally, draw = WORKS[name], Tally(), random.Random(seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as base, served():
        os.environ["FTTE_KILLS_LOG"] = str(Path(base) / "log")
        calm = Path(base) / "calm"
        begin = time.monotonic()
        _must_end(work, calm)
        duration_s = time.monotonic() - begin
        expected = work.results(calm)
        folder = Path(base) / "disturbed"
        while not _enough(tally, fault, moments):
            _one(work, fault, folder, draw.uniform(0, duration_s), expected, tally)
            if len(_read(work, folder, tally)) == len(expected):
                _finish(work, folder, expected, tally)
        _finish(work, folder, expected, tally)
    return tally


def _enough(tally: Tally, fault: str, moments: int) -> bool:
    """Count the moments at which the work was not done yet; a vanished folder may not stop it."""
    counted = tally.moments if fault == "vanished folder" else tally.hit
    return counted >= moments or tally.moments >= 4 * moments


def _one(
    work: Work,
    fault: str,
    folder: Path,
    after_s: float,
    expected: Mapping[str, Any],
    tally: Tally,
) -> None:
    """Let one fault happen, and look at what is left."""
    before = _read(work, folder, tally)
    tally.continued += bool(before)
    child = start(lambda: work.do(folder), fault, after_s)
    code = happen(child, fault, after_s, folder, _LIMIT_S)
    tally.moments += 1
    tally.hit += code != 0
    kinds = {None: "killed", 0: "done", REFUSED: "one sentence"}
    tally.answers[kinds.get(code, "crashed")] += 1
    if code == CRASHED or code not in kinds:
        log = Path(os.environ["FTTE_KILLS_LOG"])
        text = log.read_text()[-1500:] if log.exists() else ""
        tally.wrong.append(f"{fault} after {after_s:.3f} s: exit {code}\n{text}")
    after = _read(work, folder, tally)
    for key, content in after.items():
        if content != expected[key]:
            tally.wrong.append(f"{fault} after {after_s:.3f} s: {key} has other numbers")
    if fault != "vanished folder":
        tally.lost += len(before.keys() - after.keys())


def _read(work: Work, folder: Path, tally: Tally) -> Mapping[str, Any]:
    try:
        return work.results(folder)
    except Exception as error:
        tally.wrong.append(f"half-written: {type(error).__name__}: {error}")
        return {}


def _finish(work: Work, folder: Path, expected: Mapping[str, Any], tally: Tally) -> None:
    """Do the work to its end without a fault, and begin again with an empty folder."""
    try:
        _must_end(work, folder)
        if work.results(folder) == expected:
            tally.finished += 1
        else:
            tally.wrong.append("started again, it gave other numbers")
        hidden = [p.name for p in folder.iterdir() if p.name not in expected]
        left = [name for name in hidden if not name.startswith(".") and name != "cifar10.npz"]
        if left:
            tally.wrong.append(f"left behind: {left}")
    except Exception as error:
        tally.wrong.append(f"started again: {type(error).__name__}: {error}")
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)


def _must_end(work: Work, folder: Path) -> None:
    child = start(lambda: work.do(folder), "none", 0.0)
    code = happen(child, "none", 0.0, folder, _LIMIT_S)
    if code:
        raise RuntimeError(f"calm work ended with exit {code}")
