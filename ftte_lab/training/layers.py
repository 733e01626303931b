"""Run the operations other than convolutions and norms for many clients at once."""

from __future__ import annotations

import torch
from torch import Tensor

from ftte_lab.models import (
    Linear,
    MaxPool,
    Params,
    Plan,
)
from ftte_lab.training.layer import GradientSink, Layer, multiply_rows, send_row_sum

aten = torch.ops.aten


class LinearLayer(Layer):
    """Multiply rows of features by a matrix.

    Features of an image come in the order of the weights: channels first.
    """

    def __init__(self, plan: Plan | None, op: Linear, i: int) -> None:
        super().__init__(plan, op, i)
        self.w, self.b, self.in_shape = op.weight, op.bias, op.in_shape

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Return `x W' + b`."""
        if self.places > 1 and x.shape[2] == self.in_shape[0]:
            x = x.view(x.shape[0], -1, self.places, x.shape[2]).transpose(2, 3).flatten(2)
        if self.w in self.trains:
            self.x = self.trained_channels(self.w, x)
        w, b = p[self.w], p[self.b]
        if w.ndim == b.ndim == 3:
            return torch.baddbmm(b, x, w.transpose(1, 2))
        return multiply_rows(x, w.transpose(-1, -2)).add_(b)

    def backward(self, g: Tensor, p: Params, sink: GradientSink) -> Tensor:
        """Take two products and a sum."""
        gx = g
        if self.needs_input_gradient:
            gx = multiply_rows(g, p[self.w])
            if self.places > 1:
                gx = (
                    gx.view(g.shape[0], -1, self.in_shape[0], self.places)
                    .transpose(2, 3)
                    .flatten(1, 2)
                )
        if self.w in self.trains:
            sink.product(self.w, g.transpose(1, 2), self.x)
        if self.b in self.trains:
            send_row_sum(sink, self.b, g)
        return gx


class ReLULayer(Layer):
    """Rectify; the output itself is the mask of the backward pass."""

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Cut off below zero, in place."""
        x = x.relu_()
        if self.needs_output_gradient:
            self.y = x
        return x

    def backward(self, g: Tensor, p: Params, sink: GradientSink) -> Tensor:
        """Pass the gradient on where the output is positive, in place."""
        y = self.y
        del self.y
        return aten.threshold_backward.grad_input(g, y, 0, grad_input=g)


class MaxPoolLayer(Layer):
    """Take the largest of neighbours with the library's channels-last kernel."""

    def __init__(self, plan: Plan | None, op: MaxPool, i: int) -> None:
        super().__init__(plan, op, i)
        self.channels = op.in_shape[0]
        self.space = op.in_shape[1:] if len(op.in_shape) == 3 else (1, op.in_shape[1])
        self.out = op.out_shape[1:] if len(op.in_shape) == 3 else (1, op.out_shape[1])
        self.window = [2, 2] if len(op.in_shape) == 3 else [1, 2]

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Keep the positions of the maxima."""
        images = x.view(-1, *self.space, self.channels).permute(0, 3, 1, 2)
        y, at = aten.max_pool2d_with_indices.default(images, self.window, self.window)
        if self.needs_output_gradient:
            self.kept = images, at
        return y.permute(0, 2, 3, 1).reshape(len(x), -1, self.channels)

    def backward(self, g: Tensor, p: Params, sink: GradientSink) -> Tensor:
        """Send each gradient to where its maximum came from."""
        images, at = self.kept
        del self.kept
        g4 = g.view(-1, *self.out, self.channels).permute(0, 3, 1, 2)
        rest = [0, 0], [1, 1], False, at
        gx = aten.max_pool2d_with_indices_backward.default(
            g4, images, self.window, self.window, *rest
        )
        return gx.permute(0, 2, 3, 1).reshape(len(g), -1, self.channels)


class PoolLayer(Layer):
    """Take the mean over the positions."""

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Return one row per sample."""
        return x.view(len(x), -1, self.places, x.shape[2]).mean(2)

    def backward(self, g: Tensor, p: Params, sink: GradientSink) -> Tensor:
        """Spread the gradient evenly."""
        return g.div_(self.places).unsqueeze(2).expand(-1, -1, self.places, -1).flatten(1, 2)


class ForkLayer(Layer):
    """Start a residual block."""

    join: JoinLayer

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Hand the activations to the join."""
        self.join.skip = x
        return x

    def backward(self, g: Tensor, p: Params, sink: GradientSink) -> Tensor:
        """Add the gradients of both branches."""
        return g.add_(self.join.skip)


class JoinLayer(Layer):
    """End a residual block; `open` if anything before its fork trains."""

    skip: Tensor
    open = False

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Add the activations of the fork."""
        return x.add_(self.skip)

    def backward(self, g: Tensor, p: Params, sink: GradientSink) -> Tensor:
        """Keep the gradient for the fork, if the block is open."""
        if self.open:
            self.skip = g
        return g
