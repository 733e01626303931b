"""Small nets as a list of operations with named tensors: an MLP, two small CNNs and deep, narrow MCUNet-like nets.

Why lists: a subset search, a memory bill and a trainer all need to walk the same net, layer by layer. Group norm only
(no statistics over the batch), and strides instead of max-pooling (whose indices cost 8 bytes an output) but for
`cnn-maxpool`, the textbook's CNN of many federated papers. The inverted
bottlenecks follow the *idea* of MobileNetV2 and MCUNet (narrow in, wide depthwise, narrow out); sizes are our own.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ftte_lab.models.forward import infer, walk
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
    Shape,
    TensorInfo,
)


@dataclass(frozen=True)
class Model:
    """A net: `input_shape` per sample, number of `classes`, and its operations from input to output."""

    name: str
    input_shape: Shape
    classes: int
    ops: tuple[Op, ...]

    @cached_property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """All trainable tensors by name, from input to output."""
        return {t.name: t for i, op in enumerate(self.ops) for t in op.tensors(i)}

    @cached_property
    def blocks(self) -> tuple[str, ...]:
        """Names of the blocks from input to output; `block2.expand` belongs to `block2`."""
        return tuple(dict.fromkeys(op.name.split(".")[0] for op in self.ops))

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(t.size for t in self.tensors.values())

    def init(self, seed: int, dtype: torch.dtype = torch.float32) -> Params:
        """Fresh parameters (He normal weights, gains 1, biases 0), the same for the same seed."""
        generator = torch.Generator().manual_seed(seed)
        params: Params = {}
        for t in self.tensors.values():
            if t.kind == "weight":
                fan_in = math.prod(t.shape[1:])
                last = t.op == len(self.ops) - 1
                scale = math.sqrt((1.0 if last else 2.0) / fan_in)
                params[t.name] = (
                    torch.randn(t.shape, generator=generator, dtype=torch.float64)
                    .mul_(scale)
                    .to(dtype)
                )
            else:
                params[t.name] = torch.full(t.shape, 1.0 if t.kind == "gain" else 0.0, dtype=dtype)
        return params

    def forward(self, params: Params, x: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Run operations `start` to `stop` on one model: `(n, *in_shape)` to logits `(n, classes)`.

        With `stop` before the end it gives the activations there (never cut inside a residual block).
        """
        return walk(infer, self.ops[start:stop], x, params)

    def to_json(self) -> str:
        """The net as text: each operation with its fields."""
        ops = [[type(op).__name__, dataclasses.asdict(op)] for op in self.ops]
        return json.dumps(
            {
                "name": self.name,
                "input_shape": self.input_shape,
                "classes": self.classes,
                "ops": ops,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Inverse of `to_json`.

        Raises:
            ValueError: text that describes no net.
        """
        try:
            raw = json.loads(text)
            types = (Conv, Fork, GroupNorm, Join, Linear, MaxPool, GlobalAvgPool, ReLU)
            kinds: dict[str, Callable[..., Op]] = {kind.__name__: kind for kind in types}
            shapes = ("in_shape", "out_shape")
            made = [
                kinds[kind](**{k: tuple(v) if k in shapes else v for k, v in values.items()})
                for kind, values in raw["ops"]
            ]
            return cls(raw["name"], tuple(raw["input_shape"]), raw["classes"], tuple(made))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"the text is no net ({error}); allowed: what Model.to_json writes."
            ) from error

    def flops(self) -> int:
        """Floating-point operations of one forward pass of one sample."""
        return sum(op.flops() for op in self.ops)
