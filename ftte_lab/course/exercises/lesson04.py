"""Exercise of lesson 04: choose pieces within a budget."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Exercise, Holds

GOOD_SHARE = 0.85
"""Share of the best possible gain that an answer must reach."""


def best_gain(gains: Sequence[float], sizes: Sequence[int], budget: int) -> float:
    """Return the gain of the best subset within the budget, by trying all subsets."""
    picks = itertools.product((0, 1), repeat=len(gains))
    fits = (np.asarray(p) for p in picks if np.dot(p, sizes) <= budget)
    return float(max(np.dot(p, gains) for p in fits))


def poor_choice(
    chosen: Any, gains: Sequence[float], sizes: Sequence[int], budget: int
) -> str | None:
    """Return why a choice breaks the rules or gains too little, or `None`."""
    picked = [int(k) for k in chosen]
    if len(set(picked)) < len(picked) or any(not 0 <= k < len(gains) for k in picked):
        return f"the answer must hold positions from 0 to {len(gains) - 1}, each at most once"
    used = sum(sizes[k] for k in picked)
    gained = sum(gains[k] for k in picked)
    if used > budget:
        return f"that needs {used} bytes of {budget}"
    best = best_gain(gains, sizes, budget)
    if gained < GOOD_SHARE * best - 1e-9:
        return f"that gains {gained:g}, but {best:g} is possible; reach at least {GOOD_SHARE:.0%}"
    return None


def by_gain_alone(gains: Sequence[float], sizes: Sequence[int], budget: int) -> list[int]:
    """Choose by gain and ignore the size: a common mistake."""
    picked: list[int] = []
    for k in sorted(range(len(gains)), key=lambda k: -gains[k]):
        if sum(sizes[j] for j in picked) + sizes[k] <= budget:
            picked.append(k)
    return sorted(picked)


# Gain and bytes of each candidate, and a budget. Per byte and per piece rank them differently.
CANDIDATES = [
    ([6.0, 5.0, 4.0, 1.0], [60, 40, 30, 5], 80),
    ([10.0, 9.0, 8.0, 2.0, 1.0], [90, 50, 40, 10, 20], 100),
    ([3.0, 3.0, 3.0], [50, 60, 70], 40),
    ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [10, 10, 15, 16, 30, 60], 80),
]

EXERCISES = {
    "04a": Exercise(
        title="choose within a budget",
        tests=[Holds(poor_choice, CANDIDATES)],
        hints=[
            "What counts is the gain per byte: a large gain may cost too much.",
            "Order: `sorted(range(len(gains)), key=lambda k: -gains[k] / sizes[k])`.",
            "Go through that order and take whatever still fits. "
            "Skip what does not fit, and continue.",
        ],
        shows="Greedy by gain per byte stays close to the best here. "
        "There is no such guarantee in general, and tensors share costs "
        "(a frozen layer still carries the gradient). So the kit solves the complete program.",
        mistakes={
            "That ranks by gain alone: "
            "one large piece can cost as much as two better ones.": by_gain_alone,
        },
    ),
}
