"""Weigh an update by its age: the staleness functions, and the table to which you may add your own.

    STALENESS["mine"] = lambda age, exponent, hinge_at: 1.0 / (1.0 + exponent * age)

Source: FedAsync (Xie et al. 2019) for constant, poly and hinge. The exponential form is common in
later work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ftte_lab._common import Registry, callable_entry, choice, number, require

Array = np.ndarray
StalenessFunction = Callable[[Array, float, float], Any]


def constant(age: Array, exponent: float, hinge_at: float) -> Array:
    """Return 1 whatever the age."""
    return np.ones_like(age)


def poly(age: Array, exponent: float, hinge_at: float) -> Array:
    """Return (1 + age) to the power of minus the exponent."""
    return (1.0 + age) ** -exponent


def hinge(age: Array, exponent: float, hinge_at: float) -> Array:
    """Return 1 up to an age of `hinge_at`, then `1 / (exponent * (age - hinge_at) + 1)`."""
    return np.where(age <= hinge_at, 1.0, 1.0 / (exponent * np.maximum(age - hinge_at, 0.0) + 1.0))


def exponential(age: Array, exponent: float, hinge_at: float) -> Array:
    """Return e to the power of minus exponent times age."""
    return np.exp(-exponent * age)


STALENESS: Registry[StalenessFunction] = Registry(
    "staleness function",
    {"poly": poly, "hinge": hinge, "exponential": exponential, "constant": constant},
    callable_entry("staleness function"),
)
"""Functions `f(age, exponent, hinge_at)` of an array of ages that return one weight per age."""


def staleness_weight(
    age: Sequence[float] | Array, kind: str = "poly", exponent: float = 0.5, hinge_at: float = 6.0
) -> Array:
    """Weigh updates by age alone: 1 for a fresh update, and never more for an older one.

    Args:
        age: staleness of each update, in server steps, at least 0.
        kind: an entry of `STALENESS`.
        exponent: how fast the weight falls, at least 0.
        hinge_at: age up to which `hinge` keeps the full weight.

    Raises:
        ValueError: a negative age, exponent or hinge, an unknown kind, or a function of your own
            that does not return one finite number from 0 upwards per age.

    Example:
        >>> staleness_weight([0, 3, 8]).round(3).tolist()
        [1.0, 0.5, 0.333]
        >>> staleness_weight([0, 3, 8], "hinge", exponent=1.0, hinge_at=6.0).round(3).tolist()
        [1.0, 1.0, 0.333]
    """
    choice("staleness", kind, STALENESS)
    exponent = number("age_exponent", exponent, 0.0)
    hinge_at = number("hinge_at", hinge_at, 0.0)
    ages = np.asarray(age, dtype=float)
    fix = "No update can come from the future"
    good = bool(((ages >= 0) & np.isfinite(ages)).all())
    require(good, "an age is negative or not finite", "staleness from 0 upwards", fix)
    with np.errstate(over="ignore", under="ignore"):  # a weight that underflows is 0
        return _checked(kind, ages, STALENESS[kind](ages, exponent, hinge_at))


def _checked(kind: str, ages: Array, returned: Any) -> Array:
    """Require one finite, non-negative number per age from the staleness function `kind`."""
    allowed = f"finite numbers from 0 upwards of shape {ages.shape}, one per age"
    try:
        result = np.asarray(returned, dtype=float)
    except (TypeError, ValueError):
        result = np.empty(0)
        require(False, f"staleness function {kind!r} returned {type(returned).__name__}", allowed)
    fits = result.shape == ages.shape
    require(fits, f"staleness function {kind!r} returned shape {result.shape}", allowed)
    bad = result[~(np.isfinite(result) & (result >= 0))]
    require(bad.size == 0, f"staleness function {kind!r} returned {bad[:1]}", allowed)
    return result
