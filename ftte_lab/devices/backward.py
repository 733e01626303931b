"""Run one training pass of one device, and store only what the plan needs.

`forward` walks the operations and saves, per operation, the least that its backward rule needs.
With recomputation it keeps only the inputs of segments, and the backward pass runs each segment
again. `backward` walks the operations in reverse, hands every gradient of a trained tensor to a
callback at once and stops at the first trained operation. So a device may apply and drop each
gradient (the fused update of Lin et al. 2022). The rules are written out instead of being left to
autograd, because a device that trains a subset must know what *not* to store. The memory bill
counts just these tensors, and a measurement proves it. Layout `(batch, channels, *space)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ftte_lab.devices.segments import segments_again
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
    conv_geometry,
    group_norm,
    infer,
    max_pool,
    norm_sizes,
    pool_window,
)

aten = torch.ops.aten
GradientCallback = Callable[[str, Tensor], None]
LOGITS = -1


@dataclass
class Saved:
    """Hold what a forward pass leaves for the backward pass, and nothing else.

    Attributes:
        items: what each operation saved, and the logits under `LOGITS`, so that no caller keeps
            them alive by accident during the backward pass.
        inputs: the input of each segment that is run again, by the index of its last operation.
        starts: the first operation of each such segment, by the same index.
    """

    items: dict[int, Any] = field(default_factory=dict)
    inputs: dict[int, Tensor] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)


def forward(plan: Plan, params: Params, x: Tensor, recompute: bool = False) -> Saved:
    """Return what each operation saves for inputs `(B, *input_shape)`, and the logits.

    With `recompute` only the inputs of the segments that the gradient reaches are kept, and what
    the operations of the last segment save.
    """
    saved, skips = Saved(), list[Tensor]()
    again = segments_again(plan.model) if recompute else ()
    ends = {one[0]: one[-1] for one in again if plan.needs_output_gradient(one[-1])}
    first = again[-1].stop if again else 0  # the first operation that saves
    for i in range(len(plan.model.ops)):
        if i in ends:
            saved.inputs[ends[i]], saved.starts[ends[i]] = x, i
        x = _advance(plan, params, i, x, skips, saved.items if i >= first else None)
    saved.items[LOGITS] = x
    return saved


def backward(
    plan: Plan,
    params: Params,
    saved: Saved,
    y: Tensor,
    on_gradient: GradientCallback,
    samples: int | None = None,
) -> Tensor:
    """Walk back from the loss for labels `y` and return it.

    `on_gradient` gets the name of each trained tensor and the gradient of its trained slice. It is
    called after the operation's input gradient is computed, so it may change the tensor in place.
    `samples` divides the gradients of a part of a batch, so that those of all parts sum to the
    batch's mean; `None` for the number of labels.
    """
    loss, g = _loss(saved.items.pop(LOGITS), y, samples or len(y))
    skips: list[Tensor] = []
    for i in range(len(plan.model.ops) - 1, plan.first_trained - 1, -1):
        if i in saved.inputs:
            _run_again(plan, params, saved, i)
        op = plan.model.ops[i]
        if isinstance(op, Join):
            if i in plan.open_joins:
                skips.append(g)
        elif isinstance(op, Fork):
            g = g.add_(skips.pop())
        else:
            context = _Context(plan, i, params, on_gradient)
            g = _BACKWARD[type(op)](context, op, saved.items.pop(i, None), g)
    return loss


def _run_again(plan: Plan, params: Params, saved: Saved, end: int) -> None:
    """Run the segment that ends with operation `end`, and save what its backward rules need."""
    x, skips = saved.inputs.pop(end), list[Tensor]()
    for i in range(saved.starts.pop(end), end + 1):
        x = _advance(plan, params, i, x, skips, saved.items, alone=i == end)


def _advance(
    plan: Plan,
    params: Params,
    i: int,
    x: Tensor,
    skips: list[Tensor],
    items: dict[int, Any] | None,
    alone: bool = False,
) -> Tensor:
    """Return the output of operation `i`, and save into `items` unless that is `None`.

    `alone` if no later operation keeps the output.
    """
    op = plan.model.ops[i]
    if isinstance(op, Fork):
        skips.append(x)
        return x
    if isinstance(op, Join):
        return x.add_(skips.pop())
    if items is None:
        return infer(op, x, params)
    x, item = _forward_op(plan, i, x, params, alone)
    if item is not None:
        items[i] = item
    return x


def _forward_op(plan: Plan, i: int, x: Tensor, p: Params, alone: bool) -> tuple[Tensor, Any]:
    """Output of operation `i`, and the least that its backward rule needs."""
    op, reached = plan.model.ops[i], plan.needs_output_gradient(i)
    if isinstance(op, ReLU):
        x = x.relu_()
        if plan.keeps_mask(i) or (alone and reached):
            return x, x > 0
        return x, x if reached else None
    if isinstance(op, GroupNorm) and plan.keeps_norm_input(i):
        y, mean, rstd = group_norm(op, x, p)
        return y, (x, mean, rstd)
    if isinstance(op, MaxPool) and reached:
        return max_pool(op, x)
    if isinstance(op, Conv | Linear) and op.weight in plan.subset:
        saved = x.flatten(1) if isinstance(op, Linear) else x
        index = plan.index.get(op.weight)
        saved = saved if index is None else saved.index_select(1, index)
        return infer(op, x, p), saved
    return infer(op, x, p), None


def _loss(logits: Tensor, y: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy for labels `(B,)`, and the gradient `(B, classes)` of sum / samples."""
    log_p = logits.log_softmax(-1)
    at = y.unsqueeze(-1)
    mean = -log_p.gather(-1, at).mean()
    g = log_p.exp_()
    g.scatter_add_(-1, at, g.new_full((1,), -1.0).expand_as(at))
    return mean, g.div_(samples)


