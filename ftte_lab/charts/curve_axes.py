"""The axes of the curves: their titles and units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

AXIS_TITLES = {
    "sim_seconds": ("virtual time, minutes", 60.0),
    "updates": ("client updates applied", 1.0),
    "upload_bytes": ("uploaded, MiB", 2.0**20),
    "total_bytes": ("sent in both directions, MiB", 2.0**20),
    "energy_j": ("energy of all devices, kJ", 1000.0),
}
"""Title of each horizontal axis, and how many of the record's units make one of its own."""

METRICS = {
    "accuracy": "test accuracy",
    "loss": "test loss",
    "straggler_accuracy": "accuracy, slowest tenth of devices",
    "worst_decile_accuracy": "accuracy, worst tenth of clients",
    "survival": "devices that can still take part",
}
"""What the curves can show, by column of `History.points`; survival where there are batteries."""

CURVE_HEIGHT = 280
"""Pixels of the plot from top to bottom."""

_SHORT_S = 120.0  # runs of at most two minutes have their axis in seconds


def axis_of(
    of: str, runs: Mapping[str, Sequence[Any]], end: float | None = None
) -> tuple[str, float]:
    """Return title and unit of the horizontal axis; short times are shown in seconds."""
    if of == "sim_seconds":
        ends = [np.asarray(p[of])[-1] for seeds in runs.values() for p in seeds if len(p[of])]
        longest = end if end is not None else max(ends, default=None)
        if longest is not None and longest <= _SHORT_S:
            return "virtual time, seconds", 1.0
    return AXIS_TITLES[of]


def metric_title(metric: str) -> str:
    """Return what a metric is called on an axis.

    Example:
        >>> metric_title("accuracy_phone")
        'accuracy on devices of kind phone'
    """
    if metric in METRICS:
        return METRICS[metric]
    return metric.replace("accuracy_", "accuracy on devices of kind ").replace("_", " ")
