"""One clear sentence for a wrong value: what was wrong, what is allowed, how to fix it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable


def require(ok: bool, problem: str, allowed: str, fix: str = "") -> None:
    """Raise a `ValueError` that says what was wrong, the allowed range and the fix, unless `ok`.

    Raises:
        ValueError: if `ok` is false.
    """
    if not ok:
        tail = "" if not fix else f" {fix}" + ("" if fix.endswith(("?", ".")) else ".")
        raise ValueError(f"{problem}; allowed: {allowed}.{tail}")


def number(name: str, value: object, low: float, high: float = math.inf, fix: str = "") -> None:
    """Require a finite number `low <= value <= high`.

    Raises:
        ValueError: if `value` is no number, not finite or outside the range.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    allowed = f"a number from {low:g}" + (f" to {high:g}" if math.isfinite(high) else " upwards")
    require(number and low <= value <= high, f"{name} = {value!r}", allowed, fix)  # type: ignore[operator]


def integer(name: str, value: object, low: int, high: float = math.inf, fix: str = "") -> None:
    """Require an integer `low <= value <= high`.

    Raises:
        ValueError: if `value` is no integer or outside the range.
    """
    ok = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    require(
        ok,
        f"{name} = {value!r}",
        f"a whole number from {low} " + (f"to {high:g}" if math.isfinite(high) else "upwards"),
        fix,
    )


def choice(name: str, value: object, options: Iterable[str]) -> None:
    """Require one of a few names, and suggest the nearest.

    Raises:
        ValueError: if `value` is none of `options`.
    """
    options = list(options)
    if value in options:
        return
    close = difflib.get_close_matches(str(value), options, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else "Choose one of these"
    require(False, f"{name} = {value!r} is not known", ", ".join(options), hint.rstrip("."))
