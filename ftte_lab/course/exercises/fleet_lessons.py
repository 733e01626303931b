"""Exercises of lessons 05 to 08: waiting, the buffer, old news, a fair comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise, Holds
from ftte_lab.server import staleness_weight, weights


def _round_seconds(download_s: Any, compute_s: Any, upload_s: Any) -> float:
    return float(np.max(np.asarray(download_s) + np.asarray(compute_s) + np.asarray(upload_s)))


_PHASES = [
    ([1.0, 2.0, 1.0], [10.0, 3.0, 4.0], [1.0, 9.0, 2.0]),
    ([0.5, 0.5], [1.0, 100.0], [0.5, 0.5]),
    ([4.0], [5.0], [6.0]),
    ([9.0, 1.0], [1.0, 9.0], [1.0, 1.0]),
]


def _chance(share: float, cohort: int) -> float:
    return 1.0 - (1.0 - share) ** cohort


def _step_times(arrivals_s: Sequence[float], capacity: int) -> list[float]:
    return sorted(float(t) for t in arrivals_s)[capacity - 1 :: capacity]


_ARRIVALS = [
    ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2),
    ([5.0, 1.0, 3.0, 2.0, 4.0], 2),  # not in order
    ([1.0, 2.0, 3.0], 1),
    ([1.0, 2.0, 3.0], 4),  # the buffer never fills
]


def _age(started_s: float, arrived_s: float, steps_s: Sequence[float]) -> int:
    return sum(1 for t in steps_s if started_s < t < arrived_s)


_LIVES = [
    (0.0, 10.0, [2.0, 4.0, 6.0, 8.0, 12.0]),
    (5.0, 7.0, [2.0, 4.0, 6.0, 8.0]),
    (6.5, 7.0, [2.0, 4.0, 6.0, 8.0]),
    (9.0, 90.0, [2.0, 4.0, 6.0, 8.0]),
]


def _by_age(age: Any, exponent: float) -> Any:
    return staleness_weight(np.asarray(age, float), exponent=exponent)


_AGES = [([0.0, 1.0, 3.0, 8.0], 0.5), ([0.0, 1.0, 3.0, 8.0], 2.0), ([0.0, 5.0], 0.0), ([7.0], 1.0)]


def _falls(value: Any, age: Sequence[float], exponent: float) -> str | None:
    w = np.asarray(value, float)
    if w.shape != (len(age),):
        return f"one weight per update is wanted, {len(age)} of them"
    if not np.isfinite(w).all() or (w < 0).any():
        return "a weight is a finite number, at least 0"
    fresh = [float(v) for v, a in zip(w, age, strict=True) if a == 0]
    if any(abs(v - 1) > 1e-9 for v in fresh):
        return "a fresh update (age 0) keeps its full weight, 1"
    if (np.diff(w[np.argsort(age)]) > 1e-12).any():
        return "an older update must not weigh more than a younger one"
    return None


def _coefficients(age: Any, variance: Any, variance_ref: float) -> Any:
    ones = np.ones(len(age))
    return weights(
        np.asarray(age, float), np.asarray(variance, float), ones, variance_ref=variance_ref
    )


_UPDATES = [
    ([0.0, 0.0, 3.0], [1.0, 3.0, 1.0], 1.0),
    ([0.0, 3.0], [0.0, 0.0], 2.0),
    ([2.0, 2.0, 2.0, 2.0], [5.0, 5.0, 5.0, 5.0], 1.0),
]


def _verdict(ours: Any, theirs: Any) -> str:
    differences = np.asarray(ours, float) - np.asarray(theirs, float)
    return "ours" if (differences > 0).all() else "theirs" if (differences < 0).all() else "unclear"


_SEEDS = [
    ([0.92, 0.91, 0.93, 0.90, 0.94], [0.90, 0.90, 0.91, 0.89, 0.92]),
    (
        [0.95, 0.95, 0.95, 0.95, 0.70],
        [0.90, 0.90, 0.90, 0.90, 0.71],
    ),  # the larger mean, but not on every seed
    ([0.80, 0.82, 0.81, 0.83, 0.80], [0.90, 0.91, 0.92, 0.88, 0.93]),
    (
        [0.90, 0.60, 0.80, 0.70, 0.75],
        [0.89, 0.59, 0.79, 0.69, 0.74],
    ),  # seeds differ more than methods: pair them
]


def _mean_wins(ours: Any, theirs: Any) -> str:
    return "ours" if np.mean(ours) > np.mean(theirs) else "theirs"


def _no_overlap(ours: Any, theirs: Any) -> str:
    return "ours" if min(ours) > max(theirs) else "theirs" if max(ours) < min(theirs) else "unclear"


def _unbeaten(costs: Mapping[str, Sequence[float]]) -> list[str]:
    def beats(a: Sequence[float], b: Sequence[float]) -> bool:
        return all(x <= y for x, y in zip(a, b, strict=True)) and any(
            x < y for x, y in zip(a, b, strict=True)
        )

    return sorted(
        n for n, mine in costs.items() if not any(beats(other, mine) for other in costs.values())
    )


def _sorted_answer(function: Any) -> Any:
    """Any order and any kind of collection of names will do."""
    if not callable(function):
        return function

    def ordered(costs: Any) -> Any:
        return sorted(function(costs))

    ordered.__name__ = getattr(function, "__name__", "unbeaten")
    return ordered


_COSTS = [
    {
        "fedavg": [2997.0, 714.0, 42.9],
        "fedbuff": [918.0, 714.0, 42.9],
        "ftte": [1290.0, 256.0, 11.8],
    },
    {"a": [1.0, 2.0], "b": [2.0, 1.0], "c": [2.0, 2.0]},
    {"a": [1.0, 1.0], "b": [1.0, 1.0]},  # equals do not beat each other
    {"only": [3.0]},
]

EXERCISES: dict[str, Exercise] = {
    "05a": Exercise(
        "how long is a synchronous round?",
        [Agrees(_round_seconds, _PHASES)],
        [
            "Each device goes through its three phases in turn: add them up per device.",
            "The server waits for the last: the largest of these sums.",
            "`max(d + c + u for d, c, u in zip(download_s, compute_s, upload_s))`.",
        ],
        "One slow device sets the pace of all.",
        {
            "The slowest download and the slowest upload may be two devices: add first, then look for the largest.": lambda d, c, u: (
                float(np.max(d) + np.max(c) + np.max(u))
            ),
            "That is the mean device; the server waits for the last one.": lambda d, c, u: float(
                np.mean(np.asarray(d) + np.asarray(c) + np.asarray(u))
            ),
        },
    ),
    "05b": Exercise(
        "how often does a round wait for a straggler?",
        [Agrees(_chance, [(0.05, 30), (0.5, 1), (0.0, 30), (0.9, 10)])],
        [
            "Easier the other way round: how likely is a round without any straggler?",
            "Each of the devices is none with probability 1 - share; all of them: that to the power of the cohort.",
        ],
        "With 5 % stragglers and 30 devices, four rounds in five wait: rare devices are not rare in a cohort.",
        {
            "Shares do not add up: two stragglers in one round make one slow round. (It would exceed 1.)": lambda s, n: (
                s * n
            )
        },
    ),
    "06a": Exercise(
        "when does the server step?",
        [Agrees(_step_times, _ARRIVALS)],
        [
            "Sort the arrivals; the buffer does not care who came.",
            "The step falls on every K-th arrival: count up to `capacity`, then begin again.",
            "In one line: `sorted(arrivals_s)[capacity - 1 :: capacity]`.",
        ],
        "The buffer fills at the pace of the fleet, not of its slowest device.",
        {
            "The K-th arrival fills the buffer, not the one after it.": lambda a, k: sorted(
                float(t) for t in a
            )[k::k],
            "The arrivals do not come in order: sort them first.": lambda a, k: list(a)[k - 1 :: k],
        },
    ),
    "06b": Exercise(
        "how old is an update?",
        [Agrees(_age, _LIVES)],
        [
            "Its age is the number of server steps that it missed.",
            "Count the steps later than its start and earlier than its arrival.",
        ],
        "That is staleness: counted in versions, not in seconds.",
        {
            "Steps before it started are no news to it: it began from the model they had made.": lambda s, a, steps: (
                sum(1 for t in steps if t < a)
            ),
            "Age is counted in server steps, not in seconds.": lambda s, a, steps: a - s,
        },
    ),
    "07a": Exercise(
        "weigh by age",
        [Holds(_falls, _AGES), Agrees(_by_age, _AGES)],
        [
            "(1 + age) to the power of minus the exponent.",
            "`age` is a list: `(1 + np.asarray(age)) ** -exponent`.",
        ],
        "Full weight when fresh, never more when older: FedAsync's polynomial form.",
        {
            "Without the 1 a fresh update would get an infinite weight.": lambda age, e: [
                float(a) ** -e if a else float("inf") for a in age
            ]
        },
    ),
    "07b": Exercise(
        "age and variance together",
        [Agrees(_coefficients, _UPDATES)],
        [
            "Two factors for each update: `(1 + age) ** -0.5` and `1 / (1 + variance / variance_ref)`.",
            "Multiply them, then divide by the sum, so that the coefficients add up to 1.",
        ],
        "This is the kit's reading of FTTE's weights (a = 1/2, b = 1); the paper's own formula is not public.",
        {
            "They must add up to 1: divide by their sum.": lambda age, v, ref: (
                (1 + np.asarray(age)) ** -0.5 / (1 + np.asarray(v) / ref)
            ),
            "The age is in it, the variance is not.": lambda age, v, ref: _coefficients(
                age, [0.0] * len(age), ref
            ),
            "The variance is in it, the age is not.": lambda age, v, ref: _coefficients(
                [0.0] * len(age), v, ref
            ),
        },
    ),
    "08a": Exercise(
        "a verdict from five seeds",
        [Agrees(_verdict, _SEEDS)],
        [
            "The same seed gives both the same devices and data: compare seed by seed.",
            'Better on every seed is "ours", worse on every seed "theirs", anything else "unclear".',
            "`all(a > b for a, b in zip(ours, theirs))`.",
        ],
        "If both were equally good, chance alone would let one win on all five seeds once in sixteen times.",
        {
            "The larger mean can come from one lucky seed: ask for every seed.": _mean_wins,
            "Seeds differ more than methods: compare each seed with itself, not the worst with the best.": _no_overlap,
        },
    ),
    "08b": Exercise(
        "who is beaten on every count?",
        [lambda answer: Agrees(_unbeaten, [(c,) for c in _COSTS])(_sorted_answer(answer))],
        [
            "One beats another if it costs no more on any count, and less on at least one.",
            "Keep those whom nobody beats; equals do not beat each other.",
            "`all(x <= y for x, y in zip(a, b)) and any(x < y for x, y in zip(a, b))`.",
        ],
        "What is left is the Pareto front: to choose among it you must say what you are willing to give up.",
    ),
}
