"""Compare finished runs to one target: the headline table.

The methods start from the same model on the same fleet. The target is a share of FedAvg's best
smoothed accuracy. Every figure is measured here and is ours, not the authors'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ftte_lab._common import number, require
from ftte_lab.experiments.parallel import run_all
from ftte_lab.experiments.scoreboard import TARGET_SHARE
from ftte_lab.simulation import METHODS, History, Scenario, faster


@dataclass(frozen=True)
class HeadlineReport:
    """Hold finished runs by method, and the test accuracy to which they are timed."""

    histories: Mapping[str, History]
    target_accuracy: float

    def figures(self, name: str) -> dict[str, Any]:
        """Return all figures of one method, JSON-able; `None` where the target was not reached."""
        h, facts = self.histories[name], self.histories[name].facts
        time = h.time_to(self.target_accuracy)
        return {
            "time_to_target_s": time,
            "updates_to_target": h.time_to(self.target_accuracy, "updates"),
            "upload_bytes_to_target": h.time_to(self.target_accuracy, "upload_bytes"),
            "total_bytes_to_target": h.time_to(self.target_accuracy, "total_bytes"),
            "energy_to_target_j": h.time_to(self.target_accuracy, "energy_j"),
            "energy_j": float(h.points["energy_j"].iloc[-1]),
            **faster(self.histories["fedavg"].time_to(self.target_accuracy), time),
            "best_accuracy": h.best(),
            "final_accuracy": h.final(),
            "straggler_accuracy": h.final("straggler_accuracy"),
            "worst_decile_accuracy": h.final("worst_decile_accuracy"),
            "levelled_off": h.levelled_off(),
            **{key: facts[key] for key in _FACTS},
            "server_rate": h.scenario["server_rate"],
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "target_accuracy": self.target_accuracy,
            "scenario": dict(self.histories["ftte"].scenario),
            "methods": {name: self.figures(name) for name in self.histories},
        }


_FACTS = (
    "peak_memory_bytes",
    "overhead_bytes",
    "inference_peak_bytes",
    "upload_bytes_per_update",
    "download_bytes_per_update",
    "first_download_bytes",
    "index_bytes",
    "trained_parameters",
    "parameters",
    "devices_too_small",
    "devices_left_out",
    "data_left_out",
    "mean_staleness",
    "rejected_updates",
)


def headline(
    scenarios: Mapping[str, Scenario],
    *,
    progress: bool = False,
    processes: int | None = 1,
    target_share: float = TARGET_SHARE,
) -> HeadlineReport:
    """Run the methods, and take the target from FedAvg.

    Args:
        scenarios: by method; `fedavg` must be among them.
        progress: show a bar on standard error.
        processes: methods that run at once; `None`: as many as there are cores.
        target_share: share of FedAvg's best smoothed accuracy that counts as reached.

    Raises:
        BudgetError: no subset fits the weakest device.
        ValueError: no `fedavg`, a share outside (0, 1], or data that is not there.
    """
    require(
        "fedavg" in scenarios,
        f"methods {', '.join(scenarios)}",
        "any methods, with 'fedavg' among them",
        "The target is a share of FedAvg's best accuracy",
    )
    number("target_share", target_share, 1e-9, 1.0)
    histories = run_all(scenarios, processes=processes, progress=progress)
    return HeadlineReport(histories, target_share * histories["fedavg"].best())


def table(report: HeadlineReport) -> str:
    """Return the report as text: a row per figure, a column per method."""
    figures = {name: report.figures(name) for name in report.histories}
    width = 18
    labels = (METHODS[name].label if name in METHODS else name for name in figures)
    lines = [" " * 36 + "".join(f"{one:>{width}}" for one in labels)]
    for label, key, form in _ROWS:
        lines.append(
            f"{label:<36}"
            + "".join(f"{_cell(values[key], form):>{width}}" for values in figures.values())
        )
    return "\n".join(lines)


_ROWS: tuple[tuple[str, str, str], ...] = (
    ("time to target, virtual s", "time_to_target_s", "count"),
    ("  time saved against FedAvg", "time_saved", "share"),
    ("  speed gained over FedAvg", "speed_gain", "share"),
    ("client updates to target", "updates_to_target", "count"),
    ("upload to target", "upload_bytes_to_target", "bytes"),
    ("all bytes to target", "total_bytes_to_target", "bytes"),
    ("energy to target, J", "energy_to_target_j", "count"),
    ("best accuracy, smoothed", "best_accuracy", "share"),
    ("final accuracy, smoothed", "final_accuracy", "share"),
    ("  on the slowest tenth of devices", "straggler_accuracy", "share"),
    ("  of the worst tenth of clients", "worst_decile_accuracy", "share"),
    ("levelled off within the horizon", "levelled_off", "yes"),
    ("peak memory of a training step", "peak_memory_bytes", "bytes"),
    ("  training overhead over inference", "overhead_bytes", "bytes"),
    ("upload per client update", "upload_bytes_per_update", "bytes"),
    ("download per client update", "download_bytes_per_update", "bytes"),
    ("  first download, once per device", "first_download_bytes", "bytes"),
    ("devices too small for the step", "devices_too_small", "count"),
    ("devices left out", "devices_left_out", "count"),
    ("  share of the training data", "data_left_out", "share"),
    ("mean staleness, server steps", "mean_staleness", "one"),
    ("server rate, tuned", "server_rate", "one"),
)


def _cell(value: Any, form: str) -> str:
    if value is None:
        return "not reached"
    if form == "yes":
        return "yes" if value else "no"
    if form == "share":
        return f"{100 * value:.1f} %"
    if form == "bytes":
        return f"{value / 2**20:.2f} MiB" if value >= 2**20 else f"{value / 1024:.1f} KiB"
    return f"{value:.1f}" if form == "one" else f"{value:,.0f}"


def savings(report: HeadlineReport) -> Iterable[str]:
    """Yield sentences in the form of the authors' headline, with the figures of this run.

    The last one sets FTTE against FedBuff with the same average, if that ran.
    """
    base, ours = report.figures("fedavg"), report.figures("ftte")
    time = ours["time_saved"]
    if time is None:
        yield "FTTE never reached the target."
    else:
        target, share = 100 * report.target_accuracy, 100 * (1 - time)
        yield f"FTTE reached {target:.1f} % accuracy in {share:.0f} % of FedAvg's time."
    yield f"Training overhead per device: {_percent(base, ours, 'overhead_bytes')}."
    yield f"Upload per update: {_percent(base, ours, 'upload_bytes_per_update')}."
    if "fedbuff_average" in report.histories:
        yield f"Against FedBuff with the same average: {_against(report, 'fedbuff_average')}."


def _against(report: HeadlineReport, rival: str) -> str:
    ours, theirs = report.figures("ftte"), report.figures(rival)
    parts = [
        f"{100 * ours[key] / theirs[key]:.0f} % of its {what}"
        for key, what in (("time_to_target_s", "time"), ("total_bytes_to_target", "bytes"))
        if ours[key] and theirs[key]
    ]
    ahead = 100 * (ours["final_accuracy"] - theirs["final_accuracy"])
    return ", ".join([*parts, f"{ahead:+.1f} points at the end"])


def _percent(base: Mapping[str, Any], ours: Mapping[str, Any], key: str) -> str:
    less = 100 * (1 - ours[key] / base[key])
    return f"{_cell(ours[key], 'bytes')} instead of {_cell(base[key], 'bytes')} ({less:.0f} % less)"
