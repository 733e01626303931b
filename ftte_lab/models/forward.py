"""How one device computes forwards: each operation in the layout `(batch, channels, *space)`."""

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


def walk(
    infer: Callable[[Op, Tensor, Params], Tensor], ops: Sequence[Op], x: Tensor, params: Params
) -> Tensor:
    """Run operations one after the other, residual branches included; `infer` says how one is computed."""
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
    return aten.convolution(x, p[op.weight], None, *geometry(op), op.groups)


def geometry(op: Conv) -> tuple[list[int], list[int], list[int], bool, list[int]]:
    """Stride, padding, dilation, not transposed, no output padding: as the library wants them."""
    n = len(op.in_shape) - 1
    return [op.stride] * n, [op.kernel // 2] * n, [1] * n, False, [0] * n


def normalise(op: GroupNorm, x: Tensor, p: Params) -> tuple[Tensor, Tensor, Tensor]:
    """Output, and the mean and inverse deviation `(B, groups)` that the backward rule needs."""
    return aten.native_group_norm(x, p[op.gain], p[op.bias], *sizes(op, x), op.eps)


def sizes(op: GroupNorm, x: Tensor) -> tuple[int, int, int, int]:
    """Samples, channels, places, groups: as the library wants them."""
    return x.shape[0], op.in_shape[0], math.prod(op.in_shape[1:]), op.groups


def _maxpool(op: MaxPool, x: Tensor, p: Params) -> Tensor:
    return pooled(op, x)[0]


def pooled(op: MaxPool, x: Tensor) -> tuple[Tensor, Tensor]:
    """Output, and the place of each maximum as int64, as the library stores it."""
    y, at = aten.max_pool2d_with_indices(x if x.ndim == 4 else x.unsqueeze(2), *window(op))
    return (y, at) if x.ndim == 4 else (y.squeeze(2), at.squeeze(2))


def window(op: MaxPool) -> tuple[list[int], list[int]]:
    """Size and stride of the pooling window; one space axis is seen as two."""
    size = [2, 2] if len(op.in_shape) == 3 else [1, 2]
    return size, size


_INFER: Mapping[type[Op], Callable[[Any, Tensor, Params], Tensor]] = {
    Linear: _linear,
    Conv: _conv,
    GroupNorm: lambda op, x, p: normalise(op, x, p)[0],
    ReLU: lambda op, x, p: x.relu_(),
    MaxPool: _maxpool,
    GlobalAvgPool: lambda op, x, p: x.flatten(2).mean(2),
}
