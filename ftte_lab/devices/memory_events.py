"""List the events of a training step, each as a sum of `bytes x decision` terms.

An event is the forward or backward pass of one operation; its terms are the tensors alive in it.
`backward.py` is the code that this file models. Joins, forks and rectifiers have no event of their
own: they work in place, and the event of the operation next to them is never smaller.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ftte_lab.devices.accounting import Accounting
from ftte_lab.models import Conv, Fork, GroupNorm, Join, Linear, MaxPool, Model, Op, ReLU, consumer


class Decision(NamedTuple):
    """Name one quantity that the choice of a subset decides; an event's memory is linear in them.

    kind: `count` (trained channels of a tensor), `all` (1 if all channels of a weight train),
        `reach` (1 if the gradient reaches the output of an operation), `norm` (1 if a group norm
        keeps its input), `mask` (1 if a rectifier keeps a mask of its own).
    target: the tensor's name for `count` and `all`, the operation's index for the others.
    """

    kind: str
    target: str | int


class Term(NamedTuple):
    """Describe one kind of tensor that is alive in an event.

    category: line of the bill. owner: name of the operation. decision: what the bytes are
    multiplied by, or `None` for always. bytes: per unit of the decision; negative where a tensor
    shares the storage of another.
    """

    category: str
    owner: str
    decision: Decision | None
    bytes: float


@dataclass(frozen=True)
class Row:
    """Hold one event and the terms that sum to what is alive in it."""

    event: str
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Optimiser:
    """State which vectors of trained entries the local optimiser keeps beside the weights."""

    momentum: bool = False
    correction: bool = False


@dataclass(frozen=True)
class _Sizes:
    """Bytes of the pieces of a step for one model, batch and accounting."""

    model: Model
    batch: int
    accounting: Accounting
    forks: dict[int, int] = field(default_factory=dict)
    """Operation inside a residual block -> the fork that opens the block."""

    def entries(self, shape: tuple[int, ...]) -> int:
        return self.batch * math.prod(shape)

    def activation(self, shape: tuple[int, ...]) -> float:
        return self.entries(shape) * self.accounting.activation_bytes

    def gradient(self, shape: tuple[int, ...]) -> float:
        return self.entries(shape) * self.accounting.activation_grad_bytes

    def statistics(self, op: GroupNorm) -> float:
        """Mean and inverse deviation per sample and group, always in fp32."""
        return 2 * self.batch * op.groups * 4

    def mask(self, op: ReLU) -> float:
        return math.ceil(self.entries(op.in_shape) * self.accounting.mask_bits / 8)

    def positions(self, op: MaxPool) -> float:
        return math.ceil(self.entries(op.out_shape) * self.accounting.position_bits / 8)

    def saved_input(self, op: Conv | Linear) -> float:
        """Saved bytes per trained input channel."""
        return self.activation(op.in_shape[1:]) if isinstance(op, Conv) else self.activation((1,))


def training_rows(
    model: Model, batch: int, accounting: Accounting, optimiser: Optimiser
) -> Iterator[Row]:
    """Yield the events of one training step in order: forward passes, the loss, backward passes."""
    s = _Sizes(model, batch, accounting, _inside_blocks(model))
    always = tuple(_always(s, optimiser))
    yield from _forward_rows(s, always)
    yield from _backward_rows(s, always)


def _forward_rows(s: _Sizes, always: tuple[Term, ...]) -> Iterator[Row]:
    """Forward passes and the loss: what was saved so far, and what the operation needs."""
    stored: list[Term] = []
    for i, op in enumerate(s.model.ops):
        if not isinstance(op, Fork | Join | ReLU):
            yield Row(f"forward {op.name}", (*always, *stored, *_forward(s, i, op)))
        stored += _stored(s, i, op)
    logits = s.entries((s.model.classes,)) * 4
    yield Row("loss", (*always, *stored, Term("transient", "loss", None, 2.0 * logits)))


def _backward_rows(s: _Sizes, always: tuple[Term, ...]) -> Iterator[Row]:
    """Backward passes: what is still saved, the gradients so far, and what the operation needs."""
    grads: list[Term] = []
    loss = Term("transient", "loss", None, 4.0)
    for i in range(len(s.model.ops) - 1, -1, -1):
        op = s.model.ops[i]
        own = list(_gradients(s, i))
        grads = own if s.accounting.fused else grads + own
        if isinstance(op, Fork | Join | ReLU):
            continue
        below = [t for j in range(i + 1) for t in _stored(s, j, s.model.ops[j])]
        alive = (*always, *below, *grads, loss, *_backward(s, i, op))
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


def _always(s: _Sizes, optimiser: Optimiser) -> Iterator[Term]:
    """Weights with the indices of partly trained ones, the optimiser's vectors, the batch."""
    widths = s.accounting
    for t in s.model.tensors.values():
        owner, count = s.model.ops[t.op].name, Decision("count", t.name)
        width = widths.weight_bytes if t.kind == "weight" else widths.vector_bytes
        yield Term("weights", owner, None, t.size * width)
        if t.kind == "weight":
            every = Decision("all", t.name)
            yield Term("weights", owner, count, widths.index_bytes)
            yield Term("weights", owner, every, -widths.index_bytes * t.channels)
        per_channel = t.size / t.channels * widths.grad_bytes
        if optimiser.momentum:
            yield Term("optimiser", owner, count, per_channel)
        if optimiser.correction:
            yield Term("correction", owner, count, per_channel)
    labels = s.batch * widths.label_bytes
    yield Term("batch", "batch", None, s.activation(s.model.input_shape) + labels)


