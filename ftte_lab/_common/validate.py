"""Argument checks whose errors name what was wrong, what is allowed, and the fix."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable


def require(ok: bool, problem: str, allowed: str, fix: str = "") -> None:
    """Raise a `ValueError` "problem; allowed: allowed. Fix." unless `ok`.

    Args:
        ok: the condition.
        problem: what was wrong, with the value.
        allowed: what would be right.
        fix: a sentence that names the way out; its full stop is added.

    Raises:
        ValueError: `ok` is false.

    Example:
        >>> require(2 + 2 == 4, "arithmetic is broken", "4")
        >>> require(False, "buffer = 0", "1 or more", "Raise it")
        Traceback (most recent call last):
        ValueError: buffer = 0; allowed: 1 or more. Raise it.
    """
    if not ok:
        stop = "" if fix.endswith(("?", ".")) else "."
        tail = f" {fix}{stop}" if fix else ""
        raise ValueError(f"{problem}; allowed: {allowed}.{tail}")


def number(name: str, value: object, low: float, high: float = math.inf, fix: str = "") -> None:
    """Require a finite number `low <= value <= high`.

    Raises:
        ValueError: `value` is not a number, not finite or outside the range.

    Example:
        >>> number("momentum", 0.9, 0, 1)
        >>> number("momentum", 2, 0, 1)
        Traceback (most recent call last):
        ValueError: momentum = 2; allowed: a number from 0 to 1.
    """
    ok = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and low <= value <= high
    )
    require(ok, f"{name} = {value!r}", f"a number {span(low, high)}", fix)


def integer(name: str, value: object, low: int, high: float = math.inf, fix: str = "") -> None:
    """Require an integer `low <= value <= high`.

    Raises:
        ValueError: `value` is not an integer or outside the range.

    Example:
        >>> integer("clients", 100, 2)
        >>> integer("clients", 2.5, 2)
        Traceback (most recent call last):
        ValueError: clients = 2.5; allowed: an integer from 2 upwards.
    """
    ok = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    require(ok, f"{name} = {value!r}", f"an integer {span(low, high)}", fix)


def span(low: float, high: float = math.inf) -> str:
    """Write a range in words, such as "from 2 to 1,000,000" or "from 0 upwards"."""
    return f"from {_plain(low)} " + (f"to {_plain(high)}" if math.isfinite(high) else "upwards")


def _plain(value: float) -> str:
    """Write a bound without an exponent where it is an integer."""
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e10 else f"{value:g}"


def choice(name: str, value: object, options: Iterable[object]) -> None:
    """Require one of a few names or numbers, and suggest the nearest.

    Raises:
        ValueError: `value` is not one of `options`.

    Example:
        >>> choice("model", "cnm", ["mlp", "cnn"])
        Traceback (most recent call last):
        ValueError: model = 'cnm' is not known; allowed: mlp, cnn. Did you mean 'cnn'?
    """
    options = list(options)
    if value in options:
        return
    names = [str(option) for option in options]
    close = difflib.get_close_matches(value, names, n=1) if isinstance(value, str) else []
    fix = f"Did you mean {close[0]!r}?" if close else "Choose one of these"
    require(False, f"{name} = {value!r} is not known", ", ".join(names), fix)
