"""Run convolutions for many clients at once.

The kernels were chosen by measurement on one core with AVX-512 (microseconds forwards, cohort of
10, batch 8, fp32; `python -m benchmarks kernels` repeats it):

* pointwise, 24 -> 48 channels, 16 places: batched matrix product 33 (90 GFLOP/s); 48 and a copy of
  every weight with the channels before the space. Hence the layout and the product.
* depthwise, 48 channels, 5 taps: one multiply-add per tap over whole arrays 56; the library's
  grouped kernel 63 forwards but 130 for each gradient. Hence taps where the filters differ by
  client, the library where they are shared.
* dense: columns (im2col) and a batched product where clients differ, the library's kernel for a
  single client, whose activations are large enough to pay for its call (see `clients_at_once`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftte_lab.models import Conv, Params, Plan, TensorInfo
from ftte_lab.training.layer import GradientSink, Layer, multiply_rows
from ftte_lab.training.taps import taps

aten = torch.ops.aten


class ConvLayer(Layer):
    """Hold what all convolutions share: images for the library's kernels."""

    def __init__(self, plan: Plan | None, op: Conv, i: int) -> None:
        super().__init__(plan, op, i)
        self.op, self.w, self.own = op, op.weight, op.weight in self.trains
        line = len(op.in_shape) == 2
        self.taps = op.kernel ** (len(op.in_shape) - 1)
        self.before = (1, *op.in_shape[1:])[-2:]
        self.after = (1, *op.out_shape[1:])[-2:]
        self.geometry = (
            [1 if line else op.stride, op.stride],
            [0 if line else op.kernel // 2, op.kernel // 2],
            [1, 1],
            False,
            [0, 0],
            op.groups,
        )

    def filters(self, w: Tensor) -> Tensor:
        """Return a shared weight with two space axes."""
        return w.unsqueeze(2) if w.ndim == 3 else w

    def images(self, x: Tensor, space: tuple[int, ...]) -> Tensor:
        """View rows as `(clients * batch, channels, height, width)`, channels last; no copy."""
        return x.view(-1, *space, x.shape[2]).permute(0, 3, 1, 2)

    def forward_shared(self, x: Tensor, w: Tensor) -> Tensor:
        """Run the library's kernel on clients and batch together."""
        y = aten.convolution.default(self.images(x, self.before), w, None, *self.geometry)
        return y.permute(0, 2, 3, 1).reshape(len(x), -1, self.op.out_shape[0])

    def backward_shared(
        self, g: Tensor, x: Tensor | None, w: Tensor, need: tuple[bool, bool]
    ) -> list[Tensor]:
        """Return the gradients of input and filters; `x` is needed only for the latter.

        Without the input, only its sizes and layout are read.
        """
        images = self.images(g, self.after)
        shape = (images.shape[0], self.op.in_shape[0], *self.before)
        x4 = (
            torch.empty(shape, dtype=g.dtype, memory_format=torch.channels_last, device="cpu")
            if x is None
            else self.images(x, self.before)
        )
        return aten.convolution_backward.default(
            images, x4, w, None, *self.geometry, [*need, False]
        )

    def rows(self, gx: Tensor, clients: int) -> Tensor:
        """Turn images of the input into rows again."""
        return gx.permute(0, 2, 3, 1).reshape(clients, -1, self.op.in_shape[0])


class PointwiseLayer(ConvLayer):
    """Multiply by a matrix at every position."""

    def arrange(self, t: TensorInfo, value: Tensor) -> Tensor:
        """Return `(C, out, in)`."""
        return value.flatten(2)

    def restore(self, t: TensorInfo, value: Tensor) -> Tensor:
        """Return `(C, out, in, 1, ...)`."""
        return value.reshape(*value.shape, *([1] * (len(self.op.in_shape) - 1)))

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Take one product for all clients, or one each."""
        if self.own:
            self.x = self.trained_channels(self.w, x)
            return torch.bmm(x, p[self.w].transpose(1, 2))
        return multiply_rows(x, p[self.w].flatten(1).t())

    def backward(self, g: Tensor, p: Params, sink: GradientSink) -> Tensor:
        """Take two products."""
        w = p[self.w]
        gx = multiply_rows(g, w if self.own else w.flatten(1)) if self.needs_input_gradient else g
        if self.own:
            sink.product(self.w, g.transpose(1, 2), self.x)
        return gx


class DepthwiseLayer(ConvLayer):
    """Filter every channel by itself: one multiply-add per tap."""

    def arrange(self, t: TensorInfo, value: Tensor) -> Tensor:
        """Return a row of channels per tap, `(taps, C, 1, ..., channels)`."""
        rows = value.flatten(2).permute(2, 0, 1)
        return rows.reshape(*rows.shape[:2], *([1] * len(self.op.in_shape)), rows.shape[2])

    def restore(self, t: TensorInfo, value: Tensor) -> Tensor:
        """Return `(C, channels, 1, *kernel)`."""
        C, channels = value.shape[1], value.shape[-1]
        space = len(self.op.in_shape) - 1
        return (
            value.view(-1, C, channels)
            .permute(1, 2, 0)
            .reshape(C, channels, 1, *([self.op.kernel] * space))
        )

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Make the output from the middle tap, which reaches every position, and add the others."""
        if not self.own:
            return self.forward_shared(x, self.filters(p[self.w]))
        rows = p[self.w].unbind(0)
        x = x.view(len(x), -1, *self.op.in_shape[1:], x.shape[2])
        self.x = self.trained_channels(self.w, x)
        (middle, source, _), *others = taps(self.op)
        y = x[source] * rows[middle]
        for k, source, target in others:
            y[target].addcmul_(x[source], rows[k])
        return y.flatten(1, -2)

    def backward(self, g: Tensor, p: Params, sink: GradientSink) -> Tensor:
        """Walk the taps again, from outputs to inputs."""
        gx, C = g, len(g)
        if self.needs_input_gradient and not self.own:
            gx = self.rows(
                self.backward_shared(g, None, self.filters(p[self.w]), (True, False))[0], C
            )
        g = g.view(C, -1, *self.op.out_shape[1:], g.shape[2])
        if self.needs_input_gradient and self.own:
            gx = self._grad_input(g, p[self.w].unbind(0)).flatten(1, -2)
        if self.own:
            g = self.trained_channels(self.w, g)
            grads = g.new_zeros(len(p[self.w]), C, g.shape[-1])
            for k, source, target in taps(self.op):
                torch.sum((self.x[source] * g[target]).flatten(1, -2), 1, out=grads[k])
            ones = [1] * len(self.op.in_shape)
            sink.grad(self.w, grads.view(*grads.shape[:2], *ones, -1), client_axis=1)
        return gx

    def _grad_input(self, g: Tensor, rows: tuple[Tensor, ...]) -> Tensor:
        middle, *others = taps(self.op)
        if self.op.stride == 1:
            gx = g * rows[middle.number]
        else:
            gx = g.new_zeros(*g.shape[:2], *self.op.in_shape[1:], g.shape[-1])
            others = [middle, *others]
        for k, source, target in others:
            gx[source].addcmul_(g[target], rows[k])
        return gx


class DenseLayer(ConvLayer):
    """Mix channels and positions: columns and a batched product, or the library's kernel.

    Columns serve a cohort whose filters differ; the library's kernel serves everything else.
    """

    def arrange(self, t: TensorInfo, value: Tensor) -> Tensor:
        """Return the input channels last, `(C, out, *kernel, in)`."""
        return value.movedim(2, -1)

    def restore(self, t: TensorInfo, value: Tensor) -> Tensor:
        """Return `(C, out, in, *kernel)`."""
        return value.movedim(-1, 2)

    def _single(self, w: Tensor) -> Tensor:
        """The only client's filters, or the shared ones, as the library takes them."""
        return self.filters(w[0].movedim(-1, 1)) if self.own else self.filters(w)

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Take columns times filters, or call the library."""
        w = p[self.w]
        if not self.own or len(x) == 1:
            if self.own:
                self.x = self.trained_channels(self.w, x)
            return self.forward_shared(x, self._single(w))
        columns = self._columns(x)
        self.x = (
            columns if self.w not in self.index else self._columns(self.trained_channels(self.w, x))
        )
        return torch.bmm(columns, w.flatten(2).transpose(1, 2))

    def _columns(self, x: Tensor) -> Tensor:
        """What each output position reads, `(C, batch * places, taps * channels)`."""
        channels, op = x.shape[2], self.op
        x = x.view(len(x), -1, *op.in_shape[1:], channels)
        columns = x.new_zeros(*x.shape[:2], *op.out_shape[1:], self.taps, channels)
        for k, source, target in taps(op):
            columns[target].select(-2, k).copy_(x[source])
        return columns.view(len(x), -1, self.taps * channels)

    def backward(self, g: Tensor, p: Params, sink: GradientSink) -> Tensor:
        """Scatter the gradients of the columns back to the positions they came from."""
        C, w, gx = len(g), p[self.w], g
        if not self.own or C == 1:
            return self._backward_single(g, w, sink)
        if self.needs_input_gradient:
            back = torch.bmm(g, w.flatten(2)).view(
                C, -1, *self.op.out_shape[1:], self.taps, w.shape[-1]
            )
            gx = g.new_zeros(C, back.shape[1], *self.op.in_shape[1:], w.shape[-1])
            for k, source, target in taps(self.op):
                gx[source].add_(back[target].select(-2, k))
            gx = gx.flatten(1, -2)
        grad = torch.bmm(g.transpose(1, 2), self.x)
        sink.grad(self.w, grad.view(*w.shape[:-1], -1))
        return gx

    def _backward_single(self, g: Tensor, w: Tensor, sink: GradientSink) -> Tensor:
        """Both gradients in one call where all of the input was kept."""
        filters, part = self._single(w), self.w in self.index
        gx, gw = None, None
        if not part and (self.needs_input_gradient or self.own):
            gx, gw, _ = self.backward_shared(
                g, self.x if self.own else None, filters, (self.needs_input_gradient, self.own)
            )
        elif part:
            few = filters.index_select(1, self.index[self.w])
            gw = self.backward_shared(g, self.x, few, (False, True))[1]
            if self.needs_input_gradient:
                gx = self.backward_shared(g, None, filters, (True, False))[0]
        if gw is not None:
            gw = gw.squeeze(2) if len(self.op.in_shape) == 2 else gw
            sink.grad(self.w, gw.movedim(1, -1).unsqueeze(0))
        return g if gx is None else self.rows(gx, len(g))
