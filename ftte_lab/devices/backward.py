"""One training pass of one device: store only what the plan needs, and hand out each gradient at once.

`forward` walks the operations and keeps, per operation, the least that its backward rule needs. `backward` walks them
in reverse, hands every gradient of a trained tensor to a callback at once (a device may apply and forget it: the fused
update of Lin et al. 2022) and stops at the first trained operation. The rules are written out instead of being left to
autograd, because a device that trains a subset must know what *not* to store. The memory bill counts just these
tensors, and a measurement proves it. Layout `(batch, channels, *space)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ftte_lab.models import (
    Conv,
    Fork,
    GlobalAvgPool,
    GroupNorm,
    Join,
    Linear,
    MaxPool,
    Op,
    Params,
    Plan,
    ReLU,
    geometry,
    infer,
    normalise,
    pooled,
    sizes,
    window,
)

aten = torch.ops.aten
Sink = Callable[[str, Tensor], None]
Kept = dict[int, Any]
LOGITS = -1


def forward(plan: Plan, params: Params, x: Tensor, start: int = 0) -> Kept:
    """What each operation keeps, and the logits under `LOGITS`; `x` are the inputs of operation `start`.

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
        else:
            x, own = _forward_op(plan, i, x, params)
            if own is not None:
                kept[i] = own
                del own
    kept[LOGITS] = x
    return kept


def backward(
    plan: Plan, params: Params, kept: Kept, y: Tensor, sink: Callable[..., None]
) -> Tensor:
    """The loss, after walking back from it for labels `y`; `sink` gets the gradient of each trained tensor.

    The sink of an operation is called after its input gradient is computed, so it may change the tensor in place.
    """
    loss, g = _loss(kept.pop(LOGITS), y)
    skips: list[Tensor] = []
    for i in range(len(plan.model.ops) - 1, plan.first - 1, -1):
        op = plan.model.ops[i]
        if isinstance(op, Join):
            if i in plan.open_joins:
                skips.append(g)
        elif isinstance(op, Fork):
            g = g.add_(skips.pop())
        else:
            g = _backward_op(plan, i, kept.pop(i, None), params, g, sink)
    return loss


def _forward_op(plan: Plan, i: int, x: Tensor, p: Params) -> tuple[Tensor, Any]:
    """Output of operation `i`, and the least that its backward rule needs (`None`: nothing)."""
    op = plan.model.ops[i]
    if isinstance(op, ReLU):
        x = x.relu_()
        if plan.keeps_mask(i):
            return x, x > 0
        return x, x if plan.reached(i) else None
    if isinstance(op, GroupNorm) and plan.keeps_norm(i):
        y, mean, rstd = normalise(op, x, p)
        return y, (x, mean, rstd)
    if isinstance(op, MaxPool) and plan.reached(i):
        return pooled(op, x)
    if isinstance(op, Conv | Linear) and op.weight in plan.subset:
        kept = x.flatten(1) if isinstance(op, Linear) else x
        index = plan.index.get(op.weight)
        kept = kept if index is None else kept.index_select(1, index)
        return infer(op, x, p), kept
    return infer(op, x, p), None


