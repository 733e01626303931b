"""Convolutions for many clients at once.

Which kernel where was measured on one core with AVX-512 (microseconds forwards, cohort of 10, batch 8, fp32;
`python -m benchmarks kernels` measures it anew):

* pointwise, 24 -> 48 channels, 16 places: batched matrix product 33 (90 GFLOP/s); the same with the channels before
  the space 48 and a copy of every weight. Hence the layout, and the product.
* depthwise, 48 channels, 5 taps: one multiply-add per tap over whole arrays 56; the library's grouped kernel 63
  forwards but 130 for each gradient. Hence taps where the filters differ by client, the library where they are shared.
* dense: columns (im2col) and a batched product where clients differ, the library's kernel for a lone client, whose
  activations are large enough to pay for its call (see `local.clients_at_once`).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product as every

import torch
from torch import Tensor

from ftte_lab.models import Conv, Params, Plan, TensorInfo
from ftte_lab.training.layers import Layer, Sink, times

aten = torch.ops.aten
Places = tuple[slice, ...]


@lru_cache(maxsize=256)
def taps(op: Conv) -> tuple[tuple[int, Places, Places], ...]:
    """For each tap of the filter: its number, and which places of the input meet which places of the output.

    The middle tap comes first. Padding is never made: a tap simply does not reach the places beyond the rim.
    """
    middle = op.kernel // 2
    axes = []
    for size, out in zip(op.in_shape[1:], op.out_shape[1:], strict=True):
        axis = []
        for k in range(op.kernel):
            shift = k - middle
            first = max(
                0, -(shift // op.stride)
            )  # the first output place whose input place is not before the rim
            last = min(out, (size - 1 - shift) // op.stride + 1)
            if first < last:
                begin = op.stride * first + shift
                axis.append(
                    (
                        k,
                        slice(begin, begin + op.stride * (last - first - 1) + 1, op.stride),
                        slice(first, last),
                    )
                )
        axes.append(axis)
    found = []
    for combination in every(*axes):
        ks, sources, targets = zip(*combination, strict=True)
        number = sum(k * op.kernel ** (len(ks) - 1 - axis) for axis, k in enumerate(ks))
        both = (slice(None), slice(None))
        found.append((number, (*both, *sources), (*both, *targets)))
    centre = op.kernel ** (len(op.in_shape) - 1) // 2
    return tuple(sorted(found, key=lambda tap: abs(tap[0] - centre)))


class ConvLayer(Layer):
    """What all convolutions share: images for the library's kernels, which serve wherever filters are shared."""

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
        """A shared weight in two space axes."""
        return w.unsqueeze(2) if w.ndim == 3 else w

    def images(self, x: Tensor, space: tuple[int, ...]) -> Tensor:
        """Rows as `(clients * batch, channels, height, width)`, channels last; no copy."""
        return x.view(-1, *space, x.shape[2]).permute(0, 3, 1, 2)

    def forward_shared(self, x: Tensor, w: Tensor) -> Tensor:
        """The library's kernel on clients and batch together."""
        y = aten.convolution.default(self.images(x, self.before), w, None, *self.geometry)
        return y.permute(0, 2, 3, 1).reshape(len(x), -1, self.op.out_shape[0])

    def backward_shared(
        self, g: Tensor, x: Tensor | None, w: Tensor, need: tuple[bool, bool]
    ) -> list[Tensor]:
        """Gradients of input and filters; `x` only for the latter."""
        images = self.images(g, self.after)
        shape = (images.shape[0], self.op.in_shape[0], *self.before)
        # Without the input, only its sizes and layout are read.
        x4 = (
            torch.empty(shape, dtype=g.dtype, memory_format=torch.channels_last)
            if x is None
            else self.images(x, self.before)
        )
        return aten.convolution_backward.default(
            images, x4, w, None, *self.geometry, [*need, False]
        )

    def rows(self, gx: Tensor, clients: int) -> Tensor:
        """Images of the input as rows again."""
        return gx.permute(0, 2, 3, 1).reshape(clients, -1, self.op.in_shape[0])


class PointwiseLayer(ConvLayer):
    """A matrix product at every place."""

    def arrange(self, t: TensorInfo, value: Tensor) -> Tensor:
        """`(C, out, in)`."""
        return value.flatten(2)

    def restore(self, t: TensorInfo, value: Tensor) -> Tensor:
        """`(C, out, in, 1, ...)`."""
        return value.reshape(*value.shape, *([1] * (len(self.op.in_shape) - 1)))

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """One product for all, or one each."""
        if self.own:
            self.x = self.chosen(self.w, x)
            return torch.bmm(x, p[self.w].transpose(1, 2))
        return times(x, p[self.w].flatten(1).t())

    def backward(self, g: Tensor, p: Params, sink: Sink) -> Tensor:
        """Two products."""
        w = p[self.w]
        gx = times(g, w if self.own else w.flatten(1)) if self.passes else g
        if self.own:
            sink.product(self.w, g.transpose(1, 2), self.x)
        return gx


