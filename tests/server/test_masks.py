"""Secure aggregation: masks cancel, whoever is lost; a masked row reads as chance."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.server import (
    KEY_BYTES,
    LARGEST_GROUP,
    STEP,
    Masker,
    decode,
    encode,
    largest_entry,
    masked_message,
    masked_sum,
    sum_of_messages,
)


def group(size: int) -> tuple[list[Masker], list[bytes]]:
    """Return devices with known keys, so that a test gives the same bits each time."""
    maskers = [Masker(bytes([k + 1] * KEY_BYTES)) for k in range(size)]
    return maskers, [one.public for one in maskers]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-30_000, 30_000), min_size=1, max_size=20))
def test_codes_are_within_half_a_step(values: list[float]) -> None:
    x = np.array(values)
    back = decode(encode(x, group=1))
    assert np.abs(back - x).max() <= STEP / 2


@pytest.mark.parametrize("size", [1, 2, 7, LARGEST_GROUP])
def test_the_largest_entries_still_add_up(size: int) -> None:
    most = largest_entry(size)
    for sign in (1, -1):
        total = np.zeros(1, np.uint32)
        for _ in range(size):
            total += encode(np.array([sign * most]), size)
        assert decode(total)[0] == pytest.approx(sign * most * size, abs=size * STEP)
    for wrong in (most + 2 * STEP, np.nan, np.inf):
        with pytest.raises(ValueError, match="no code under a mask"):
            encode(np.array([wrong]), size)


@settings(deadline=None, max_examples=40)
@given(st.data(), st.integers(2, 9), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_sum_is_exact_to_half_a_step_each_whoever_is_lost(
    data: st.DataObject, size: int, entries: int, seed: int
) -> None:
    lost = data.draw(st.sets(st.integers(0, size - 1), max_size=size - 2))
    rows = np.random.default_rng(seed).normal(size=(size, entries))
    done = masked_sum(rows, lost)
    left = [k for k in range(size) if k not in lost]
    off = np.abs(done.total - rows[left].sum(0)).max()
    assert off <= len(left) * STEP / 2 + 1e-12
    assert done.attempts == 1 + bool(lost)


def test_masks_of_a_group_add_up_to_nothing_and_one_less_does_not() -> None:
    maskers, keys = group(6)
    masks = np.stack([one.mask(keys, 500) for one in maskers])
    assert not masks.sum(0, dtype=np.uint32).any()
    for k in range(6):
        rest = np.delete(masks, k, axis=0).sum(0, dtype=np.uint32)
        assert np.count_nonzero(rest) > 490
        # What is left over is the mask of who is lost, which nobody else can make.
        np.testing.assert_array_equal(np.uint32(0) - rest, masks[k])


def test_a_masked_row_reads_as_chance() -> None:
    """Each of its bits is a coin, whatever the row; a bit's mean lies within six deviations."""
    maskers, keys = group(3)
    entries = 20_000
    for row in (np.zeros(entries), np.full(entries, 7.25)):
        [message, *_] = (masked_message(row, one, keys) for one in maskers)
        bits = np.unpackbits(np.frombuffer(message, np.uint8)).reshape(entries, 32)
        assert np.abs(bits.mean(0) - 0.5).max() < 6 * 0.5 / np.sqrt(entries)
        assert abs(bits.mean() - 0.5) < 6 * 0.5 / np.sqrt(bits.size)
        numbers = np.frombuffer(message, "<u4")
        counts, _ = np.histogram(numbers, bins=64, range=(0, 2**32))
        expected = entries / 64
        assert ((counts - expected) ** 2 / expected).sum() < 63 + 6 * np.sqrt(2 * 63)


def test_a_masked_row_says_nothing_about_the_row_but_the_sum_does() -> None:
    maskers, keys = group(4)
    rows = np.random.default_rng(0).normal(size=(4, 4000))
    messages = [masked_message(row, one, keys) for row, one in zip(rows, maskers, strict=True)]
    alone = decode(np.frombuffer(messages[0], "<u4").astype(np.uint32))
    assert abs(np.corrcoef(alone, rows[0])[0, 1]) < 6 / np.sqrt(4000)
    assert np.corrcoef(sum_of_messages(messages), rows[0])[0, 1] > 0.4


def test_new_keys_make_new_masks_and_an_order_is_agreed() -> None:
    maskers, keys = group(3)
    other = [Masker() for _ in range(3)]
    assert len({*keys, *(one.public for one in other)}) == 6
    first = maskers[0].mask(keys, 8)
    assert np.array_equal(first, maskers[0].mask(keys, 8))
    smaller = maskers[0].mask(keys[:2], 8)
    assert not np.isin(first, smaller).any()


def test_bytes_are_those_of_the_messages() -> None:
    done = masked_sum(np.ones((5, 10)))
    assert done.upload_bytes == 5 * (4 * 10 + 32)
    assert done.download_bytes == 5 * 5 * 32
    again = masked_sum(np.ones((5, 10)), lost=[1, 3])
    assert again.upload_bytes == 5 * 32 + 3 * 40 + 3 * (40 + 32)
    assert again.download_bytes == 25 * 32 + 9 * 32


@pytest.mark.parametrize(
    ("rows", "lost", "words"),
    [
        (np.ones((1, 3)), [], "1 of 1 devices are left; allowed: 2 to 100"),
        (np.ones((3, 3)), [0, 1], "1 of 3 devices are left"),
        (np.ones((101, 1)), [], "101 of 101 devices"),
        (np.full((2, 3), np.nan), [], "no code under a mask"),
        (np.ones(3), [], r"rows of shape \(3,\)"),
        (np.ones((3, 3)), [3], "lost = 3"),
    ],
)
def test_groups_that_hide_nothing_are_refused(
    rows: np.ndarray, lost: list[int], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        masked_sum(rows, lost)


def test_a_stranger_gets_no_mask_and_messages_must_fit() -> None:
    maskers, keys = group(3)
    with pytest.raises(ValueError, match="a group of other keys"):
        maskers[2].mask(keys[:2], 4)
    with pytest.raises(ValueError, match="a group of other keys"):
        maskers[0].mask([keys[0], keys[0]], 4)
    with pytest.raises(ValueError, match="32 bytes"):
        Masker(b"short")
    for messages in ([], [b"1234", b"12345678"], [b"123"]):
        with pytest.raises(ValueError, match="4 bytes an entry"):
            sum_of_messages(messages)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.x25519", None)
    with pytest.raises(ValueError, match=r"package cryptography; .*ftte_lab\[privacy\]"):
        Masker()
