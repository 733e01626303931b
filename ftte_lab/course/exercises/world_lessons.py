"""Exercises of lessons 00 to 04: reading a curve, one round, unlike data, memory, subsets."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise, Holds


def _time_to(seconds: Sequence[float], accuracy: Sequence[float], target: float) -> float | None:
    return next((s for s, a in zip(seconds, accuracy, strict=True) if a >= target), None)


def _last_below(seconds: Sequence[float], accuracy: Sequence[float], target: float) -> float | None:
    below = [s for s, a in zip(seconds, accuracy, strict=True) if a < target]
    return below[-1] if below else None


_CURVES = [
    ([0.0, 60.0, 120.0, 180.0], [0.3, 0.6, 0.8, 0.9], 0.8),
    (
        [0.0, 60.0, 120.0, 180.0],
        [0.3, 0.82, 0.78, 0.9],
        0.8,
    ),  # it dips again: the first moment counts
    ([0.0, 10.0, 20.0], [0.5, 0.6, 0.7], 0.2),
    ([0.0, 10.0, 20.0], [0.5, 0.6, 0.7], 0.75),
]


def _fedavg(rows: Any, samples: Any) -> Any:
    weights = np.asarray(samples, float) / np.sum(samples)
    return (weights[:, None] * np.asarray(rows, float)).sum(0)


_ROUNDS = [
    ([[1.0, 2.0], [3.0, 6.0]], [1, 3]),
    ([[1.0, 2.0], [3.0, 6.0]], [10, 10]),
    ([[0.0, 0.0, 4.0], [1.0, 1.0, 1.0], [-2.0, 5.0, 0.5]], [40, 10, 50]),
    ([[7.0, -7.0]], [3]),
]


def _overall(accuracies: Any, samples: Any) -> float:
    return float(np.average(np.asarray(accuracies, float), weights=np.asarray(samples, float)))


def _pieces_fail(pieces: Any, members: Sequence[int], shares: Sequence[float]) -> str | None:
    pieces = [[int(m) for m in piece] for piece in pieces]
    if len(pieces) != len(shares):
        return f"{len(pieces)} pieces for {len(shares)} clients"
    given = sorted(itertools.chain(*pieces))
    if given != sorted(members):
        lost, double = len(set(members) - set(given)), len(given) - len(set(given))
        return f"every sample must go to exactly one client ({lost} went to nobody, {double} to more than one)"
    for k, (piece, share) in enumerate(zip(pieces, shares, strict=True)):
        if abs(len(piece) - share * len(members)) > 1.0:
            return f"client {k} should hold about {share * len(members):.1f} of {len(members)}, but holds {len(piece)}"
    return None


_CLASSES = [
    (list(range(10)), [0.5, 0.3, 0.2]),
    (list(range(100, 107)), [0.9, 0.05, 0.05]),
    (list(range(40)), [0.0, 1.0]),
    (list(range(9)), [0.25, 0.25, 0.25, 0.25]),
]


def _skew(mine: Any, everyone: Any) -> float:
    a, b = np.asarray(mine, float), np.asarray(everyone, float)
    return float(0.5 * np.abs(a / a.sum() - b / b.sum()).sum())


_LABELS = [
    ([10, 0, 0], [100, 100, 100]),
    ([5, 5, 5], [100, 100, 100]),
    ([1, 2, 3, 4], [400, 300, 200, 100]),
    ([0, 7], [50, 50]),
]


def _stored(batch: int, channels: int, length: int) -> int:
    return 4 * batch * channels * length


def _largest_batch(peak_bytes: Any, budget_bytes: int) -> int:
    batch = 0
    while batch < 1024 and peak_bytes(batch + 1) <= budget_bytes:
        batch += 1
    return batch


def peak_of_a_small_net(batch: int) -> int:
    """A made-up bill: what is fixed, and what grows with the batch."""
    return 150_000 + 42_000 * batch


def peak_of_a_tiny_net(batch: int) -> int:
    """A made-up bill whose fixed part is small."""
    return 9_000 + 1_000 * batch


_BUDGETS = [
    (peak_of_a_small_net, 256 * 1024),
    (peak_of_a_small_net, 512 * 1024),
    (peak_of_a_small_net, 150_000),
    (peak_of_a_tiny_net, 17_000),
    (peak_of_a_tiny_net, 16_999),
]

# gain and bytes of each candidate, and a budget; per byte and per piece rank them differently
_CANDIDATES = [
    ([6.0, 5.0, 4.0, 1.0], [60, 40, 30, 5], 80),
    ([10.0, 9.0, 8.0, 2.0, 1.0], [90, 50, 40, 10, 20], 100),
    ([3.0, 3.0, 3.0], [50, 60, 70], 40),
    ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [10, 10, 15, 16, 30, 60], 80),
]
_GOOD = 0.85


def best_gain(gains: Sequence[float], sizes: Sequence[int], budget: int) -> float:
    """What the best of all subsets within the budget gains, by trying all."""
    picks = itertools.product((0, 1), repeat=len(gains))
    fits = (np.asarray(p) for p in picks if np.dot(p, sizes) <= budget)
    return float(max(np.dot(p, gains) for p in fits))


def _greedy_fails(
    chosen: Any, gains: Sequence[float], sizes: Sequence[int], budget: int
) -> str | None:
    picked = [int(k) for k in chosen]
    if len(set(picked)) < len(picked) or any(not 0 <= k < len(gains) for k in picked):
        return f"positions from 0 to {len(gains) - 1} are wanted, each at most once"
    used, gained = sum(sizes[k] for k in picked), sum(gains[k] for k in picked)
    if used > budget:
        return f"that needs {used} bytes of {budget}"
    best = best_gain(gains, sizes, budget)
    if gained < _GOOD * best - 1e-9:
        return (
            f"that gains {gained:g}, but {best:g} is possible; at least {_GOOD:.0%} of it is wanted"
        )
    return None


def _by_gain(gains: Sequence[float], sizes: Sequence[int], budget: int) -> list[int]:
    picked: list[int] = []
    for k in sorted(range(len(gains)), key=lambda k: -gains[k]):
        if sum(sizes[j] for j in picked) + sizes[k] <= budget:
            picked.append(k)
    return sorted(picked)


EXERCISES: dict[str, Exercise] = {
    "00a": Exercise(
        "time to target",
        [Agrees(_time_to, _CURVES)],
        [
            "Go through seconds and accuracy together: `for s, a in zip(seconds, accuracy):`.",
            "Return at the first pair with `a >= target`: a later dip does not matter.",
            "After the loop nothing was found: `return None`.",
        ],
        "Your function reads a curve as `History.time_to` does (which smooths it first).",
        {
            "This is the last moment below the target; asked is the first one at or above it.": _last_below,
            "At the target counts as reached: `>=`, not `>`.": lambda s, a, t: next(
                (x for x, y in zip(s, a, strict=True) if y > t), None
            ),
        },
    ),
    "01a": Exercise(
        "the weighted mean of updates",
        [Agrees(_fedavg, _ROUNDS)],
        [
            "A client's weight is its share of all samples: `samples / samples.sum()`.",
            "Make arrays first: `rows, samples = np.asarray(rows), np.asarray(samples)`.",
            "A row of weights times the rows is one line: `weights @ rows`.",
        ],
        "That is FedAvg: who has more samples weighs more.",
        {
            "This is the plain mean: a client with one sample counts as much as one with a thousand.": lambda rows, samples: (
                np.mean(rows, 0)
            ),
            "This is the weighted sum; divide by all samples, or the step grows with the fleet.": lambda rows, samples: (
                np.asarray(samples, float) @ np.asarray(rows, float)
            ),
        },
    ),
    "01b": Exercise(
        "one accuracy for everybody",
        [
            Agrees(
                _overall,
                [
                    ([0.9, 0.5], [10, 90]),
                    ([1.0, 0.0, 0.5], [1, 1, 2]),
                    ([0.8], [7]),
                    ([0.6, 0.6], [1, 99]),
                ],
            )
        ],
        [
            "How many of each client's samples are right? Its accuracy times its samples.",
            "Add them up, and divide by all samples.",
        ],
        "So a metric is averaged over samples, like updates; it still is not the accuracy of the averaged model.",
        {
            "This is the mean over clients; 90 samples at 50 % weigh more than 10 at 90 %.": lambda a, n: (
                float(np.mean(a))
            )
        },
    ),
    "02a": Exercise(
        "deal one class to the clients",
        [Holds(_pieces_fail, _CLASSES)],
        [
            "Where do the cuts lie? At the running sum of the shares times the number of members.",
            "`cuts = np.round(np.cumsum(shares)[:-1] * len(members)).astype(int)`: the last piece takes the rest.",
            "`np.split(members, cuts)` gives the pieces.",
        ],
        "This, once per class with shares drawn from a Dirichlet distribution, is the usual label skew.",
    ),
    "02b": Exercise(
        "how unlike is a client?",
        [Agrees(_skew, _LABELS)],
        [
            "Counts are no shares: divide each list by its sum first.",
            "Half the sum of the absolute differences of the shares: 0 for alike, 1 for nothing in common.",
        ],
        "This is the total variation distance; 0 is an average client, and it grows as α falls.",
        {
            "Half of it: what one class has too much, another has too little, so each difference counts twice.": lambda a, b: (
                2 * _skew(a, b)
            )
        },
    ),
    "03a": Exercise(
        "bytes of a stored activation",
        [Agrees(_stored, [(8, 16, 64), (1, 3, 128), (16, 32, 32)])],
        [
            "One number for each sample of the batch, each channel and each place along the signal.",
            "float32: four bytes each.",
        ],
        "It grows with the batch. Weights do not: that is why training can fail where inference fits.",
        {
            "Those are numbers, not bytes: a float32 takes four.": lambda b, c, n: b * c * n,
            "The whole batch is stored, not one sample of it.": lambda b, c, n: 4 * c * n,
        },
    ),
    "03b": Exercise(
        "the largest batch that fits",
        [Agrees(_largest_batch, _BUDGETS)],
        [
            "`peak_bytes` is a function: ask it, `peak_bytes(1)`, `peak_bytes(2)`, …",
            "Count up while the next batch still fits: `while peak_bytes(batch + 1) <= budget_bytes:`.",
            "Begin at 0: it is the answer where not even one sample fits.",
        ],
        "The bill says it before anything is trained: no trial, no crash.",
        {
            "That is one too many: the last batch that fits, not the first that does not.": lambda p, b: (
                _largest_batch(p, b) + 1
            )
        },
    ),
    "04a": Exercise(
        "choose within a budget",
        [Holds(_greedy_fails, _CANDIDATES)],
        [
            "What counts is the gain per byte: a large gain may cost too much.",
            "Order: `sorted(range(len(gains)), key=lambda k: -gains[k] / sizes[k])`.",
            "Go through that order and take whatever still fits; skip what does not, and go on.",
        ],
        "Greedy by gain per byte stays close to the best here. It has no such promise in general, and tensors "
        "share costs (a frozen layer still carries the gradient): so the kit solves the whole program.",
        {
            "That ranks by gain alone: one large piece can cost as much as two better ones.": _by_gain
        },
    ),
}
