"""Run group norm for many clients at once."""

from __future__ import annotations

import torch
from torch import Tensor

from ftte_lab.models import GroupNorm, Params, Plan
from ftte_lab.training.layer import GradientSink, Layer, send_row_sum

aten = torch.ops.aten


class NormLayer(Layer):
    """Normalise with the library's channels-last kernel.

    The kernel takes one gain and one bias for all. Where they differ by client they are applied
    after it.
    """

    def __init__(self, plan: Plan | None, op: GroupNorm, i: int) -> None:
        super().__init__(plan, op, i)
        self.gain, self.bias = op.gain, op.bias
        self.groups, self.eps = op.groups, op.eps
        self.channels = op.in_shape[0]
        self.keeps_input = plan is not None and plan.keeps_norm_input(i)

    def _images(self, x: Tensor) -> Tensor:
        return x.view(-1, 1, self.places, self.channels).permute(0, 3, 1, 2)

    def _rows(self, images: Tensor, like: Tensor) -> Tensor:
        return images.permute(0, 2, 3, 1).view(like.shape)

    def _sizes(self, images: Tensor) -> tuple[int, ...]:
        return images.shape[0], self.channels, self.places, self.groups

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Normalise within each group of channels of each sample."""
        images, gain, bias = self._images(x), p[self.gain], p[self.bias]
        self.shared = len(x) == 1 or not self.trains
        affine = (gain.flatten(), bias.flatten()) if self.shared else (None, None)
        sizes = self._sizes(images)
        y, mean, rstd = aten.native_group_norm.default(images, *affine, *sizes, self.eps)
        y = self._rows(y, x)
        if self.keeps_input:
            self.kept = images, mean, rstd, y
        return y if self.shared else torch.addcmul(bias, y, gain)

    def backward(self, g: Tensor, p: Params, sink: GradientSink) -> Tensor:
        """Use what was kept; nothing was if this bias is the first trained tensor."""
        if not self.keeps_input:
            send_row_sum(sink, self.bias, g)
            return g
        images, mean, rstd, normal = self.kept
        del self.kept
        if self.shared:
            return self._backward_shared(g, (images, mean, rstd), p, sink)
        gx = g
        if self.needs_input_gradient:
            scaled, need = self._images(g * p[self.gain]), [True, False, False]
            gx = aten.native_group_norm_backward.default(
                scaled, images, mean, rstd, None, *self._sizes(images), need
            )[0]
            gx = self._rows(gx, g)
        if self.gain in self.trains:
            sink.grad(self.gain, normal.mul_(g).sum(1, keepdim=True))
        if self.bias in self.trains:
            send_row_sum(sink, self.bias, g)
        return gx

    def _backward_shared(
        self, g: Tensor, kept: tuple[Tensor, Tensor, Tensor], p: Params, sink: GradientSink
    ) -> Tensor:
        """All gradients in one call; the kernel fails unless the input's gradient is asked for."""
        need = [True, self.gain in self.trains, self.bias in self.trains]
        gx, *grads = aten.native_group_norm_backward.default(
            self._images(g), *kept, p[self.gain].flatten(), *self._sizes(kept[0]), need
        )
        for name, grad in zip((self.gain, self.bias), grads, strict=True):
            if name in self.trains:
                sink.grad(name, grad.view(1, 1, -1))
        return self._rows(gx, g) if self.needs_input_gradient else g
