"""Exercises of lesson 09: an index, an input read off, a message format, what rounding hides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise
from ftte_lab.course.findings import Found, kept
from ftte_lab.course.own_format import by_hand, compared, digits_read, in_fleet, picture
from ftte_lab.lab import Settings
from ftte_lab.simulation import prepare


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


def my_format(sizes: Sequence[int]) -> Any:
    """Return functions that write and read a float32 scale per tensor and an int8 per entry."""

    def pack(row: Any) -> bytes:
        parts = np.split(row, np.cumsum(sizes)[:-1])
        scales = np.array([max(np.abs(part).max() / 127, 1e-30) for part in parts], np.float32)
        codes = np.rint(row / np.repeat(scales, sizes))
        return scales.tobytes() + codes.astype(np.int8).tobytes()

    def unpack(message: bytes) -> Any:
        scales = np.frombuffer(message, np.float32, len(sizes))
        codes = np.frombuffer(message, np.int8, offset=4 * len(sizes))
        return np.repeat(scales, sizes) * codes

    return pack, unpack


LEAST_READ = 6.0


def read_through(settings: Settings) -> float:
    """Return how many of a phone's digits its update shows with these settings."""
    return digits_read(prepare(settings.comparison.run("fedavg")))


def hides_them(settings: Settings) -> str | None:
    """Return why settings do not answer the question of 09d, or `None`."""
    if settings.scenario.payload_bits != 8:
        return "the message must have 8 bits per entry; that is the question."
    found = read_through(settings)
    if found < LEAST_READ:
        return f"there an update shows {found:.1f} digits; find settings with {LEAST_READ:.0f}."
    return None


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
        shows="One sample, one step, one dense layer: the update is the data. "
        "That is why it matters how much is averaged.",
        mistakes={
            "That row belongs to a unit that may be silent (0 / 0): "
            "take the largest bias gradient.": first_row,
        },
    ),
    "09c": Exercise(
        title="build a message of 8 bits",
        points=3,
        tests=[by_hand, in_fleet],
        hints=[
            "A tensor's scale is its largest size / 127. An entry's code is the entry / its scale, "
            "rounded: from -127 to 127.",
            "`np.split(row, np.cumsum(sizes)[:-1])` cuts a row into its tensors. A tensor of zeros "
            "has the scale 0: `max(scale, 1e-30)` keeps you from 0 / 0.",
            "Arrays become bytes with `.astype(np.int8).tobytes()`, and `bytes + bytes` joins two.",
            "To read: `np.frombuffer(message, np.float32, len(sizes))` are the scales. "
            "The codes begin at `offset=4 * len(sizes)`; `np.repeat(scales, sizes)` fits them.",
        ],
        shows="The server has trained with what your messages carried, and nothing else.",
        details=compared,
        picture=picture,
        solution=my_format,
    ),
    "09d": Exercise(
        title="what 8 bits hide",
        tests=[
            Found("09", ("batch", "local_steps", "payload_bits", "seed"), read_through, hides_them),
        ],
        hints=[
            "Begin with 8 bits, and change one knob: fewer local steps, or a smaller batch.",
            "`digits_read(prepare(lab.settings.comparison.run('fedavg')))` measures what the Lab "
            "is set to.",
        ],
        shows="Saving bytes is not privacy. Your sentences are kept for your teacher.",
        keeps=kept,
    ),
}