@dataclass(frozen=True)
class _Context:
    """What the backward rule of operation `i` may use, beside what the operation saved."""

    plan: Plan
    i: int
    params: Params
    on_gradient: GradientCallback

    @property
    def needs_input_gradient(self) -> bool:
        return self.plan.needs_input_gradient(self.i)


# A backward rule maps the gradient of an operation's output to that of its input, and hands the
# gradients of tensors to the callback afterwards.
def _relu_back(context: _Context, op: ReLU, saved: Tensor, g: Tensor) -> Tensor:
    if saved.dtype == torch.bool:
        return g.mul_(saved)
    return aten.threshold_backward.grad_input(g, saved, 0, grad_input=g)


def _norm_back(context: _Context, op: GroupNorm, saved: Any, g: Tensor) -> Tensor:
    if saved is None:  # the first trained tensor is this bias: nothing was stored
        context.on_gradient(op.bias, g.flatten(2).sum((0, 2)))
        return g
    x, mean, rstd = saved
    need = [
        context.needs_input_gradient,
        op.gain in context.plan.subset,
        op.bias in context.plan.subset,
    ]
    gx, gain, bias = aten.native_group_norm_backward(
        g.contiguous(), x, mean, rstd, context.params[op.gain], *norm_sizes(op, x), need
    )
    for name, grad in ((op.gain, gain), (op.bias, bias)):
        if grad is not None:
            context.on_gradient(name, grad)
    return g if gx is None else gx


def _maxpool_back(context: _Context, op: MaxPool, saved: Tensor, g: Tensor) -> Tensor:
    blank = g.new_empty(1).expand(len(g), *op.in_shape)  # only its sizes are read
    if g.ndim == 3:
        g, saved, blank = g.unsqueeze(2), saved.unsqueeze(2), blank.unsqueeze(2)
    size, stride = pool_window(op)
    gx = aten.max_pool2d_with_indices_backward(g, blank, size, stride, [0, 0], [1, 1], False, saved)
    return gx.view(len(g), *op.in_shape)


def _pool_back(context: _Context, op: GlobalAvgPool, saved: None, g: Tensor) -> Tensor:
    space = op.in_shape[1:]
    return (
        g.div_(math.prod(space))
        .reshape(*g.shape, *([1] * len(space)))
        .expand(*g.shape, *space)
        .contiguous()
    )


def _linear_back(context: _Context, op: Linear, saved: Tensor | None, g: Tensor) -> Tensor:
    grads = {}
    if saved is not None:
        grads[op.weight] = torch.mm(g.t(), saved)
    if op.bias in context.plan.subset:
        grads[op.bias] = g.sum(0)
    gx = g
    if context.needs_input_gradient:
        gx = torch.mm(g, context.params[op.weight]).unflatten(1, op.in_shape)
    for name, grad in grads.items():
        context.on_gradient(name, grad)
    return gx


def _conv_back(context: _Context, op: Conv, saved: Tensor | None, g: Tensor) -> Tensor:
    grad = (
        None
        if saved is None
        else _conv_weight_grad(op, g, saved, context.plan.index.get(op.weight))
    )
    if context.needs_input_gradient:
        blank = g.new_empty(1).expand(len(g), *op.in_shape)  # only its sizes are read
        g = aten.convolution_backward(
            g,
            blank,
            context.params[op.weight],
            None,
            *conv_geometry(op),
            op.groups,
            [True, False, False],
        )[0]
    if grad is not None:
        context.on_gradient(op.weight, grad)
    return g


def _conv_weight_grad(op: Conv, g: Tensor, saved: Tensor, channels: Tensor | None) -> Tensor:
    """Gradient of the trained channels: `(out, n, ...)`, or `(n, 1, ...)` if depthwise."""
    n, space = saved.shape[1], [op.kernel] * (len(op.in_shape) - 1)
    if op.depthwise and channels is not None:
        g = g.index_select(1, channels)
    shape = (n, 1, *space) if op.depthwise else (op.out_shape[0], n, *space)
    blank = g.new_empty(1).expand(shape)
    groups = n if op.depthwise else 1
    return aten.convolution_backward(
        g, saved, blank, None, *conv_geometry(op), groups, [False, True, False]
    )[1]


_BACKWARD: Mapping[type[Op], Callable[..., Tensor]] = {
    Linear: _linear_back,
    Conv: _conv_back,
    GroupNorm: _norm_back,
    ReLU: _relu_back,
    MaxPool: _maxpool_back,
    GlobalAvgPool: _pool_back,
}