def _loss(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy and its gradient `(B, classes)` for labels `(B,)`."""
    log_p = logits.log_softmax(-1)
    at = y.unsqueeze(-1)
    mean = -log_p.gather(-1, at).mean()
    g = log_p.exp_()
    g.scatter_add_(-1, at, g.new_full((1,), -1.0).expand_as(at))
    return mean, g.div_(len(y))


def _backward_op(plan: Plan, i: int, own: Any, p: Params, g: Tensor, sink: Sink) -> Tensor:
    """Gradient of the input of operation `i` from that of its output; hands gradients of tensors to `sink`.

    The sink is called after the input gradient is computed, so it may change the tensor in place.
    """
    return _BACKWARD[type(plan.model.ops[i])](plan, i, plan.model.ops[i], own, p, g, sink)


def _relu_back(
    plan: Plan, i: int, op: ReLU, own: Tensor, p: Params, g: Tensor, sink: Sink
) -> Tensor:
    return (
        g.mul_(own)
        if own.dtype == torch.bool
        else aten.threshold_backward.grad_input(g, own, 0, grad_input=g)
    )


def _norm_back(
    plan: Plan, i: int, op: GroupNorm, own: Any, p: Params, g: Tensor, sink: Sink
) -> Tensor:
    if own is None:  # the first trained tensor is this bias: nothing was stored
        sink(op.bias, g.flatten(2).sum((0, 2)))
        return g
    x, mean, rstd = own
    need = [plan.passes(i), op.gain in plan.subset, op.bias in plan.subset]
    gx, gain, bias = aten.native_group_norm_backward(
        g.contiguous(), x, mean, rstd, p[op.gain], *sizes(op, x), need
    )
    for name, grad in ((op.gain, gain), (op.bias, bias)):
        if grad is not None:
            sink(name, grad)
    return g if gx is None else gx


def _maxpool_back(
    plan: Plan, i: int, op: MaxPool, own: Tensor, p: Params, g: Tensor, sink: Sink
) -> Tensor:
    blank = g.new_empty(1).expand(len(g), *op.in_shape)  # only its sizes are read
    if g.ndim == 3:
        g, own, blank = g.unsqueeze(2), own.unsqueeze(2), blank.unsqueeze(2)
    size, stride = window(op)
    gx = aten.max_pool2d_with_indices_backward(g, blank, size, stride, [0, 0], [1, 1], False, own)
    return gx.view(len(g), *op.in_shape)


def _pool_back(
    plan: Plan, i: int, op: GlobalAvgPool, own: None, p: Params, g: Tensor, sink: Sink
) -> Tensor:
    space = op.in_shape[1:]
    return (
        g.div_(math.prod(space))
        .reshape(*g.shape, *([1] * len(space)))
        .expand(*g.shape, *space)
        .contiguous()
    )


def _linear_back(
    plan: Plan, i: int, op: Linear, own: Tensor | None, p: Params, g: Tensor, sink: Sink
) -> Tensor:
    grads = {}
    if own is not None:
        grads[op.weight] = torch.mm(g.t(), own)
    if op.bias in plan.subset:
        grads[op.bias] = g.sum(0)
    gx = torch.mm(g, p[op.weight]).unflatten(1, op.in_shape) if plan.passes(i) else g
    for name, grad in grads.items():
        sink(name, grad)
    return gx


def _conv_back(
    plan: Plan, i: int, op: Conv, own: Tensor | None, p: Params, g: Tensor, sink: Sink
) -> Tensor:
    grad = None if own is None else _conv_weight_grad(op, g, own, plan.index.get(op.weight))
    if plan.passes(i):
        blank = g.new_empty(1).expand(len(g), *op.in_shape)  # only its sizes are read
        g = aten.convolution_backward(
            g, blank, p[op.weight], None, *geometry(op), op.groups, [True, False, False]
        )[0]
    if grad is not None:
        sink(op.weight, grad)
    return g


def _conv_weight_grad(op: Conv, g: Tensor, kept: Tensor, channels: Tensor | None) -> Tensor:
    """Gradient of the trained channels: `(out, n, ...)`, or `(n, 1, ...)` if depthwise."""
    n, space = kept.shape[1], [op.kernel] * (len(op.in_shape) - 1)
    if op.depthwise and channels is not None:
        g = g.index_select(1, channels)
    shape = (n, 1, *space) if op.depthwise else (op.out_shape[0], n, *space)
    blank = g.new_empty(1).expand(shape)
    groups = n if op.depthwise else 1
    return aten.convolution_backward(
        g, kept, blank, None, *geometry(op), groups, [False, True, False]
    )[1]


_BACKWARD: Mapping[type[Op], Callable[..., Tensor]] = {
    Linear: _linear_back,
    Conv: _conv_back,
    GroupNorm: _norm_back,
    ReLU: _relu_back,
    MaxPool: _maxpool_back,
    GlobalAvgPool: _pool_back,
}
