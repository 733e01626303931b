"""The operations our nets are made of, described: shapes, tensors, costs.

How they are computed stands elsewhere, twice: `_device_rules` the way a device does it, storing no more than it must
(the memory bill counts just that), and `_layers` the way a simulator does it, for many clients at once.
Convolutions carry no bias: the group norm behind each of them has one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Params = dict[str, Tensor]
Shape = tuple[int, ...]
Kind = Literal["weight", "gain", "bias"]


@dataclass(frozen=True)
class TensorInfo:
    """One named tensor of a model: its `shape`, and the axis of its input channels.

    `axis` and `channels` say how a *part* of a weight is taken: input channels, or for depthwise convolutions the
    channels themselves (Lin et al. 2022, sparse tensor update). Gains and biases are all or nothing.
    """

    name: str
    shape: Shape
    kind: Kind
    op: int
    axis: int = 0
    channels: int = 1

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Op:
    """One step of a net: `in_shape` and `out_shape` are per sample, `(channels, *space)`."""

    name: str
    in_shape: Shape
    out_shape: Shape

    def tensors(self, index: int) -> tuple[TensorInfo, ...]:
        """Trainable tensors of this operation, given its index in the model."""
        return ()

    def flops(self) -> int:
        """Floating-point operations of the forward pass for one sample (a multiply-add counts two)."""
        return math.prod(self.out_shape)


@dataclass(frozen=True)
class Linear(Op):
    """Affine map of the flattened activations."""

    @property
    def weight(self) -> str:
        """Name of the weight tensor."""
        return f"{self.name}.weight"

    @property
    def bias(self) -> str:
        """Name of the bias tensor."""
        return f"{self.name}.bias"

    def tensors(self, index: int) -> tuple[TensorInfo, ...]:
        """A weight `(out, in)`, a part of which is a set of input features, and a bias `(out,)`."""
        n_in, n_out = math.prod(self.in_shape), self.out_shape[0]
        return (
            TensorInfo(self.weight, (n_out, n_in), "weight", index, 1, n_in),
            TensorInfo(self.bias, (n_out,), "bias", index),
        )

    def flops(self) -> int:
        """Two per multiply-add."""
        return 2 * math.prod(self.in_shape) * self.out_shape[0]


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

    @property
    def pointwise(self) -> bool:
        """Whether it mixes channels alone: a matrix product at every place."""
        return self.kernel == 1 and self.stride == 1 and not self.depthwise

    def tensors(self, index: int) -> tuple[TensorInfo, ...]:
        """One weight `(out, in / groups, kernel, ...)`; a part of it is a set of input channels."""
        space = len(self.in_shape) - 1
        shape = (self.out_shape[0], self.in_shape[0] // self.groups, *([self.kernel] * space))
        return (
            TensorInfo(
                self.weight, shape, "weight", index, 0 if self.depthwise else 1, self.in_shape[0]
            ),
        )

    def flops(self) -> int:
        """Two per multiply-add."""
        taps = self.kernel ** (len(self.in_shape) - 1)
        return 2 * math.prod(self.out_shape) * (self.in_shape[0] // self.groups) * taps


@dataclass(frozen=True)
class GroupNorm(Op):
    """Group normalisation: no statistics over the batch, so tiny batches and unlike clients do no harm."""

    groups: int = 1
    eps = 1e-5

    @property
    def gain(self) -> str:
        """Name of the gain (scale) vector."""
        return f"{self.name}.gain"

    @property
    def bias(self) -> str:
        """Name of the bias (shift) vector."""
        return f"{self.name}.bias"

    def tensors(self, index: int) -> tuple[TensorInfo, ...]:
        """A gain and a bias per channel."""
        n = (self.in_shape[0],)
        return TensorInfo(self.gain, n, "gain", index), TensorInfo(self.bias, n, "bias", index)

    def flops(self) -> int:
        """About eight per entry: two passes for the moments, one to scale and shift."""
        return 8 * math.prod(self.out_shape)


@dataclass(frozen=True)
class ReLU(Op):
    """Rectifier, in place."""


@dataclass(frozen=True)
class MaxPool(Op):
    """Largest of every two neighbours along each space axis; an odd last one is dropped."""

    def flops(self) -> int:
        """One comparison per entry."""
        return math.prod(self.in_shape)


@dataclass(frozen=True)
class GlobalAvgPool(Op):
    """Mean over space: stores nothing."""


@dataclass(frozen=True)
class Fork(Op):
    """Start of a residual block: remembers the activations."""

    def flops(self) -> int:
        """Nothing is computed."""
        return 0


@dataclass(frozen=True)
class Join(Op):
    """End of a residual block: adds what its `Fork` remembered."""
