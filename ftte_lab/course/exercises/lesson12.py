"""Exercises of lesson 12: how much of its own model a device takes, and whom that hurts."""

from __future__ import annotations

from ftte_lab.course.exercise import Agrees, Exercise


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
}
