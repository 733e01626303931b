"""Exercises of lesson 11: how long the noise is, and how a row is masked."""

from __future__ import annotations

import math

from ftte_lab.course.exercise import Agrees, Exercise

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
}
