"""The forward pass of one device, in the layout `(batch, channels, *space)`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ftte_lab.models.ops import (
    Conv,
    Fork,
    GlobalAvgPool,
    GroupNorm,
    Join,
    Linear,
    MaxPool,
    Op,
    Params,
    ReLU,
)

aten = torch.ops.aten


def run_ops(
    infer: Callable[[Op, Tensor, Params], Tensor], ops: Sequence[Op], x: Tensor, params: Params
) -> Tensor:
    """Run operations in order, residual branches included.

    Args:
        infer: computes one operation.
        ops: the operations; forks and joins are handled here.
        x: activations `(B, *in_shape)` of the first operation; may be overwritten.
        params: of the net.

    Returns:
        Activations `(B, *out_shape)` of the last operation.
    """
    skips: list[Tensor] = []
    for op in ops:
        if isinstance(op, Fork):
            skips.append(x)
        elif isinstance(op, Join):
            x = x.add_(skips.pop())
        else:
            x = infer(op, x, params)
    return x


def infer(op: Op, x: Tensor, p: Params) -> Tensor:
    """Map activations `(B, *in_shape)` to `(B, *out_shape)`; may work in place."""
    return _INFER[type(op)](op, x, p)


def _linear(op: Linear, x: Tensor, p: Params) -> Tensor:
    return torch.addmm(p[op.bias], x.flatten(1), p[op.weight].t())


def _conv(op: Conv, x: Tensor, p: Params) -> Tensor:
    return aten.convolution(x, p[op.weight], None, *conv_geometry(op), op.groups)


def conv_geometry(op: Conv) -> tuple[list[int], list[int], list[int], bool, list[int]]:
    """Return the arguments of torch's convolution.

    These are stride, padding, dilation, "not transposed", and no padding of the output.
    """
    n = len(op.in_shape) - 1
    return [op.stride] * n, [op.kernel // 2] * n, [1] * n, False, [0] * n


def group_norm(op: GroupNorm, x: Tensor, p: Params) -> tuple[Tensor, Tensor, Tensor]:
    """Return the output, and mean and inverse deviation `(B, groups)` for the backward pass."""
    return aten.native_group_norm(x, p[op.gain], p[op.bias], *norm_sizes(op, x), op.eps)


def norm_sizes(op: GroupNorm, x: Tensor) -> tuple[int, int, int, int]:
    """Return the arguments of torch's group norm: samples, channels, positions, groups."""
    return x.shape[0], op.in_shape[0], math.prod(op.in_shape[1:]), op.groups


def _maxpool(op: MaxPool, x: Tensor, p: Params) -> Tensor:
    return max_pool(op, x)[0]


def max_pool(op: MaxPool, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the output, and the position of each maximum as int64, as torch stores it."""
    y, at = aten.max_pool2d_with_indices(x if x.ndim == 4 else x.unsqueeze(2), *pool_window(op))
    return (y, at) if x.ndim == 4 else (y.squeeze(2), at.squeeze(2))


def pool_window(op: MaxPool) -> tuple[list[int], list[int]]:
    """Return size and stride of the pooling window; one space axis is treated as two."""
    size = [2, 2] if len(op.in_shape) == 3 else [1, 2]
    return size, size


_INFER: Mapping[type[Op], Callable[[Any, Tensor, Params], Tensor]] = {
    Linear: _linear,
    Conv: _conv,
    GroupNorm: lambda op, x, p: group_norm(op, x, p)[0],
    ReLU: lambda op, x, p: x.relu_(),
    MaxPool: _maxpool,
    GlobalAvgPool: lambda op, x, p: x.flatten(2).mean(2),
}
