"""A claim of a lesson, and the runs behind it, shared by all processes of a test session."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ftte_lab import run
from ftte_lab._common import write_atomic
from ftte_lab.course import lesson
from ftte_lab.simulation import History, Scenario

SEEDS = (11, 12, 13, 14, 15)
Measure = Callable[[int], float]
Summary = Callable[[Sequence[float]], Sequence[float]]


@dataclass(frozen=True)
class Claim:
    """The number behind a sentence of a lesson, per seed, and the margin in which it must lie.

    Attributes:
        measure: returns the number for a seed.
        low: smallest value that holds.
        high: largest value that holds.
        seeds: on which it is measured.
        over: which numbers must lie in the margin: those of all seeds, or e.g. their median.
        repeats: whether a seed gives the same digits again; not where the operating system's
            randomness takes part, as in the keys of masks.
    """

    measure: Measure
    low: float = -np.inf
    high: float = np.inf
    seeds: Sequence[int] = SEEDS
    over: Summary = list
    repeats: bool = True

    def holds(self, values: Sequence[float]) -> bool:
        """Return whether every number that counts lies within the margin."""
        return all(self.low <= v <= self.high for v in self.over(values))

    @property
    def margin(self) -> str:
        """Return the bounds as text."""
        bounds = (("≥", self.low), ("≤", self.high))
        return ", ".join(f"{sign} {v:g}" for sign, v in bounds if np.isfinite(v))


def median(values: Sequence[float]) -> list[float]:
    """Return the middle one."""
    return [float(np.median(values))]


def share_above_zero(values: Sequence[float]) -> list[float]:
    """Return the share of the seeds with a positive number."""
    return [float(np.mean(np.array(values) > 0))]


class Store:
    """Compute every text once, even if several processes ask for it.

    Attributes:
        folder: where the processes keep their texts; `None`: nowhere, each computes its own.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None

    def text(self, key: str, compute: Callable[[], str]) -> str:
        """Return a text; wait for another process that is computing it now."""
        if self.folder is None:
            return compute()
        path = self.folder / f"{key}.json"
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                write_atomic(path, compute().encode())
            return path.read_text()


STORE = Store()


@cache
def history(scenario: Scenario) -> History:
    """Return the run of a scenario."""
    key = scenario.digest()
    return History.from_json(STORE.text(key, lambda: run(scenario, processes=1).to_json()))


def scenario_of(number: str, method: str, seed: int, **changes: object) -> Scenario:
    """Return the run of a lesson's method on a seed, with some fields changed."""
    return lesson(number).run(method, seed).replace(**changes)
