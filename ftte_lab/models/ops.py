"""The operations that nets are made of: shapes, tensors, costs.

They are computed in two other places. `ftte_lab.devices` does it as a device does, and stores only
what it must; the memory bill counts exactly that. `ftte_lab.training` does it for many clients at
once. Convolutions have no bias, because the group norm after each of them has one.
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
    """Describe one named tensor of a model.

    A part of a weight is a set of its channels: input channels, or for a depthwise convolution the
    channels themselves. Gains and biases are trained completely or not at all.

    Attributes:
        name: such as `block2.expand.weight`.
        shape: of the complete tensor.
        kind: weight, gain or bias.
        op: index of its operation in the model.
        axis: the axis of its channels.
        channels: how many there are.

    Source:
        Lin et al. 2022, arXiv 2206.15472, "sparse tensor update".
    """

    name: str
    shape: Shape
    kind: Kind
    op: int
    axis: int = 0
    channels: int = 1

    @property
    def size(self) -> int:
        """Return the number of entries."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Op:
    """Describe one step of a net; `in_shape`, `out_shape` are `(channels, *space)` per sample."""

    name: str
    in_shape: Shape
    out_shape: Shape

    def tensors(self, index: int) -> tuple[TensorInfo, ...]:
        """Return the trainable tensors of this operation, given its index in the model."""
        return ()

    def flops(self) -> int:
        """Return the floating-point operations of a forward pass of one sample.

        A multiply-add counts two.
        """
        return math.prod(self.out_shape)


@dataclass(frozen=True)
class Linear(Op):
    """Describe an affine map of the flattened activations."""

    @property
    def weight(self) -> str:
        """Return the name of the weight tensor."""
        return f"{self.name}.weight"

    @property
    def bias(self) -> str:
        """Return the name of the bias tensor."""
        return f"{self.name}.bias"

    def tensors(self, index: int) -> tuple[TensorInfo, ...]:
        """Return a weight `(out, in)`, whose channels are input features, and a bias `(out,)`."""
        n_in, n_out = math.prod(self.in_shape), self.out_shape[0]
        return (
            TensorInfo(self.weight, (n_out, n_in), "weight", index, 1, n_in),
            TensorInfo(self.bias, (n_out,), "bias", index),
        )

    def flops(self) -> int:
        """Count two per multiply-add."""
        return 2 * math.prod(self.in_shape) * self.out_shape[0]


@dataclass(frozen=True)
class Conv(Op):
    """Describe a convolution over one or two space axes, zero padding `kernel // 2`, no bias."""

    kernel: int = 3
    stride: int = 1
    groups: int = 1

    @property
    def weight(self) -> str:
        """Return the name of the weight tensor."""
        return f"{self.name}.weight"

    @property
    def depthwise(self) -> bool:
        """Return whether every channel has a filter of its own."""
        return self.groups > 1

    @property
    def pointwise(self) -> bool:
        """Return whether it only mixes channels: a matrix product at every position."""
        return self.kernel == 1 and self.stride == 1 and not self.depthwise

    def tensors(self, index: int) -> tuple[TensorInfo, ...]:
        """Return one weight `(out, in / groups, kernel, ...)`."""
        space = len(self.in_shape) - 1
        shape = (self.out_shape[0], self.in_shape[0] // self.groups, *([self.kernel] * space))
        axis = 0 if self.depthwise else 1
        return (TensorInfo(self.weight, shape, "weight", index, axis, self.in_shape[0]),)

    def flops(self) -> int:
        """Count two per multiply-add."""
        taps = self.kernel ** (len(self.in_shape) - 1)
        return 2 * math.prod(self.out_shape) * (self.in_shape[0] // self.groups) * taps


@dataclass(frozen=True)
class GroupNorm(Op):
    """Describe group normalisation.

    It uses no statistics over the batch, so small batches do no harm, nor clients that differ.
    """

    groups: int = 1
    eps = 1e-5

    @property
    def gain(self) -> str:
        """Return the name of the gain (scale) vector."""
        return f"{self.name}.gain"

    @property
    def bias(self) -> str:
        """Return the name of the bias (shift) vector."""
        return f"{self.name}.bias"

    def tensors(self, index: int) -> tuple[TensorInfo, ...]:
        """Return a gain and a bias per channel."""
        n = (self.in_shape[0],)
        return TensorInfo(self.gain, n, "gain", index), TensorInfo(self.bias, n, "bias", index)

    def flops(self) -> int:
        """Count about eight per entry: two passes for the moments, one to scale and shift."""
        return 8 * math.prod(self.out_shape)


@dataclass(frozen=True)
class ReLU(Op):
    """Describe a rectifier, computed in place."""


@dataclass(frozen=True)
class MaxPool(Op):
    """Describe max-pooling of two neighbours along each space axis; an odd last one is dropped."""

    def flops(self) -> int:
        """Count one comparison per entry."""
        return math.prod(self.in_shape)


@dataclass(frozen=True)
class GlobalAvgPool(Op):
    """Describe the mean over space, which stores nothing."""


@dataclass(frozen=True)
class Fork(Op):
    """Mark the start of a residual block: the activations are remembered."""

    def flops(self) -> int:
        """Count nothing: the activations are only remembered."""
        return 0


@dataclass(frozen=True)
class Join(Op):
    """Mark the end of a residual block: the activations of its `Fork` are added."""
