"""Convolution for one device and for cohorts.

A single client is computed the way a device would do it, and the memory bill counts just that. A cohort may take
whatever kernel is fastest: the same sums in another order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ftte_lab.ops import Op, Params, TensorInfo


@dataclass(frozen=True)
class Conv(Op):
    """Convolution over one or two space axes, zero padding `kernel // 2`, no bias."""

    kernel: int = 3
    stride: int = 1
    groups: int = 1

    @property
    def weight(self) -> str:
        """Name of the weight tensor."""
        return f"{self.name}.weight"

    @property
    def depthwise(self) -> bool:
        """Whether every channel has a filter of its own."""
        return self.groups > 1

    def tensors(self, index: int) -> tuple[TensorInfo, ...]:
        """One weight `(out, in / groups, kernel, ...)`; a part of it is a set of input channels."""
        space = len(self.in_shape) - 1
        shape = (self.out_shape[0], self.in_shape[0] // self.groups, *([self.kernel] * space))
        return (TensorInfo(self.weight, shape, "weight", index, 0 if self.depthwise else 1, self.in_shape[0]),)

    def flops(self) -> int:
        """Two per multiply-add."""
        return (
            2 * math.prod(self.out_shape) * (self.in_shape[0] // self.groups) * self.kernel ** (len(self.in_shape) - 1)
        )

    def _args(self, groups: int) -> tuple[list[int], list[int], list[int], bool, list[int], int]:
        n = len(self.in_shape) - 1
        return [self.stride] * n, [self.kernel // 2] * n, [1] * n, False, [0] * n, groups

    def _as_product(self, clients: int) -> bool:
        """Whether this is a plain matrix product per client and sample, and there is a cohort to gain by it."""
        return self.kernel == 1 and self.stride == 1 and self.groups == 1 and clients > 1

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """One grouped convolution, or one batched matrix product, for all clients."""
        w = p[self.weight]
        B, C = x.shape[:2]
        if self._as_product(C):
            return torch.matmul(w.flatten(2), x.flatten(3)).view(B, C, *self.out_shape)
        y = torch.ops.aten.convolution(
            x.reshape(B, -1, *self.in_shape[1:]), w.flatten(0, 1), None, *self._args(C * self.groups)
        )
        return y.view(B, C, *self.out_shape)

    def grad_input(self, g: Tensor, p: Params) -> Tensor:
        """Gradient of the input `(B, C, *in_shape)` from that of the output."""
        B, C = g.shape[:2]
        if self._as_product(C):
            return torch.matmul(p[self.weight].flatten(2).transpose(1, 2), g.flatten(3)).view(B, C, *self.in_shape)
        shape = (B, C * self.in_shape[0], *self.in_shape[1:])
        blank = g.new_empty(1).expand(shape)  # only its sizes are read
        gx = torch.ops.aten.convolution_backward(
            g.reshape(B, -1, *self.out_shape[1:]),
            blank,
            p[self.weight].flatten(0, 1),
            None,
            *self._args(C * self.groups),
            [True, False, False],
        )[0]
        return gx.view(B, C, *self.in_shape)

    def grad_weight(self, g: Tensor, kept: Tensor, channels: Tensor | None) -> Tensor:
        """Gradient of the trained channels of the weight, `(C, out, n, ...)` or `(C, n, 1, ...)` if depthwise."""
        B, C, n = kept.shape[:3]
        if self._as_product(C):
            product = torch.matmul(g.flatten(3), kept.flatten(3).transpose(2, 3)).sum(0)
            return product.reshape(*product.shape, *([1] * (len(self.in_shape) - 1)))
        if self.depthwise and channels is not None:
            g = g.index_select(2, channels)
        if self.depthwise and C > 1:
            return self._correlate(g, kept)
        out, per_group = (n, 1) if self.depthwise else (self.out_shape[0], n)
        space = [self.kernel] * (len(self.in_shape) - 1)
        blank = g.new_empty(1).expand(C * out, per_group, *space)
        groups = C * n if self.depthwise else C
        gw = torch.ops.aten.convolution_backward(
            g.reshape(B, -1, *self.out_shape[1:]),
            kept.reshape(B, -1, *self.in_shape[1:]),
            blank,
            None,
            *self._args(groups),
            [False, True, False],
        )[1]
        return gw.view(C, out, per_group, *space)

    def _correlate(self, g: Tensor, kept: Tensor) -> Tensor:
        """Weight gradient of a depthwise convolution for a cohort, `(C, n, 1, ...)`.

        Written as a forward convolution of each channel with its own gradient, dilated by the stride: ten times
        faster than the library's backward kernel, for a row per sample that a device would not have.
        """
        B, C, n = kept.shape[:3]
        space = len(self.in_shape) - 1
        per_sample = torch.ops.aten.convolution(
            kept.reshape(1, -1, *self.in_shape[1:]), g.reshape(-1, 1, *self.out_shape[1:]), None,
            [1] * space, [self.kernel // 2] * space, [self.stride] * space, False, [0] * space, B * C * n,
        )  # fmt: skip
        for axis in range(2, 2 + space):
            per_sample = per_sample.narrow(axis, 0, self.kernel)
        return per_sample.reshape(B, C, n, 1, *([self.kernel] * space)).sum(0)
