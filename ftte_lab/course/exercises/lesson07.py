"""Exercises of lesson 07: weights by age, and by age and variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise, Holds
from ftte_lab.server import WeightRule, staleness_weight, weights


def weight_by_age(age: Any, exponent: float) -> Any:
    """Return (1 + age) to the power of minus the exponent."""
    return staleness_weight(np.asarray(age, float), exponent=exponent)


def without_the_one(age: Sequence[float], exponent: float) -> list[float]:
    """Return age to the power of minus the exponent: a common mistake."""
    return [float(a) ** -exponent if a else float("inf") for a in age]


AGES = [([0.0, 1.0, 3.0, 8.0], 0.5), ([0.0, 1.0, 3.0, 8.0], 2.0), ([0.0, 5.0], 0.0), ([7.0], 1.0)]


def wrong_weights(value: Any, age: Sequence[float], exponent: float) -> str | None:
    """Return which property of a weight by age is missing, or `None`."""
    w = np.asarray(value, float)
    if w.shape != (len(age),):
        return f"return one weight per update, {len(age)} of them"
    if not np.isfinite(w).all() or (w < 0).any():
        return "a weight is a finite number, at least 0"
    fresh = [float(v) for v, a in zip(w, age, strict=True) if a == 0]
    if any(abs(v - 1) > 1e-9 for v in fresh):
        return "a fresh update (age 0) keeps its full weight, 1"
    if (np.diff(w[np.argsort(age)]) > 1e-12).any():
        return "an older update must not weigh more than a younger one"
    return None


def coefficients(age: Any, variance: Any, variance_ref: float) -> Any:
    """Return FTTE's coefficients with a = 1/2 and b = 1; they add up to 1."""
    return weights(
        np.asarray(age, float),
        np.asarray(variance, float),
        np.ones(len(age)),
        WeightRule(variance_exponent=1.0),
        variance_ref=variance_ref,
    )


def not_normalised(age: Any, variance: Any, variance_ref: float) -> Any:
    """Return weights that do not add up to 1: a common mistake."""
    return (1 + np.asarray(age)) ** -0.5 / (1 + np.asarray(variance) / variance_ref)


def age_only(age: Any, variance: Any, variance_ref: float) -> Any:
    """Ignore the variance: a common mistake."""
    return coefficients(age, [0.0] * len(age), variance_ref)


def variance_only(age: Any, variance: Any, variance_ref: float) -> Any:
    """Ignore the age: a common mistake."""
    return coefficients([0.0] * len(age), variance, variance_ref)


UPDATES = [
    ([0.0, 0.0, 3.0], [1.0, 3.0, 1.0], 1.0),
    ([0.0, 3.0], [0.0, 0.0], 2.0),
    ([2.0, 2.0, 2.0, 2.0], [5.0, 5.0, 5.0, 5.0], 1.0),
]

EXERCISES = {
    "07a": Exercise(
        title="weigh by age",
        tests=[Holds(wrong_weights, AGES), Agrees(weight_by_age, AGES)],
        hints=[
            "(1 + age) to the power of minus the exponent.",
            "`age` is a list: `(1 + np.asarray(age)) ** -exponent`.",
        ],
        shows="Full weight when fresh, never more when older: FedAsync's polynomial form.",
        mistakes={
            "Without the 1 a fresh update would get an infinite weight.": without_the_one,
        },
    ),
    "07b": Exercise(
        title="age and variance together",
        tests=[Agrees(coefficients, UPDATES)],
        hints=[
            "Two factors for each update: "
            "`(1 + age) ** -0.5` and `1 / (1 + variance / variance_ref)`.",
            "Multiply them, then divide by the sum, so that the coefficients add up to 1.",
        ],
        shows="This is the kit's reading of FTTE's weights, with a = 1/2 and b = 1: our "
        "reconstruction, not the paper's own formula. The kit's default is b = 1/4.",
        mistakes={
            "They must add up to 1: divide by their sum.": not_normalised,
            "The age is in it, the variance is not.": age_only,
            "The variance is in it, the age is not.": variance_only,
        },
    ),
}
