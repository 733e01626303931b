"""Write numbers as whole steps of 2^-16 modulo 2^32, so that sums of masked rows are exact.

    y = round(2^16 · x) mod 2^32

A sum of K such rows is off by at most K/2 steps. It must stay within -2^15 and 2^15, so an entry
of one device may be at most 2^15 / K. What is not a finite number has no code.

Source: Bonawitz et al. 2017, "Practical Secure Aggregation", for the ring; the steps are ours.
"""

from __future__ import annotations

import numpy as np

from ftte_lab._common import integer, require

Array = np.ndarray

STEP = 2.0**-16
"""The step of the code."""

BYTES_PER_ENTRY = 4
"""Bytes of an entry under a mask, whatever its precision was before."""

LARGEST_GROUP = 100
"""Devices that are masked together at most: the keys grow with the square of their number."""


def largest_entry(group: int) -> float:
    """Return the largest entry that each of so many devices may send.

    Args:
        group: how many rows are summed, 1 to `LARGEST_GROUP`.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> largest_entry(16)
        2047.99...
    """
    group = integer("group", group, 1, LARGEST_GROUP)
    return (2**31 - 1) * STEP / group - STEP


def encode(values: Array, group: int) -> Array:
    """Write numbers as steps modulo 2^32, `uint32` of the same shape.

    Args:
        values: finite numbers, each at most `largest_entry(group)`.
        group: how many rows will be summed.

    Raises:
        ValueError: a number that is not finite, or too large for the sum.

    Example:
        >>> encode(np.array([1.0, -1.0]), group=2).tolist()
        [65536, 4294901760]
    """
    x, most = np.asarray(values, dtype=float), largest_entry(group)
    fits = bool((np.abs(x) <= most).all())  # nan is no number at all, and never fits
    require(fits, "an entry has no code under a mask", f"finite, at most {most:g} in size")
    return (np.rint(x / STEP).astype(np.int64) % 2**32).astype(np.uint32)


def decode(total: Array) -> Array:
    """Read a sum of codes as numbers.

    Args:
        total: `uint32`, a sum modulo 2^32.

    Raises:
        ValueError: numbers of another type.

    Example:
        >>> decode(encode(np.array([0.25, -3.0]), group=1)).tolist()
        [0.25, -3.0]
    """
    codes = np.asarray(total)
    require(codes.dtype == np.uint32, f"codes of type {codes.dtype}", "uint32")
    return codes.view(np.int32) * STEP
