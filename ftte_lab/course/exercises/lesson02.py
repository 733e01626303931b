"""Exercises of lesson 02: divide one class, and measure how much a client differs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise, Holds


def wrong_division(pieces: Any, members: Sequence[int], shares: Sequence[float]) -> str | None:
    """Return why pieces do not divide a class at the shares, or `None` if they do."""
    pieces = [[int(m) for m in piece] for piece in pieces]
    if len(pieces) != len(shares):
        return f"{len(pieces)} pieces for {len(shares)} clients"
    given = sorted(itertools.chain(*pieces))
    if given != sorted(members):
        lost = len(set(members) - set(given))
        double = len(given) - len(set(given))
        return (
            "every sample must go to exactly one client "
            f"({lost} went to nobody, {double} to more than one)"
        )
    for k, (piece, share) in enumerate(zip(pieces, shares, strict=True)):
        wanted = share * len(members)
        if abs(len(piece) - wanted) > 1.0:
            return (
                f"client {k} should hold about {wanted:.1f} of {len(members)}, "
                f"but holds {len(piece)}"
            )
    return None


CLASSES = [
    (list(range(10)), [0.5, 0.3, 0.2]),
    (list(range(100, 107)), [0.9, 0.05, 0.05]),
    (list(range(40)), [0.0, 1.0]),
    (list(range(9)), [0.25, 0.25, 0.25, 0.25]),
]


def unlikeness(mine: Any, everyone: Any) -> float:
    """Return the total variation distance between two lists of class counts."""
    a, b = np.asarray(mine, float), np.asarray(everyone, float)
    return float(0.5 * np.abs(a / a.sum() - b / b.sum()).sum())


def sum_of_differences(mine: Any, everyone: Any) -> float:
    """Return the sum without the factor one half: a common mistake."""
    return 2 * unlikeness(mine, everyone)


LABELS = [
    ([10, 0, 0], [100, 100, 100]),
    ([5, 5, 5], [100, 100, 100]),
    ([1, 2, 3, 4], [400, 300, 200, 100]),
    ([0, 7], [50, 50]),
]

EXERCISES = {
    "02a": Exercise(
        title="deal one class to the clients",
        tests=[Holds(wrong_division, CLASSES)],
        hints=[
            "Where do the cuts lie? At the running sum of the shares times the number of members.",
            "`cuts = np.round(np.cumsum(shares)[:-1] * len(members)).astype(int)`: "
            "the last piece takes the rest.",
            "`np.split(members, cuts)` gives the pieces.",
        ],
        shows="This, once per class with shares drawn from a Dirichlet distribution, "
        "is the usual label skew.",
    ),
    "02b": Exercise(
        title="how different is a client?",
        tests=[Agrees(unlikeness, LABELS)],
        hints=[
            "Counts are not shares: divide each list by its sum first.",
            "Half the sum of the absolute differences of the shares: "
            "0 for equal shares, 1 for nothing in common.",
        ],
        shows="This is the total variation distance. "
        "0 is an average client, and it grows as α falls.",
        mistakes={
            "Take half of it: what one class has too much, another has too little, "
            "so each difference counts twice.": sum_of_differences,
        },
    ),
}
