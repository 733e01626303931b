"""Train a personal part for each of many people, and let each choose how much of it to take.

Sources: those of `personal.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import require
from ftte_lab.models import Params, Plan
from ftte_lab.training.features import FrozenFeatures
from ftte_lab.training.personal import (
    FineTuning,
    Shards,
    choose_alpha,
    fine_tune,
    own_parts,
)

Array = np.ndarray

_USUAL = FineTuning()


@dataclass(frozen=True, eq=False)
class OwnModels:
    """Hold what each person adds to the shared model.

    Attributes:
        rows: `alpha · (w_i - x)` of each person, `(people, d)`.
        alphas: how much of its own model each takes, `(people,)`.
        samples: on which each trained, `(people,)`.
    """

    rows: Tensor
    alphas: Array
    samples: Array


def own_models(
    plan: Plan,
    params: Params,
    x: Array,
    y: Array,
    shards: Shards,
    how: FineTuning = _USUAL,
    *,
    choose: bool = False,
    seed: int = 0,
) -> OwnModels:
    """Fine-tune the shared model for each person.

    Args:
        plan: the net and the personal part.
        params: the shared model; left untouched.
        x: samples `(n, *input_shape)`.
        y: labels `(n,)`.
        shards: sample indices of each person, at least one.
        how: steps, batch, rate and pull.
        choose: whether each keeps a fifth of its samples to choose how much it takes; one with a
            single sample keeps the shared model.
        seed: of the draw of that fifth.

    Raises:
        ValueError: no samples, nobody, a person without samples, or training that left the range of
            float32.

    Example:
        >>> from ftte_lab.models import build, head, make_plan
        >>> net = build("mlp", (1, 4, 4), 2)
        >>> x, y = np.ones((6, 1, 4, 4), np.float32), np.zeros(6, np.int64)
        >>> shards = [np.arange(6), np.arange(1)]
        >>> found = own_models(make_plan(net, head(net)), net.init(0), x, y, shards, choose=True)
        >>> found.samples.tolist(), found.alphas.tolist()
        ([5, 1], [1.0, 0.0])
    """
    require(len(x) > 0, "no samples", "at least one")
    own, validation = shards, shards
    if choose:  # a single sample stands on both sides, and decides nothing
        several = [one if len(one) > 1 else np.repeat(one, 2) for one in shards]
        own, validation = own_parts(several, seed=seed)
    samples, labels = (torch.as_tensor(one, device="cpu") for one in (x, y))
    inputs = FrozenFeatures(plan.model, params, samples, plan.start)
    rows = fine_tune(plan, params, inputs, labels, own, how)
    alphas = np.ones(len(rows))
    if choose:
        alphas = choose_alpha(plan, params, rows, inputs, labels, validation)
        alphas[[len(one) < 2 for one in shards]] = 0.0
        rows = rows * torch.as_tensor(alphas, dtype=rows.dtype, device="cpu")[:, None]
    return OwnModels(rows, alphas, np.array([len(one) for one in own]))
