"""Show values briefly, and compare them with a tolerance whatever their type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

MOST_ENTRIES = 8
"""Entries of a list that `show` prints."""
MOST_CHARACTERS = 60
"""Characters of anything else that `show` prints."""
_MOST_COUNTED = 1_000_000  # of a range, which may be longer than any list


def plain(value: Any) -> Any:
    """Return arrays, tensors and tuples as nested lists, and numbers as Python's own.

    Example:
        >>> plain((1, np.float64(2.5)))
        [1, 2.5]
    """
    value = _outer(value)
    return [plain(v) for v in value] if isinstance(value, list) else value


def _outer(value: Any) -> Any:
    """Return what `plain` makes of a value, but not of its entries: there may be millions."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    short = not isinstance(value, range) or value[_MOST_COUNTED:] == range(0)
    return list(value) if isinstance(value, list | tuple | range) and short else value


def show(value: Any) -> str:
    """Return a value in a few characters.

    Example:
        >>> show(1 / 3), show(range(20))
        ('0.3333', '[0, 1, 2, 3, 4, 5, 6, 7, … 20 in all]')
    """
    value = _outer(value)
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        shown = ", ".join(show(v) for v in value[:MOST_ENTRIES])
        return f"[{shown}, … {len(value)} in all]" if len(value) > MOST_ENTRIES else f"[{shown}]"
    if callable(value):
        return getattr(value, "__name__", "a function")
    text = repr(value)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def same(answer: Any, expected: Any, within: float) -> bool:
    """Return whether two values agree; lists and mappings are compared entry by entry.

    Args:
        answer: the student's value.
        expected: the right value.
        within: tolerance for numbers, relative above 1.

    Example:
        >>> same([1.0, 2.0000001], (1, 2), within=1e-6), same(True, 1, within=1e-6)
        (True, False)
    """
    a, b = _outer(answer), _outer(expected)
    if isinstance(b, Mapping):
        keys = isinstance(a, Mapping) and a.keys() == b.keys()
        return keys and all(same(a[k], b[k], within) for k in b)
    if isinstance(b, list):
        length = isinstance(a, list) and len(a) == len(b)
        return length and all(same(x, y, within) for x, y in zip(a, b, strict=True))
    if isinstance(b, int | float) and not isinstance(b, bool):
        return isinstance(a, int | float) and not isinstance(a, bool) and _near(a, b, within)
    return type(a) is type(b) and bool(a == b)


def difference(answer: Any, expected: Any) -> str:
    """Return how the kind of two values differs: nothing returned, no list, another length."""
    a, b = _outer(answer), _outer(expected)
    if a is None and b is not None:
        return " The function returned nothing: is there a `return`?"
    if isinstance(b, list) and not isinstance(a, list):
        return f" Expected a list or an array of {len(b)}."
    if isinstance(b, list) and len(a) != len(b):
        return f" {len(a)} entries came back instead of {len(b)}."
    return ""


def _near(a: float, b: float, within: float) -> bool:
    return bool(a == b or (math.isfinite(a) and abs(a - b) <= within * max(1.0, abs(b))))
