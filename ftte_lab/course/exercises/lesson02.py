"""Exercises of lesson 02: divide one class, measure how a client differs, and pull it back."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise, Holds
from ftte_lab.course.findings import Found, kept
from ftte_lab.course.own_local import compared, in_fleet, picture
from ftte_lab.lab import Settings
from ftte_lab.simulation import prepare


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


def my_local(model: Any, gradient: Any, steps: int, rate: float, pull: float) -> Any:
    """Return the model after local training with FedProx's pull to its start."""
    own = model
    for step in range(steps):
        slope = gradient(own, step) + pull * (own - model)
        own = own - rate * slope
    return own


def without_a_pull(model: Any, gradient: Any, steps: int, rate: float, pull: float) -> Any:
    """Train as FedAvg's clients do: a common mistake."""
    return my_local(model, gradient, steps, rate, 0.0)


def pushed_away(model: Any, gradient: Any, steps: int, rate: float, pull: float) -> Any:
    """Turn the pull's sign around: a common mistake."""
    return my_local(model, gradient, steps, rate, -pull)


def pulled_to_zero(model: Any, gradient: Any, steps: int, rate: float, pull: float) -> Any:
    """Pull to zero instead of to the start: a common mistake."""
    return my_local(model, lambda own, step: gradient(own, step) + pull * model, steps, rate, pull)


def always_at_the_start(model: Any, gradient: Any, steps: int, rate: float, pull: float) -> Any:
    """Take every gradient at the first model: a common mistake."""
    return my_local(model, lambda _, step: gradient(model, step), steps, rate, pull)


def downhill(model: Any, step: int) -> Any:
    """Return the gradient of an invented loss, whose lowest point moves from step to step."""
    return np.asarray(model, float) - np.array([1.0, -2.0]) * (step + 1)


TRAININGS = [
    (np.array([3.0, 4.0]), downhill, 1, 0.1, 0.5),
    (np.array([3.0, 4.0]), downhill, 4, 0.1, 0.5),
    (np.array([0.0, 1.0]), downhill, 3, 0.2, 0.0),
    (np.array([2.0, -1.0]), downhill, 6, 0.1, 2.0),
]
MOST_UNLIKE = 0.25


def mean_unlikeness(settings: Settings) -> float:
    """Return how much a client differs from all of them together, on average."""
    scenario = settings.comparison.set(warm_start_steps=0).run("fedavg")
    federation = prepare(scenario).federation
    counts = federation.shards.class_counts(federation.dataset)
    return float(np.mean([unlikeness(mine, counts.sum(0)) for mine in counts]))


def too_unlike(settings: Settings) -> str | None:
    """Return why settings do not answer the question of 02d, or `None`."""
    mean = mean_unlikeness(settings)
    if mean > MOST_UNLIKE:
        return f"there a client differs by {mean:.2f} on average; at most {MOST_UNLIKE}, please."
    return None


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
    "02c": Exercise(
        title="build FedProx's local training",
        points=3,
        tests=[Agrees(my_local, TRAININGS), in_fleet],
        hints=[
            "Keep two models: the one you began with, which stays, and the one that moves.",
            "In each step ask for the gradient at the model that moves: `gradient(own, step)`.",
            "The pull is a second gradient, of μ/2 times the squared distance to the start. "
            "What is its slope?",
            "Add both gradients, then go `rate` times their sum downhill.",
        ],
        shows="Your clients train as the library's FedProx does.",
        mistakes={
            "The pull is missing: this is FedAvg's local training.": without_a_pull,
            "The pull has the wrong sign: it pushes the client away.": pushed_away,
            "The pull goes to zero. It must go back to the model that the client began "
            "with.": pulled_to_zero,
            "All gradients are taken at the first model. "
            "Take each at the model of that step.": always_at_the_start,
        },
        details=compared,
        picture=picture,
    ),
    "02d": Exercise(
        title="clients that hardly differ",
        tests=[
            Found("02", ("alpha", "local_steps", "seed"), mean_unlikeness, too_unlike),
        ],
        hints=[
            "Move α in the Lab and watch the label map: when do its rows look the same?",
            "You wrote the measure in 02b. Compare each client with the sum of all: "
            "`federation.shards.class_counts(data)` has one row for each.",
        ],
        shows="One number now says how non-IID a fleet is. Your sentences are kept for your "
        "teacher.",
        keeps=kept,
    ),
}
