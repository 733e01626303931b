"""Values as a student sees them: short, and compared with a tolerance whatever type they came in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

_MOST = 8  # entries of a list that are shown
_LONG = 60  # characters of anything else


def plain(value: Any) -> Any:
    """Arrays, tensors and tuples as nested lists; numbers as Python's own."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple | range):
        return [plain(v) for v in value]
    return value


def show(value: Any) -> str:
    """A value in a few characters."""
    value = plain(value)
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        shown = ", ".join(show(v) for v in value[:_MOST])
        return f"[{shown}, … {len(value)} in all]" if len(value) > _MOST else f"[{shown}]"
    if callable(value):
        return getattr(value, "__name__", "a function")
    text = repr(value)
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def same(answer: Any, expected: Any, within: float) -> bool:
    """Whether two values agree: numbers within a tolerance (relative above 1), lists entry by entry."""
    a, b = plain(answer), plain(expected)
    if isinstance(b, Mapping):
        return (
            isinstance(a, Mapping)
            and a.keys() == b.keys()
            and all(same(a[k], b[k], within) for k in b)
        )
    if isinstance(b, list):
        return (
            isinstance(a, list)
            and len(a) == len(b)
            and all(same(x, y, within) for x, y in zip(a, b, strict=True))
        )
    if isinstance(b, int | float) and not isinstance(b, bool):
        number = isinstance(a, int | float) and not isinstance(a, bool)
        return number and bool(
            a == b or (math.isfinite(a) and abs(a - b) <= within * max(1.0, abs(b)))
        )
    return type(a) is type(b) and bool(a == b)


def difference(answer: Any, expected: Any) -> str:
    """What is unlike, if it is not just the value: nothing returned, another kind, another length."""
    a, b = plain(answer), plain(expected)
    if a is None and b is not None:
        return " Nothing came back: is there a `return`?"
    if isinstance(b, list) and not isinstance(a, list):
        return f" A list or an array of {len(b)} was expected."
    if isinstance(b, list) and len(a) != len(b):
        return f" {len(a)} entries came back instead of {len(b)}."
    return ""
