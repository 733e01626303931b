"""What training a subset asks of each operation.

A `Plan` answers three questions: how far back the gradient runs, what must be stored, and how many
operations it costs. The memory bill, the trainers and the virtual clock all read the same plan, so
they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from ftte_lab.models.model import Model
from ftte_lab.models.ops import Conv, Fork, GroupNorm, Join, Linear, ReLU
from ftte_lab.models.subset import Subset, validated_subset


@dataclass(frozen=True)
class Plan:
    """Relate a validated `subset` of a `model` to the model's operations.

    Example:
        >>> from ftte_lab.models import build, head, make_plan
        >>> model = build("mlp", (1, 8, 8), 10)
        >>> plan = make_plan(model, head(model))
        >>> model.ops[plan.first_trained].name
        'head'
        >>> plan.forward_flops(), plan.backward_flops()
        (13024, 640)
    """

    model: Model
    subset: Subset

    @cached_property
    def first_trained(self) -> int:
        """Return the index of the first operation that trains: the backward pass stops there."""
        return min(self.model.tensors[name].op for name in self.subset.parts)

    @cached_property
    def start(self) -> int:
        """Return the index of the operation where training enters the net.

        Everything before it is frozen, so its output is the same in every step. It is
        `first_trained`, or the fork of the residual block around that.
        """
        before = enumerate(self.model.ops[: self.first_trained + 1])
        inside = [i for i, op in before if isinstance(op, Fork | Join)]
        if inside and isinstance(self.model.ops[inside[-1]], Fork):
            return inside[-1]
        return self.first_trained

    @cached_property
    def open_joins(self) -> frozenset[int]:
        """Return the joins whose skip connection carries a gradient to something that trains."""
        joins, forks = set(), list[int]()
        for i, op in enumerate(self.model.ops):
            if isinstance(op, Fork):
                forks.append(i)
            elif isinstance(op, Join) and self.needs_output_gradient(forks.pop()):
                joins.add(i)
        return frozenset(joins)

    @property
    def index(self) -> dict[str, Tensor]:
        """Return the channel indices of the tensors that are trained in part."""
        return self.subset.index

    def needs_output_gradient(self, i: int) -> bool:
        """Return whether the gradient of the output of operation `i` is needed."""
        return i >= self.first_trained

    def needs_input_gradient(self, i: int) -> bool:
        """Return whether the gradient of the input of operation `i` is needed."""
        return i > self.first_trained

    def keeps_input(self, i: int) -> bool:
        """Return whether a convolution or linear map stores its complete input.

        It does if all of its channels train. If only some do, it stores those.
        """
        op = self.model.ops[i]
        return (
            isinstance(op, Conv | Linear)
            and op.weight in self.subset
            and self.subset.parts[op.weight] is None
        )

    def keeps_norm_input(self, i: int) -> bool:
        """Return whether a group norm stores its input: for the input's gradient or its gain's."""
        op = self.model.ops[i]
        return isinstance(op, GroupNorm) and (
            self.needs_input_gradient(i) or op.gain in self.subset
        )

    def keeps_mask(self, i: int) -> bool:
        """Return whether a rectifier stores a mask of its own.

        It need not if the operation that reads its output stores that output.
        """
        op = self.model.ops[i]
        return (
            isinstance(op, ReLU)
            and self.needs_output_gradient(i)
            and not self.keeps_input(consumer(self.model, i))
        )

    def forward_flops(self) -> int:
        """Return the floating-point operations of the forward pass of one sample."""
        return self.model.flops()

    def backward_flops(self) -> int:
        """Return the floating-point operations of the backward pass of one sample.

        Only what this subset needs is counted. The gradient of an input costs as much as the
        forward pass of the operation, that of a weight the trained share of it (our reconstruction:
        what the device's trainer executes).
        """
        total = 0.0
        for i, op in enumerate(self.model.ops):
            if not self.needs_output_gradient(i):
                continue
            total += op.flops() * self.needs_input_gradient(i)
            if isinstance(op, Conv | Linear) and op.weight in self.subset:
                trained = self.subset.channel_count(self.model, op.weight)
                total += op.flops() * trained / self.model.tensors[op.weight].channels
        return round(total)


def consumer(model: Model, i: int) -> int:
    """Return the index of the operation that reads the output of operation `i` (forks skipped)."""
    j = i + 1
    while isinstance(model.ops[j], Fork):
        j += 1
    return j


def make_plan(model: Model, subset: Subset) -> Plan:
    """Validate a subset against a model and plan its training step.

    Raises:
        ValueError: as `validated_subset`.
    """
    return Plan(model, validated_subset(model, subset))
