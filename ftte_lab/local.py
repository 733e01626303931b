"""Local training of a cohort: all clients that start from one version of the model, at once.

The arithmetic is that of a plain loop of SGD steps over the clients; only the order of independent work differs. The
clients' own copies of the trained tensors are stacked along a leading axis, frozen tensors are shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ftte_lab import tape
from ftte_lab._require import in_range, require, whole
from ftte_lab.ops import Params
from ftte_lab.plan import Plan

_TAG_BATCHES = 1101


@dataclass(frozen=True)
class Updates:
    """What a cohort of `C` clients sends back.

    `deltas`: trained slices after minus before, `(C, *slice)` by tensor name. `losses`: mean training loss of each
    local step, `(C, steps)`. `step_variance`: `(C,)`, the sampling variance of the client's mean step gradient,
    `1 / (S (S-1)) · sum |g_s - mean g|²` (V-steps of our reconstruction), or zeros if it was not asked for.
    """

    deltas: Params
    losses: Tensor
    step_variance: Tensor


def draw_batches(samples: int, steps: int, batch: int, *, seed: int, client: int, visit: int) -> np.ndarray:
    """Positions `(steps, batch)` of a client's mini-batches within its own samples, for its `visit`-th participation.

    Passes over the data in a fresh order each time, as an epoch would; a pass may end inside a batch. Depends on
    nothing but the arguments, so a run is the same in any process and in any order.

    Raises:
        ValueError: no samples, steps or batch below 1.
    """
    whole("samples", samples, 1, fix="Every client needs data")
    whole("steps", steps, 1)
    whole("batch", batch, 1)
    rng = np.random.default_rng([_TAG_BATCHES, seed, client, visit])
    passes = -(-steps * batch // samples)
    order = np.concatenate([rng.permutation(samples) for _ in range(passes)])
    return order[: steps * batch].reshape(steps, batch)


def train_cohort(
    plan: Plan,
    params: Params,
    x: Tensor,
    y: Tensor,
    batches: Tensor,
    *,
    rate: float,
    momentum: float = 0.0,
    start: int = 0,
    track_variance: bool = False,
    chunk: int = 32,
) -> Updates:
    """Train `C` clients from the same parameters and return their updates.

    Args:
        plan: model and trained subset.
        params: the server's parameters of this version, without client axis; left untouched.
        x: inputs of operation `start` for all samples, `(n, *shape)`; what lies before `start` is frozen.
        y: labels `(n,)`.
        batches: sample indices into `x`, `(C, steps, batch)`.
        rate: local learning rate.
        momentum: of the local optimiser; its state begins at zero.
        start: first operation to run; not behind `plan.start`.
        track_variance: whether to measure `step_variance` (needs at least two steps and no momentum).
        chunk: clients trained together at most.

    Raises:
        ValueError: a rate, momentum, start or batch shape out of range.
    """
    in_range("rate", rate, 0.0)
    in_range("momentum", momentum, 0.0, 0.999)
    require(
        batches.ndim == 3 and batches.numel() > 0,
        f"batches of shape {tuple(batches.shape)}",
        "(clients, steps, batch)",
    )
    require(0 <= start <= plan.start, f"start = {start}", f"0 to {plan.start}, the first block that trains")
    if track_variance:
        enough = batches.shape[1] >= 2 and not momentum
        require(enough, "step variance was asked for", "at least 2 local steps and momentum 0")
    parts = [
        _train(plan, params, x, y, part, rate, momentum, start, track_variance) for part in batches.split(max(1, chunk))
    ]
    return parts[0] if len(parts) == 1 else _join(parts)


def _train(
    plan: Plan,
    params: Params,
    x: Tensor,
    y: Tensor,
    batches: Tensor,
    rate: float,
    momentum: float,
    start: int,
    track: bool,
) -> Updates:
    C, steps, _ = batches.shape
    stacked = _stack(plan, params, C, start)
    descent = tape.Descent(plan, stacked, rate, momentum)
    squares = x.new_zeros(C)

    def sink(name: str, grad: Tensor) -> None:
        if track:
            squares.add_(grad.flatten(1).square().sum(1))
        descent.apply(name, grad)

    losses = []
    for s in range(steps):
        at = batches[:, s].T.contiguous()  # (batch, clients)
        kept = tape.forward(plan, stacked, x[at], start)
        losses.append(tape.backward(plan, stacked, kept, y[at], sink))
    deltas = {
        name: _slice(plan, name, stacked[name], 1) - _slice(plan, name, params[name], 0) for name in plan.subset.parts
    }
    variance = _step_variance(deltas, squares, steps, rate) if track else squares
    return Updates(deltas, torch.stack(losses, 1), variance)


def _stack(plan: Plan, params: Params, clients: int, start: int) -> Params:
    """Own copies of the trained tensors for each client; frozen ones repeated once, ahead of the loop."""
    needed = {t.name for t in plan.model.tensors.values() if t.op >= start}
    return {
        k: v.unsqueeze(0).expand(clients, *v.shape).clone(memory_format=torch.contiguous_format)
        for k, v in params.items()
        if k in needed
    }


def _slice(plan: Plan, name: str, value: Tensor, lead: int) -> Tensor:
    index = plan.index.get(name)
    return value if index is None else value.index_select(plan.model.tensors[name].axis + lead, index)


def _step_variance(deltas: Params, squares: Tensor, steps: int, rate: float) -> Tensor:
    """From `sum |g_s|²` and the mean gradient `-delta / (rate · S)`: no second pass is needed."""
    if rate == 0:
        return torch.full_like(squares, float("nan"))
    mean_square = (
        sum((d.flatten(1).square().sum(1) for d in deltas.values()), torch.zeros_like(squares)) / (rate * steps) ** 2
    )
    return (squares - steps * mean_square).clamp_min(0) / (steps * (steps - 1))


def _join(parts: Sequence[Updates]) -> Updates:
    names = parts[0].deltas
    return Updates(
        {name: torch.cat([p.deltas[name] for p in parts]) for name in names},
        torch.cat([p.losses for p in parts]),
        torch.cat([p.step_variance for p in parts]),
    )
