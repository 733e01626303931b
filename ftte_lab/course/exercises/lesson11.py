"""Exercises of lesson 11: how long the noise is, masks for five devices, what a promise asks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise
from ftte_lab.course.findings import Found, kept
from ftte_lab.course.own_masks import compared, in_fleet, nobody_lost, one_lost, picture
from ftte_lab.lab import Settings
from ftte_lab.simulation import prepare

_RING = 2**32


def noise_beside_clip(noise_multiplier: float, entries: int, updates: int) -> float:
    """Return the length of the noise in a mean of updates, in clip norms."""
    return noise_multiplier * math.sqrt(entries) / updates


def without_root(noise_multiplier: float, entries: int, updates: int) -> float:
    """Add the lengths of the entries up: a common mistake."""
    return noise_multiplier * entries / updates


def masked_row(row: list[int], later: list[list[int]], earlier: list[list[int]]) -> list[int]:
    """Return a row of whole numbers under its mask, modulo 2^32."""
    added = [sum(stream[i] for stream in later) for i in range(len(row))]
    taken = [sum(stream[i] for stream in earlier) for i in range(len(row))]
    return [(v + a - t) % _RING for v, a, t in zip(row, added, taken, strict=True)]


def all_added(row: list[int], later: list[list[int]], earlier: list[list[int]]) -> list[int]:
    """Add all streams, so that nothing cancels: a common mistake."""
    return masked_row(row, later + earlier, [])


def my_masks(stream: Any) -> Any:
    """Return functions that mask a device's row, and read the sum of those that arrived."""

    def signed(one: int, other: int, seed: int, entries: int) -> Any:
        return np.sign(other - one) * stream(seed, entries)

    def mask(row: Any, me: int, seeds: Any) -> Any:
        codes = np.rint(row * 2**16).astype(np.int64)
        masks = [signed(me, other, seed, len(row)) for other, seed in seeds.items()]
        return (codes + sum(masks)) % _RING

    def read(messages: Any, lost: Any) -> Any:
        total = sum(messages.values())
        for gone, seeds in lost.items():
            total = total - sum(signed(k, gone, seed, len(total)) for k, seed in seeds.items())
        return ((total + 2**31) % _RING - 2**31) / 2**16

    return mask, read


MULTIPLIER, MOST_NOISE, MOST_LOSS, LEAST_STEPS = 4.0, 7.0, 3.0, 20


def largest_loss(settings: Settings) -> float:
    """Return the largest ε of a device with these settings; it needs no training."""
    return float(prepare(settings.comparison.run("fedbuff")).epsilon().max())


def no_promise(settings: Settings) -> str | None:
    """Return why settings do not answer the question of 11d, or `None`."""
    if settings.scenario.noise_multiplier != MULTIPLIER:
        return f"z must be {MULTIPLIER:g}; that is the question."
    prepared, loss = prepare(settings.comparison.run("fedbuff")), largest_loss(settings)
    noise, steps = prepared.noise_to_clip, len(prepared.timeline.step_s)
    if noise > MOST_NOISE:
        return f"there the noise is {noise:.1f} clip norms long; at most {MOST_NOISE:g}, please."
    if loss > MOST_LOSS:
        return f"there the largest ε is {loss:.1f}; find settings with at most {MOST_LOSS:g}."
    if steps < LEAST_STEPS:
        return f"there the server takes {steps} steps; it needs {LEAST_STEPS} to learn something."
    return None


EXERCISES = {
    "11a": Exercise(
        title="the noise beside the longest update",
        tests=[Agrees(noise_beside_clip, [(4, 9936, 10), (4, 2484, 10), (1, 100, 1000)], 1e-9)],
        hints=[
            "A row of d independent entries, each of standard deviation s, is s · √d long.",
            "The server divides the sum, and its noise, by the number of updates.",
        ],
        shows="A quarter of the entries halves the noise; a hundred times the updates makes it "
        "a hundredth.",
        mistakes={"Independent entries add up as squares: take the root.": without_root},
    ),
    "11b": Exercise(
        title="mask a row",
        tests=[
            Agrees(
                masked_row,
                [
                    ([1, 2], [[10, 20]], []),
                    ([1, 2], [], [[10, 20]]),
                    ([5, 6, 7], [[1, 2, 3], [2**31, 0, 9]], [[4, 2**32 - 1, 0]]),
                    ([2**32 - 1], [[1]], []),
                ],
            )
        ],
        hints=[
            "Work entry by entry: `row[i]`, plus all `stream[i]` of later devices.",
            "Take away the `stream[i]` that you share with earlier devices.",
            "Take the result modulo `2**32`, so that it is never negative.",
        ],
        shows="In the sum over all devices each stream comes once with plus, once with minus.",
        mistakes={"Streams shared with earlier devices are taken away.": all_added},
    ),
    "11c": Exercise(
        title="masks for five devices",
        points=3,
        tests=[nobody_lost, one_lost, in_fleet],
        hints=[
            "A row in whole steps is `np.rint(row * 2**16).astype(np.int64)`.",
            "Add `stream(seed, len(row))` for each later device, take it away for each earlier "
            "one, as in 11b. Then take the result modulo 2**32.",
            "In the sum of all messages the masks cancel. Take it modulo 2**32; from 2**31 on it "
            "stands for a negative number. Divide by 2**16.",
            "A lost device leaves half of its pairs in the sum. For each `lost[gone][place]` undo "
            "what the device `place` did: take away if `gone` is later, else add.",
        ],
        shows="The server has trained with sums alone, and lost devices did not stop it.",
        details=compared,
        picture=picture,
        solution=my_masks,
    ),
    "11d": Exercise(
        title="a promise, and twenty steps",
        tests=[
            Found(
                "11",
                (
                    "noise_multiplier",
                    "clip_norm",
                    "buffer",
                    "clients",
                    "max_participations",
                    "seed",
                ),
                largest_loss,
                no_promise,
            ),
        ],
        hints=[
            "The noise falls with K alone, as long as z and the entries stay.",
            "ε grows with each update that is taken from a device. Let each give fewer.",
            "Twenty steps of K updates must come from somewhere: count the devices.",
        ],
        shows="Nothing was trained for it. Your sentences are kept for your teacher.",
        keeps=kept,
    ),
}
