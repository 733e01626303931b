"""Exercises of lesson 09: what an index costs, and what an update reveals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise


def mask_bytes(entries: int, trained: int) -> list[int]:
    """Return the bytes of a bit mask, and of a list of int32 positions."""
    return [math.ceil(entries / 8), 4 * trained]


def rounded_down(entries: int, trained: int) -> list[int]:
    """Drop the last byte if it is not full: a common mistake."""
    return [entries // 8, 4 * trained]


def read_input(weight_gradient: Any, bias_gradient: Any) -> Any:
    """Return the one input behind the gradients of a dense layer."""
    w, b = np.asarray(weight_gradient, float), np.asarray(bias_gradient, float)
    k = int(np.abs(b).argmax())
    return w[k] / b[k]


def first_row(weight_gradient: Any, bias_gradient: Any) -> Any:
    """Divide the first row, whose unit may be silent: a common mistake."""
    w = np.asarray(weight_gradient, float)
    return (w[0] / (bias_gradient[0] or float("nan"))).tolist()


def dense_gradients() -> list[tuple[list[list[float]], list[float]]]:
    """Return gradients of dense layers that trained on one sample: outer products."""
    samples = (
        ([0.5, -1.0, 2.0], [0.1, 0.0, -0.4]),
        ([0.0, 0.25, 1.0, 0.75], [0.0, 0.0, 0.02]),
        ([3.0], [-2.0, 1.0]),
    )
    return [(np.outer(delta, x).tolist(), delta) for x, delta in samples]


EXERCISES = {
    "09a": Exercise(
        title="two ways to name the entries that are trained",
        tests=[Agrees(mask_bytes, [(9586, 100), (9586, 3000), (16, 1), (17, 17)])],
        hints=[
            "A bit mask has one bit for every entry of the model, whether trained or not: "
            "eight to a byte, rounded up.",
            "An index list has four bytes (an int32) for each trained entry.",
            "Return both, in a list: first the bytes of the mask, then those of the index list.",
        ],
        shows="The list is shorter only below one entry in 32. "
        "Complete channels need neither: a few numbers name them.",
        mistakes={"The last byte counts even if it is not full: round up.": rounded_down},
    ),
    "09b": Exercise(
        title="read the input off a gradient",
        tests=[Agrees(read_input, dense_gradients(), 1e-6)],
        hints=[
            "For one sample, row k of the weight's gradient is delta[k] times the input. "
            "The bias' gradient is delta.",
            "So divide a row by its bias gradient: `weight_gradient[k] / bias_gradient[k]`.",
            "Take the k whose bias gradient is largest: others may be zero.",
        ],
        shows="One sample, one step, one dense layer: the update *is* the data. "
        "That is why it matters how much is averaged.",
        mistakes={
            "That row belongs to a unit that may be silent (0 / 0): "
            "take the largest bias gradient.": first_row,
        },
    ),
}
