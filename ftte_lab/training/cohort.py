"""Local training: every client of a cohort at once, each on its own mini-batches of stochastic gradient descent.

The hot path of the kit. Clients that start from the same server version share the whole computation: their own copies
of the trained tensors are stacked along a leading axis, and frozen tensors are shared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ftte_lab._common import number, require
from ftte_lab.models import Conv, Params, Plan, row_of, to_rows
from ftte_lab.training.features import FrozenFeatures
from ftte_lab.training.network import Net


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
    x: Tensor | FrozenFeatures,
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
        x: samples `(n, *input_shape)`, or `FrozenFeatures` that hold what the frozen operations make of them.
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
    number("rate", rate, 0.0)
    number("momentum", momentum, 0.0, 0.999)
    require(
        batches.ndim == 3 and batches.numel() > 0,
        f"batches of shape {tuple(batches.shape)}",
        "(clients, steps, batch)",
    )
    if track_variance:
        enough = batches.shape[1] >= 2 and not momentum
        require(enough, "step variance was asked for", "at least 2 local steps and momentum 0")
    if isinstance(x, Tensor):
        x = FrozenFeatures(plan.model, params, x, plan.start, cap_bytes=0)
    require(
        x.start <= plan.start,
        f"inputs of operation {x.start}",
        f"0 to {plan.start}, before anything that trains",
    )
    sgd = LocalSGD(plan, x.start, rate, momentum, track_losses, track_variance)
    return sgd.train(params, x, y, batches, at_once)


_DENSE_BYTES = 1_500_000  # per client; above it a lone client's kernels win over a cohort's columns
_COHORT_BYTES = 64 * 2**20
_MOST = 32


def clients_at_once(plan: Plan, batch: int) -> int:
    """How many clients are best trained together: all that fit, or one where dense convolutions are large.

    Measured, milliseconds per client and step on one core (`python -m benchmarks kernels` measures anew):

        net, input, batch            bytes per client    1     2     4     8     24 at once
        mlp (1, 8, 8), 5                        4 kB   0.08  0.04  0.02  0.01  0.01
        cnn (3, 32), 16                       223 kB   0.70  0.30  0.19  0.15  0.12
        mcunet-s (3, 128), 5                  645 kB   1.69  0.90  0.59  0.44  0.36
        cnn (3, 32, 32), 5                    815 kB   0.83  0.63  0.53  0.47  0.46
        mcunet-s (1, 28, 28), 16            3,115 kB   3.27  2.36  1.98  1.91  1.77
        cnn (3, 32, 32), 16                 2,608 kB   1.28  1.74  1.43  1.40  1.76
        cnn-maxpool (1, 28, 28), 5          2,077 kB   1.28  1.68  1.55  1.49  1.57
        cnn-maxpool (3, 32, 32), 16         9,897 kB   3.24  6.19  6.55  6.46  6.80

    Below about a megabyte per client calls dominate, and a cohort shares them. Above it memory traffic does: where
    columns of trained dense convolutions are a large part of it, they cost more than company gains. Other layers lose
    nothing.
    """
    outputs, columns = 0, 0
    for op in plan.model.ops[plan.start :]:
        outputs += math.prod(op.out_shape)
        if (
            isinstance(op, Conv)
            and not op.pointwise
            and not op.depthwise
            and op.weight in plan.subset
        ):
            columns += (
                op.kernel ** (len(op.in_shape) - 1) * op.in_shape[0] * math.prod(op.out_shape[1:])
            )
    size = 4 * batch * (outputs + columns)
    if size > _DENSE_BYTES and columns > outputs / 2:
        return 1
    return max(3, min(_MOST, _COHORT_BYTES // size))


def parts(clients: int, most: int) -> list[int]:
    """Sizes of the fewest parts of at most `most` clients, as even as can be.

    A lone client runs through other kernels than a cohort (the same sums in another order). From three at once upwards
    no part of a larger cohort is ever lone, so that the same cohort gives the same bits however it is split further.
    """
    count = -(-clients // most)
    return [clients // count + (k < clients % count) for k in range(count)]


def minus_one_hot(y: Tensor, classes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Labels `(..., B)` as targets `(..., B, classes)`: minus the one-hot labels, divided by the batch."""
    rows = torch.eye(classes, dtype=dtype).mul_(-1 / y.shape[-1])
    return rows.index_select(0, y.flatten()).view(*y.shape, classes)


