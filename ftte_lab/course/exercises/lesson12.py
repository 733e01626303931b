"""Exercises of lesson 12: how much of its own model a device takes, and whom that hurts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise, Holds
from ftte_lab.course.findings import Found, kept
from ftte_lab.course.own_personal import HOW, compared, far_from_best, in_fleet, mixes, picture
from ftte_lab.experiments import personalise
from ftte_lab.lab import Settings
from ftte_lab.simulation import Finished, prepare, simulate
from ftte_lab.training import GainSummary


def mix(shared: list[float], own: list[float], alpha: float) -> list[float]:
    """Return the parameters that a device takes."""
    return [s + alpha * (w - s) for s, w in zip(shared, own, strict=True)]


def other_way(shared: list[float], own: list[float], alpha: float) -> list[float]:
    """Take the shared model where alpha is 1: a common mistake."""
    return mix(own, shared, alpha)


def share_hurt(before: list[float], after: list[float]) -> float:
    """Return the share of the devices whose own model is worse than the shared one."""
    return sum(b > a for b, a in zip(before, after, strict=True)) / len(before)


def not_helped(before: list[float], after: list[float]) -> float:
    """Count those that stay as they were, too: a common mistake."""
    return sum(b >= a for b, a in zip(before, after, strict=True)) / len(before)


def my_own_model(shared: Any, gradient: Any, loss: Any, steps: int, rate: float) -> Any:
    """Return the best of five mixes of the shared layer and the own one."""
    made, losses = mixes(shared, gradient, loss, steps, rate)
    return made[int(np.argmin(losses))]


def all_of_it(shared: Any, gradient: Any, loss: Any, steps: int, rate: float) -> Any:
    """Take the complete own layer whatever it loses: a common mistake."""
    return mixes(shared, gradient, loss, steps, rate)[0][-1]


def from_shared(shared: Any, gradient: Any, loss: Any, steps: int, rate: float) -> Any:
    """Take each gradient at the shared layer: a common mistake."""
    return my_own_model(shared, lambda _, step: gradient(shared, step), loss, steps, rate)


def poor_model(given: Any, *problem: Any) -> str | None:
    """Return why a model is not the best mix of a small problem, or `None`."""
    return far_from_best(given, *mixes(*problem))


def valley(goal: Sequence[float], judged: Sequence[float]) -> tuple[Any, ...]:
    """Return a small problem: train towards a goal, be judged by the distance to another.

    Args:
        goal: where the gradient leads, from zero.
        judged: where the loss is least.
    """

    def gradient(layer: Any, step: int) -> Any:
        return np.asarray(layer, float) - np.array(goal) * (1 + step % 2)

    def loss(layer: Any) -> float:
        return float(np.square(np.asarray(layer, float) - np.array(judged)).sum())

    return np.zeros(len(goal)), gradient, loss, 6, 0.2


# The best mix is all of the own model, none of it, and about half.
PROBLEMS = [
    valley([1.0, 2.0], [2.0, 4.0]),
    valley([1.0, 2.0], [-1.0, -1.0]),
    valley([4.0, -2.0, 1.0], [2.0, -1.0, 0.5]),
]
MOST_HELPED = 1 / 3


@lru_cache(maxsize=4)
def _gains(code: str) -> GainSummary:
    prepared = prepare(Settings.restore(code).comparison.run("fedbuff"))
    *_, last = simulate(prepared, processes=1)
    assert isinstance(last, Finished)  # noqa: S101
    return personalise(prepared, last.params, how=HOW).summary()


def percent_hurt(settings: Settings) -> float:
    """Return how many in a hundred devices their own last layer hurts with these settings."""
    return 100 * _gains(settings.code()).share_hurt


def helps_many(settings: Settings) -> str | None:
    """Return why settings do not answer the question of 12d, or `None`."""
    found = _gains(settings.code())
    if found.share_helped > MOST_HELPED * found.share_hurt:
        return (
            f"there {found.share_hurt:.0%} are hurt and {found.share_helped:.0%} helped; "
            "find settings that hurt three times as many as they help."
        )
    return None


EXERCISES = {
    "12a": Exercise(
        title="a part of the own model",
        tests=[
            Agrees(
                mix, [([1.0, 2.0], [3.0, 0.0], a) for a in (0.0, 0.25, 1.0)] + [([5.0], [5.0], 0.5)]
            )
        ],
        hints=[
            "With alpha = 0 the device keeps the shared model.",
            "With alpha = 1 it takes its own.",
        ],
        shows="The steps between are safe guesses for a device that has few samples.",
        mistakes={"With alpha = 1 the device takes its own model.": other_way},
    ),
    "12b": Exercise(
        title="who is hurt",
        tests=[
            Agrees(
                share_hurt,
                [
                    ([0.5, 0.5, 0.8, 1.0], [0.75, 0.5, 0.7, 0.25]),
                    ([0.9], [0.9]),
                    ([0.5, 0.25], [0.25, 0.5]),
                ],
            )
        ],
        hints=[
            "Compare in pairs: the same device, before and after.",
            "Hurt is `after < before`; equal is not hurt.",
            "Divide the number of those that are hurt by the number of devices.",
        ],
        shows="A mean gain of three points can hide that a third of the people lost.",
        mistakes={"Equal is not hurt.": not_helped},
    ),
    "12c": Exercise(
        title="fine-tune, and choose how much",
        points=3,
        tests=[Holds(poor_model, PROBLEMS), in_fleet],
        hints=[
            "Begin with `own = shared.copy()`, and walk down: `rate` times the gradient, `steps` "
            "times.",
            "The gradient belongs to where you are: `gradient(own, step)`.",
            "A mix is `shared + alpha * (own - shared)`, for alpha = 0, 0.25, 0.5, 0.75 and 1.",
            "Keep the mix with the smallest `loss(mix)`. Begin with the shared layer, so that it "
            "stays where nothing is better.",
        ],
        shows="The choice is a brake: fewer are hurt, and fewer are helped.",
        mistakes={
            "That is always the complete own layer. "
            "Compare the mixes by `loss`; `own = shared` is no copy.": all_of_it,
            "Take each gradient where you are, not at the shared layer.": from_shared,
        },
        details=compared,
        picture=picture,
        solution=my_own_model,
    ),
    "12d": Exercise(
        title="where own layers hurt",
        tests=[
            Found(
                "12",
                ("alpha", "samples_per_client", "local_steps", "seed"),
                percent_hurt,
                helps_many,
            ),
        ],
        hints=[
            "An own layer gains where people differ. So let them differ little.",
            "And it needs samples: with few of them it learns these few by heart.",
            "`personalise(ready, params, how=how).summary()` counts who is hurt.",
        ],
        shows="A mean would have hidden it. Your sentences are kept for your teacher.",
        keeps=kept,
    ),
}
