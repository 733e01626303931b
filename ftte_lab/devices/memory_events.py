"""The rows of the memory bill: every event of a training step as a sum of `size × decision` terms.

Lists, for every forward and backward step, the tensors that are alive; `backward` is the code it models. Masks and
rectifiers have no row of their own: they work in place, and the row of the operation behind or before them is never
smaller.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ftte_lab.models import Conv, Fork, GroupNorm, Join, Linear, MaxPool, Model, Op, ReLU, consumer

# (category, operation, decision variable or "" for always, bytes per unit of the decision)
Term = tuple[str, str, str, float]


@dataclass(frozen=True)
class Accounting:
    """Bytes per entry of everything that can be alive.

    `pytorch`: what fp32 tensors take, masks one byte an entry, all gradients kept until the optimiser steps.
    `tiny`: the setting of Lin et al. 2022 as we reconstruct it: 8-bit weights and activations, 32-bit gains and
    biases, 1-bit masks, 8-bit activation gradients, 32-bit weight gradients that are applied and forgotten at once.
    The place of a maximum takes an int64 in the one and two bits in the other.
    """

    name: str
    weight_bytes: float
    vector_bytes: float
    activation_bytes: float
    activation_grad_bytes: float
    grad_bytes: float
    mask_bits: int
    place_bits: int
    label_bytes: int
    fused: bool


ACCOUNTINGS: Mapping[str, Accounting] = {
    "pytorch": Accounting("pytorch", 4, 4, 4, 4, 4, 8, 64, 8, fused=False),
    "pytorch-fused": Accounting("pytorch-fused", 4, 4, 4, 4, 4, 8, 64, 8, fused=True),
    "tiny": Accounting("tiny", 1, 4, 1, 1, 4, 1, 2, 1, fused=True),
}


@dataclass(frozen=True)
class Row:
    """One event and the terms that sum to what is alive in it."""

    event: str
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class _Sizes:
    """Bytes of the pieces of a step for one model, batch and accounting."""

    model: Model
    batch: int
    kind: Accounting
    momentum: bool
    forks: dict[int, int] = field(
        default_factory=dict
    )  # operation inside a residual block -> its fork

    def entries(self, shape: tuple[int, ...]) -> int:
        return self.batch * math.prod(shape)

    def act(self, shape: tuple[int, ...]) -> float:
        return self.entries(shape) * self.kind.activation_bytes

    def grad(self, shape: tuple[int, ...]) -> float:
        return self.entries(shape) * self.kind.activation_grad_bytes

    def stats(self, op: GroupNorm) -> float:
        return 2 * self.batch * op.groups * 4  # mean and inverse deviation stay in fp32

    def places(self, op: MaxPool) -> float:
        return math.ceil(self.entries(op.out_shape) * self.kind.place_bits / 8)

    def per_channel(self, op: Conv | Linear) -> float:
        """Stored bytes per trained input channel."""
        shape = op.in_shape if isinstance(op, Conv) else (math.prod(op.in_shape),)
        return self.act(shape[1:]) if len(shape) > 1 else self.act((1,))


def training_rows(model: Model, batch: int, kind: Accounting, momentum: bool) -> Iterator[Row]:
    """All events of one training step, in order: forward passes, the loss, backward passes."""
    s = _Sizes(model, batch, kind, momentum, _inside_blocks(model))
    always = tuple(_always(s))
    stored: list[Term] = []
    for i, op in enumerate(model.ops):
        if not isinstance(op, Fork | Join | ReLU):
            yield Row(f"forward {op.name}", (*always, *stored, *_forward(s, i, op)))
        stored += _stored(s, i, op)
    logits = s.entries((model.classes,)) * 4
    loss = [("transient", "loss", "", 2.0 * logits)]
    yield Row("loss", (*always, *stored, *loss))
    grads: list[Term] = []
    for i in range(len(model.ops) - 1, -1, -1):
        op = model.ops[i]
        own = list(_gradients(s, i))
        grads = own if kind.fused else grads + own
        if not isinstance(op, Fork | Join | ReLU):
            below = [t for j in range(i + 1) for t in _stored(s, j, model.ops[j])]
            alive = (*always, *below, *grads, ("transient", "loss", "", 4.0), *_backward(s, i, op))
            if isinstance(op, Conv) and op.depthwise:
                yield Row(f"backward {op.name} weight", (*alive, *_copied_gradient(s, op)))
            yield Row(f"backward {op.name}", (*alive, *_input_gradient(s, i, op)))


def _inside_blocks(model: Model) -> dict[int, int]:
    inside: dict[int, int] = {}
    fork = -1
    for i, op in enumerate(model.ops):
        if isinstance(op, Fork):
            fork = i
        elif isinstance(op, Join):
            fork = -1
        elif fork >= 0:
            inside[i] = fork
    return inside


def _always(s: _Sizes) -> Iterator[Term]:
    """Weights, optimiser state, the batch."""
    for t in s.model.tensors.values():
        width = s.kind.weight_bytes if t.kind == "weight" else s.kind.vector_bytes
        yield "weights", s.model.ops[t.op].name, "", t.size * width
        if t.kind == "weight":  # the indices of a partly trained weight, as int64 (tiny: one byte)
            index = 8.0 if s.kind.name != "tiny" else 1.0
            yield "weights", s.model.ops[t.op].name, f"count:{t.name}", index
            yield "weights", s.model.ops[t.op].name, f"whole:{t.name}", -index * t.channels
        if s.momentum:
            per_channel = t.size / t.channels
            yield (
                "optimiser",
                s.model.ops[t.op].name,
                f"count:{t.name}",
                per_channel * s.kind.grad_bytes,
            )
    yield "batch", "batch", "", s.act(s.model.input_shape) + s.batch * s.kind.label_bytes


def _stored(s: _Sizes, i: int, op: Op) -> Iterator[Term]:
    """What operation `i` keeps for its backward pass."""
    if isinstance(op, Conv | Linear):
        yield "stored", op.name, f"count:{op.weight}", s.per_channel(op)
        if i == 0:  # its whole input is the batch, which is alive anyway
            yield "stored", op.name, f"whole:{op.weight}", -s.act(op.in_shape)
    elif isinstance(op, GroupNorm):
        yield "stored", op.name, f"norm:{i}", s.act(op.in_shape) + s.stats(op)
    elif isinstance(op, ReLU):
        yield (
            "stored",
            op.name,
            f"mask:{i}",
            math.ceil(s.entries(op.in_shape) * s.kind.mask_bits / 8),
        )
    elif isinstance(op, MaxPool):
        yield "stored", op.name, f"reach:{i}", s.places(op)


def _forward(s: _Sizes, i: int, op: Op) -> Iterator[Term]:
    """Input, output, the stored slice, and the residual branch if it waits."""
    if i > 0:
        yield "transient", op.name, "", s.act(op.in_shape)
    yield "transient", op.name, "", s.act(op.out_shape)
    if isinstance(op, Conv | Linear):
        yield "stored", op.name, f"count:{op.weight}", s.per_channel(op)
        yield "stored", op.name, f"whole:{op.weight}", -s.act(op.in_shape)  # an alias of the input
    elif isinstance(op, GroupNorm):
        yield "transient", op.name, "", s.stats(op)
    elif isinstance(op, MaxPool):
        yield "transient", op.name, "", s.places(op)
    fork = s.forks.get(i)
    if fork is not None and i > fork + 1:
        waiting = s.model.ops[fork]
        yield "transient", waiting.name, "", s.act(waiting.in_shape)
        opener = s.model.ops[fork + 1]
        assert isinstance(opener, Conv)  # noqa: S101 (a fork is always followed by the block's expansion)
        yield (
            "transient",
            waiting.name,
            f"whole:{opener.weight}",
            -s.act(waiting.in_shape),
        )  # stored by it anyway


def _gradients(s: _Sizes, i: int) -> Iterator[Term]:
    op = s.model.ops[i]
    for t in op.tensors(i):
        yield "gradients", op.name, f"count:{t.name}", t.size / t.channels * s.kind.grad_bytes


def _backward(s: _Sizes, i: int, op: Op) -> Iterator[Term]:
    """Gradient of the output; the residual branch's gradient while it waits."""
    yield "transient", op.name, f"reach:{i}", s.grad(op.out_shape)
    fork = s.forks.get(i)
    if fork is not None and not isinstance(s.model.ops[i + 1], Join):
        waiting = s.model.ops[fork]
        yield "transient", waiting.name, f"reach:{fork - 1}", s.grad(waiting.in_shape)


def _input_gradient(s: _Sizes, i: int, op: Op) -> Iterator[Term]:
    if i > 0:
        yield "transient", op.name, f"reach:{i - 1}", s.grad(op.in_shape)


def _copied_gradient(s: _Sizes, op: Conv) -> Iterator[Term]:
    """The output gradients of the trained channels of a depthwise convolution, copied out for its weight gradient."""
    per_channel = s.grad(op.out_shape[1:])
    yield "transient", op.name, f"count:{op.weight}", per_channel
    yield "transient", op.name, f"whole:{op.weight}", -per_channel * op.in_shape[0]


def mask_links(model: Model) -> Iterator[tuple[int, str | None]]:
    """Each rectifier with the weight whose whole training makes its mask needless (the search needs the link)."""
    for i, op in enumerate(model.ops):
        if isinstance(op, ReLU):
            after = model.ops[consumer(model, i)]
            yield i, after.weight if isinstance(after, Conv | Linear) else None
