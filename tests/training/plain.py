"""Plain loops of corrected local training, and the draws they share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ftte_lab.models import Model, Params, Subset, flatten_trained, from_rows
from ftte_lab.training import draw_many
from tests.oracles import autograd

RATE, STEPS = 0.05, 3
Batches = list[tuple[Tensor, Tensor]]


def draw_rows(clients: int, steps: int = STEPS, seed: int = 0) -> np.ndarray:
    """Draw batches of five out of thirty samples, `(clients, steps, 5)`."""
    return draw_many(
        [30] * clients, steps, 5, seed=seed, client=list(range(clients)), visit=[0] * clients
    )


def batches_of(x: Tensor, y: Tensor, rows: np.ndarray) -> Batches:
    """Gather a client's batches."""
    return [(x[torch.as_tensor(r)], y[torch.as_tensor(r)]) for r in rows]


def trained_move(model: Model, subset: Subset, before: Params, after: Params) -> Tensor:
    """Return the trained entries of `after` minus those of `before`."""
    return flatten_trained(model, subset, after) - flatten_trained(model, subset, before)


def plain_corrected(
    model: Model,
    params: Params,
    subset: Subset,
    batches: Sequence[tuple[Tensor, Tensor]],
    *,
    momentum: float = 0.0,
    proximal: float = 0.0,
    offset: Tensor | None = None,
) -> Tensor:
    """Return the trained entries after minus before SGD on `g + mu (w - w_start) + offset`."""
    start = flatten_trained(model, subset, params)
    now, velocity = start.clone(), torch.zeros_like(start)

    def at(row: Tensor) -> Params:
        full = {name: value.clone() for name, value in params.items()}
        for name, part in from_rows(model, subset, row).items():
            axis, channels = model.tensors[name].axis, subset.parts[name]
            which = slice(None) if channels is None else torch.tensor(channels)
            full[name].movedim(axis, 0)[which] = part.movedim(axis, 0)
        return full

    for x, y in batches:
        gradient = flatten_trained(model, subset, autograd(model, at(now), x, y)[1])
        gradient = gradient + proximal * (now - start)
        if offset is not None:
            gradient = gradient + offset
        velocity = momentum * velocity + gradient
        now = now - RATE * velocity
    return now - start
