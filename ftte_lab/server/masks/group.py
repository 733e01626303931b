"""Sum the rows of a group of devices without seeing any of them.

    1  each of the devices that are ready sends a fresh public key: 32 bytes
    2  the server sends all keys to all
    3  each sends its row in steps of 2^-16, under its mask: 4 bytes an entry
    4  the masks cancel in the sum, which the server reads

If a device is lost between 1 and 3, its masks stay in the sum, which is noise. Then those who are
left begin again at 1, with new keys: a small set, so nobody needs secret shares of keys.

The server must be honest but curious: it follows these steps, and reads what it gets. One that
claims a loss which did not happen gets a second sum, and the difference of both is one row.

Source: our reconstruction, after Bonawitz et al. 2017.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from ftte_lab._common import integer, require
from ftte_lab.server.masks.pairs import KEY_BYTES, Masker
from ftte_lab.server.masks.ring import BYTES_PER_ENTRY, LARGEST_GROUP, decode, encode

Array = np.ndarray

LEAST_GROUP = 2
"""Devices that are masked together at least: a sum of one row hides nothing."""


@dataclass(frozen=True, eq=False)
class MaskedSum:
    """Hold the sum of a group, and what it took.

    Attributes:
        total: the sum of the rows that were not lost, `(d,)`, to K/2 steps of 2^-16.
        attempts: 1, or 2 if devices were lost.
        upload_bytes: of all devices together.
        download_bytes: of all devices together.
    """

    total: Array
    attempts: int
    upload_bytes: int
    download_bytes: int


def masked_message(row: Array, masker: Masker, publics: list[bytes]) -> bytes:
    """Return what a device sends: its row in steps of 2^-16, under its mask.

    Args:
        row: finite numbers, `(d,)`.
        masker: its keys for this group.
        publics: the public keys of the group.

    Raises:
        ValueError: an entry that has no code, or a group without this device.

    Example:
        >>> devices = [Masker(bytes([k] * 32)) for k in (1, 2)]
        >>> keys = [one.public for one in devices]
        >>> messages = [masked_message(np.array([1.5]), one, keys) for one in devices]
        >>> [len(message) for message in messages], sum_of_messages(messages).tolist()
        ([4, 4], [3.0])
    """
    codes = encode(row, len(publics))
    return (codes + masker.mask(publics, len(codes))).astype("<u4").tobytes()


def sum_of_messages(messages: Collection[bytes]) -> Array:
    """Add masked messages, and read the sum as numbers, `(d,)`.

    It is right if there is a message of each device of the group; else it is noise.

    Args:
        messages: what `masked_message` returned, of equal lengths.

    Raises:
        ValueError: no message, or messages of unlike lengths.
    """
    lengths = {len(message) for message in messages}
    whole = len(lengths) == 1 and min(lengths) % BYTES_PER_ENTRY == 0
    require(whole, f"messages of {sorted(lengths)} bytes", "one length, 4 bytes an entry")
    total = np.zeros(min(lengths) // BYTES_PER_ENTRY, np.uint32)
    for message in messages:
        total += np.frombuffer(message, dtype="<u4").astype(np.uint32)
    return decode(total)


def masked_sum(rows: Array, lost: Collection[int] = ()) -> MaskedSum:
    """Run the protocol for a group, and return the sum of the rows.

    Args:
        rows: one row per device that is ready, `(ready, d)`.
        lost: places of devices that vanish before they send; their rows do not count.

    Raises:
        ValueError: fewer than `LEAST_GROUP` devices are left, more than `LARGEST_GROUP` are ready,
            an entry has no code, or the package cryptography is missing.

    Example:
        >>> done = masked_sum(np.array([[1.0, 0.5], [2.0, 0.25], [9.0, 9.0]]), lost=[2])
        >>> done.total.tolist(), done.attempts, done.upload_bytes
        ([3.0, 0.75], 2, 192)
    """
    values = np.asarray(rows, dtype=float)
    require(values.ndim == 2, f"rows of shape {values.shape}", "(devices, entries)")
    gone = {integer("lost", place, 0, len(values) - 1) for place in lost}
    left = [place for place in range(len(values)) if place not in gone]
    allowed = f"{LEAST_GROUP} to {LARGEST_GROUP}"
    fits = len(left) >= LEAST_GROUP and len(values) <= LARGEST_GROUP
    require(fits, f"{len(left)} of {len(values)} devices are left", allowed)
    up = down = attempts = 0
    groups = [list(range(len(values)))] * bool(gone) + [left]
    for group in groups:
        maskers = {place: Masker() for place in group}
        publics = [one.public for one in maskers.values()]
        messages = [masked_message(values[p], maskers[p], publics) for p in left]
        up += KEY_BYTES * len(group) + sum(map(len, messages))
        down += KEY_BYTES * len(group) ** 2
        attempts += 1
    return MaskedSum(sum_of_messages(messages), attempts, up, down)
