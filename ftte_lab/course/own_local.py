"""A student's local training with FedProx's pull, run in the engine on a fleet of lesson 02."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import percent, require
from ftte_lab.charts import Figure, accuracy
from ftte_lab.course.lessons import lesson
from ftte_lab.course.one_round import with_row
from ftte_lab.course.sandbox import call, examine
from ftte_lab.server import server_step
from ftte_lab.simulation import History, Prepared, prepare, run
from ftte_lab.training import FrozenFeatures, LocalSGD, draw_batches

LOCAL_STEPS, PULL = 32, 0.3
_WITHIN = 1e-3  # of a parameter: many small steps, each rounded in another order
Gradient = Callable[[Any, int], np.ndarray]


@lru_cache(maxsize=2)
def fleet(method: str) -> Prepared:
    """Return a small fleet of lesson 02 with long local training, with FedProx or with FedAvg."""
    small = lesson("02", "ci").set(local_steps=LOCAL_STEPS, horizon_s=0.6, evaluations=12)
    return prepare(small.set(proximal=PULL).run(method))


def gradients(prepared: Prepared, participation: int) -> Gradient:
    """Return `gradient(model, step)`, `(d,)`: of the loss on the batch of one local step.

    Args:
        prepared: the run.
        participation: index into its timeline; it has a client, and batches of its own.
    """
    federation, timeline, s = prepared.federation, prepared.timeline, prepared.scenario
    client, visit = int(timeline.client[participation]), int(timeline.visit[participation])
    own = federation.shards.train[client]
    at = draw_batches(len(own), s.local_steps, s.batch, seed=s.seed, client=client, visit=visit)
    batches = torch.as_tensor(own[at], device="cpu")
    x = torch.as_tensor(federation.dataset.x_train, device="cpu")
    y = torch.as_tensor(federation.dataset.y_train, device="cpu")
    inputs = FrozenFeatures(federation.model, federation.params, x, 0, cap_bytes=0)
    one_step = LocalSGD(prepared.plan, 0, 1.0)

    def gradient(model: Any, step: int) -> np.ndarray:
        row = torch.as_tensor(np.asarray(model, np.float32), device="cpu")
        params = with_row(prepared, federation.params, row)
        moved = one_step.train(params, inputs, y, batches[None, int(step) : int(step) + 1])
        return -moved.rows[0].numpy()

    return gradient


def in_fleet(answer: Callable[..., Any]) -> str | None:
    """Run a student's local training in the engine; return the first update that is wrong."""
    try:
        _own_run(answer)
    except _WrongUpdateError as wrong:
        return f"in the fleet, {wrong}"
    return None


def picture(answer: Callable[..., Any]) -> Figure:
    """Draw the run of a student's local training beside the library's, with and without a pull."""
    shown = {"no pull": _library("fedavg")[0], "pull, the library's": _library("fedprox")[0]}
    return accuracy({**shown, "pull, yours": _own_run(answer)[0]}, of="updates")


def compared(answer: Callable[..., Any]) -> str:
    """Say how far clients move with a student's pull and without one, and where both runs end."""
    (mine, moved), (plain, free) = _own_run(answer), _library("fedavg")
    return (
        f"In the fleet an update is {moved:.2f} long with your pull, and {free:.2f} without it. "
        f"Your model ends at {percent(mine.final())}, the one without a pull at "
        f"{percent(plain.final())}."
    )


class _WrongUpdateError(Exception):
    """A student's update is not the library's; the text explains where."""


@lru_cache(maxsize=2)
def _library(method: str) -> tuple[History, float]:
    """Return the library's run, and the mean length of its updates."""
    lengths: list[float] = []

    def step(x: Tensor, rows: Tensor, *given: Any, **named: Any) -> Tensor:
        lengths.extend(rows.norm(dim=1).tolist())
        return server_step(x, rows, *given, **named)

    return run(fleet(method), processes=1, step=step), float(np.mean(lengths))


def _own_run(answer: Callable[..., Any]) -> tuple[History, float]:
    prepared, done = fleet("fedprox"), 0
    lengths: list[float] = []

    def step(x: Tensor, rows: Tensor, *given: Any, **named: Any) -> Tensor:
        nonlocal done
        members = prepared.timeline.buffer_of(done).tolist()
        mine = [_update(answer, x.numpy(), gradients(prepared, k)) for k in members]
        done += 1
        for client, (own, row) in enumerate(zip(mine, rows.numpy(), strict=True), 1):
            apart = float(np.abs(own - row).max())
            if not apart <= _WITHIN:
                name = f"client {client} of round {done}"
                raise _WrongUpdateError(f"{name} ends {apart:.2g} away from the library's model.")
            lengths.append(float(np.linalg.norm(own)))
        return server_step(x, torch.from_numpy(np.array(mine)), *given, **named)

    return run(prepared, processes=1, step=step), float(np.mean(lengths))


def _update(answer: Callable[..., Any], model: np.ndarray, gradient: Gradient) -> np.ndarray:
    """Return a student's model after local training minus the one before, `(d,)`."""
    rate = fleet("fedprox").scenario.client_rate
    given = call(answer, (model, gradient, LOCAL_STEPS, rate, PULL))
    after = np.asarray(examine(lambda: np.asarray(given, np.float32)))
    fits = after.shape == model.shape
    require(fits, f"your function returned an array of shape {after.shape}", f"{model.shape}")
    return after - model
