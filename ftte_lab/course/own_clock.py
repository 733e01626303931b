"""A student's virtual clock, fed with the devices of lesson 05 and run beside the library's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from ftte_lab.charts import Figure, accuracy
from ftte_lab.course.lessons import lesson
from ftte_lab.course.sandbox import call, examine
from ftte_lab.simulation import History, Prepared, prepare, run

_WITHIN_S = 1e-6
SERVERS = {"fedavg": "the server that waits", "fedbuff": "the server that does not wait"}
"""The methods whose steps a clock must find, in words."""


class Devices:
    """Start the devices of a fleet, one after the other: `begin(now_s)` returns an arrival.

    Args:
        seconds: how long each participation takes, in the order of starting.
    """

    __name__ = "begin"

    def __init__(self, seconds: Sequence[float]) -> None:
        self._left = iter(list(seconds))

    def __call__(self, now_s: float) -> float:
        """Start the next device; return when its update arrives, never if there is none left."""
        return now_s + next(self._left, float("inf"))


@lru_cache(maxsize=2)
def fleet(method: str) -> Prepared:
    """Return the small fleet of lesson 05, three in ten slow, with one server or the other."""
    small = lesson("05", "ci").set(straggler_share=0.3, straggler_factor=4.0, dropout=0.0)
    return prepare(small.set(horizon_s=240.0, evaluations=20).run(method))


def in_fleet(answer: Callable[..., Any]) -> str | None:
    """Run a student's clock with both servers; return the first step that is wrong, in words."""
    for method, name in SERVERS.items():
        steps, right = _steps_of(answer, method), fleet(method).timeline.step_s
        if steps.shape != right.shape:
            return f"in the fleet {name} made {steps.size} steps; there are {right.size}."
        wrong = np.flatnonzero(~(np.abs(steps - right) <= _WITHIN_S))
        if wrong.size:
            k = int(wrong[0])
            return (
                f"in the fleet, step {k + 1} of {name} came at {steps[k]:.2f} s; "
                f"expected {right[k]:.2f} s."
            )
    return None


def picture(answer: Callable[..., Any]) -> Figure:
    """Draw the run along a student's steps beside the library's, for both servers."""
    shown: dict[str, History] = {}
    for method, label in (("fedavg", "waits"), ("fedbuff", "does not wait")):
        prepared = fleet(method)
        own = replace(prepared.timeline, step_s=_steps_of(answer, method))
        shown[f"{label}, the library's"] = _library(method)
        shown[f"{label}, yours"] = run(replace(prepared, timeline=own), processes=1)
    return accuracy(shown)


@lru_cache(maxsize=2)
def _library(method: str) -> History:
    return run(fleet(method), processes=1)


def counted(answer: Callable[..., Any]) -> str:
    """Say how often a student's server stepped."""
    each = [
        f"{name} makes a step every {float(np.diff(_steps_of(answer, method)).mean()):.0f} s"
        for method, name in SERVERS.items()
    ]
    return f"In the fleet {' and '.join(each)}."


def _steps_of(answer: Callable[..., Any], method: str) -> np.ndarray:
    timeline = fleet(method).timeline
    policy, waits = timeline.policy, timeline.policy.refill == "step"
    devices = Devices((timeline.arrival_s - timeline.start_s).tolist())
    given = (devices, policy.concurrency, policy.buffer, waits, timeline.end_s)
    steps = call(answer, given)
    return np.asarray(examine(lambda: np.asarray(steps, float).reshape(-1)))
