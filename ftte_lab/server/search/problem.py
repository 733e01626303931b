"""State the search problem: what each tensor is worth, and what a choice of them costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ftte_lab._common import choice, number, require
from ftte_lab.devices import MemoryModel, decisions
from ftte_lab.models import GroupNorm, Model, Plan, Subset

Counts = dict[str, int]
"""How many channels of each tensor are trained; a vector (gain or bias) has one."""

_MOST_GAIN = 1e30  # what an exponent of a tenth undoes within the range of floats
GRANULARITIES = ("channel", "layer")
"""What a search decides one by one: tensors with a number of channels, or complete layers."""


@dataclass(frozen=True)
class Contributions:
    """Hold the gains per tensor and number of trained channels.

    Gains have the measure's own unit: only sums and comparisons within one table mean something.

    Attributes:
        measure: name of the gain measure.
        order: channels of each weight, best first.
        gain: by tensor, the gain of each number of trained channels that the search may choose.
        channel: by tensor, the gain of each channel alone, before the exponent; may be left out.
        exponent: the power to which the sum over a tensor's channels was raised.

    Raises:
        ValueError: a gain that is not finite or beyond 1e30, or an exponent out of range.

    Example:
        >>> table, alone = {1: 3.0, 2: 4.0}, (1.0, 3.0)
        >>> gains = Contributions("mine", {"w": (1, 0)}, {"w": table}, {"w": alone})
        >>> gains.value({"w": 1}), gains.value_of(Subset({"w": (0,)}))
        (3.0, 1.0)
    """

    measure: str
    order: Mapping[str, tuple[int, ...]]
    gain: Mapping[str, Mapping[int, float]]
    channel: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    exponent: float = 1.0

    def __post_init__(self) -> None:
        number("exponent", self.exponent, 0.1, 1.0)
        worth = [*self.gain.values(), *(dict(enumerate(each)) for each in self.channel.values())]
        for table in worth:
            for gain in table.values():
                number("a gain", gain, -_MOST_GAIN, _MOST_GAIN)

    def subset(self, counts: Mapping[str, int]) -> Subset:
        """Return the subset with the best `counts[name]` channels of each tensor; 0 freezes it."""
        parts: dict[str, tuple[int, ...] | None] = {}
        for name, count in counts.items():
            if count:
                order = self.order.get(name, (0,))
                parts[name] = None if count == len(order) else tuple(sorted(order[:count]))
        return Subset(parts)

    def value(self, counts: Mapping[str, int]) -> float:
        """Return the predicted gain of a choice: the sum of its parts."""
        return sum(self.gain[name][count] for name, count in counts.items() if count)

    def value_of(self, subset: Subset) -> float:
        """Return the predicted gain of any subset, whichever channels it trains.

        Each tensor counts with the sum over its trained channels, raised to the exponent.
        """
        total = 0.0
        for name, part in subset.parts.items():
            each = self.channel_gains(name)
            trained = each if part is None else [each[k] for k in part]
            total += power(math.fsum(trained), self.exponent)
        return total

    def channel_gains(self, name: str) -> tuple[float, ...]:
        """Return the gain of each channel of a tensor alone, before the exponent.

        Where channels were not measured alone (`finetune`), those that an option adds share evenly
        what it adds. A channel in no option gets 0.
        """
        return self.channel[name] if name in self.channel else self._shares[name]

    @cached_property
    def _shares(self) -> dict[str, tuple[float, ...]]:
        shares = {}
        for name, table in self.gain.items():
            order = self.order.get(name, (0,))
            each, taken, worth = [0.0] * len(order), 0, 0.0
            for count, gain in sorted(table.items()):
                more = power(gain, 1 / self.exponent) - worth
                for k in order[taken:count]:
                    each[k] = more / (count - taken)
                taken, worth = count, worth + more
            shares[name] = tuple(each)
        return shares


def power(gain: float, exponent: float) -> float:
    """Raise a gain to a power; a loss stays a loss.

    Example:
        >>> power(9.0, 0.5), power(-9.0, 0.5)
        (3.0, -3.0)
    """
    return math.copysign(abs(gain) ** exponent, gain)


@dataclass(frozen=True)
class Problem:
    """State the options per tensor, their gains, and the limits that no choice may exceed.

    Attributes:
        contributions: gains per tensor and number of channels.
        memory: events of the training step, for one model, batch and accounting.
        budget_bytes: what a training step may use at once.
        required: tensors that are trained in any case, with all their channels.
        max_entries: most parameters to train and send; `None`: no limit.
        granularity: `channel`, or `layer`: the tensors of a layer train completely or not at all.
    """

    contributions: Contributions
    memory: MemoryModel
    budget_bytes: int
    required: Counts
    max_entries: int | None
    granularity: str = "channel"

    @classmethod
    def build(
        cls,
        contributions: Contributions,
        memory: MemoryModel,
        budget_bytes: int,
        max_entries: int | None,
        granularity: str = "channel",
    ) -> Problem:
        """Set up the problem; all channels of the classifier are required.

        Raises:
            ValueError: an unknown granularity, or complete layers without gains for all channels.
        """
        choice("granularity", granularity, GRANULARITIES)
        tensors = memory.model.tensors
        partial = [n for n, t in tensors.items() if t.channels not in contributions.gain[n]]
        complete = granularity == "channel" or not partial
        given = f"granularity = 'layer' without a gain for all channels of {partial[:1]}"
        require(complete, given, "gains for all channels of each tensor", "Measure with ratio 1")
        end = len(memory.model.ops) - 1
        required = {t.name: t.channels for t in tensors.values() if t.op == end}
        return cls(contributions, memory, budget_bytes, required, max_entries, granularity)

    def offered(self, name: str) -> tuple[int, ...]:
        """Return the numbers of channels of a tensor that a search may choose, 0 apart."""
        if self.granularity == "layer":
            return (self.memory.model.tensors[name].channels,)
        return tuple(sorted(self.contributions.gain[name]))

    @cached_property
    def options(self) -> tuple[tuple[str, int, float], ...]:
        """List all `(tensor, channels, gain)` that a search may add, from input to output."""
        return tuple(
            (name, count, self.contributions.gain[name][count])
            for name in self.memory.model.tensors
            if name not in self.required
            for count in self.offered(name)
        )

    @cached_property
    def units(self) -> tuple[tuple[str, ...], ...]:
        """List what is decided as one, from input to output: single tensors, or those of a layer.

        What is required is left out.
        """
        first = layers(self.memory.model)
        units: dict[object, tuple[str, ...]] = {}
        for name in self.memory.model.tensors:
            if name not in self.required:
                unit = first[name] if self.granularity == "layer" else name
                units[unit] = (*units.get(unit, ()), name)
        return tuple(units.values())

    @cached_property
    def additions(self) -> tuple[tuple[Counts, ...], ...]:
        """List for each of `units` what a search may add as one, the smallest first."""
        return tuple(
            tuple(
                dict(zip(unit, counts, strict=True))
                for counts in zip(*(self.offered(name) for name in unit), strict=True)
            )
            for unit in self.units
        )

    def decision(self, counts: Mapping[str, int]) -> np.ndarray:
        """Return the decision vector of a choice; it depends on how many channels, not which."""
        tensors = self.memory.model.tensors
        parts = {
            n: None if c == tensors[n].channels else tuple(range(c)) for n, c in counts.items() if c
        }
        values = decisions(Plan(self.memory.model, Subset(parts)))
        return np.array([values.get(v, 0.0) for v in self.memory.variables])

    def peak(self, counts: Mapping[str, int]) -> int:
        """Return the peak memory of a choice, in bytes."""
        return self.memory.peak_bytes(self.decision(counts))

    def entries(self, counts: Mapping[str, int]) -> int:
        """Return how many parameters a choice trains and sends."""
        tensors = self.memory.model.tensors
        return sum(tensors[n].size // tensors[n].channels * c for n, c in counts.items())

    def fits(self, counts: Mapping[str, int]) -> bool:
        """Report whether a choice keeps within the budget and the payload limit."""
        light = self.max_entries is None or self.entries(counts) <= self.max_entries
        return light and self.peak(counts) <= self.budget_bytes

    def value(self, counts: Mapping[str, int]) -> float:
        """Return the predicted gain of a choice."""
        return self.contributions.value(counts)


def layers(model: Model) -> dict[str, int]:
    """Return for each tensor the operation with which its layer begins.

    A layer is a convolution or a linear map, with its bias and the group norm behind it: the norm's
    gain and bias only scale and shift what the layer computes (our reconstruction).

    Example:
        >>> from ftte_lab.models import build
        >>> layers(build("cnn", (1, 8, 8), 10))
        {'conv1.weight': 0, 'conv1.norm.gain': 0, 'conv1.norm.bias': 0, ...}
    """
    found: dict[str, int] = {}
    begin = 0
    for name, info in model.tensors.items():
        if not found or not isinstance(model.ops[info.op], GroupNorm):
            begin = info.op
        found[name] = begin
    return found
