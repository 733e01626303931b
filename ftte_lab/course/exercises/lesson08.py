"""Exercises of lesson 08: a fair comparison over seeds, and over several costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise


def verdict(ours: Any, theirs: Any) -> str:
    """Return who is better on every seed, or "unclear"."""
    differences = np.asarray(ours, float) - np.asarray(theirs, float)
    if (differences > 0).all():
        return "ours"
    if (differences < 0).all():
        return "theirs"
    return "unclear"


def larger_mean(ours: Any, theirs: Any) -> str:
    """Compare the means only: a common mistake."""
    return "ours" if np.mean(ours) > np.mean(theirs) else "theirs"


def no_overlap(ours: Any, theirs: Any) -> str:
    """Compare the worst of one with the best of the other: a common mistake."""
    if min(ours) > max(theirs):
        return "ours"
    if max(ours) < min(theirs):
        return "theirs"
    return "unclear"


# In the second, ours has the larger mean, but not on every seed.
# In the last, seeds differ more than methods do: pair them.
SEEDS = [
    ([0.92, 0.91, 0.93, 0.90, 0.94], [0.90, 0.90, 0.91, 0.89, 0.92]),
    ([0.95, 0.95, 0.95, 0.95, 0.70], [0.90, 0.90, 0.90, 0.90, 0.71]),
    ([0.80, 0.82, 0.81, 0.83, 0.80], [0.90, 0.91, 0.92, 0.88, 0.93]),
    ([0.90, 0.60, 0.80, 0.70, 0.75], [0.89, 0.59, 0.79, 0.69, 0.74]),
]


def beats(a: Sequence[float], b: Sequence[float]) -> bool:
    """Return whether `a` costs nowhere more than `b`, and somewhere less."""
    pairs = list(zip(a, b, strict=True))
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)


def unbeaten(costs: Mapping[str, Sequence[float]]) -> list[str]:
    """Return the names that no other beats."""
    return sorted(
        name for name, mine in costs.items() if not any(beats(it, mine) for it in costs.values())
    )


def agrees_in_any_order(answer: Any) -> str | None:
    """Test an answer to 08b; names may come in any order and any kind of collection."""
    return Agrees(unbeaten, [(costs,) for costs in COSTS])(sorted_answer(answer))


def sorted_answer(function: Any) -> Any:
    """Return a function that sorts what `function` returns."""
    if not callable(function):
        return function

    def ordered(costs: Any) -> Any:
        return sorted(function(costs))

    ordered.__name__ = getattr(function, "__name__", "unbeaten")
    return ordered


# In the third, equal costs do not beat each other.
COSTS = [
    {
        "fedavg": [2997.0, 714.0, 42.9],
        "fedbuff": [918.0, 714.0, 42.9],
        "ftte": [1290.0, 256.0, 11.8],
    },
    {"a": [1.0, 2.0], "b": [2.0, 1.0], "c": [2.0, 2.0]},
    {"a": [1.0, 1.0], "b": [1.0, 1.0]},
    {"only": [3.0]},
]

EXERCISES = {
    "08a": Exercise(
        title="a verdict from five seeds",
        tests=[Agrees(verdict, SEEDS)],
        hints=[
            "The same seed gives both the same devices and data: compare seed by seed.",
            'Better on every seed is "ours", worse on every seed "theirs", '
            'anything else "unclear".',
            "`all(a > b for a, b in zip(ours, theirs))`.",
        ],
        shows="If both were equally good, chance alone would let one win on all five seeds "
        "once in sixteen times.",
        mistakes={
            "The larger mean can come from one lucky seed: compare every seed.": larger_mean,
            "Seeds differ more than methods: compare each seed with itself, "
            "not the worst with the best.": no_overlap,
        },
    ),
    "08b": Exercise(
        title="who is beaten on every count?",
        tests=[agrees_in_any_order],
        hints=[
            "One beats another if it costs no more on any count, and less on at least one.",
            "Keep those that nobody beats; equals do not beat each other.",
            "`all(x <= y for x, y in zip(a, b)) and any(x < y for x, y in zip(a, b))`.",
        ],
        shows="What is left is the Pareto front: to choose among these methods "
        "you must decide what you are willing to give up.",
    ),
}
