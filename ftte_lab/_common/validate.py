"""Argument checks whose errors name what was wrong, what is allowed, and the fix."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

_LONGEST = 120  # characters of a value that an error shows


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
        raise ValueError(_sentence(problem, allowed, fix))


def _sentence(problem: str, allowed: str, fix: str) -> str:
    stop = "" if fix.endswith(("?", ".")) else "."
    tail = f" {fix}{stop}" if fix else ""
    return f"{problem}; allowed: {allowed}.{tail}"


def plain(value: Any) -> Any:
    """Return a scalar of numpy, pandas or torch as the plain Python value that it holds.

    Anything else is returned as it is. A zero has no sign, so that equal numbers are one number.

    Example:
        >>> import numpy as np
        >>> plain(np.float32(0.5)), plain(np.int8(3)), plain(np.bool_(True)), plain(-0.0)
        (0.5, 3, True, 0.0)
    """
    if type(value) not in (int, float, bool, str):
        item = getattr(value, "item", None)
        if callable(item) and getattr(value, "ndim", None) == 0:
            value = item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        try:
            return float(value) + 0.0
        except OverflowError:
            return value
    return value


def shown(value: object) -> str:
    """Write a value for an error, cut off where it is long.

    Example:
        >>> shown("motion"), len(shown("m" * 10**6))
        ("'motion'", 121)
    """
    try:
        text = repr(plain(value))
    except RecursionError:
        text = f"a {type(value).__name__} that is nested too deeply"
    except ValueError:  # an integer of thousands of digits, which Python does not write
        text = "an integer of thousands of digits"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def number(name: str, value: object, low: float, high: float = math.inf, fix: str = "") -> float:
    """Require a finite number `low <= value <= high`, and return it as a plain int or float.

    Raises:
        ValueError: `value` is not a number, not finite or outside the range.

    Example:
        >>> number("momentum", 0.9, 0, 1)
        0.9
        >>> number("momentum", 2, 0, 1)
        Traceback (most recent call last):
        ValueError: momentum = 2; allowed: a number from 0 to 1.
    """
    one = plain(value)
    of_kind = isinstance(one, int | float) and not isinstance(one, bool)
    if of_kind and _finite(one) and low <= one <= high:
        return one
    raise ValueError(_sentence(f"{name} = {shown(value)}", f"a number {span(low, high)}", fix))


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the range of floats
        return False


def integer(name: str, value: object, low: int, high: float = math.inf, fix: str = "") -> int:
    """Require an integer `low <= value <= high`, and return it as a plain int.

    Raises:
        ValueError: `value` is not an integer or outside the range.

    Example:
        >>> integer("clients", 100, 2)
        100
        >>> integer("clients", 2.5, 2)
        Traceback (most recent call last):
        ValueError: clients = 2.5; allowed: an integer from 2 upwards.
    """
    one = plain(value)
    if isinstance(one, int) and not isinstance(one, bool) and _finite(one) and low <= one <= high:
        return one
    raise ValueError(_sentence(f"{name} = {shown(value)}", f"an integer {span(low, high)}", fix))


def span(low: float, high: float = math.inf) -> str:
    """Write a range in words, such as "from 2 to 1,000,000" or "from 0 upwards"."""
    if not math.isfinite(low):
        return "that is finite"
    return f"from {_plain(low)} " + (f"to {_plain(high)}" if math.isfinite(high) else "upwards")


def _plain(value: float) -> str:
    """Write a bound without an exponent where it is an integer."""
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e10 else f"{value:g}"


_MOST_LISTED = 40  # names in a sentence
_NEAREST = 12  # of more names than that


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
    value = plain(value)
    if isinstance(value, str) and value in options:  # as below, without a call per option
        return
    if any(_same(value, option) for option in options):
        return
    names = [str(option) for option in options]
    close = difflib.get_close_matches(value, names, n=1) if isinstance(value, str) else []
    fix = f"Did you mean {close[0]!r}?" if close else "Choose one of these"
    listed = ", ".join(names)
    if len(names) > _MOST_LISTED:  # nobody reads so many: those that look most like it
        near = difflib.get_close_matches(str(value), names, n=_NEAREST, cutoff=0.0)
        listed = f"{', '.join(near)} and {len(names) - len(near)} more"
    require(False, f"{name} = {shown(value)} is not known", listed, fix)


def _same(value: object, option: object) -> bool:
    """Compare by value; what has no plain answer, as an array or pandas' NA, is not the same."""
    try:
        return value is option or bool(value == option)
    except (TypeError, ValueError):
        return False
