"""A student's fine-tuning with a choice, for each device of a fleet of lesson 12."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax
from torch import Tensor

from ftte_lab._common import percent
from ftte_lab.charts import Figure, personal_gain
from ftte_lab.course.lessons import lesson
from ftte_lab.course.sandbox import call, examine
from ftte_lab.experiments import personal_plan, personalise
from ftte_lab.models import Params, Plan, flatten_trained
from ftte_lab.simulation import Finished, Prepared, prepare, simulate
from ftte_lab.training import (
    ALPHAS,
    OWN_VISIT,
    FineTuning,
    FrozenFeatures,
    draw_batches,
    gain_summary,
    mixed_accuracies,
    own_parts,
    personal_right,
)

HOW = FineTuning(steps=20, rate=0.05)
Array = np.ndarray
Gradient = Callable[[Any, int], Array]
Loss = Callable[[Any], float]

_ALPHA = 1.0  # of the fleet: people differ so little that an own last layer hurts many
_WITHIN = 1e-3  # of a parameter
_EQUAL = 1e-4  # of a loss: two mixes that differ by less are equally good


@dataclass(frozen=True, eq=False)
class Shipped:
    """Hold a small trained fleet.

    Attributes:
        prepared: the run.
        params: the model that it shipped.
        plan: the last layer, which each device trains.
        inputs: the training samples as that layer takes them, `(n, features)`.
    """

    prepared: Prepared
    params: Params
    plan: Plan
    inputs: Array

    @property
    def shared(self) -> Array:
        """Return the last layer of the shared model, `(d,)`: weights, then the biases."""
        return flatten_trained(self.plan.model, self.plan.subset, self.params).numpy()


@lru_cache(maxsize=1)
def fleet() -> Shipped:
    """Train the fleet, whose people differ little, once."""
    prepared = prepare(lesson("12").set(alpha=_ALPHA).run("fedbuff"))
    *_, last = simulate(prepared, processes=1)
    assert isinstance(last, Finished)  # noqa: S101
    plan, x = personal_plan(prepared, "head", HOW), prepared.federation.dataset.x_train
    samples = torch.as_tensor(x, device="cpu")
    features = FrozenFeatures(plan.model, last.params, samples, plan.start)
    inputs = features.gather(torch.arange(len(x), device="cpu")[:, None])[:, 0].numpy()
    return Shipped(prepared, last.params, plan, inputs)


def in_fleet(answer: Callable[..., Any]) -> str | None:
    """Let all devices make a model of their own; return the first that is wrong, in words."""
    try:
        _own_layers(answer)
    except _WrongModelError as wrong:
        return f"in the fleet, {wrong}"
    return None


def picture(answer: Callable[..., Any]) -> Figure:
    """Draw what devices gain by a student's models beside the library's, with a choice or none."""
    return personal_gain({**_library(), "with a choice, yours": _judged(_own_layers(answer)[0])})


def compared(answer: Callable[..., Any]) -> str:
    """Say how many devices a student's models hurt, and how many keep the shared one."""
    layers, kept = _own_layers(answer)
    mine = gain_summary(*(one.tolist() for one in _judged(layers)))
    plain = gain_summary(*(one.tolist() for one in _library()["all of it"]))
    return (
        f"Of {mine.clients} devices {percent(kept)} keep the shared model. Your models hurt "
        f"{percent(mine.share_hurt)} and help {percent(mine.share_helped)}; all of the own model "
        f"hurts {percent(plain.share_hurt)} and helps {percent(plain.share_helped)}."
    )


def problem(client: int) -> tuple[Array, Gradient, Loss, int, float]:
    """Return what a device knows: shared last layer, gradient, loss, steps and rate.

    Args:
        client: the device. `gradient(layer, step)`, `(d,)`, is of its batch in a step;
            `loss(layer)` is on the fifth of its samples on which it does not train.
    """
    one = fleet()
    data, seed = one.prepared.federation.dataset, one.prepared.scenario.seed
    train, validation = own_parts(list(one.prepared.federation.shards.train), seed=seed)
    drawn = draw_batches(
        len(train[client]), HOW.steps, HOW.batch, seed=HOW.seed, client=client, visit=OWN_VISIT
    )
    batches, judged = train[client][drawn], validation[client]

    def gradient(layer: Any, step: int) -> Array:
        at = batches[int(step)]
        slopes = np.exp(_log_shares(layer, one.inputs[at]))
        slopes[np.arange(len(at)), data.y_train[at]] -= 1
        slopes /= len(at)
        return np.concatenate([(slopes.T @ one.inputs[at]).ravel(), slopes.sum(0)])

    def loss(layer: Any) -> float:
        shares = _log_shares(layer, one.inputs[judged])
        return -float(shares[np.arange(len(judged)), data.y_train[judged]].mean())

    return one.shared, gradient, loss, HOW.steps, HOW.rate


