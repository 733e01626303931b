"""The search problem: what each tensor is worth, and what a choice of them costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ftte_lab.devices import MemoryModel, decisions
from ftte_lab.models import (
    Plan,
    Subset,
)


@dataclass(frozen=True)
class Contributions:
    """Gains per tensor and number of trained channels.

    `order`: channels of each weight, best first. `gain`: tensor -> {channels trained: gain}; a vector has the one
    option 1. Unit: the measure's own; only sums and comparisons within one table mean something.
    """

    measure: str
    order: Mapping[str, tuple[int, ...]]
    gain: Mapping[str, Mapping[int, float]]

    def subset(self, counts: Mapping[str, int]) -> Subset:
        """The subset with the best `counts[name]` channels of each named tensor (0 leaves it frozen)."""
        parts: dict[str, tuple[int, ...] | None] = {}
        for name, count in counts.items():
            if count:
                order = self.order.get(name, (0,))
                parts[name] = None if count == len(order) else tuple(sorted(order[:count]))
        return Subset(parts)

    def value(self, counts: Mapping[str, int]) -> float:
        """Predicted gain of a choice: the sum of its parts."""
        return sum(self.gain[name][count] for name, count in counts.items() if count)


Counts = dict[str, int]


@dataclass(frozen=True)
class Problem:
    """The search problem: options per tensor, their gains, and the rows no choice may exceed."""

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
        """Set up the problem; the classifier's tensors are required in whole."""
        end = len(memory.model.ops) - 1
        required = {t.name: t.channels for t in memory.model.tensors.values() if t.op == end}
        return cls(contributions, memory, budget_bytes, required, max_entries)

    @cached_property
    def options(self) -> tuple[tuple[str, int, float], ...]:
        """All `(tensor, channels, gain)` a search may add to what is required, from input to output."""
        return tuple(
            (name, count, self.contributions.gain[name][count])
            for name in self.memory.model.tensors
            if name not in self.required
            for count in sorted(self.contributions.gain[name])
        )

    def decision(self, counts: Mapping[str, int]) -> np.ndarray:
        """Decision vector of a choice; which channels does not matter to the memory, only how many."""
        tensors = self.memory.model.tensors
        parts = {
            n: None if c == tensors[n].channels else tuple(range(c)) for n, c in counts.items() if c
        }
        values = decisions(Plan(self.memory.model, Subset(parts)))
        return np.array([values.get(v, 0.0) for v in self.memory.variables])

    def peak(self, counts: Mapping[str, int]) -> int:
        """Peak of a choice in bytes."""
        return self.memory.peak_bytes(self.decision(counts))

    def entries(self, counts: Mapping[str, int]) -> int:
        """Parameters that a choice trains and sends."""
        tensors = self.memory.model.tensors
        return sum(tensors[n].size // tensors[n].channels * c for n, c in counts.items())

    def fits(self, counts: Mapping[str, int]) -> bool:
        """Whether a choice keeps within the budget and the payload limit."""
        light = self.max_entries is None or self.entries(counts) <= self.max_entries
        return light and self.peak(counts) <= self.budget_bytes

    def value(self, counts: Mapping[str, int]) -> float:
        """Predicted gain."""
        return self.contributions.value(counts)
