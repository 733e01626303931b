"""Exercise of lesson 00: read the time to target off a curve."""

from __future__ import annotations

from collections.abc import Sequence

from ftte_lab.course.exercise import Agrees, Exercise


def time_to(seconds: Sequence[float], accuracy: Sequence[float], target: float) -> float | None:
    """Return the first moment at or above the target."""
    return next((s for s, a in zip(seconds, accuracy, strict=True) if a >= target), None)


def last_below(seconds: Sequence[float], accuracy: Sequence[float], target: float) -> float | None:
    """Return the last moment below the target: a common mistake."""
    below = [s for s, a in zip(seconds, accuracy, strict=True) if a < target]
    return below[-1] if below else None


def first_above(seconds: Sequence[float], accuracy: Sequence[float], target: float) -> float | None:
    """Return the first moment above the target: a common mistake."""
    return next((s for s, a in zip(seconds, accuracy, strict=True) if a > target), None)


CURVES = [
    ([0.0, 60.0, 120.0, 180.0], [0.3, 0.6, 0.8, 0.9], 0.8),
    # it falls below the target again: the first moment counts
    ([0.0, 60.0, 120.0, 180.0], [0.3, 0.82, 0.78, 0.9], 0.8),
    ([0.0, 10.0, 20.0], [0.5, 0.6, 0.7], 0.2),
    ([0.0, 10.0, 20.0], [0.5, 0.6, 0.7], 0.75),
]

EXERCISES = {
    "00a": Exercise(
        title="time to target",
        tests=[Agrees(time_to, CURVES)],
        hints=[
            "Go through seconds and accuracy together: `for s, a in zip(seconds, accuracy):`.",
            "Return at the first pair with `a >= target`: a later fall does not matter.",
            "After the loop nothing was found: `return None`.",
        ],
        shows="Your function reads a curve as `History.time_to` does (which smooths it first).",
        mistakes={
            "This is the last moment below the target. "
            "The exercise asks for the first moment at or above it.": last_below,
            "A value equal to the target counts as reached: `>=`, not `>`.": first_above,
        },
    ),
}
