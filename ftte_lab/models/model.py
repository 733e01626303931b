"""A net as a list of operations with named tensors.

A list, because the subset search, the memory bill and the trainers all go through the same net
operation by operation.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ftte_lab._common import brief, read_json, write_json
from ftte_lab.models.forward import infer, run_ops
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
    """Describe a net; its parameters are kept apart from it.

    Attributes:
        name: as in `MODELS`.
        input_shape: of one sample, `(channels, *space)`.
        classes: the number of outputs.
        ops: the operations from input to output.

    Example:
        >>> import torch
        >>> from ftte_lab.models import build
        >>> model = build("cnn", (1, 8, 8), 10)
        >>> params = model.init(seed=0)
        >>> model.forward(params, torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 10])
    """

    name: str
    input_shape: Shape
    classes: int
    ops: tuple[Op, ...]

    @cached_property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """Return all trainable tensors by name, from input to output."""
        return {t.name: t for i, op in enumerate(self.ops) for t in op.tensors(i)}

    @cached_property
    def blocks(self) -> tuple[str, ...]:
        """Return the names of the blocks in order; `block2.expand` belongs to `block2`."""
        return tuple(dict.fromkeys(op.name.split(".")[0] for op in self.ops))

    @property
    def size(self) -> int:
        """Return the number of parameters."""
        return sum(t.size for t in self.tensors.values())

    def init(self, seed: int, dtype: torch.dtype = torch.float32) -> Params:
        """Return initial parameters: He normal weights, gains 1, biases 0.

        Args:
            seed: the same seed gives the same parameters.
            dtype: of the tensors; the drawn numbers are the same up to rounding.
        """
        generator = torch.Generator("cpu").manual_seed(seed)
        params: Params = {}
        for t in self.tensors.values():
            if t.kind == "weight":
                fan_in = math.prod(t.shape[1:])
                last = t.op == len(self.ops) - 1
                scale = math.sqrt((1.0 if last else 2.0) / fan_in)
                drawn = torch.randn(t.shape, generator=generator, dtype=torch.float64, device="cpu")
                params[t.name] = drawn.mul_(scale).to(dtype)
            else:
                params[t.name] = torch.full(
                    t.shape, 1.0 if t.kind == "gain" else 0.0, dtype=dtype, device="cpu"
                )
        return params

    def forward(self, params: Params, x: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Run operations `start` to `stop` (exclusive).

        Args:
            params: as `init` returns them.
            x: inputs `(n, *in_shape)` of operation `start`; may be overwritten.
            start: index of the first operation.
            stop: index after the last operation, not inside a residual block; `None` for the end.

        Returns:
            Logits `(n, classes)`; with `stop` the activations there.
        """
        return run_ops(infer, self.ops[start:stop], x, params)

    def to_json(self) -> str:
        """Return the net as text: each operation with its fields."""
        ops = [[type(op).__name__, dataclasses.asdict(op)] for op in self.ops]
        fields = {"name": self.name, "input_shape": self.input_shape, "classes": self.classes}
        return write_json(fields | {"ops": ops})

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Return the net that `to_json` wrote.

        Raises:
            ValueError: the text does not describe a net.
        """
        raw = read_json(text, "the text does not describe a net and", "what Model.to_json writes")
        try:
            types = (Conv, Fork, GroupNorm, Join, Linear, MaxPool, GlobalAvgPool, ReLU)
            kinds: dict[str, Callable[..., Op]] = {kind.__name__: kind for kind in types}
            shapes = ("in_shape", "out_shape")
            made = [
                kinds[kind](**{k: tuple(v) if k in shapes else v for k, v in values.items()})
                for kind, values in raw["ops"]
            ]
            return cls(raw["name"], tuple(raw["input_shape"]), raw["classes"], tuple(made))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f"the text does not describe a net ({brief(error)}); "
                "allowed: what Model.to_json writes."
            ) from error

    def flops(self) -> int:
        """Return the floating-point operations of the forward pass of one sample."""
        return sum(op.flops() for op in self.ops)
