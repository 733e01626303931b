"""How a simulator computes: the layers of a net for many clients at once, each with its backward rule.

Activations are rows `(clients, batch * places, channels)`. Channels come last, so that a pointwise convolution is one
matrix product per client over the whole batch, without a copy. A tensor that trains has a client axis, a frozen one has
none: then the clients share one larger kernel. Whatever saves time is kept for the backward pass: a simulator's memory
is not billed (the device's is: `_device_rules`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from ftte_lab.models import (
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
    TensorInfo,
)

aten = torch.ops.aten


class Sink(Protocol):
    """Takes the gradients of trained slices, in the form in which `Layer.stack` keeps the tensor."""

    def grad(self, name: str, grad: Tensor, client_axis: int = 0) -> None:
        """The gradient itself."""

    def product(self, name: str, a: Tensor, b: Tensor) -> None:
        """The gradient as a matrix product `a @ b`, which may be added to the tensor without being made first."""


class Layer:
    """One operation.

    Args:
        plan: what is trained, or `None` if nothing is and no backward pass follows.
        op: the operation.
        i: its index.
    """

    def __init__(self, plan: Plan | None, op: Op, i: int) -> None:
        self.tensors = op.tensors(i)
        self.places = math.prod(op.in_shape[1:])
        self.trains = {t.name for t in self.tensors if plan is not None and t.name in plan.subset}
        self.index = (
            {} if plan is None else {k: v for k, v in plan.index.items() if k in self.trains}
        )
        self.reached = plan is not None and plan.reached(i)
        self.passes = plan is not None and plan.passes(i)

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Rows of the output; may work in place."""
        raise NotImplementedError

    def backward(self, g: Tensor, p: Params, sink: Sink) -> Tensor:
        """Gradient of the input from that of the output; hands gradients of tensors to `sink` afterwards."""
        raise NotImplementedError

    def stack(self, starts: Sequence[Params], counts: Sequence[int]) -> Params:
        """The layer's tensors as it wants them: frozen ones shared, trained ones copied for each client.

        `counts[k]` clients begin from `starts[k]`, which differ in the trained tensors alone.
        """
        return {
            t.name: self.arrange(
                t,
                torch.cat(
                    [p[t.name].expand(n, *t.shape) for p, n in zip(starts, counts, strict=True)]
                ),
            ).contiguous()
            if t.name in self.trains
            else starts[0][t.name]
            for t in self.tensors
        }

    def arrange(self, t: TensorInfo, value: Tensor) -> Tensor:
        """A view of a stacked tensor `(C, *shape)` as `forward` wants it: vectors as `(C, 1, n)`."""
        return value.unsqueeze(1) if len(t.shape) == 1 else value

    def restore(self, t: TensorInfo, value: Tensor) -> Tensor:
        """Inverse of `arrange`."""
        return value.squeeze(1) if len(t.shape) == 1 else value

    def result(self, p: Params) -> Params:
        """The trained slices `(C, *slice)`."""
        out = {}
        for t in self.tensors:
            if t.name in self.trains:
                value, index = self.restore(t, p[t.name]), self.index.get(t.name)
                out[t.name] = value if index is None else value.index_select(t.axis + 1, index)
        return out

    def chosen(self, name: str, x: Tensor) -> Tensor:
        """The trained channels of the last axis."""
        index = self.index.get(name)
        return x if index is None else x.index_select(-1, index)


def times(rows: Tensor, w: Tensor) -> Tensor:
    """`(C, n, in)` times one matrix each `(C, in, out)`, or one for all `(in, out)`."""
    return (
        torch.bmm(rows, w)
        if w.ndim == 3
        else torch.mm(rows.view(-1, rows.shape[2]), w).view(*rows.shape[:2], -1)
    )


def total(sink: Sink, name: str, g: Tensor) -> None:
    """The sum over a client's rows."""
    sink.grad(name, g.sum(1, keepdim=True))


class LinearLayer(Layer):
    """Rows of features times a matrix. Features of an image come in the order of the weights: channels first."""

    def __init__(self, plan: Plan | None, op: Linear, i: int) -> None:
        super().__init__(plan, op, i)
        self.w, self.b, self.in_shape = op.weight, op.bias, op.in_shape

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """`y = x W' + b`."""
        if self.places > 1 and x.shape[2] == self.in_shape[0]:
            x = x.view(x.shape[0], -1, self.places, x.shape[2]).transpose(2, 3).flatten(2)
        if self.w in self.trains:
            self.x = self.chosen(self.w, x)
        w, b = p[self.w], p[self.b]
        if w.ndim == b.ndim == 3:
            return torch.baddbmm(b, x, w.transpose(1, 2))
        return times(x, w.transpose(-1, -2)).add_(b)

    def backward(self, g: Tensor, p: Params, sink: Sink) -> Tensor:
        """Two products and a sum."""
        gx = g
        if self.passes:
            gx = times(g, p[self.w])
            if self.places > 1:
                gx = (
                    gx.view(g.shape[0], -1, self.in_shape[0], self.places)
                    .transpose(2, 3)
                    .flatten(1, 2)
                )
        if self.w in self.trains:
            sink.product(self.w, g.transpose(1, 2), self.x)
        if self.b in self.trains:
            total(sink, self.b, g)
        return gx