def mixes(
    shared: Array, gradient: Gradient, loss: Loss, steps: int, rate: float
) -> tuple[list[Array], list[float]]:
    """Return a device's model for each of `ALPHAS`, and the loss of each on its own fifth."""
    own = shared.copy()
    for step in range(steps):
        own = own - rate * gradient(own, step)
    made = [shared + alpha * (own - shared) for alpha in ALPHAS]
    return made, [loss(one) for one in made]


def far_from_best(given: Any, made: Sequence[Array], losses: Sequence[float]) -> str | None:
    """Return why a model is none of the mixes, or not the best of them; else `None`.

    Args:
        given: a student's model, `(d,)`.
        made: the model for each of `ALPHAS`.
        losses: of each on the device's own fifth.
    """
    layer = np.asarray(given, float)
    if layer.shape != made[0].shape:
        return f"a layer of shape {layer.shape}; the shared one has {made[0].shape}"
    apart = np.array([float(np.abs(layer - one).max()) for one in made])
    k, best = int(np.argmin(apart)), int(np.argmin(losses))
    if not apart[k] <= _WITHIN:
        return (
            f"it is {apart[k]:.2g} away from the nearest mix, that of α = {ALPHAS[k]:g}; "
            "begin each step where the last one ended"
        )
    if min(np.array(losses)[apart <= _WITHIN]) <= losses[best] + _EQUAL:
        return None
    return (
        f"it takes α = {ALPHAS[k]:g}, with a loss of {losses[k]:.3g} on its own fifth; "
        f"α = {ALPHAS[best]:g} has {losses[best]:.3g}"
    )


@lru_cache(maxsize=64)
def _mixes(client: int) -> tuple[list[Array], list[float]]:
    return mixes(*problem(client))


class _WrongModelError(Exception):
    """A device's model is not what the choice asks for; the text explains why."""


def _own_layers(answer: Callable[..., Any]) -> tuple[Tensor, float]:
    """Return what each device adds to the shared layer, `(devices, d)`, and who keeps that."""
    shared = fleet().shared
    rows = []
    for client in range(fleet().prepared.scenario.clients):
        given = call(answer, problem(client))
        layer = examine(partial(np.asarray, given, np.float32))
        why = far_from_best(layer, *_mixes(client))
        if why:
            raise _WrongModelError(f"device {client}: {why}.")
        rows.append(layer - shared)
    kept = np.mean([not row.any() for row in rows])
    return torch.from_numpy(np.array(rows)), float(kept)


def _judged(rows: Tensor) -> tuple[Array, Array]:
    """Return the accuracies with the shared model and with own ones, each on data like its own."""
    one = fleet()
    federation = one.prepared.federation
    data, counts = federation.dataset, federation.shards.class_counts(federation.dataset)
    x, y = (torch.as_tensor(part, device="cpu") for part in (data.x_test, data.y_test))
    mix = counts / counts.sum(1, keepdims=True)
    right = [personal_right(one.plan, one.params, part, x, y) for part in (rows * 0, rows)]
    before, after = (mixed_accuracies(marks, data.y_test, mix) for marks in right)
    return before, after


@lru_cache(maxsize=1)
def _library() -> dict[str, tuple[Array, Array]]:
    one = fleet()
    found = {
        name: personalise(one.prepared, one.params, how=HOW, choose=choose)
        for name, choose in (("all of it", False), ("with a choice, the library's", True))
    }
    return {name: (one.before, one.after) for name, one in found.items()}


def _log_shares(layer: Any, inputs: Array) -> Array:
    """Return the log of each class's share, `(n, classes)`, of a softmax over a linear layer."""
    row = np.asarray(layer, float)
    classes = len(row) // (inputs.shape[1] + 1)
    scores = inputs @ row[:-classes].reshape(classes, -1).T + row[-classes:]
    return np.asarray(log_softmax(scores, axis=1))
