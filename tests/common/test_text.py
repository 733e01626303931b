"""Sizes, durations and shares as text."""

import pytest

from ftte_lab._common import percent, seconds, size


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0 s"),
        (0.25, "250 ms"),
        (0.94, "940 ms"),
        (0.96, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7200, "2.0 h"),
    ],
)
def test_seconds_chooses_the_unit(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (160 * 1024, "160 KiB"), (2**20, "1.0 MiB")],
)
def test_size_chooses_the_unit(value: float, text: str) -> None:
    assert size(value) == text


def test_size_digits_apply_to_kib_and_mib() -> None:
    assert size(100, digits=2) == "100 B"
    assert size(1434, digits=1) == "1.4 KiB"
    assert size(1.25 * 2**20, digits=1) == "1.25 MiB"


def test_percent_rounds_to_digits() -> None:
    assert percent(0.256) == "26 %"
    assert percent(0.256, digits=1) == "25.6 %"
