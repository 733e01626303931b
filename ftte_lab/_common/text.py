"""Sizes, durations and shares as text, in one form everywhere."""

from __future__ import annotations


def seconds(value: float) -> str:
    """Return a duration in seconds as text, in ms, s, min or h.

    Example:
        >>> seconds(0.25), seconds(8), seconds(600), seconds(9000)
        ('250 ms', '8.0 s', '10 min', '2.5 h')
    """
    if 0 < value < 0.95:
        return f"{1000 * value:.0f} ms"
    if value < 9.95:
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"


def size(value: float, digits: int = 0) -> str:
    """Return a number of bytes as text, in B, KiB or MiB.

    Args:
        value: bytes.
        digits: decimals of a number in KiB. MiB always have one more, bytes none.

    Example:
        >>> size(512), size(160 * 1024), size(3 * 2**20)
        ('512 B', '160 KiB', '3.0 MiB')
        >>> size(1434, digits=1)
        '1.4 KiB'
    """
    if value < 2**10:
        return f"{value:.0f} B"
    if value < 2**20:
        return f"{value / 2**10:.{digits}f} KiB"
    return f"{value / 2**20:.{digits + 1}f} MiB"


def percent(share: float, digits: int = 0) -> str:
    """Return a share from 0 to 1 as text in percent.

    Example:
        >>> percent(0.25), percent(0.987, digits=1)
        ('25 %', '98.7 %')
    """
    return f"{100 * share:.{digits}f} %"
