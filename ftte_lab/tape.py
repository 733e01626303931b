"""One training pass through a net that stores only what its plan needs.

`forward` walks the operations and keeps, per operation, the least its backward rule asks for; `backward` walks them in
reverse, hands every gradient of a trained tensor to a callback at once (a device may apply and forget it: the fused
update of Lin et al. 2022) and stops at the first trained operation. Layout `(batch, clients, ...)` as in `ops`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ftte_lab.conv import Conv
from ftte_lab.ops import Fork, GroupNorm, Join, Linear, Params, Pool, ReLU
from ftte_lab.plan import Plan

Kept = dict[int, Any]
Sink = Callable[[str, Tensor], None]


LOGITS = -1


def forward(plan: Plan, params: Params, x: Tensor, start: int = 0) -> Kept:
    """What each operation keeps, and the logits `(B, C, classes)` under `LOGITS`; `x` are the inputs of `start`.

    The logits travel in the same box so that no caller keeps them alive by accident during the backward pass.
    """
    kept: Kept = {}
    skips: list[Tensor] = []
    for i in range(start, len(plan.model.ops)):
        op = plan.model.ops[i]
        if isinstance(op, Fork):
            skips.append(x)
        elif isinstance(op, Join):
            x = x.add_(skips.pop())
        elif isinstance(op, ReLU):
            x = op.forward(x, params)
            if plan.keeps_mask(i):
                kept[i] = x > 0
            elif plan.reached(i):
                kept[i] = x
        elif isinstance(op, GroupNorm) and plan.keeps_norm(i):
            y, mean, rstd = op.normalise(x, params)
            kept[i] = (x, mean, rstd)
            x = y
            del y, mean, rstd
        else:
            if isinstance(op, Conv | Linear) and op.weight in plan.subset:
                kept[i] = _channels(op, x, plan.index.get(op.weight))
            x = op.forward(x, params)
    kept[LOGITS] = x
    return kept


def _channels(op: Conv | Linear, x: Tensor, index: Tensor | None) -> Tensor:
    flat = x.flatten(2) if isinstance(op, Linear) else x
    return flat if index is None else flat.index_select(2, index)


def loss_and_grad(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy per client `(C,)` and its gradient `(B, C, classes)`; labels `y` are `(B, C)`."""
    log_p = logits.log_softmax(-1)
    at = y.unsqueeze(-1)
    loss = -log_p.gather(-1, at).squeeze(-1).mean(0)
    g = log_p.exp_()
    g.scatter_add_(-1, at, g.new_full((1,), -1.0).expand_as(at))
    return loss, g.div_(len(y))


def backward(plan: Plan, params: Params, kept: Kept, y: Tensor, sink: Sink) -> Tensor:
    """Loss per client `(C,)` for labels `y` `(B, C)`; `sink(name, gradient)` gets each trained tensor's gradient.

    The sink of an operation is called after its input gradient is computed, so it may change the tensor in place.
    """
    loss, g = loss_and_grad(kept.pop(LOGITS), y)
    skips: list[Tensor] = []
    joins = _open_joins(plan)
    for i in range(len(plan.model.ops) - 1, plan.first - 1, -1):
        op = plan.model.ops[i]
        own = kept.pop(i, None)
        if isinstance(op, Join):
            if i in joins:
                skips.append(g)
        elif isinstance(op, Fork):
            g = g.add_(skips.pop())
        elif isinstance(op, ReLU):
            g = g.mul_(own) if own.dtype == torch.bool else _cut(g, own)
        elif isinstance(op, GroupNorm):
            g = _norm(plan, i, op, own, params, g, sink)
        elif isinstance(op, Pool):
            g = op.grad_input(g, params)
        elif isinstance(op, Conv | Linear):
            g = _affine(plan, i, op, own, params, g, sink)
    return loss


def _open_joins(plan: Plan) -> set[int]:
    """Joins whose residual branch carries a gradient to something that trains before the fork."""
    joins, forks = set(), list[int]()
    for i, op in enumerate(plan.model.ops):
        if isinstance(op, Fork):
            forks.append(i)
        elif isinstance(op, Join) and plan.reached(forks.pop()):
            joins.add(i)
    return joins


def _cut(g: Tensor, y: Tensor) -> Tensor:
    return torch.ops.aten.threshold_backward.grad_input(g, y, 0, grad_input=g)


def _norm(plan: Plan, i: int, op: GroupNorm, own: Any, params: Params, g: Tensor, sink: Sink) -> Tensor:
    gain, bias = op.gain in plan.subset, op.bias in plan.subset
    if own is None:  # the first trained tensor is this bias: nothing was stored
        sink(op.bias, op.grad_bias(g))
        return g
    gx, g_gain, g_bias = op.backward(g, own, params, (plan.passes(i), gain, bias))
    if g_gain is not None:
        sink(op.gain, g_gain)
    if g_bias is not None:
        sink(op.bias, g_bias)
    return g if gx is None else gx.view(g.shape)


def _affine(plan: Plan, i: int, op: Conv | Linear, own: Tensor | None, params: Params, g: Tensor, sink: Sink) -> Tensor:
    grads = {}
    if own is not None:
        grads[op.weight] = op.grad_weight(g, own, plan.index.get(op.weight))
    if isinstance(op, Linear) and op.bias in plan.subset:
        grads[op.bias] = op.grad_bias(g)
    if plan.passes(i):
        g = op.grad_input(g, params)
    for name, grad in grads.items():
        sink(name, grad)
    return g


class Descent:
    """Stochastic gradient descent on the trained slices, in place, one learning rate and optional momentum.

    Args:
        plan: what is trained.
        params: stacked parameters `(C, *shape)`, changed in place.
        rate: learning rate.
        momentum: 0 keeps no state; else one velocity per trained entry.
    """

    def __init__(self, plan: Plan, params: Params, rate: float, momentum: float = 0.0) -> None:
        self.plan, self.params, self.rate, self.momentum = plan, params, rate, momentum
        self.velocity: Params = {}
        if momentum:
            for name in plan.subset.parts:
                clients = params[name].shape[0]
                self.velocity[name] = params[name].new_zeros((clients, *plan.subset.shape(plan.model, name)))

    def apply(self, name: str, grad: Tensor) -> None:
        """Take one step on one tensor; `grad` is the gradient of its trained slice."""
        if self.momentum:
            grad = self.velocity[name].mul_(self.momentum).add_(grad)
        index = self.plan.index.get(name)
        if index is None:
            self.params[name].add_(grad, alpha=-self.rate)
        else:
            axis = self.plan.model.tensors[name].axis + 1
            self.params[name].index_add_(axis, index, grad, alpha=-self.rate)
