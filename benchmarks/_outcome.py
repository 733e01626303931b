"""Figures of one run against FedAvg's in the same cell."""

from __future__ import annotations

import numpy as np

from ftte_lab.history import History


def smoothed(history: History, width_s: float, column: str = "accuracy") -> np.ndarray:
    """Mean over `width_s` virtual seconds around each point.

    Centred, and as wide for every method: a trailing mean over a number of points delays methods whose points lie far
    apart, as synchronous rounds do.
    """
    t, y = history.points["sim_seconds"].to_numpy(), history.points[column].to_numpy()
    area = np.concatenate([[0.0], np.cumsum((y[1:] + y[:-1]) / 2 * np.diff(t))])
    low, high = np.clip(t - width_s / 2, t[0], t[-1]), np.clip(t + width_s / 2, t[0], t[-1])

    def until(x: np.ndarray) -> np.ndarray:
        k = np.clip(np.searchsorted(t, x, side="right") - 1, 0, len(t) - 2)
        share = (x - t[k]) / (t[k + 1] - t[k])
        here = y[k] + share * (y[k + 1] - y[k])
        return np.asarray(area[k] + (x - t[k]) * (y[k] + here) / 2)

    return np.asarray((until(high) - until(low)) / (high - low))


def reached(history: History, target: float, width_s: float, of: str = "sim_seconds") -> float | None:
    """What it took (in one of `history.AXES`) until smoothed accuracy first reached `target`; `None`: it never did."""
    at = np.flatnonzero(smoothed(history, width_s) >= target)
    return float(history.points[of].iloc[at[0]]) if len(at) else None
