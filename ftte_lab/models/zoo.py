"""The nets by name, and the `Builder` that puts them together.

Shipped are an MLP, three small CNNs and two deep, narrow nets. Convolutions are followed by group
norm, which has no statistics over the batch. They use strides instead of max-pooling, whose indices
cost 8 bytes per output; the exceptions are `cnn-maxpool`, the CNN of many federated papers, and
`cnn-gap`, the same with the mean over space before its classifier. Inverted bottlenecks follow the
idea of MobileNetV2 and MCUNet (narrow in, wide depthwise, narrow out); their sizes are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ftte_lab._common import Registry, callable_entry, choice, integer, require
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

_MOST_CLASSES = 1_000_000
_SMALLEST_AXIS = 8


class Builder:
    """Collect the operations of a net, and keep track of the shape of its activations.

    Attributes:
        shape: of the activations after the last operation, `(channels, *space)`.
        ops: the operations so far.

    Example:
        >>> from ftte_lab.models import MODELS, build
        >>> def two_layers(b, classes):
        ...     b.conv("conv1", 8, kernel=3, stride=2)
        ...     b.pool()
        ...     b.linear("head", classes)
        >>> MODELS["mine"] = two_layers
        >>> model = build("mine", (1, 8, 8), 10)
        >>> [type(op).__name__ for op in model.ops]
        ['Conv', 'GroupNorm', 'ReLU', 'GlobalAvgPool', 'Linear']
        >>> del MODELS["mine"]
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.ops: list[Op] = []

    def _add(self, op: Op) -> None:
        taken = any(op.name == other.name for other in self.ops)
        require(not taken, f"two operations are named {op.name!r}", "different names")
        smallest = min(op.out_shape)
        problem = f"{op.name!r} turns shape {op.in_shape} into {op.out_shape}"
        require(smallest >= 1, problem, "at least 1 on every axis", "Use fewer strides and pools")
        self.ops.append(op)
        self.shape = op.out_shape

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
        """Add a convolution, its group norm, and a rectifier.

        Args:
            name: of the convolution; what comes before the first dot names the block.
            out: output channels.
            kernel: size of the kernel along each space axis; padding is `kernel // 2`.
            stride: along each space axis.
            depthwise: one filter per channel; then `out` equals the input channels.
            relu: add a rectifier.
            maxpool: halve each space axis, before the rectifier: the same function as after it,
                and the rectifier stores a quarter of the mask.

        Raises:
            ValueError: a name that is taken, a number out of range, or activations without space.
        """
        for label, value in (("out", out), ("kernel", kernel), ("stride", stride)):
            integer(f"{label} of {name}", value, 1)
        channels, *space = self.shape
        problem = f"{name!r} is a convolution on shape {self.shape}"
        require(len(space) > 0, problem, "(channels, *space)", "Put it before pool and linear")
        equal = not depthwise or out == channels
        require(equal, f"out = {out} of depthwise {name!r}", f"the input channels, {channels}")
        shape = (out, *[(s + 2 * (kernel // 2) - kernel) // stride + 1 for s in space])
        groups = channels if depthwise else 1
        self._add(Conv(name, self.shape, shape, kernel=kernel, stride=stride, groups=groups))
        norm_groups = next(g for g in (4, 2, 1) if out % g == 0)
        self._add(GroupNorm(f"{name}.norm", shape, shape, groups=norm_groups))
        if maxpool:
            self._add(MaxPool(f"{name}.pool", shape, (out, *[s // 2 for s in shape[1:]])))
        if relu:
            self._add(ReLU(f"{name}.relu", self.shape, self.shape))

    def bottleneck(self, name: str, out: int, stride: int, expansion: int) -> None:
        """Add an inverted bottleneck: expand, depthwise, project.

        It is residual if shape and stride allow it.

        Args:
            name: of the block.
            out: output channels.
            stride: of the depthwise convolution.
            expansion: inner channels per input channel.

        Raises:
            ValueError: as `conv`.
        """
        integer(f"expansion of {name}", expansion, 1)
        inner = self.shape[0] * expansion
        kernel = 5 if len(self.shape) == 2 else 3
        residual = stride == 1 and out == self.shape[0]
        if residual:
            self._add(Fork(f"{name}.fork", self.shape, self.shape))
        self.conv(f"{name}.expand", inner, 1)
        self.conv(f"{name}.depthwise", inner, kernel, stride, depthwise=True)
        self.conv(f"{name}.project", out, 1, relu=False)
        if residual:
            self._add(Join(f"{name}.join", self.shape, self.shape))

    def linear(self, name: str, out: int, relu: bool = False) -> None:
        """Add an affine map of the flattened activations, and a rectifier if wanted.

        Raises:
            ValueError: a name that is taken, or `out` is not a positive integer.
        """
        integer(f"out of {name}", out, 1)
        self._add(Linear(name, self.shape, (out,)))
        if relu:
            self._add(ReLU(f"{name}.relu", self.shape, self.shape))

    def pool(self) -> None:
        """Add the mean over space: one value per channel remains.

        Raises:
            ValueError: it was added before.
        """
        self._add(GlobalAvgPool("head.pool", self.shape, self.shape[:1]))


def _mlp(b: Builder, classes: int) -> None:
    b.linear("hidden1", 64, relu=True)
    b.linear("hidden2", 32, relu=True)
    b.linear("head", classes)


def _cnn(b: Builder, classes: int) -> None:
    one_d = len(b.shape) == 2
    kernel = 5 if one_d else 3
    b.conv("conv1", 16, kernel, stride=2 if b.shape[1] >= 16 else 1)
    b.conv("conv2", 32, kernel, stride=2)
    b.conv("conv3", 32, kernel, stride=2)
    b.pool()
    b.linear("head", classes)


def _cnn_maxpool(b: Builder, classes: int) -> None:
    for i, out in enumerate((16, 32, 64), 1):
        b.conv(f"conv{i}", out, 3, maxpool=True)
    b.linear("head", classes)


def _cnn_gap(b: Builder, classes: int) -> None:
    """Take the means over space to the classifier: a 15th of its parameters for colour images."""
    for i, out in enumerate((16, 32, 64), 1):
        b.conv(f"conv{i}", out, 3, maxpool=True)
    b.pool()
    b.linear("head", classes)


# (channels out, stride, expansion) of each inverted bottleneck, after a stem of the given width.
_MCUNET = {
    "mcunet-s": (8, [(16, 2, 2), (16, 1, 2), (24, 2, 2), (24, 1, 2), (32, 2, 2)]),
    "mcunet-m": (
        16,
        [(24, 2, 3), (24, 1, 3), (32, 2, 3), (32, 1, 3), (48, 2, 3), (48, 1, 3), (64, 1, 3)],
    ),
}


def _mcunet(size: str, b: Builder, classes: int) -> None:
    width, blocks = _MCUNET[size]
    one_d = len(b.shape) == 2
    stem = 2 if b.shape[1] >= 16 else 1
    b.conv("stem", width, 7 if one_d else 3, stride=stem)
    for i, (out, stride, expansion) in enumerate(blocks, 1):
        b.bottleneck(f"block{i}", out, stride, expansion)
    b.pool()
    b.linear("head", classes)


MODELS: Registry[Callable[[Builder, int], None]] = Registry(
    "model",
    {
        "mlp": _mlp,
        "cnn": _cnn,
        "cnn-maxpool": _cnn_maxpool,
        "cnn-gap": _cnn_gap,
        "mcunet-s": partial(_mcunet, "mcunet-s"),
        "mcunet-m": partial(_mcunet, "mcunet-m"),
    },
    callable_entry("model"),
)
"""The nets by name. Add yours: `MODELS["mine"] = lambda b, classes: ...`, see `Builder`."""


def build(name: str, input_shape: Shape, classes: int) -> Model:
    """Build one of `MODELS`.

    Args:
        name: of the net.
        input_shape: of one sample, `(channels, length)` or `(channels, height, width)`.
        classes: at least two.

    Raises:
        ValueError: an unknown name, fewer than two classes, an input that the net cannot take, or a
            net of your own that does not end with a linear map to `classes` outputs.

    Example:
        >>> from ftte_lab.models import build
        >>> model = build("mcunet-s", (3, 32, 32), 10)
        >>> model.size, model.blocks
        (10754, ('stem', 'block1', 'block2', 'block3', 'block4', 'block5', 'head'))
    """
    choice("model", name, MODELS)
    classes = integer("classes", classes, 2, _MOST_CLASSES)
    axes = len(input_shape) in (2, 3) and all(isinstance(s, int) and s >= 1 for s in input_shape)
    problem = f"input_shape = {input_shape!r}"
    require(axes, problem, "(channels, length) or (channels, height, width), all at least 1")
    if name not in ("mlp", *MODELS.own):
        allowed = f"space axes of at least {_SMALLEST_AXIS} for {name!r}"
        require(min(input_shape[1:]) >= _SMALLEST_AXIS, problem, allowed, "Use model 'mlp'")
    builder = Builder(input_shape)
    MODELS[name](builder, classes)
    last = builder.ops[-1] if builder.ops else None
    require(
        isinstance(last, Linear) and last.out_shape == (classes,),
        f"the model {name!r} ends with {last!r}",
        f"a linear map to {classes} outputs",
        'End it with b.linear("head", classes)',
    )
    return Model(name, input_shape, classes, tuple(builder.ops))
