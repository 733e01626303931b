"""Run stochastic gradient descent on many clients at once: the hot path of the kit.

Clients that start from the same server version share all of the computation. Their own copies of
the trained tensors are stacked along a leading axis, and frozen tensors are shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from ftte_lab._common import pause_point, require
from ftte_lab.models import Params, Plan, flatten_trained, from_rows, to_rows
from ftte_lab.training.network import StackedNet
from ftte_lab.training.sizing import chunk_sizes, clients_at_once


class SampleRows(Protocol):
    """Offer samples as rows: all that local training needs of its inputs (see `FrozenFeatures`)."""

    def gather(self, at: Tensor) -> Tensor:
        """Return samples at positions `(..., batch)` as rows `(..., batch * places, channels)`."""


@dataclass(frozen=True)
class Updates:
    """Hold what a cohort of `C` clients sends back.

    Attributes:
        rows: trained entries after minus before, `(C, d)`; `models.from_rows` names them.
        losses: mean training loss of each local step, `(C, steps)`; `(C, 0)` if not tracked.
        step_variance: `(C,)`, zeros if not tracked: the sampling variance of a client's mean step
            gradient, `1 / (S (S-1)) · sum |g_s - mean g|²` (our reconstruction). A client
            correction is part of the gradients g_s.
    """

    rows: Tensor
    losses: Tensor
    step_variance: Tensor


@dataclass(frozen=True, eq=False)
class LocalSGD:
    """Train clients on one plan, the layers built once.

    Args:
        plan: model and trained subset.
        start: operation at which the inputs enter, at most `plan.start`.
        rate: local learning rate.
        momentum: of the local optimiser; its velocity begins at zero.
        proximal: FedProx's mu: `mu (w - w_start)` is added to each gradient, before the momentum.
        track_losses: whether to report `Updates.losses`.
        track_variance: whether to report `Updates.step_variance`.
    """

    plan: Plan
    start: int
    rate: float
    momentum: float = 0.0
    proximal: float = 0.0
    track_losses: bool = False
    track_variance: bool = False

    @cached_property
    def net(self) -> StackedNet:
        """Return the layers from `start` on."""
        return StackedNet(self.plan.model, self.plan, self.start)

    def train(
        self,
        params: Params,
        x: SampleRows,
        y: Tensor,
        batches: Tensor,
        at_once: int | None = None,
        offsets: Tensor | None = None,
    ) -> Updates:
        """Train clients from the same parameters on `batches` `(C, steps, batch)`, in chunks.

        Args:
            params: their start, without client axis; left untouched.
            x: samples as operation `start` takes them.
            y: labels `(n,)`.
            batches: sample indices.
            at_once: clients trained together at most; `None`: see `clients_at_once`.
            offsets: rows `(C, d)` added to each client's gradients, or `None`.

        Raises:
            ValueError: offsets of another shape, or beside a proximal term.
        """
        self._check_offsets(offsets, len(batches))
        sizes = chunk_sizes(len(batches), at_once or clients_at_once(self.plan, batches.shape[2]))
        rows = [None] * len(sizes) if offsets is None else offsets.split(sizes)
        return concatenate(
            [
                self.train_stacked([params], [len(chunk)], *gather_batches(x, y, chunk), row)
                for chunk, row in zip(batches.split(sizes), rows, strict=True)
            ]
        )

    def train_stacked(
        self,
        starts: Sequence[Params],
        counts: Sequence[int],
        x: Tensor,
        y: Tensor,
        offsets: Tensor | None = None,
    ) -> Updates:
        """Train `C` clients together, `counts[k]` of them from `starts[k]`.

        The starts differ in the trained tensors alone. Inputs `(steps, C, batch * places,
        channels)` and labels `(steps, C, batch)` are as `gather_batches` makes them; `offsets` `(C,
        d)` are added to the gradients.

        Raises:
            ValueError: offsets of another shape, or beside a proximal term.
        """
        self._check_offsets(offsets, y.shape[1])
        with torch.inference_mode():  # a seventh faster; the copies are ordinary tensors again
            done = self._train(starts, counts, x, y, offsets)
        return Updates(done.rows.clone(), done.losses.clone(), done.step_variance.clone())

    def _train(
        self,
        starts: Sequence[Params],
        counts: Sequence[int],
        x: Tensor,
        y: Tensor,
        offsets: Tensor | None,
    ) -> Updates:
        steps, C, _ = y.shape
        model, subset, net = self.plan.model, self.plan.subset, self.net
        targets = minus_one_hot(y, model.classes, x.dtype)
        stacked = net.stack(starts, counts)
        added = {} if offsets is None else net.arrange(from_rows(model, subset, offsets))
        optimiser = StackedSGD(self, stacked, C, added)
        recorded = []
        for s in range(steps):
            pause_point()
            logits = net.forward(x[s], stacked)
            if self.track_losses:
                recorded.append(logits)
            net.backward(logits_gradient(logits, targets[s]), stacked, optimiser)
        rows = to_rows(net.result(stacked), 1)
        for part, start in zip(rows.split(list(counts)), starts, strict=True):
            part.sub_(flatten_trained(model, subset, start))
        losses = rows.new_zeros(C, 0)
        if self.track_losses:
            log_p = torch.stack(recorded).log_softmax(-1)
            losses = (log_p * targets).sum((2, 3)).T.contiguous()
        return Updates(rows, losses, self._variance(rows, optimiser.squares, steps))

    def _variance(self, rows: Tensor, squares: Tensor, steps: int) -> Tensor:
        """From `sum |g_s|²` and the mean gradient `-row / (rate · S)`: no second pass is needed."""
        if not self.track_variance:
            return squares
        if self.rate == 0:
            return torch.full_like(squares, float("nan"))
        mean_square = rows.square().sum(1) / (self.rate * steps) ** 2
        return (squares - steps * mean_square).clamp_min(0) / (steps * (steps - 1))

    def _check_offsets(self, offsets: Tensor | None, clients: int) -> None:
        if offsets is None:
            return
        require(
            self.proximal == 0,
            f"offsets with proximal = {self.proximal:g}",
            "one client correction at a time",
            "Use proximal=0 with offsets",
        )
        wanted = (clients, self.plan.subset.entries(self.plan.model))
        require(
            tuple(offsets.shape) == wanted,
            f"offsets of shape {tuple(offsets.shape)}",
            f"{wanted}, one row of trained entries per client",
        )


class StackedSGD:
    """Apply stochastic gradient descent to the trained slices of a cohort, in place.

    Args:
        sgd: rates and what is tracked.
        params: stacked parameters of all clients, changed in place.
        clients: their number.
        offsets: trained slices in stacked form that are added to every gradient; empty for none.
    """

    def __init__(self, sgd: LocalSGD, params: Params, clients: int, offsets: Params) -> None:
        self.params, self.index, self.offsets = params, sgd.plan.index, offsets
        self.rate, self.momentum, self.proximal = sgd.rate, sgd.momentum, sgd.proximal
        self.track = sgd.track_variance
        self.fused = not (self.momentum or self.track or self.proximal or offsets)
        self.velocity: Params = {}
        self.begin: Params = {}
        if self.proximal:
            self.begin = {name: self._trained(name).clone() for name in sgd.plan.subset.parts}
        self.squares = next(iter(params.values())).new_zeros(clients)

    def product(self, name: str, a: Tensor, b: Tensor) -> None:
        """Step along `a @ b`, without making it first where nothing else needs it."""
        if self.fused and name not in self.index:
            self.params[name].baddbmm_(a, b, alpha=-self.rate)
        else:
            self.grad(name, torch.bmm(a, b))

    def grad(self, name: str, grad: Tensor, client_axis: int = 0) -> None:
        """Step along `grad`, the gradient of the trained slice, corrected first."""
        if self.offsets:
            grad = grad.add(self.offsets[name])
        elif self.proximal:
            grad = grad.add(self._trained(name) - self.begin[name], alpha=self.proximal)
        if self.track:
            self.squares += grad.movedim(client_axis, 0).flatten(1).square().sum(1)
        if self.momentum:
            grad = self._with_momentum(name, grad)
        index = self.index.get(name)
        if index is None:
            self.params[name].add_(grad, alpha=-self.rate)
        else:
            self.params[name].index_add_(-1, index, grad, alpha=-self.rate)

    def _with_momentum(self, name: str, grad: Tensor) -> Tensor:
        velocity = self.velocity.get(name)
        velocity = grad.clone() if velocity is None else velocity.mul_(self.momentum).add_(grad)
        self.velocity[name] = velocity
        return velocity

    def _trained(self, name: str) -> Tensor:
        """The trained slice as it stands, in stacked form."""
        index = self.index.get(name)
        return self.params[name] if index is None else self.params[name].index_select(-1, index)


def minus_one_hot(y: Tensor, classes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return targets `(..., B, classes)` of labels `(..., B)`: minus one-hot, over the batch."""
    rows = torch.eye(classes, dtype=dtype, device="cpu").mul_(-1 / y.shape[-1])
    return rows.index_select(0, y.flatten()).view(*y.shape, classes)


def logits_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the gradient of each client's mean cross-entropy, `(C, B, classes)`.

    With targets of `minus_one_hot` it is one sum. The library's softmax takes twice as long on so
    few classes.
    """
    e = (logits - logits.amax(-1, keepdim=True)).exp_()
    return targets.addcdiv(e, e.sum(-1, keepdim=True), value=1 / logits.shape[1])


def gather_batches(x: SampleRows, y: Tensor, batches: Tensor) -> tuple[Tensor, Tensor]:
    """Return inputs and labels of `batches` `(C, steps, batch)` for `train_stacked`."""
    at = batches.transpose(0, 1).contiguous()
    return x.gather(at), y.index_select(0, at.flatten()).view(at.shape)


def concatenate(chunks: Sequence[Updates]) -> Updates:
    """Return the updates of several cohorts as one."""
    if len(chunks) == 1:
        return chunks[0]
    return Updates(
        torch.cat([chunk.rows for chunk in chunks]),
        torch.cat([chunk.losses for chunk in chunks]),
        torch.cat([chunk.step_variance for chunk in chunks]),
    )
