"""State the search problem: what each tensor is worth, and what a choice of them costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ftte_lab.devices import MemoryModel, decisions
from ftte_lab.models import Plan, Subset

Counts = dict[str, int]
"""How many channels of each tensor are trained; a vector (gain or bias) has one."""


@dataclass(frozen=True)
class Contributions:
    """Hold the gains per tensor and number of trained channels.

    Gains have the measure's own unit: only sums and comparisons within one table mean something.

    Attributes:
        measure: name of the gain measure.
        order: channels of each weight, best first.
        gain: by tensor, the gain of each number of trained channels that the search may choose.
    """

    measure: str
    order: Mapping[str, tuple[int, ...]]
    gain: Mapping[str, Mapping[int, float]]

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


@dataclass(frozen=True)
class Problem:
    """State the options per tensor, their gains, and the limits that no choice may exceed.

    Attributes:
        contributions: gains per tensor and number of channels.
        memory: events of the training step, for one model, batch and accounting.
        budget_bytes: what a training step may use at once.
        required: tensors that are trained in any case, with all their channels.
        max_entries: most parameters to train and send; `None`: no limit.
    """

    contributions: Contributions
    memory: MemoryModel
    budget_bytes: int
    required: Counts
    max_entries: int | None

    @classmethod
    def build(
        cls,
        contributions: Contributions,
        memory: MemoryModel,
        budget_bytes: int,
        max_entries: int | None,
    ) -> Problem:
        """Set up the problem; all channels of the classifier are required."""
        end = len(memory.model.ops) - 1
        required = {t.name: t.channels for t in memory.model.tensors.values() if t.op == end}
        return cls(contributions, memory, budget_bytes, required, max_entries)

    @cached_property
    def options(self) -> tuple[tuple[str, int, float], ...]:
        """List all `(tensor, channels, gain)` that a search may add, from input to output."""
        return tuple(
            (name, count, self.contributions.gain[name][count])
            for name in self.memory.model.tensors
            if name not in self.required
            for count in sorted(self.contributions.gain[name])
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