class NormLayer(Layer):
    """Group norm: the library's channels-last kernel; gains that differ by client are applied behind it."""

    def __init__(self, plan: Plan | None, op: GroupNorm, i: int) -> None:
        super().__init__(plan, op, i)
        self.gain, self.bias, self.groups, self.eps = op.gain, op.bias, op.groups, op.eps
        self.channels = op.in_shape[0]
        self.keeps = plan is not None and plan.keeps_norm(i)

    def _images(self, x: Tensor) -> Tensor:
        return x.view(-1, 1, self.places, self.channels).permute(0, 3, 1, 2)

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Normalise within each group of channels of each sample."""
        images, gain, bias = self._images(x), p[self.gain], p[self.bias]
        self.lone = len(x) == 1 or not self.trains
        if self.lone:
            gain, bias = gain.flatten(), bias.flatten()
        own = (gain, bias) if self.lone else (None, None)
        sizes = images.shape[0], self.channels, self.places, self.groups
        y, mean, rstd = aten.native_group_norm.default(images, *own, *sizes, self.eps)
        y = y.permute(0, 2, 3, 1).view(x.shape)
        if self.keeps:
            self.kept = images, mean, rstd, y
        return y if self.lone else torch.addcmul(bias, y, gain)

    def backward(self, g: Tensor, p: Params, sink: Sink) -> Tensor:
        """The first trained tensor may be this bias: then nothing was kept, and nothing else is needed."""
        if not self.keeps:
            total(sink, self.bias, g)
            return g
        images, mean, rstd, normal = self.kept
        del self.kept
        sizes = images.shape[0], self.channels, self.places, self.groups
        if (
            self.lone
        ):  # the library's channels-last kernel breaks if the input's gradient is not asked for
            need = [True, self.gain in self.trains, self.bias in self.trains]
            gx, *grads = aten.native_group_norm_backward.default(
                self._images(g), images, mean, rstd, p[self.gain].flatten(), *sizes, need
            )
            for name, grad in zip((self.gain, self.bias), grads, strict=True):
                if name in self.trains:
                    sink.grad(name, grad.view(1, 1, -1))
            return gx.permute(0, 2, 3, 1).view(g.shape) if self.passes else g
        gx = g
        if self.passes:
            scaled = self._images(g * p[self.gain])
            gx = aten.native_group_norm_backward.default(
                scaled, images, mean, rstd, None, *sizes, [True, False, False]
            )[0]
            gx = gx.permute(0, 2, 3, 1).view(g.shape)
        if self.gain in self.trains:
            sink.grad(self.gain, normal.mul_(g).sum(1, keepdim=True))
        if self.bias in self.trains:
            total(sink, self.bias, g)
        return gx


class ReLULayer(Layer):
    """Rectifier: the output itself is the mask."""

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Cut off below zero, in place."""
        x = x.relu_()
        if self.reached:
            self.y = x
        return x

    def backward(self, g: Tensor, p: Params, sink: Sink) -> Tensor:
        """In place."""
        y = self.y
        del self.y
        return aten.threshold_backward.grad_input(g, y, 0, grad_input=g)


class MaxPoolLayer(Layer):
    """Largest of neighbours: the library's channels-last kernel."""

    def __init__(self, plan: Plan | None, op: MaxPool, i: int) -> None:
        super().__init__(plan, op, i)
        self.channels = op.in_shape[0]
        self.space = op.in_shape[1:] if len(op.in_shape) == 3 else (1, op.in_shape[1])
        self.out = op.out_shape[1:] if len(op.in_shape) == 3 else (1, op.out_shape[1])
        self.window = [2, 2] if len(op.in_shape) == 3 else [1, 2]

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Keeps the places of the maxima."""
        images = x.view(-1, *self.space, self.channels).permute(0, 3, 1, 2)
        y, at = aten.max_pool2d_with_indices.default(images, self.window, self.window)
        if self.reached:
            self.kept = images, at
        return y.permute(0, 2, 3, 1).reshape(len(x), -1, self.channels)

    def backward(self, g: Tensor, p: Params, sink: Sink) -> Tensor:
        """Each gradient goes where its maximum came from."""
        images, at = self.kept
        del self.kept
        g4 = g.view(-1, *self.out, self.channels).permute(0, 3, 1, 2)
        rest = [0, 0], [1, 1], False, at
        gx = aten.max_pool2d_with_indices_backward.default(
            g4, images, self.window, self.window, *rest
        )
        return gx.permute(0, 2, 3, 1).reshape(len(g), -1, self.channels)


class PoolLayer(Layer):
    """Mean over the places."""

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """One row per sample is left."""
        return x.view(len(x), -1, self.places, x.shape[2]).mean(2)

    def backward(self, g: Tensor, p: Params, sink: Sink) -> Tensor:
        """Spread the gradient evenly."""
        return g.div_(self.places).unsqueeze(2).expand(-1, -1, self.places, -1).flatten(1, 2)


class ForkLayer(Layer):
    """Start of a residual block."""

    join: JoinLayer

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Lay the activations by."""
        self.join.skip = x
        return x

    def backward(self, g: Tensor, p: Params, sink: Sink) -> Tensor:
        """Both branches' gradients meet."""
        return g.add_(self.join.skip)


class JoinLayer(Layer):
    """End of a residual block."""

    skip: Tensor
    open = False

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Add what was laid by."""
        return x.add_(self.skip)

    def backward(self, g: Tensor, p: Params, sink: Sink) -> Tensor:
        """Lay the gradient by, if anything before the fork trains."""
        if self.open:
            self.skip = g
        return g


BASIC: dict[type[Op], type[Layer]] = {
    GroupNorm: NormLayer,
    ReLU: ReLULayer,
    MaxPool: MaxPoolLayer,
    GlobalAvgPool: PoolLayer,
    Fork: ForkLayer,
    Join: JoinLayer,
    Linear: LinearLayer,
}
