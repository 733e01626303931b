"""Figures of one run against FedAvg's in the same cell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ftte_lab.simulation import History


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


def reached(
    history: History, target: float, width_s: float, of: str = "sim_seconds"
) -> float | None:
    """What it took (in one of `history.AXES`) until smoothed accuracy first reached `target`; `None`: it never did.

    Never told before half a width is over: the mean around an earlier point is one over later points alone.
    """
    told = history.points["sim_seconds"].to_numpy() >= width_s / 2
    at = np.flatnonzero(told & (smoothed(history, width_s) >= target))
    return float(history.points[of].iloc[at[0]]) if len(at) else None


TARGET_SHARE = 0.95  # of FedAvg's best smoothed accuracy
_WIDTHS = 40  # of the smoothing, in a horizon: each is two rounds of FedAvg
_COSTS = {
    "time": "sim_seconds",
    "upload": "upload_bytes",
    "bytes": "total_bytes",
    "energy": "energy_j",
}
FACTS = (
    "peak_memory_bytes",
    "overhead_bytes",
    "mean_overhead_bytes",
    "upload_bytes_per_update",
    "download_bytes_per_update",
    "first_download_bytes",
    "devices_too_small",
    "devices_left_out",
    "mean_staleness",
)


def figures(history: History, fedavg: History) -> dict[str, Any]:
    """All figures of a run; `fedavg` is FedAvg's in the same cell, whose best accuracy sets the target.

    `time_share` and its like are infinite where the target was not reached: a median over runs then still means
    something.
    """
    width_s = float(fedavg.scenario["horizon_s"]) / _WIDTHS
    curve, base = smoothed(history, width_s), smoothed(fedavg, width_s)
    target = TARGET_SHARE * float(base.max())
    row: dict[str, Any] = {"target_accuracy": target, "final_accuracy": float(curve[-1])}
    row["final_against_fedavg"] = 100 * float(curve[-1] - base[-1])
    for name, of in _COSTS.items():
        ours, theirs = reached(history, target, width_s, of), reached(fedavg, target, width_s, of)
        row[f"{name}_to_target"] = math.inf if ours is None else ours
        row[f"{name}_share"] = _share(ours, theirs)
    row["levelled_off"] = history.levelled_off()
    row["end_s"] = float(history.points["sim_seconds"].iloc[-1])
    row["straggler_accuracy"] = float(smoothed(history, width_s, "straggler_accuracy")[-1])
    row["worst_decile_accuracy"] = float(smoothed(history, width_s, "worst_decile_accuracy")[-1])
    facts = history.facts
    row |= {name: facts[name] for name in FACTS}
    row["largest_upload_bytes"] = max(tier["upload_bytes"] for tier in facts["tiers"])
    row["overhead_share"] = facts["overhead_bytes"] / fedavg.facts["overhead_bytes"]
    row["mean_overhead_share"] = facts["mean_overhead_bytes"] / fedavg.facts["overhead_bytes"]
    row["upload_share"] = row["largest_upload_bytes"] / fedavg.facts["upload_bytes_per_update"]
    row["download_share"] = (
        facts["download_bytes_per_update"] / fedavg.facts["download_bytes_per_update"]
    )
    return row


def _share(ours: float | None, theirs: float | None) -> float:
    if ours == theirs is not None:
        return 1.0  # also where both start beyond the target
    return math.inf if ours is None or not theirs else ours / theirs