def logits_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    """Gradient of each client's mean cross-entropy, `(C, B, classes)`: with these targets it is one sum."""
    e = (
        logits - logits.amax(-1, keepdim=True)
    ).exp_()  # the library's softmax takes twice as long on so few classes
    return targets.addcdiv(e, e.sum(-1, keepdim=True), value=1 / logits.shape[1])


@dataclass(frozen=True, eq=False)
class LocalSGD:
    """The optimiser of one plan, its layers built once: inputs enter at operation `start`, else as `train_cohort`."""

    plan: Plan
    start: int
    rate: float
    momentum: float = 0.0
    track_losses: bool = False
    track_variance: bool = False

    @cached_property
    def net(self) -> Net:
        """The layers from `start` on."""
        return Net(self.plan.model, self.plan, self.start)

    def train(
        self,
        params: Params,
        x: FrozenFeatures,
        y: Tensor,
        batches: Tensor,
        at_once: int | None = None,
    ) -> Updates:
        """Train the clients whose `batches` `(C, steps, batch)` are given, no more together than is good."""
        sizes = parts(len(batches), at_once or clients_at_once(self.plan, batches.shape[2]))
        return join(
            [
                self.descend([params], [len(part)], *fetch(x, y, part))
                for part in batches.split(sizes)
            ]
        )

    def descend(
        self, starts: Sequence[Params], counts: Sequence[int], x: Tensor, y: Tensor
    ) -> Updates:
        """Train clients together on inputs `(steps, C, batch * places, channels)` and labels `(steps, C, batch)`.

        `counts[k]` of them begin from `starts[k]`, which differ in the trained tensors alone.
        """
        with torch.inference_mode():  # a seventh faster; the copies are ordinary tensors again
            done = self._descend(starts, counts, x, y)
        return Updates(done.rows.clone(), done.losses.clone(), done.step_variance.clone())

    def _descend(
        self, starts: Sequence[Params], counts: Sequence[int], x: Tensor, y: Tensor
    ) -> Updates:
        steps, C, _ = y.shape
        net, targets = self.net, minus_one_hot(y, self.plan.model.classes, x.dtype)
        stacked = net.stack(starts, counts)
        descent = _Descent(self, stacked, C)
        seen = []
        for s in range(steps):
            logits = net.forward(x[s], stacked)
            if self.track_losses:
                seen.append(logits)
            net.backward(logits_gradient(logits, targets[s]), stacked, descent)
        rows = to_rows(net.result(stacked), 1)
        for part, start in zip(rows.split(list(counts)), starts, strict=True):
            part.sub_(row_of(self.plan.model, self.plan.subset, start))
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

    def __init__(self, sgd: LocalSGD, params: Params, clients: int) -> None:
        self.params, self.index = params, sgd.plan.index
        self.rate, self.momentum, self.track = sgd.rate, sgd.momentum, sgd.track_variance
        self.fused = not (self.momentum or self.track)
        self.velocity: Params = {}
        self.squares = next(iter(params.values())).new_zeros(clients)

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
            grad = (
                self.velocity[name].mul_(self.momentum).add_(grad)
                if name in self.velocity
                else grad.clone()
            )
            self.velocity[name] = grad
        index = self.index.get(name)
        if index is None:
            self.params[name].add_(grad, alpha=-self.rate)
        else:
            self.params[name].index_add_(-1, index, grad, alpha=-self.rate)


def fetch(x: FrozenFeatures, y: Tensor, batches: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and labels of `batches` `(C, steps, batch)` as `LocalSGD.descend` wants them, steps first."""
    at = batches.transpose(0, 1).contiguous()
    return x.gather(at), y.index_select(0, at.flatten()).view(at.shape)


def join(parts: Sequence[Updates]) -> Updates:
    """Updates of several cohorts as one."""
    if len(parts) == 1:
        return parts[0]
    return Updates(
        torch.cat([p.rows for p in parts]),
        torch.cat([p.losses for p in parts]),
        torch.cat([p.step_variance for p in parts]),
    )
