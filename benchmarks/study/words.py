"""Write figures as people read them: medians with their middle half, shares, points, arms."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from ftte_lab.simulation import METHODS

Form = Callable[[float], str]

_OWN = {
    "paper": "FTTE, whole batch, no average",
    "tiers": "FTTE, a subset per kind",
    "central": "all samples in one place",
}


def arm_label(name: str) -> str:
    """Write an arm's name as people do.

    Example:
        >>> arm_label("fedbuff + average"), arm_label("paper")
        ('FedBuff + average', 'FTTE, whole batch, no average')
    """
    if name in _OWN:
        return _OWN[name]
    for method in METHODS.values():
        name = name.replace(method.name, method.label)
    return name


def typical(values: pd.Series) -> float:
    """Return the median: infinite where one of two middle runs did not arrive; nan for no run."""
    return float(values.median()) if len(values) else math.nan


def middle(values: pd.Series, form: Form) -> str:
    """Write the median, and the middle half of the runs.

    It is "not reached" where the median run did not reach the target.

    Example:
        >>> middle(pd.Series([0.2, 0.3, 0.4]), percent)
        '30 % (20 % to 40 %)'
    """
    known = values.dropna()
    if not len(known):
        return "–"
    low, high = np.quantile(known.to_numpy(float), [0.25, 0.75], method="nearest")
    mid = form(typical(known))
    return f"{mid} ({form(low)} to {form(high)})" if low != high else mid


def percent(value: float) -> str:
    """Write a share in percent.

    Example:
        >>> percent(0.194), percent(math.inf), percent(math.nan)
        ('19 %', 'not reached', '–')
    """
    if math.isnan(value):
        return "–"
    return "not reached" if math.isinf(value) else f"{100 * value:.0f} %"


def points(value: float) -> str:
    """Write a difference in percentage points, without a minus before a nought.

    Example:
        >>> points(1.46), points(-0.01), points(math.nan)
        ('+1.5', '+0.0', '–')
    """
    return "–" if math.isnan(value) else f"{round(value, 1) + 0.0:+.1f}"


def tenths(value: float) -> str:
    """Write a share in percent with one decimal."""
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def times(value: float) -> str:
    """Write a factor; it is 0 where the other one never reached the target.

    Example:
        >>> times(0.944), times(math.inf), times(0.0)
        ('0.94 ×', 'not reached', 'the other never')
    """
    if math.isnan(value):
        return "–"
    if value == 0:
        return "the other never"
    return "not reached" if math.isinf(value) else f"{value:.2f} ×"


def kib(value: float) -> str:
    """Write bytes in KiB."""
    return "–" if math.isnan(value) else f"{value / 1024:.1f}"


def count(values: pd.Series) -> str:
    """Write how many runs reached the target, of how many."""
    return f"{int(np.isfinite(values.to_numpy(float)).sum())} of {len(values)}"