def _stored(s: _Sizes, i: int, op: Op) -> Iterator[Term]:
    """What operation `i` saves for its backward pass."""
    if isinstance(op, Conv | Linear):
        yield Term("stored", op.name, Decision("count", op.weight), s.saved_input(op))
        if i == 0:  # all of its input is the batch, which is alive anyway
            every = Decision("all", op.weight)
            yield Term("stored", op.name, every, -s.activation(op.in_shape))
    elif isinstance(op, GroupNorm):
        saved = s.activation(op.in_shape) + s.statistics(op)
        yield Term("stored", op.name, Decision("norm", i), saved)
    elif isinstance(op, ReLU):
        yield Term("stored", op.name, Decision("mask", i), s.mask(op))
    elif isinstance(op, MaxPool):
        yield Term("stored", op.name, Decision("reach", i), s.positions(op))


def _forward(s: _Sizes, i: int, op: Op) -> Iterator[Term]:
    """Input, output, the saved slice, and the residual branch if it waits."""
    if i > 0:
        yield Term("transient", op.name, None, s.activation(op.in_shape))
    yield Term("transient", op.name, None, s.activation(op.out_shape))
    if isinstance(op, Conv | Linear):
        every = Decision("all", op.weight)
        yield Term("stored", op.name, Decision("count", op.weight), s.saved_input(op))
        yield Term("stored", op.name, every, -s.activation(op.in_shape))  # it is the input itself
    elif isinstance(op, GroupNorm):
        yield Term("transient", op.name, None, s.statistics(op))
    elif isinstance(op, MaxPool):
        yield Term("transient", op.name, None, s.positions(op))
    fork = s.forks.get(i)
    if fork is not None and i > fork + 1:
        waiting, opener = s.model.ops[fork], s.model.ops[fork + 1]
        assert isinstance(opener, Conv)  # noqa: S101 (a block begins with its expansion)
        branch = s.activation(waiting.in_shape)
        yield Term("transient", waiting.name, None, branch)
        yield Term("transient", waiting.name, Decision("all", opener.weight), -branch)


def _gradients(s: _Sizes, i: int) -> Iterator[Term]:
    op = s.model.ops[i]
    for t in op.tensors(i):
        per_channel = t.size / t.channels * s.accounting.grad_bytes
        yield Term("gradients", op.name, Decision("count", t.name), per_channel)


def _backward(s: _Sizes, i: int, op: Op) -> Iterator[Term]:
    """Gradient of the output; the residual branch's gradient while it waits."""
    yield Term("transient", op.name, Decision("reach", i), s.gradient(op.out_shape))
    fork = s.forks.get(i)
    if fork is not None and not isinstance(s.model.ops[i + 1], Join):
        waiting = s.model.ops[fork]
        reach = Decision("reach", fork - 1)
        yield Term("transient", waiting.name, reach, s.gradient(waiting.in_shape))


def _input_gradient(s: _Sizes, i: int, op: Op) -> Iterator[Term]:
    if i > 0:
        yield Term("transient", op.name, Decision("reach", i - 1), s.gradient(op.in_shape))


def _copied_gradient(s: _Sizes, op: Conv) -> Iterator[Term]:
    """A depthwise convolution's output gradients of the trained channels, if not all train."""
    per_channel = s.gradient(op.out_shape[1:])
    yield Term("transient", op.name, Decision("count", op.weight), per_channel)
    yield Term("transient", op.name, Decision("all", op.weight), -per_channel * op.in_shape[0])


def mask_links(model: Model) -> Iterator[tuple[int, str | None]]:
    """Yield each rectifier with the weight behind it.

    If all channels of that weight train, the rectifier needs no mask of its own.
    """
    for i, op in enumerate(model.ops):
        if isinstance(op, ReLU):
            after = model.ops[consumer(model, i)]
            yield i, after.weight if isinstance(after, Conv | Linear) else None
