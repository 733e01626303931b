"""Compute the figures of one run against FedAvg's in the same cell."""

from __future__ import annotations

import math
from typing import Any

from ftte_lab.simulation import History

TARGET_SHARE = 0.95
"""The target accuracy, as a share of FedAvg's best smoothed accuracy."""

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
"""Facts of a run that are copied into its line."""


def figures(history: History, fedavg: History) -> dict[str, Any]:
    """Return all figures of a run.

    Args:
        history: the run.
        fedavg: FedAvg's in the same cell; its best accuracy sets the target, and its horizon the
            width of the smoothing.

    Returns:
        `time_share` and its like are infinite where the target was not reached: a median over runs
        then still has a meaning.
    """
    width_s = fedavg.width_s
    target = TARGET_SHARE * fedavg.best(width_s)
    row: dict[str, Any] = {"target_accuracy": target}
    row["final_accuracy"] = history.final(width_s=width_s)
    row["final_against_fedavg"] = 100 * (row["final_accuracy"] - fedavg.final(width_s=width_s))
    for name, of in _COSTS.items():
        ours = history.time_to(target, of, width_s)
        theirs = fedavg.time_to(target, of, width_s)
        row[f"{name}_to_target"] = math.inf if ours is None else ours
        row[f"{name}_share"] = _share(ours, theirs)
    row["levelled_off"] = history.levelled_off(width_s=width_s)
    row["end_s"] = float(history.points["sim_seconds"].iloc[-1])
    for column in ("straggler_accuracy", "worst_decile_accuracy"):
        row[column] = history.final(column, width_s)
    facts, base = history.facts, fedavg.facts
    row |= {name: facts[name] for name in FACTS}
    row["largest_upload_bytes"] = max(tier["upload_bytes"] for tier in facts["tiers"])
    row["overhead_share"] = facts["overhead_bytes"] / base["overhead_bytes"]
    row["mean_overhead_share"] = facts["mean_overhead_bytes"] / base["overhead_bytes"]
    row["upload_share"] = row["largest_upload_bytes"] / base["upload_bytes_per_update"]
    row["download_share"] = facts["download_bytes_per_update"] / base["download_bytes_per_update"]
    return row


def _share(ours: float | None, theirs: float | None) -> float:
    if ours is not None and ours == theirs:
        return 1.0  # also where both start beyond the target
    return math.inf if ours is None or not theirs else ours / theirs
