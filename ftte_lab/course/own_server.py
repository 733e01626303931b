"""A student's buffered server, fed with the update stream of lesson 06 in the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import require
from ftte_lab.charts import Figure, accuracy
from ftte_lab.course.lessons import lesson
from ftte_lab.course.sandbox import call, examine
from ftte_lab.server import server_step
from ftte_lab.simulation import History, Prepared, prepare, run

CAPACITIES = (4, 1, 10)
"""Buffers on which a server is tried; the first is drawn, the last is the complete cohort."""

_WITHIN = 1e-4  # of a parameter: the order of a sum changes its last digits


@dataclass
class Server:
    """What a student's server remembers between two updates.

    Attributes:
        model: the trained entries, `(d,)`.
        capacity: K, updates per step.
        version: steps so far.
        buffer: for the student's use; empty at first.
    """

    model: np.ndarray
    capacity: int
    version: int = 0
    buffer: list[Any] = field(default_factory=list)


@lru_cache(maxsize=len(CAPACITIES))
def fleet(capacity: int) -> Prepared:
    """Return the small fleet of lesson 06 with FedBuff's server and a buffer."""
    small = lesson("06", "ci").set(buffer=capacity, horizon_s=160.0, evaluations=20)
    return prepare(small.run("fedbuff"))


def in_fleet(answer: Callable[..., Any]) -> str | None:
    """Run a student's server with three buffers; return the first step that is wrong, in words."""
    for capacity in CAPACITIES:
        try:
            _own_run(answer, capacity)
        except _WrongStepError as wrong:
            return f"in the fleet, with K = {capacity}, {wrong}"
    return None


def picture(answer: Callable[..., Any]) -> Figure:
    """Draw the runs of a student's server beside the library's."""
    drawn = CAPACITIES[0]
    shown = {f"K = {drawn}, the library's": _library(drawn)}
    return accuracy(shown | {f"K = {k}, yours": _own_run(answer, k) for k in (drawn, 1)})


@lru_cache(maxsize=1)
def _library(capacity: int) -> History:
    return run(fleet(capacity), processes=1)


def received(
    answer: Callable[..., Any], server: Server, update: np.ndarray, started: int
) -> np.ndarray:
    """Hand one update to a student's server; return its model afterwards, as an array."""
    call(lambda: answer(server, update, started), ())
    return np.asarray(examine(lambda: np.array(server.model, np.float32)))


class _WrongStepError(Exception):
    """A student's server does not step as the library's does; the text explains where."""


def _own_run(answer: Callable[..., Any], capacity: int) -> History:
    timeline, done = fleet(capacity).timeline, 0
    server: Server | None = None

    def step(x: Tensor, rows: Tensor, coefficients: np.ndarray, rule: Any, **named: Any) -> Tensor:
        nonlocal server, done
        server = server or Server(x.numpy().copy(), capacity)
        model = x.numpy()
        started = timeline.version[timeline.buffer_of(done)].tolist()
        for k, (row, version) in enumerate(zip(rows, started, strict=True), 1):
            if np.abs(model - x.numpy()).max() > 0:
                raise _WrongStepError(f"your server stepped after {k - 1} of {capacity} updates.")
            model = received(answer, server, row.numpy().copy(), int(version))
            fits = model.shape == tuple(x.shape)
            require(fits, f"your server's model has the shape {model.shape}", f"{tuple(x.shape)}")
        expected = server_step(x, rows, coefficients, rule, **named).numpy()
        done += 1
        apart = float(np.abs(model - expected).max())
        if not apart <= _WITHIN:
            raise _WrongStepError(f"step {done} is {apart:.2g} away from the library's.")
        return torch.from_numpy(model.copy())

    return run(fleet(capacity), processes=1, step=step)
