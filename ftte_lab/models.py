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

from ftte_lab._inference import infer, walk
from ftte_lab._require import one_of, require
from ftte_lab.ops import Conv, Fork, GroupNorm, Join, Linear, MaxPool, Op, Params, Pool, ReLU, Shape, TensorInfo


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
                params[t.name] = torch.randn(t.shape, generator=generator, dtype=torch.float64).mul_(scale).to(dtype)
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
        return json.dumps({"name": self.name, "input_shape": self.input_shape, "classes": self.classes, "ops": ops})

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Inverse of `to_json`.

        Raises:
            ValueError: text that describes no net.
        """
        try:
            raw = json.loads(text)
            types = (Conv, Fork, GroupNorm, Join, Linear, MaxPool, Pool, ReLU)
            kinds: dict[str, Callable[..., Op]] = {kind.__name__: kind for kind in types}
            shapes = ("in_shape", "out_shape")
            made = [
                kinds[kind](**{k: tuple(v) if k in shapes else v for k, v in values.items()})
                for kind, values in raw["ops"]
            ]
            return cls(raw["name"], tuple(raw["input_shape"]), raw["classes"], tuple(made))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the text is no net ({error}); allowed: what Model.to_json writes.") from error

    def flops(self) -> int:
        """Floating-point operations of one forward pass of one sample."""
        return sum(op.flops() for op in self.ops)


class _Builder:
    """Collects operations while tracking the activation shape."""

    def __init__(self, shape: Shape) -> None:
        self.shape, self.ops = shape, list[Op]()

    def conv(
        self,
        name: str,
        out: int,
        kernel: int,
        stride: int = 1,
        depthwise: bool = False,
        relu: bool = True,
        maxpool: bool = False,
    ) -> None:
        channels, *space = self.shape
        shape = (out, *[(s + 2 * (kernel // 2) - kernel) // stride + 1 for s in space])
        groups = channels if depthwise else 1
        self.ops.append(Conv(name, self.shape, shape, kernel=kernel, stride=stride, groups=groups))
        self.shape = shape
        norm_groups = next(g for g in (4, 2, 1) if out % g == 0)
        self.ops.append(GroupNorm(f"{name}.norm", shape, shape, groups=norm_groups))
        if maxpool:  # before the rectifier: the same function as after it, with a quarter of the mask
            self.shape = (out, *[s // 2 for s in shape[1:]])
            self.ops.append(MaxPool(f"{name}.pool", shape, self.shape))
        if relu:
            self.ops.append(ReLU(f"{name}.relu", self.shape, self.shape))

    def bottleneck(self, name: str, out: int, stride: int, expansion: int) -> None:
        inner = self.shape[0] * expansion
        residual = stride == 1 and out == self.shape[0]
        if residual:
            self.ops.append(Fork(f"{name}.fork", self.shape, self.shape))
        self.conv(f"{name}.expand", inner, 1)
        self.conv(f"{name}.depthwise", inner, 5 if len(self.shape) == 2 else 3, stride, depthwise=True)
        self.conv(f"{name}.project", out, 1, relu=False)
        if residual:
            self.ops.append(Join(f"{name}.join", self.shape, self.shape))

    def linear(self, name: str, out: int, relu: bool = False) -> None:
        self.ops.append(Linear(name, self.shape, (out,)))
        self.shape = (out,)
        if relu:
            self.ops.append(ReLU(f"{name}.relu", self.shape, self.shape))

    def pool(self) -> None:
        self.ops.append(Pool("head.pool", self.shape, self.shape[:1]))
        self.shape = self.shape[:1]


def _mlp(b: _Builder, classes: int) -> None:
    b.linear("hidden1", 64, relu=True)
    b.linear("hidden2", 32, relu=True)
    b.linear("head", classes)


def _cnn(b: _Builder, classes: int) -> None:
    one_d = len(b.shape) == 2
    kernel = 5 if one_d else 3
    b.conv("conv1", 16, kernel, stride=2 if b.shape[1] >= 16 else 1)
    b.conv("conv2", 32, kernel, stride=2)
    b.conv("conv3", 32, kernel, stride=2)
    b.pool()
    b.linear("head", classes)


def _cnn_maxpool(b: _Builder, classes: int) -> None:
    for i, out in enumerate((16, 32, 64), 1):
        b.conv(f"conv{i}", out, 3, maxpool=True)
    b.linear("head", classes)


# (channels out, stride, expansion) of each inverted bottleneck, after a stem of the given width.
_MCUNET = {
    "mcunet-s": (8, [(16, 2, 2), (16, 1, 2), (24, 2, 2), (24, 1, 2), (32, 2, 2)]),
    "mcunet-m": (16, [(24, 2, 3), (24, 1, 3), (32, 2, 3), (32, 1, 3), (48, 2, 3), (48, 1, 3), (64, 1, 3)]),
}


def _mcunet(size: str) -> Callable[[_Builder, int], None]:
    def build_into(b: _Builder, classes: int) -> None:
        width, blocks = _MCUNET[size]
        one_d = len(b.shape) == 2
        stem = 2 if b.shape[1] >= 16 else 1
        b.conv("stem", width, 7 if one_d else 3, stride=stem)
        for i, (out, stride, expansion) in enumerate(blocks, 1):
            b.bottleneck(f"block{i}", out, stride, expansion)
        b.pool()
        b.linear("head", classes)

    return build_into


MODELS: dict[str, Callable[[_Builder, int], None]] = {
    "mlp": _mlp,
    "cnn": _cnn,
    "cnn-maxpool": _cnn_maxpool,
    "mcunet-s": _mcunet("mcunet-s"),
    "mcunet-m": _mcunet("mcunet-m"),
}


def build(name: str, input_shape: Shape, classes: int) -> Model:
    """Build one of `MODELS` for inputs `(channels, length)` or `(channels, height, width)`.

    Raises:
        ValueError: unknown name, fewer than two classes, or an input the net cannot take.
    """
    one_of("model", name, MODELS)
    require(isinstance(classes, int) and classes >= 2, f"classes = {classes!r}", "a whole number from 2 upwards")
    image = len(input_shape) in (2, 3) and all(isinstance(s, int) and s >= 1 for s in input_shape)
    require(
        image,
        f"input_shape = {input_shape!r}",
        "(channels, length) or (channels, height, width), all at least 1",
    )
    if name != "mlp":
        smallest = min(input_shape[1:])
        require(
            smallest >= 8,
            f"input_shape = {input_shape!r}",
            f"space axes of at least 8 for {name!r}",
            "Use model 'mlp'",
        )
    builder = _Builder(input_shape)
    MODELS[name](builder, classes)
    return Model(name, input_shape, classes, tuple(builder.ops))
