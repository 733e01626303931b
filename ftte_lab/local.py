"""Local training: every client of a cohort at once, each on its own mini-batches of stochastic gradient descent.

The hot path of the kit. Clients that start from the same server version share the whole computation: their own copies
of the trained tensors are stacked along a leading axis, and frozen tensors are shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ftte_lab._net import Net
from ftte_lab._require import in_range, require
from ftte_lab.inputs import Inputs
from ftte_lab.ops import Conv, Params
from ftte_lab.plan import Plan
from ftte_lab.trainable import take, to_rows


@dataclass(frozen=True)
class Updates:
    """What a cohort of `C` clients sends back.

    `rows`: trained slices after minus before, one row of `d` entries per client (`trainable.from_rows` names them).
    `losses`: mean training loss of each local step, `(C, steps)`, or empty if not asked for. `step_variance`: `(C,)`,
    the sampling variance of the client's mean step gradient, `1 / (S (S-1)) · sum |g_s - mean g|²` (V-steps of our
    reconstruction), or zeros if not asked for.
    """

    rows: Tensor
    losses: Tensor
    step_variance: Tensor


def train_cohort(
    plan: Plan,
    params: Params,
    x: Tensor | Inputs,
    y: Tensor,
    batches: Tensor,
    *,
    rate: float,
    momentum: float = 0.0,
    track_losses: bool = False,
    track_variance: bool = False,
    at_once: int | None = None,
) -> Updates:
    """Train `C` clients from the same parameters and return their updates.

    Args:
        plan: model and trained subset.
        params: the server's parameters of this version, without client axis; left untouched.
        x: samples `(n, *input_shape)`, or `Inputs` that hold what the frozen operations make of them.
        y: labels `(n,)`.
        batches: sample indices, `(C, steps, batch)`.
        rate: local learning rate.
        momentum: of the local optimiser; its state begins at zero.
        track_losses: whether to report `losses`.
        track_variance: whether to measure `step_variance` (needs at least two steps and no momentum).
        at_once: clients trained together at most; `None`: see `clients_at_once`.

    Raises:
        ValueError: a rate, momentum or batch shape out of range, or inputs that begin behind the first trained tensor.
    """
    in_range("rate", rate, 0.0)
    in_range("momentum", momentum, 0.0, 0.999)
    require(
        batches.ndim == 3 and batches.numel() > 0,
        f"batches of shape {tuple(batches.shape)}",
        "(clients, steps, batch)",
    )
    if track_variance:
        enough = batches.shape[1] >= 2 and not momentum
        require(enough, "step variance was asked for", "at least 2 local steps and momentum 0")
    if isinstance(x, Tensor):
        x = Inputs(plan.model, params, x, plan.start, cap_bytes=0)
    require(x.start <= plan.start, f"inputs of operation {x.start}", f"0 to {plan.start}, before anything that trains")
    cohort = Cohort(plan, x, y, rate, momentum, track_losses, track_variance)
    most = at_once or clients_at_once(plan, batches.shape[2])
    return join([cohort.train(params, part) for part in batches.split(most)])


def clients_at_once(plan: Plan, batch: int) -> int:
    """How many clients to train together."""
    dense = any(
        isinstance(op, Conv) and not op.pointwise and not op.depthwise and op.weight in plan.subset
        for op in plan.model.ops
    )
    return 1 if dense else 32


def minus_one_hot(y: Tensor, classes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Labels `(..., B)` as targets `(..., B, classes)`: minus the one-hot labels, divided by the batch."""
    return torch.eye(classes, dtype=dtype).mul_(-1 / y.shape[-1])[y]


def logits_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    """Gradient of each client's mean cross-entropy, `(C, B, classes)`: with these targets it is one sum."""
    return targets.add(logits.softmax(-1), alpha=1 / logits.shape[1])


@dataclass(frozen=True, eq=False)
class Cohort:
    """Trains cohorts of one plan on one set of samples; arguments as `train_cohort`."""

    plan: Plan
    x: Inputs
    y: Tensor
    rate: float
    momentum: float = 0.0
    track_losses: bool = False
    track_variance: bool = False

    @cached_property
    def net(self) -> Net:
        """The layers, built once."""
        return Net(self.plan.model, self.plan, self.x.start)

    def train(self, params: Params, batches: Tensor) -> Updates:
        """Train the clients whose `batches` `(C, steps, batch)` are given from `params`, all together."""
        C, steps, _ = batches.shape
        net, at = self.net, batches.transpose(0, 1).contiguous()
        x = self.x.gather(at)
        targets = minus_one_hot(self.y[at], self.plan.model.classes, x.dtype)
        stacked = net.stack(params, C)
        descent = _Descent(self, stacked, C)
        seen = []
        for s in range(steps):
            logits = net.forward(x[s], stacked)
            if self.track_losses:
                seen.append(logits)
            net.backward(logits_gradient(logits, targets[s]), stacked, descent)
        rows = to_rows(net.result(stacked), 1).sub_(to_rows(take(self.plan.model, self.plan.subset, params)))
        losses = rows.new_zeros(C, 0)
        if self.track_losses:
            losses = (torch.stack(seen).log_softmax(-1) * targets).sum((2, 3)).T.contiguous()
        return Updates(rows, losses, self._variance(rows, descent.squares, steps))

    def _variance(self, rows: Tensor, squares: Tensor, steps: int) -> Tensor:
        """From `sum |g_s|²` and the mean gradient `-delta / (rate · S)`: no second pass is needed."""
        if not self.track_variance:
            return squares
        if self.rate == 0:
            return torch.full_like(squares, float("nan"))
        mean_square = rows.square().sum(1) / (self.rate * steps) ** 2
        return (squares - steps * mean_square).clamp_min(0) / (steps * (steps - 1))


class _Descent:
    """Stochastic gradient descent on the trained slices of a cohort, in place."""

    def __init__(self, cohort: Cohort, params: Params, clients: int) -> None:
        self.params, self.index = params, cohort.plan.index
        self.rate, self.momentum, self.track = cohort.rate, cohort.momentum, cohort.track_variance
        self.fused = not (self.momentum or self.track)
        self.velocity: Params = {}
        self.squares = torch.zeros(clients, dtype=cohort.x.x.dtype)

    def product(self, name: str, a: Tensor, b: Tensor) -> None:
        """Step along `a @ b`: added to the tensor by the product itself where nobody else wants to see it."""
        if self.fused and name not in self.index:
            self.params[name].baddbmm_(a, b, alpha=-self.rate)
        else:
            self.grad(name, torch.bmm(a, b))

    def grad(self, name: str, grad: Tensor, client_axis: int = 0) -> None:
        """Step along `grad`, the gradient of the trained slice."""
        if self.track:
            self.squares += grad.movedim(client_axis, 0).flatten(1).square().sum(1)
        if self.momentum:
            grad = self.velocity[name].mul_(self.momentum).add_(grad) if name in self.velocity else grad.clone()
            self.velocity[name] = grad
        index = self.index.get(name)
        if index is None:
            self.params[name].add_(grad, alpha=-self.rate)
        else:
            self.params[name].index_add_(-1, index, grad, alpha=-self.rate)


def join(parts: Sequence[Updates]) -> Updates:
    """Updates of several cohorts as one."""
    if len(parts) == 1:
        return parts[0]
    return Updates(
        torch.cat([p.rows for p in parts]),
        torch.cat([p.losses for p in parts]),
        torch.cat([p.step_variance for p in parts]),
    )
