"""The operations our nets are made of, each with its own forward and backward rule.

A device that trains a subset must know what *not* to store, so every rule is written out instead of being left to
autograd. Activations have the layout `(batch, clients, *shape)` and tensors `(clients, *shape)`: the same rule serves
one device (`clients = 1`, `ondevice`) and a whole cohort at once (`local`), with grouped convolutions and batched
matrix products. Convolutions carry no bias: the group norm behind each of them has one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Params = dict[str, Tensor]
Shape = tuple[int, ...]
Kind = Literal["weight", "gain", "bias"]


@dataclass(frozen=True)
class TensorInfo:
    """One named tensor of a model: `shape` without client axis, and the axis of its input channels.

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
    """One step of a net: `in_shape` and `out_shape` are per sample."""

    name: str
    in_shape: Shape
    out_shape: Shape

    def tensors(self, index: int) -> tuple[TensorInfo, ...]:
        """Trainable tensors of this operation, given its index in the model."""
        return ()

    def flops(self) -> int:
        """Floating-point operations of the forward pass for one sample (a multiply-add counts two)."""
        return math.prod(self.out_shape)

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Map activations `(B, C, *in_shape)` to `(B, C, *out_shape)`."""
        raise TypeError(f"{type(self).__name__} has no forward rule of its own")


@dataclass(frozen=True)
class Linear(Op):
    """Affine map of the flattened activations, one batched matrix product for all clients."""

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

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """`y = x W' + b` per client."""
        flat = x.flatten(2).transpose(0, 1)
        return torch.baddbmm(p[self.bias].unsqueeze(1), flat, p[self.weight].transpose(1, 2)).transpose(0, 1)

    def grad_input(self, g: Tensor, p: Params) -> Tensor:
        """Gradient of the input `(B, C, *in_shape)`."""
        gx = torch.bmm(g.transpose(0, 1), p[self.weight]).transpose(0, 1)
        return gx.unflatten(2, self.in_shape)

    def grad_weight(self, g: Tensor, kept: Tensor, channels: Tensor | None) -> Tensor:
        """Gradient of the trained input features of the weight, `(C, out, n)`."""
        return torch.bmm(g.permute(1, 2, 0), kept.flatten(2).transpose(0, 1))

    def grad_bias(self, g: Tensor) -> Tensor:
        """Gradient of the bias, `(C, out)`."""
        return g.sum(0)


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

    def _sizes(self, x: Tensor) -> tuple[int, int, int, int]:
        B, C = x.shape[:2]
        return B, C * self.in_shape[0], math.prod(self.in_shape[1:]), C * self.groups

    def normalise(self, x: Tensor, p: Params) -> tuple[Tensor, Tensor, Tensor]:
        """Output and the mean and inverse deviation `(B, C * groups)` that the backward rule needs."""
        gain, bias = p[self.gain].flatten(), p[self.bias].flatten()
        y, mean, rstd = torch.ops.aten.native_group_norm(x, gain, bias, *self._sizes(x), self.eps)
        return y, mean, rstd

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Normalise within each group of channels of each sample."""
        return self.normalise(x, p)[0]

    def backward(
        self, g: Tensor, kept: tuple[Tensor, Tensor, Tensor], p: Params, need: tuple[bool, bool, bool]
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Gradients of input, gain `(C, channels)` and bias, each only where `need` says so."""
        x, mean, rstd = kept
        C = x.shape[1]
        gx, gain, bias = torch.ops.aten.native_group_norm_backward(
            g.contiguous(), x, mean, rstd, p[self.gain].flatten(), *self._sizes(x), list(need)
        )
        shaped = [v.view(C, -1) if v is not None else None for v in (gain, bias)]
        return gx, shaped[0], shaped[1]

    def grad_bias(self, g: Tensor) -> Tensor:
        """Gradient of the bias alone `(C, channels)`: needs nothing stored."""
        return g.flatten(3).sum((0, 3))


@dataclass(frozen=True)
class ReLU(Op):
    """Rectifier, in place: its backward needs one bit per entry, or the output when the next operation keeps it."""

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Cut off below zero, in place."""
        return x.relu_()


@dataclass(frozen=True)
class Pool(Op):
    """Mean over space: stores nothing."""

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Average each channel over its space axes."""
        return x.flatten(3).mean(3)

    def grad_input(self, g: Tensor, p: Params) -> Tensor:
        """Spread the gradient evenly."""
        space = self.in_shape[1:]
        g = g.div_(math.prod(space))
        return g.reshape(*g.shape, *([1] * len(space))).expand(*g.shape, *space).contiguous()


@dataclass(frozen=True)
class Fork(Op):
    """Start of a residual block: remembers the activations."""

    def flops(self) -> int:
        """Nothing is computed."""
        return 0


@dataclass(frozen=True)
class Join(Op):
    """End of a residual block: adds what its `Fork` remembered."""
