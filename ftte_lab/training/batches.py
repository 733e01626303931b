"""Draw the mini-batches of thousands of participations at once, each from its own random stream.

The draw is counter-based: a batch depends on the seed, the client and its visit alone. So a run is
the same in any process, in any order, and however many participations are drawn together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ftte_lab._common import integer, require, shown

Words = NDArray[np.uint64]
_STEP = np.uint64(0x9E3779B97F4A7C15)
"""SplitMix64 (Steele, Lea and Flood 2014): the odd number nearest 2^64 / phi."""
_MOST, _LARGEST = 1_000_000_000, 2**53  # samples; numbers of clients and visits
_TAG = 1101
"""Keeps this random stream apart from every other use of the same seed."""


def draw_batches(
    samples: int, steps: int, batch: int, *, seed: int, client: int, visit: int
) -> NDArray[np.int64]:
    """Return positions `(steps, batch)` of a client's mini-batches within its own samples.

    `visit` counts the client's participations from 0. The batches pass over the data in a fresh
    order each time, as an epoch would; a pass may end inside a batch.

    Example:
        >>> batches = draw_batches(6, steps=3, batch=2, seed=0, client=4, visit=0)
        >>> batches.shape, sorted(batches.flatten().tolist())
        ((3, 2), [0, 1, 2, 3, 4, 5])

    Raises:
        ValueError: no samples, steps or batch below 1.
    """
    return draw_many([samples], steps, batch, seed=seed, client=[client], visit=[visit])[0]


def draw_many(
    samples: ArrayLike, steps: int, batch: int, *, seed: int, client: ArrayLike, visit: ArrayLike
) -> NDArray[np.int64]:
    """Return `draw_batches` of many participations, `(participations, steps, batch)`.

    `samples`, `client` and `visit` have equal length.

    Raises:
        ValueError: no samples, steps or batch below 1.
    """
    steps, batch = integer("steps", steps, 1, _MOST), integer("batch", batch, 1, _MOST)
    seed = integer("seed", seed, 0, 2**64 - 1)
    try:
        given = np.asarray(samples, dtype=np.float64)
    except OverflowError:
        given = np.array([np.inf])
    counted = bool(((given >= 1) & (given <= _MOST) & (given == np.floor(given))).all())
    fix = "Every client needs data"
    require(counted, f"samples = {shown(samples)}", f"at least 1 each, and at most {_MOST:,}", fix)
    sizes = given.astype(np.int64)
    client, visit = (_numbers(part, len(sizes)) for part in (client, visit))
    key = _mix(np.full(sizes.shape, seed, np.uint64) + np.uint64(_TAG))
    for part in (client, visit):
        key = _mix((key + _STEP) ^ part.astype(np.uint64))
    drawn = np.empty((len(sizes), steps * batch), np.int64)
    for size in np.unique(sizes):
        at = np.flatnonzero(sizes == size)
        drawn[at] = _orders(key[at], int(size), steps * batch)
    return drawn.reshape(-1, steps, batch)


def _numbers(part: ArrayLike, wanted: int) -> NDArray[np.int64]:
    """Return numbers of clients or visits as integers."""
    given = np.asarray(part)
    if given.dtype.kind not in "iuf":
        given = np.array([np.nan])  # such as an integer beyond every range
    allowed = f"{wanted} integers from 0 to {_LARGEST:,}"
    counted = given.shape == (wanted,) and bool(((given >= 0) & (given <= _LARGEST)).all())
    counted = counted and bool((given == np.floor(given)).all())
    require(counted, f"numbers of clients or visits = {shown(part)}", allowed)
    return given.astype(np.int64)


def _orders(key: Words, size: int, wanted: int) -> NDArray[np.int64]:
    """The first `wanted` of endless passes over `size` samples, one row per key."""
    passes = -(-wanted // size)
    counter = np.arange(1, passes * size + 1, dtype=np.uint64) * _STEP
    words = _mix(key[:, None] + counter).reshape(-1, passes, size)
    return np.argsort(words, axis=-1).reshape(len(key), -1)[:, :wanted]


def _mix(z: Words) -> Words:
    """SplitMix64's finaliser: every bit of the result depends on every bit of `z`."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
