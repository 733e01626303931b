"""What training a subset asks of each operation: how far back the gradient runs, what is stored, what it costs.

One static plan serves the memory bill (`memory`), the trainer that obeys it (`ondevice`, `local`) and the clock
(FLOPs per sample), so that the three cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from ftte_lab.models.model import Model
from ftte_lab.models.ops import Conv, Fork, GroupNorm, Join, Linear, ReLU
from ftte_lab.models.subset import Subset, check


@dataclass(frozen=True)
class Plan:
    """A checked `subset` of a `model`, seen from its operations."""

    model: Model
    subset: Subset

    @cached_property
    def first(self) -> int:
        """Index of the first operation that trains: the backward pass stops there."""
        return min(self.model.tensors[name].op for name in self.subset.parts)

    @cached_property
    def start(self) -> int:
        """Where training enters the net: everything before it is frozen for good.

        That is `first`, or the fork of the residual block around it.
        """
        inside = [
            i
            for i, op in enumerate(self.model.ops[: self.first + 1])
            if isinstance(op, Fork | Join)
        ]
        return inside[-1] if inside and isinstance(self.model.ops[inside[-1]], Fork) else self.first

    @cached_property
    def open_joins(self) -> frozenset[int]:
        """Joins whose residual branch carries a gradient to something that trains before the fork."""
        joins, forks = set(), list[int]()
        for i, op in enumerate(self.model.ops):
            if isinstance(op, Fork):
                forks.append(i)
            elif isinstance(op, Join) and self.reached(forks.pop()):
                joins.add(i)
        return frozenset(joins)

    @property
    def index(self) -> dict[str, Tensor]:
        """Channel indices of the tensors that are trained in part."""
        return self.subset.index

    def reached(self, i: int) -> bool:
        """Whether the gradient of the output of operation `i` is needed."""
        return i >= self.first

    def passes(self, i: int) -> bool:
        """Whether the gradient of the input of operation `i` is needed."""
        return i > self.first

    def keeps_whole_input(self, i: int) -> bool:
        """Whether a convolution or linear map stores its whole input, because all of its channels train."""
        op = self.model.ops[i]
        return (
            isinstance(op, Conv | Linear)
            and op.weight in self.subset
            and self.subset.parts[op.weight] is None
        )

    def keeps_norm(self, i: int) -> bool:
        """Whether a group norm stores its input: to pass the gradient on, or for its gain."""
        op = self.model.ops[i]
        return isinstance(op, GroupNorm) and (self.passes(i) or op.gain in self.subset)

    def keeps_mask(self, i: int) -> bool:
        """Whether a rectifier stores a mask of its own; if its consumer stores the output anyway, it need not."""
        op = self.model.ops[i]
        return (
            isinstance(op, ReLU)
            and self.reached(i)
            and not self.keeps_whole_input(consumer(self.model, i))
        )

    def forward_flops(self) -> int:
        """Floating-point operations of the forward pass of one sample."""
        return self.model.flops()

    def backward_flops(self) -> int:
        """Floating-point operations of the backward pass of one sample that this subset really needs.

        The gradient of an input costs as much as the forward pass of the operation, that of a weight the trained
        share of it (our reconstruction: what `ondevice` executes).
        """
        total = 0.0
        for i, op in enumerate(self.model.ops):
            if not self.reached(i):
                continue
            total += op.flops() * self.passes(i)
            if isinstance(op, Conv | Linear) and op.weight in self.subset:
                total += (
                    op.flops()
                    * self.subset.channel_count(self.model, op.weight)
                    / self.model.tensors[op.weight].channels
                )
        return round(total)


def consumer(model: Model, i: int) -> int:
    """Index of the operation that reads the output of operation `i` first, looking through forks."""
    j = i + 1
    while isinstance(model.ops[j], Fork):
        j += 1
    return j


def make_plan(model: Model, subset: Subset) -> Plan:
    """Check a subset against a model and plan its training step.

    Raises:
        ValueError: as `trainable.check`.
    """
    return Plan(model, check(model, subset))
