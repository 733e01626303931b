"""Exercises of lesson 07: weights by age and variance, and a step that survives faulty devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise, Holds
from ftte_lab.course.findings import Found, kept
from ftte_lab.course.own_step import compared, picture, survives
from ftte_lab.lab import Settings
from ftte_lab.server import WeightRule, staleness_weight, weights
from ftte_lab.simulation import prepare


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


def my_step(model: Any, updates: Any) -> Any:
    """Shorten every update to the usual length, and add the mean to the model."""
    lengths = np.linalg.norm(updates, axis=1)
    usual = np.median(lengths)
    factor = np.minimum(1.0, usual / np.maximum(lengths, 1e-12))
    return model + np.mean(factor[:, None] * updates, axis=0)


def plain_step(model: Any, updates: Any) -> Any:
    """Add the plain mean: a common mistake."""
    return model + np.mean(updates, axis=0)


def without_the_model(model: Any, updates: Any) -> Any:
    """Return the step and forget the model: a common mistake."""
    return my_step(np.zeros_like(model), updates)


def ruined(value: Any, model: Any, updates: Any) -> str | None:
    """Return what a step does wrong, or `None`."""
    moved = np.asarray(value, float)
    if moved.shape != np.shape(model):
        return f"return the new model, {len(model)} numbers"
    usual = np.median(updates, axis=0)
    far = float(np.abs(moved - model - usual).max())
    if np.ptp(updates, axis=0).max() == 0 and far > 1e-6:
        return "if all updates are equal, the model moves by exactly that update"
    if not far <= 0.5:
        return "one wrong update moves the model far from what the four others say"
    return None


def received(*wrong: float) -> tuple[Any, Any]:
    """Return a model, and five updates of about 1, the last ones replaced by wrong ones."""
    updates = np.array([0.9, 1.1, 1.0, 0.9, 1.1])[:, None] * np.ones(2)
    for k, value in enumerate(wrong, 1):
        updates[-k] = value
    return np.array([5.0, -1.0]), updates


RECEIVED = [
    (np.array([5.0, -1.0]), np.full((4, 2), 0.5)),
    received(),
    received(-100.0),
    received(1e6),
]
QUIET_SHARE = 0.01


def slow_share(settings: Settings) -> float:
    """Return the share of all weight by age that slow devices have, in percent."""
    scenario = settings.comparison.set(warm_start_steps=0).run("fedbuff")
    prepared = prepare(scenario)
    timeline = prepared.timeline
    w = staleness_weight(timeline.staleness, exponent=scenario.age_exponent)
    slow = prepared.federation.fleet.straggler[timeline.client[timeline.applied]]
    return float(100 * w[slow].sum() / w.sum())


def still_heard(settings: Settings) -> str | None:
    """Return why settings do not answer the question of 07d, or `None`."""
    share = slow_share(settings)
    if share > 100 * QUIET_SHARE:
        return f"there the slow devices have more than {QUIET_SHARE:.0%} of the weight."
    return None


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
    "07c": Exercise(
        title="build a step that survives faulty devices",
        points=3,
        tests=[Holds(ruined, RECEIVED), survives],
        hints=[
            "How does a wrong update differ? It is far longer than the others: "
            "`np.linalg.norm(updates, axis=1)`.",
            "What is a usual length? The median of the lengths: a few wrong ones cannot move it.",
            "Shorten every update to the usual length, or leave the long ones out. "
            "Then add the mean of the rest to the model.",
        ],
        shows="Your server cannot be ruined by one device in ten.",
        mistakes={
            "One wrong update moves a plain mean as far as it likes.": plain_step,
            "That is the step alone: add it to the model.": without_the_model,
        },
        details=compared,
        picture=picture,
        solution=my_step,
    ),
    "07d": Exercise(
        title="who is still heard",
        tests=[Found("07", ("age_exponent", "seed"), slow_share, still_heard)],
        hints=[
            "Raise the age exponent a in the Lab: old updates come from slow devices.",
            "Weigh each applied update: `(1 + timeline.staleness) ** -a`. "
            "Whose is it? `timeline.client[timeline.applied]`.",
        ],
        shows="A weight by age decides whose data count. Your sentences are kept for your teacher.",
        keeps=kept,
    ),
}
