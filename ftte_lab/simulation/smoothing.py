"""Smooth a curve over virtual time, and find where it first reaches a target."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ftte_lab._common import integer, number, require

WIDTHS_PER_HORIZON = 40
"""How many windows of the smoothing one horizon holds: each is one or two rounds of FedAvg."""
_LONGEST_S = _LARGEST = 1e100
_NO_WIDTH = 1e-9  # of the run: below it rounding is larger than what a window averages
EVALUATIONS_PER_WIDTH = 4
"""How many evaluations a window spans at least, so that the mean of a coarse curve is not noise."""


def smoothing_width_s(horizon_s: float, evaluations: int | None = None) -> float:
    """Return the width of the smoothing, the same for all methods of a comparison.

    It is a fortieth of the horizon, and at least four evaluations wide (our choice).

    Args:
        horizon_s: virtual seconds.
        evaluations: points of a curve at most, or `None` if they are dense.

    Raises:
        ValueError: a horizon below 0, or fewer than two evaluations.

    Example:
        >>> smoothing_width_s(8000, 401), smoothing_width_s(2400, 61)
        (200.0, 160.0)
    """
    horizon_s = number("horizon_s", horizon_s, 0, _LONGEST_S)
    width_s = horizon_s / WIDTHS_PER_HORIZON
    if evaluations is None:
        return width_s
    evaluations = integer("evaluations", evaluations, 2)
    return max(width_s, EVALUATIONS_PER_WIDTH * horizon_s / (evaluations - 1))


def smooth(times: ArrayLike, values: ArrayLike, width_s: float) -> np.ndarray:
    """Average values over `width_s` virtual seconds around each of their times.

    Values are joined by straight lines. A window that holds a value which is not finite gives nan.
    The window is centred, and cut off at both ends of the run.

    Args:
        times: ascending, `(points,)`.
        values: `(points,)`.
        width_s: width of the window; 0, or next to nothing: the values themselves.

    Raises:
        ValueError: a negative width, or times that are not finite, ascending and one per value.

    Example:
        >>> smooth([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], 1.0).tolist()
        [0.25, 0.75, 0.25]
    """
    width_s = number("width_s", width_s, 0, _LONGEST_S)
    t, y = _checked(times, values)
    if len(t) < 2 or width_s <= _NO_WIDTH * (t[-1] - t[0]) or t[0] == t[-1]:
        return y.copy()
    far = ~(np.abs(y) <= _LARGEST)
    if far.any():  # what is not finite hides the windows that touch it, and no others
        touched = smooth(t, far.astype(float), width_s) > 0
        return np.where(touched, np.nan, smooth(t, np.where(far, 0.0, y), width_s))
    area = np.concatenate([[0.0], np.cumsum((y[1:] + y[:-1]) / 2 * np.diff(t))])
    low = np.clip(t - width_s / 2, t[0], t[-1])
    high = np.clip(t + width_s / 2, t[0], t[-1])

    def area_until(x: np.ndarray) -> np.ndarray:
        k = np.clip(np.searchsorted(t, x, side="right") - 1, 0, len(t) - 2)
        share = (x - t[k]) / (t[k + 1] - t[k])
        here = y[k] + share * (y[k + 1] - y[k])
        return np.asarray(area[k] + (x - t[k]) * (y[k] + here) / 2)

    return np.asarray((area_until(high) - area_until(low)) / (high - low))


def first_reached(
    times: ArrayLike, smoothed: ArrayLike, target: float, width_s: float
) -> int | None:
    """Return the index of the first point whose smoothed value reaches a target, or `None`.

    Points before half a window do not count: the mean around them is one over later points alone.

    Args:
        times: `(points,)`.
        smoothed: what `smooth` made of the values, `(points,)`.
        target: least value.
        width_s: of the smoothing.

    Raises:
        ValueError: a target or width that is no number, or times as in `smooth`.
    """
    target = number("target", target, -_LONGEST_S)
    width_s = number("width_s", width_s, 0, _LONGEST_S)
    t, y = _checked(times, smoothed)
    at = np.flatnonzero((t >= width_s / 2) & (y >= target))
    return int(at[0]) if len(at) else None


def _checked(times: ArrayLike, values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return times and values as arrays. A value may be nan: nobody has data of that kind."""
    t, y = np.asarray(times, np.float64), np.asarray(values, np.float64)
    same = f"{t.shape} times, {y.shape} values"
    require(t.ndim == 1 and t.shape == y.shape, same, "equally many")
    ascending = bool((np.abs(t) <= _LONGEST_S).all()) and bool((np.diff(t) >= 0).all())
    require(ascending, "times that fall or are not finite", "ascending virtual seconds")
    return t, y
