"""Exercises of lessons 09 and 10: what was sent and what it tells, and the capstone's brief."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ftte_lab.course import capstone as brief
from ftte_lab.course.exercise import Agrees, Exercise


def _mask_bytes(entries: int, trained: int) -> list[int]:
    return [math.ceil(entries / 8), 4 * trained]


def _invert(weight_gradient: Any, bias_gradient: Any) -> Any:
    w, b = np.asarray(weight_gradient, float), np.asarray(bias_gradient, float)
    k = int(np.abs(b).argmax())
    return w[k] / b[k]


def _gradients() -> list[tuple[list[list[float]], list[float]]]:
    """Of dense layers that saw one sample: the outer product of what came down and what went in."""
    cases = []
    for x, delta in (
        ([0.5, -1.0, 2.0], [0.1, 0.0, -0.4]),
        ([0.0, 0.25, 1.0, 0.75], [0.0, 0.0, 0.02]),
        ([3.0], [-2.0, 1.0]),
    ):
        cases.append((np.outer(delta, x).tolist(), delta))
    return cases


EXERCISES: dict[str, Exercise] = {
    "09a": Exercise(
        "two ways to say which entries are trained",
        [Agrees(_mask_bytes, [(9586, 100), (9586, 3000), (16, 1), (17, 17)])],
        [
            "A bit mask has one bit for every entry of the model, whether trained or not: eight to a byte, rounded up.",
            "An index list has four bytes (an int32) for each trained entry.",
            "Return both: `[math.ceil(entries / 8), 4 * trained]`.",
        ],
        "The list is shorter only below one entry in 32. Whole channels need neither: a few numbers name them.",
        {"A started byte is a whole byte: round up.": lambda e, t: [e // 8, 4 * t]},
    ),
    "09b": Exercise(
        "read the input off a gradient",
        [Agrees(_invert, _gradients(), 1e-6)],
        [
            "For one sample, row k of the weight's gradient is delta[k] times the input; the bias' gradient is delta.",
            "So divide a row by its bias gradient: `weight_gradient[k] / bias_gradient[k]`.",
            "Take the k whose bias gradient is largest: others may be zero.",
        ],
        "One sample, one step, one dense layer: the update *is* the data. That is why what is averaged matters.",
        {
            "That row belongs to a unit that may be silent (0 / 0): take the largest bias gradient.": lambda w, b: (
                (np.asarray(w, float)[0] / (b[0] or float("nan"))).tolist()
            )
        },
    ),
    "10a": Exercise(
        "meet the brief",
        [brief.fails],
        [
            'Look at which line fails, and which knob moves that number; `Lab(..., charts=["memory", "bytes"])` '
            "answers before any training.",
            "Less memory also means fewer bytes and a shorter step, so more steps per virtual minute.",
            "Compare FTTE at two or three budgets below the limit, over three seeds each, before you submit.",
        ],
        "Your fleet holds on seeds that you have not seen.",
        told=brief.told,
    ),
}