class DepthwiseLayer(ConvLayer):
    """Every channel its own filter: one multiply-add per tap."""

    def arrange(self, t: TensorInfo, value: Tensor) -> Tensor:
        """A row of channels per tap, `(taps, C, 1, ..., channels)`."""
        rows = value.flatten(2).permute(2, 0, 1)
        return rows.reshape(*rows.shape[:2], *([1] * len(self.op.in_shape)), rows.shape[2])

    def restore(self, t: TensorInfo, value: Tensor) -> Tensor:
        """`(C, channels, 1, *kernel)`."""
        C, channels = value.shape[1], value.shape[-1]
        space = len(self.op.in_shape) - 1
        return (
            value.view(-1, C, channels)
            .permute(1, 2, 0)
            .reshape(C, channels, 1, *([self.op.kernel] * space))
        )

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """The middle tap reaches every place and makes the output, the others are added."""
        if not self.own:
            return self.forward_shared(x, self.filters(p[self.w]))
        rows = p[self.w].unbind(0)
        x = x.view(len(x), -1, *self.op.in_shape[1:], x.shape[2])
        self.x = self.chosen(self.w, x)
        (middle, source, _), *others = taps(self.op)
        y = x[source] * rows[middle]
        for k, source, target in others:
            y[target].addcmul_(x[source], rows[k])
        return y.flatten(1, -2)

    def backward(self, g: Tensor, p: Params, sink: Sink) -> Tensor:
        """The taps once more, the other way round."""
        gx, C = g, len(g)
        if self.passes and not self.own:
            gx = self.rows(
                self.backward_shared(g, None, self.filters(p[self.w]), (True, False))[0], C
            )
        g = g.view(C, -1, *self.op.out_shape[1:], g.shape[2])
        if self.passes and self.own:
            gx = self._grad_input(g, p[self.w].unbind(0)).flatten(1, -2)
        if self.own:
            g = self.chosen(self.w, g)
            grads = g.new_zeros(len(p[self.w]), C, g.shape[-1])
            for k, source, target in taps(self.op):
                torch.sum((self.x[source] * g[target]).flatten(1, -2), 1, out=grads[k])
            ones = [1] * len(self.op.in_shape)
            sink.grad(self.w, grads.view(*grads.shape[:2], *ones, -1), client_axis=1)
        return gx

    def _grad_input(self, g: Tensor, rows: tuple[Tensor, ...]) -> Tensor:
        (middle, source, target), *others = taps(self.op)
        if self.op.stride == 1:
            gx = g * rows[middle]
        else:
            gx = g.new_zeros(*g.shape[:2], *self.op.in_shape[1:], g.shape[-1])
            others = [(middle, source, target), *others]
        for k, source, target in others:
            gx[source].addcmul_(g[target], rows[k])
        return gx


class DenseLayer(ConvLayer):
    """Channels and places mixed: columns and a batched product for a cohort, the library's kernel otherwise."""

    def arrange(self, t: TensorInfo, value: Tensor) -> Tensor:
        """Input channels last, `(C, out, *kernel, in)`."""
        return value.movedim(2, -1)

    def restore(self, t: TensorInfo, value: Tensor) -> Tensor:
        """`(C, out, in, *kernel)`."""
        return value.movedim(-1, 2)

    def _lone(self, w: Tensor) -> Tensor:
        """The only client's filters as the library wants them."""
        return self.filters(w[0].movedim(-1, 1)) if self.own else self.filters(w)

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """See the class."""
        w = p[self.w]
        if not self.own or len(x) == 1:
            if self.own:
                self.x = self.chosen(self.w, x)
            return self.forward_shared(x, self._lone(w))
        seen = self._columns(x)
        self.x = seen if self.w not in self.index else self._columns(self.chosen(self.w, x))
        return torch.bmm(seen, w.flatten(2).transpose(1, 2))

    def _columns(self, x: Tensor) -> Tensor:
        """What each output place sees, `(C, batch * places, taps * channels)`."""
        channels, op = x.shape[2], self.op
        x = x.view(len(x), -1, *op.in_shape[1:], channels)
        seen = x.new_zeros(*x.shape[:2], *op.out_shape[1:], self.taps, channels)
        for k, source, target in taps(op):
            seen[target].select(-2, k).copy_(x[source])
        return seen.view(len(x), -1, self.taps * channels)

    def backward(self, g: Tensor, p: Params, sink: Sink) -> Tensor:
        """Scatter the gradients of the columns back to the places they came from."""
        C, w, gx = len(g), p[self.w], g
        if not self.own or C == 1:
            return self._backward_lone(g, w, sink)
        if self.passes:
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

    def _backward_lone(self, g: Tensor, w: Tensor, sink: Sink) -> Tensor:
        """Both gradients in one call where the whole input was kept."""
        filters, part = self._lone(w), self.w in self.index
        gx, gw = None, None
        if not part and (self.passes or self.own):
            gx, gw, _ = self.backward_shared(
                g, self.x if self.own else None, filters, (self.passes, self.own)
            )
        elif part:
            few = filters.index_select(1, self.index[self.w])
            gw = self.backward_shared(g, self.x, few, (False, True))[1]
            if self.passes:
                gx = self.backward_shared(g, None, filters, (True, False))[0]
        if gw is not None:
            gw = gw.squeeze(2) if len(self.op.in_shape) == 2 else gw
            sink.grad(self.w, gw.movedim(1, -1).unsqueeze(0))
        return g if gx is None else self.rows(gx, len(g))
