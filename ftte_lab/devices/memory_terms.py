"""State what may be alive in a training step, each kind of tensor as `bytes x decision`.

`backward.py` is the code that these terms model, operation by operation. `memory_events.py` says
when each of them is alive.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ftte_lab.devices.accounting import Accounting
from ftte_lab.devices.local_step import LocalStep
from ftte_lab.models import Conv, Fork, GroupNorm, Join, Linear, MaxPool, Model, ReLU


class Decision(NamedTuple):
    """Name one quantity that the choice of a subset decides; an event's memory is linear in them.

    Attributes:
        kind: `count` (trained channels of a tensor), `all` (1 if all channels of a weight train),
            `reach` (1 if the gradient reaches the output of an operation), `norm` (1 if a group
            norm keeps its input), `mask` (1 if a rectifier keeps a mask of its own).
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
class Terms:
    """List what may be alive for one model, accounting and way to take a local step.

    `segments`: the operations of each; all but the last are run again if the gradient reaches them.
    """

    model: Model
    accounting: Accounting
    step: LocalStep
    segments: tuple[range, ...]

    @cached_property
    def segment_of(self) -> tuple[range, ...]:
        """Return the segment of each operation."""
        return tuple(one for one in self.segments for _ in one)

    @cached_property
    def forks(self) -> dict[int, int]:
        """Return the fork that opens the residual block, by operation inside the block."""
        inside: dict[int, int] = {}
        fork = -1
        for i, op in enumerate(self.model.ops):
            if isinstance(op, Fork):
                fork = i
            elif isinstance(op, Join):
                fork = -1
            elif fork >= 0:
                inside[i] = fork
        return inside

    def runs_again(self, segment: range) -> bool:
        """Return whether the backward pass runs a segment again if it reaches it."""
        return segment != self.segments[-1]

    def entries(self, shape: tuple[int, ...]) -> int:
        """Return the entries of activations of the samples that are passed at once."""
        return self.step.at_once * math.prod(shape)

    def activation(self, shape: tuple[int, ...]) -> float:
        """Return the bytes of activations."""
        return self.entries(shape) * self.accounting.activation_bytes

    def gradient(self, shape: tuple[int, ...]) -> float:
        """Return the bytes of gradients of activations."""
        return self.entries(shape) * self.accounting.activation_grad_bytes

    def statistics(self, op: GroupNorm) -> float:
        """Return the bytes of mean and inverse deviation per sample and group, always in fp32."""
        return 2 * self.step.at_once * op.groups * 4

    def mask(self, op: ReLU) -> float:
        """Return the bytes of a rectifier's mask."""
        return math.ceil(self.entries(op.in_shape) * self.accounting.mask_bits / 8)

    def positions(self, op: MaxPool) -> float:
        """Return the bytes of the positions of maxima."""
        return math.ceil(self.entries(op.out_shape) * self.accounting.position_bits / 8)

    def saved_input(self, op: Conv | Linear) -> float:
        """Return the saved bytes per trained input channel."""
        return self.activation(op.in_shape[1:]) if isinstance(op, Conv) else self.activation((1,))

    def always(self) -> Iterator[Term]:
        """Yield weights with indices, the optimiser's vectors, the batch, accumulators."""
        widths, step = self.accounting, self.step
        for t in self.model.tensors.values():
            owner, count = self.model.ops[t.op].name, Decision("count", t.name)
            width = widths.weight_bytes if t.kind == "weight" else widths.vector_bytes
            yield Term("weights", owner, None, t.size * width)
            if t.kind == "weight":
                every = Decision("all", t.name)
                yield Term("weights", owner, count, widths.index_bytes)
                yield Term("weights", owner, every, -widths.index_bytes * t.channels)
            per_channel = t.size / t.channels * widths.grad_bytes
            if step.momentum:
                yield Term("optimiser", owner, count, per_channel)
            if step.correction:
                yield Term("correction", owner, count, per_channel)
        inputs = step.batch * math.prod(self.model.input_shape) * widths.activation_bytes
        yield Term("batch", "batch", None, inputs + step.batch * widths.label_bytes)
        if step.accumulates:
            for i in range(len(self.model.ops)):
                yield from self.gradients(i)

    def stored(self, i: int) -> Iterator[Term]:
        """Yield what operation `i` saves for its backward pass."""
        op = self.model.ops[i]
        if isinstance(op, Conv | Linear):
            yield Term("stored", op.name, Decision("count", op.weight), self.saved_input(op))
            if i == 0:  # all of its input is the batch, which is alive anyway
                every = Decision("all", op.weight)
                yield Term("stored", op.name, every, -self.activation(op.in_shape))
        elif isinstance(op, GroupNorm):
            saved = self.activation(op.in_shape) + self.statistics(op)
            yield Term("stored", op.name, Decision("norm", i), saved)
        elif isinstance(op, ReLU):
            segment = self.segment_of[i]
            alone = self.runs_again(segment) and i == segment[-1]  # no one keeps its output then
            yield Term("stored", op.name, Decision("reach" if alone else "mask", i), self.mask(op))
        elif isinstance(op, MaxPool):
            yield Term("stored", op.name, Decision("reach", i), self.positions(op))

    def stored_inputs(self, segment: range) -> Iterator[Term]:
        """Yield the input that is kept to run a segment again; the first one's is the batch."""
        if segment[0] > 0 and self.runs_again(segment):
            op = self.model.ops[segment[0]]
            reach = Decision("reach", segment[-1])
            yield Term("stored", op.name, reach, self.activation(op.in_shape))

    def forward(self, i: int, saves: bool) -> Iterator[Term]:
        """Yield input, output, the saved slice, and the residual branch if it waits."""
        op = self.model.ops[i]
        if i > 0:
            yield Term("transient", op.name, None, self.activation(op.in_shape))
        yield Term("transient", op.name, None, self.activation(op.out_shape))
        if isinstance(op, Conv | Linear) and saves:
            every = Decision("all", op.weight)
            yield Term("stored", op.name, Decision("count", op.weight), self.saved_input(op))
            yield Term("stored", op.name, every, -self.activation(op.in_shape))  # the input itself
        elif isinstance(op, GroupNorm):
            yield Term("transient", op.name, None, self.statistics(op))
        elif isinstance(op, MaxPool):
            yield Term("transient", op.name, None, self.positions(op))
        yield from self._waiting_branch(i, saves)

    def _waiting_branch(self, i: int, saves: bool) -> Iterator[Term]:
        fork = self.forks.get(i)
        if fork is None or i == fork + 1:
            return
        waiting, opener = self.model.ops[fork], self.model.ops[fork + 1]
        assert isinstance(opener, Conv)  # noqa: S101 (a block begins with its expansion)
        branch = self.activation(waiting.in_shape)
        yield Term("transient", waiting.name, None, branch)
        if saves:
            yield Term("transient", waiting.name, Decision("all", opener.weight), -branch)

    def gradients(self, i: int) -> Iterator[Term]:
        """Yield the gradients of what operation `i` trains."""
        op = self.model.ops[i]
        for t in op.tensors(i):
            per_channel = t.size / t.channels * self.accounting.grad_bytes
            yield Term("gradients", op.name, Decision("count", t.name), per_channel)

    def backward(self, i: int) -> Iterator[Term]:
        """Yield the gradient of the output, and the residual branch's while it waits."""
        op = self.model.ops[i]
        yield Term("transient", op.name, Decision("reach", i), self.gradient(op.out_shape))
        fork = self.forks.get(i)
        if fork is not None and not isinstance(self.model.ops[i + 1], Join):
            waiting = self.model.ops[fork]
            reach = Decision("reach", fork - 1)
            yield Term("transient", waiting.name, reach, self.gradient(waiting.in_shape))

    def input_gradient(self, i: int) -> Iterator[Term]:
        """Yield the gradient of the input."""
        op = self.model.ops[i]
        if i > 0:
            reach = Decision("reach", i - 1)
            yield Term("transient", op.name, reach, self.gradient(op.in_shape))

    def copied_gradient(self, op: Conv) -> Iterator[Term]:
        """Yield a depthwise convolution's output gradients of the trained channels.

        They are copied if not all of its channels train.
        """
        per_channel = self.gradient(op.out_shape[1:])
        yield Term("transient", op.name, Decision("count", op.weight), per_channel)
        every = Decision("all", op.weight)
        yield Term("transient", op.name, every, -per_channel * op.in_shape[0])
