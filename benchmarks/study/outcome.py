"""Compute the line of one run: what it reached, when, and what it cost, against FedAvg's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.study.bills import bill, fitting_micro_batch
from benchmarks.study.matrix import Cell
from ftte_lab.experiments import TARGET_SHARE
from ftte_lab.simulation import AXES, History, Scenario, first_reached

FINAL_SHARE = 0.2
"""The final accuracy is the mean over this last share of a run's time."""

COSTS: Mapping[str, str] = {
    "time": "sim_seconds",
    "updates": "updates",
    "upload": "upload_bytes",
    "download": "download_bytes",
    "bytes": "total_bytes",
    "energy": "energy_j",
}
"""What it takes to the target, by the name of its columns."""

_MESSAGES: Mapping[str, str] = {
    "upload": "upload_bytes_per_update",
    "download": "downloaded_per_update",
    "sent": "sent_per_update",
}
"""Bytes of an update that are also given as a share of FedAvg's."""

_LEVELS = {"final_": "", "slowest_": "straggler_", "worst_": "worst_decile_"}
_FACTS = (
    "upload_bytes_per_update",
    "download_bytes_per_update",
    "first_download_bytes",
    "index_bytes",
    "mean_staleness",
    "devices_too_small",
)
_SETTINGS = (
    "server_rate",
    "max_updates",
    "payload_share",
    "payload_bits",
    "solver",
    "gain_exponent",
)


def line(
    part: str, arm: str, cell: Cell, scenario: Scenario, history: History, fedavg: History | None
) -> dict[str, Any]:
    """Return the complete line of a run.

    Args:
        part: of the study.
        arm: its name.
        cell: where.
        scenario: what ran.
        history: its record.
        fedavg: FedAvg's in the same cell without faulty devices, or `None`: no target.
    """
    settings = {name: getattr(scenario, name) for name in _SETTINGS}
    place = {"part": part, "arm": arm, **vars(cell), "digest": scenario.digest(), **settings}
    figures = level(history) | against(history, fedavg) | bytes_of(history)
    return place | figures | memory(cell, history)


def level(history: History) -> dict[str, Any]:
    """Return what the run reached, and when it ended."""
    points = history.points
    times = points["sim_seconds"].to_numpy(float)
    late = times >= (1 - FINAL_SHARE) * times[-1]
    row: dict[str, Any] = {
        f"{name}accuracy": float(points[f"{column}accuracy"].to_numpy(float)[late].mean())
        for name, column in _LEVELS.items()
    }
    row["end_s"], row["updates"] = float(times[-1]), float(points["updates"].iloc[-1])
    row["rejected"] = sum(history.facts.get("rejected_updates", {}).values())
    if "faulty_weight" in points:
        row["faulty_weight"] = float(points["faulty_weight"].iloc[-1])
    return row


def against(history: History, fedavg: History | None) -> dict[str, Any]:
    """Return what the target took, as such and as a share of FedAvg's.

    A share is infinite where the target was not reached: a median over runs then still has a
    meaning.
    """
    if fedavg is None:
        return {"levelled_off": history.levelled_off()}
    width_s = fedavg.width_s
    target = TARGET_SHARE * fedavg.best(width_s)
    ours, theirs = level(history), level(fedavg)
    row: dict[str, Any] = {
        "target_accuracy": target,
        "final_against_fedavg": 100 * (ours["final_accuracy"] - theirs["final_accuracy"]),
        "levelled_off": history.levelled_off(width_s=width_s),
    }
    sent, theirs_sent = bytes_of(history), bytes_of(fedavg)
    for name, column in _MESSAGES.items():
        row[f"{name}_of_fedavg"] = sent[column] / theirs_sent[column]
    mine, base = (_until(run, target, width_s) for run in (history, fedavg))
    for name, column in COSTS.items():
        here, there = mine[column], base[column]
        row[f"{name}_to_target"] = here
        row[f"{name}_share"] = 1.0 if here == there else here / there if there else math.inf
    return row


def _until(history: History, target: float, width_s: float) -> dict[str, float]:
    """Return what it took until the smoothed accuracy reached the target; infinite if it never did.

    Between two evaluations the curve is a straight line. A time below half a window of the
    smoothing cannot be read: the mean around an earlier point is one over later points alone.
    """
    points, curve = history.points, history.smoothed(width_s=width_s).to_numpy()
    times = points[AXES[0]].to_numpy(float)
    at = first_reached(times, curve, target, width_s)
    if at is None:
        return dict.fromkeys(COSTS.values(), math.inf)
    step = 1.0
    if at > 0 and times[at - 1] >= width_s / 2:
        step = (target - curve[at - 1]) / (curve[at] - curve[at - 1])
    before = points.iloc[max(at - 1, 0)]
    return {
        column: float(before[column] + step * (points[column].iloc[at] - before[column]))
        for column in COSTS.values()
    }


def bytes_of(history: History) -> dict[str, Any]:
    """Return the bytes of each message, and all that travelled per update.

    What was really downloaded, and sent in all (up, down, first downloads, indices), is divided by
    the updates of the entire run: wasted participations count, and so do redrawn subsets.
    """
    end = history.points.iloc[-1]
    updates = max(float(end["updates"]), 1.0)
    row = {name: history.facts[name] for name in _FACTS}
    row["downloaded_per_update"] = float(end["download_bytes"]) / updates
    row["sent_per_update"] = float(end["total_bytes"]) / updates
    row["trained_share"] = history.facts["trained_parameters"] / history.facts["parameters"]
    return row


def memory(cell: Cell, history: History) -> dict[str, Any]:
    """Return what a training step takes on the weakest device, with the whole batch at once or not.

    Micro-batches do not change a run. So both figures belong to every arm. The micro-batch is the
    one that was set or searched; for the others the largest that fits FTTE's budget, else one
    sample. Overheads are against inference on one sample, and shares are of full training's on the
    whole batch.
    """
    s, facts = history.scenario, history.facts
    correction = s["correction"] != "none"
    subset, everything = facts["subset"], bill(cell.task)
    one = everything.inference_one_bytes
    most = everything.peak_bytes - one
    at_once = fitting_micro_batch(cell.task, subset, correction)
    whole = bill(cell.task, subset, None, correction).peak_bytes
    small = bill(cell.task, subset, at_once, correction).peak_bytes
    if s["micro_batch"] is not None:
        at_once = facts.get("micro_batch", at_once) or cell.of.batch
        small = facts["peak_memory_bytes"]  # of the largest subset, where it is redrawn
    return {
        "inference_one_bytes": one,
        "peak_bytes": whole,
        "micro_batch": at_once,
        "micro_peak_bytes": small,
        "overhead_share": (whole - one) / most,
        "micro_overhead_share": (small - one) / most,
    }
