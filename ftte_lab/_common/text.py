"""Sizes and durations as people read them."""

from __future__ import annotations


def seconds(value: float) -> str:
    """A duration as people say it."""
    if 0 < value < 0.95:
        return f"{1000 * value:.0f} ms"
    if value < 9.95:
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"


def size(value: float) -> str:
    """Bytes as people say them."""
    if value < 2**10:
        return f"{value:.0f} B"
    return f"{value / 2**10:.0f} KiB" if value < 2**20 else f"{value / 2**20:.1f} MiB"
