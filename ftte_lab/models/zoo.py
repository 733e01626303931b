"""The shipped nets by name, and how they are put together."""

from __future__ import annotations

from collections.abc import Callable

from ftte_lab._common import choice, require
from ftte_lab.models.model import Model
from ftte_lab.models.ops import (
    Conv,
    Fork,
    GlobalAvgPool,
    GroupNorm,
    Join,
    Linear,
    MaxPool,
    Op,
    ReLU,
    Shape,
)


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
        if (
            maxpool
        ):  # before the rectifier: the same function as after it, with a quarter of the mask
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
        self.conv(
            f"{name}.depthwise", inner, 5 if len(self.shape) == 2 else 3, stride, depthwise=True
        )
        self.conv(f"{name}.project", out, 1, relu=False)
        if residual:
            self.ops.append(Join(f"{name}.join", self.shape, self.shape))

    def linear(self, name: str, out: int, relu: bool = False) -> None:
        self.ops.append(Linear(name, self.shape, (out,)))
        self.shape = (out,)
        if relu:
            self.ops.append(ReLU(f"{name}.relu", self.shape, self.shape))

    def pool(self) -> None:
        self.ops.append(GlobalAvgPool("head.pool", self.shape, self.shape[:1]))
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
    "mcunet-m": (
        16,
        [(24, 2, 3), (24, 1, 3), (32, 2, 3), (32, 1, 3), (48, 2, 3), (48, 1, 3), (64, 1, 3)],
    ),
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
    choice("model", name, MODELS)
    require(
        isinstance(classes, int) and classes >= 2,
        f"classes = {classes!r}",
        "a whole number from 2 upwards",
    )
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
