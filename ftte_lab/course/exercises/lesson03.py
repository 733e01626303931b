"""Exercises of lesson 03: bytes of an activation, and the largest batch that fits."""

from __future__ import annotations

from typing import Any

from ftte_lab.course.exercise import Agrees, Exercise


def stored_bytes(batch: int, channels: int, length: int) -> int:
    """Return the bytes of one stored float32 activation."""
    return 4 * batch * channels * length


def stored_numbers(batch: int, channels: int, length: int) -> int:
    """Return numbers instead of bytes: a common mistake."""
    return batch * channels * length


def bytes_of_one_sample(batch: int, channels: int, length: int) -> int:
    """Return the bytes of one sample instead of the batch: a common mistake."""
    return 4 * channels * length


def largest_batch(peak_bytes: Any, budget_bytes: int) -> int:
    """Return the largest batch whose peak stays within the budget, 0 if none does."""
    batch = 0
    while batch < 1024 and peak_bytes(batch + 1) <= budget_bytes:
        batch += 1
    return batch


def first_batch_too_large(peak_bytes: Any, budget_bytes: int) -> int:
    """Return the smallest batch that does not fit: a common mistake."""
    return largest_batch(peak_bytes, budget_bytes) + 1


def peak_of_a_small_net(batch: int) -> int:
    """Return an invented peak: a fixed part, and a part that grows with the batch."""
    return 150_000 + 42_000 * batch


def peak_of_a_tiny_net(batch: int) -> int:
    """Return an invented peak with a small fixed part."""
    return 9_000 + 1_000 * batch


BUDGETS = [
    (peak_of_a_small_net, 256 * 1024),
    (peak_of_a_small_net, 512 * 1024),
    (peak_of_a_small_net, 150_000),
    (peak_of_a_tiny_net, 17_000),
    (peak_of_a_tiny_net, 16_999),
]

EXERCISES = {
    "03a": Exercise(
        title="bytes of a stored activation",
        tests=[Agrees(stored_bytes, [(8, 16, 64), (1, 3, 128), (16, 32, 32)])],
        hints=[
            "One number for each sample of the batch, each channel and each place along the "
            "signal.",
            "float32: four bytes each.",
        ],
        shows="It grows with the batch. Weights do not. "
        "That is why training can fail where inference fits.",
        mistakes={
            "Those are numbers, not bytes: a float32 takes four.": stored_numbers,
            "Every sample of the batch is stored, not only one.": bytes_of_one_sample,
        },
    ),
    "03b": Exercise(
        title="the largest batch that fits",
        tests=[Agrees(largest_batch, BUDGETS)],
        hints=[
            "`peak_bytes` is a function. Call it: `peak_bytes(1)`, `peak_bytes(2)`, …",
            "Count up while the next batch still fits: "
            "`while peak_bytes(batch + 1) <= budget_bytes:`.",
            "Begin at 0: it is the answer where not even one sample fits.",
        ],
        shows="You know it before anything is trained: no trial, no crash.",
        mistakes={
            "That is one too many: return the last batch that fits, "
            "not the first that does not.": first_batch_too_large,
        },
    ),
}
