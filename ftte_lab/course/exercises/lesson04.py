"""Exercises of lesson 04: choose pieces within a budget, and search for the subset."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Exercise, Holds
from ftte_lab.course.findings import Found, kept
from ftte_lab.course.own_search import GOOD_SHARE as GOOD_SEARCH
from ftte_lab.course.own_search import compared, in_fleet, picture
from ftte_lab.lab import Settings
from ftte_lab.simulation import prepare

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

Option = tuple[str, int]
Table = Mapping[Option, tuple[float, int]]


def my_search(options: Any, start: Any, fits: Any, gain: Any) -> Any:
    """Return the best of many choices, each filled up in another order."""
    rng = np.random.default_rng(0)
    orders = [sorted(options, key=lambda one: -gain({one[0]: one[1]}))]
    orders += [[options[k] for k in rng.permutation(len(options))] for _ in range(60)]
    return max((filled(order, start, fits) for order in orders), key=gain)


def filled(order: Any, start: Any, fits: Any) -> dict[str, int]:
    """Return a choice to which options were added in an order, as long as they fit."""
    chosen = dict(start)
    for tensor, channels in order:
        if tensor not in chosen and fits({**chosen, tensor: channels}):
            chosen[tensor] = channels
    return chosen


def largest_first(options: Any, start: Any, fits: Any, gain: Any) -> Any:
    """Go once through the options, the largest gain first: a common mistake."""
    return filled(sorted(options, key=lambda one: -gain({one[0]: one[1]})), start, fits)


def as_listed(options: Any, start: Any, fits: Any, gain: Any) -> Any:
    """Go once through the options in the order of the list: a common mistake."""
    return filled(options, start, fits)


def case(table: Table, budget: int) -> tuple[Any, ...]:
    """Return a small problem: options, start, `fits` and `gain`; the head is always trained.

    Args:
        table: gain and bytes of each option.
        budget: bytes for all of them together.
    """

    def fits(chosen: Mapping[str, int]) -> bool:
        return sum(table[one][1] for one in chosen.items() if one[0] != "head") <= budget

    def gain(chosen: Mapping[str, int]) -> float:
        return sum(table[one][0] for one in chosen.items() if one[0] != "head")

    return list(table), {"head": 1}, fits, gain


def poor_search(
    chosen: Any,
    options: Sequence[Option],
    start: Mapping[str, int],
    fits: Callable[..., bool],
    gain: Callable[..., float],
) -> str | None:
    """Return why a choice breaks the rules or gains too little, or `None`."""
    chosen = {str(name): int(channels) for name, channels in dict(chosen).items()}
    if any(chosen.get(name) != channels for name, channels in start.items()):
        return f"what is in the start, {list(start)}, must stay in the choice"
    odd = [one for one in chosen.items() if one not in options and one[0] not in start]
    if odd:
        return f"{odd[0]} is not among the options"
    if not fits(chosen):
        return "that does not fit into the budget"
    names = sorted({name for name, _ in options})
    each = [[None, *(one for one in options if one[0] == name)] for name in names]
    ways = (dict([*start.items(), *filter(None, one)]) for one in itertools.product(*each))
    best = max(gain(way) for way in ways if fits(way))
    if gain(chosen) < GOOD_SEARCH * best - 1e-9:
        return f"that gains {gain(chosen):g}, but {best:g} is possible"
    return None


# Largest first fails in the first, by gain per byte in the second, and a tensor has two sizes.
PROBLEMS = [
    case({("a", 1): (10.0, 90), ("b", 1): (9.0, 50), ("c", 1): (8.0, 40), ("d", 1): (2.0, 9)}, 100),
    case({("a", 1): (6.0, 1), ("b", 1): (10.0, 10), ("c", 1): (1.0, 9)}, 10),
    case({("a", 1): (4.0, 4), ("a", 3): (7.0, 9), ("b", 2): (5.0, 6)}, 10),
]
BUDGET_KIB = 192.0


def upload_kib(settings: Settings) -> float:
    """Return the KiB of one of FTTE's updates with these settings; it needs no training."""
    return prepare(settings.comparison.run("ftte")).traffic.upload / 1024


def not_fewer_bytes(settings: Settings) -> str | None:
    """Return why settings do not answer the question of 04c, or `None`."""
    budget = settings.scenario.budget_kib
    if budget is None or budget <= BUDGET_KIB:
        return f"the budget must be above {BUDGET_KIB:.0f} KiB; that is the question."
    usual, mine = upload_kib(settings.set(budget_kib=BUDGET_KIB)), upload_kib(settings)
    if mine >= usual:
        return f"there an update has {mine:.1f} KiB; with {BUDGET_KIB:.0f} KiB it has {usual:.1f}."
    return None


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
    "04b": Exercise(
        title="build the search",
        points=3,
        tests=[Holds(poor_search, PROBLEMS), in_fleet],
        hints=[
            "Begin with a copy of `start`. Add an option if its tensor is not chosen yet, and "
            "`fits` agrees to the wider choice.",
            "One pass over the options gives one choice. Its gain depends on the order of the "
            "options.",
            "So make many choices, each with the options in another order: "
            "`np.random.default_rng(0).permutation(len(options))`.",
            "Compare them by `gain`, and return the best. Some sixty orders take about a second.",
        ],
        shows="Your search needs no proof, and comes close to the one that has it.",
        mistakes={
            "One pass, the largest gain first, gets stuck: "
            "one large piece can keep out two better ones.": largest_first,
            "One pass in the order of the list takes whatever comes first. "
            "Try other orders.": as_listed,
        },
        details=compared,
        picture=picture,
        solution=my_search,
    ),
    "04c": Exercise(
        title="more memory, fewer bytes",
        tests=[Found("04", ("budget_kib", "seed"), upload_kib, not_fewer_bytes)],
        hints=[
            "Move the budget and watch the subset: it does not only grow. "
            "Tensors come, and others go.",
            "`prepare(base.replace(budget_kib=...)).traffic.upload` has the bytes of an update.",
        ],
        shows="Memory and bytes are two costs, and the search looks at one of them. "
        "Your sentences are kept for your teacher.",
        keeps=kept,
    ),
}
