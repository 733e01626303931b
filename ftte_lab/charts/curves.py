"""Accuracy or loss over virtual time, client updates, bytes or energy: a line per method."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ftte_lab._common import choice, number, require, seconds, size
from ftte_lab.charts.curve_axes import axis_of, metric_title
from ftte_lab.charts.curve_data import (
    Line,
    Pinned,
    Points,
    View,
    cut_note,
    domains,
    line_of,
    longest_s,
    pinned_lines,
    pinned_table,
    tables,
)
from ftte_lab.charts.curve_drawing import draw
from ftte_lab.charts.curve_labels import End, Ends, drops, names, rings, room
from ftte_lab.charts.figure import Figure, columns, template
from ftte_lab.charts.palette import label
from ftte_lab.simulation import AXES, WIDTHS_PER_HORIZON, History, first_reached


@dataclass(frozen=True)
class LiveView:
    """Describe what a live page adds to its curves.

    Attributes:
        end: where the horizontal axis ends, in units of the record (s, updates, bytes, J); `None`:
            at the last point.
        pinned: points of earlier runs by letter and method: thin lines with the letter in rings.
        growing: by method, one more seed that still runs: a thin line, not yet in mean and band.
        target: as the one of `curves`, which comes first.
    """

    end: float | None = None
    pinned: Mapping[str, Mapping[str, Sequence[Points]]] = field(default_factory=dict)
    growing: Mapping[str, Points] = field(default_factory=dict)
    target: float | None = None


def accuracy(
    histories: Mapping[str, History],
    *,
    of: str = "sim_seconds",
    target: float | None = None,
    width_s: float | None = None,
) -> Figure:
    """Draw the test accuracy of each run, and a dot where it first reaches the target.

    Args:
        histories: runs by method name.
        of: the horizontal axis, one of `AXES`.
        target: accuracy from 0 to 1 to mark.
        width_s: virtual seconds of the smoothing, `None`: see `History.smoothed`, 0: none. The raw
            points stay visible behind.

    Raises:
        ValueError: no run, an unknown axis, a target outside 0 to 1, or a negative width.

    Example:
        >>> import pandas as pd
        >>> table = {"sim_seconds": [0.0, 10.0, 20.0, 30.0], "accuracy": [0.1, 0.5, 0.9, 0.9]}
        >>> history = History({"horizon_s": 40.0}, pd.DataFrame(table), {})
        >>> accuracy({"ftte": history}, target=0.8).alt_text.partition(": ")[2]
        'FTTE ends at 90 % and reaches 80.0 % at 20 s (axis from 45 %; lowest value 11 %).'
    """
    require(bool(histories), "no run to draw", "at least one", "Pass the result of run_all")
    choice("of", of, AXES)
    if target is not None:
        number("target", target, 0, 1)
    if width_s is None:
        width_s = max(history.width_s for history in histories.values())
    points = {name: [history.points] for name, history in histories.items()}
    return curves(points, of=of, target=target, width_s=width_s)


def curves(
    runs: Mapping[str, Sequence[Points]],
    *,
    of: str = "sim_seconds",
    metric: str = "accuracy",
    target: float | None = None,
    width_s: float | None = None,
    live: LiveView | None = None,
) -> Figure:
    """Draw one line per method; of several seeds their mean, and a band from lowest to highest.

    Each line has its name and last value at its end. The vertical axis is cropped to where the
    lines are most of the time, and says so.

    Args:
        runs: by method name, the points of each seed (columns `sim_seconds`, the axis, the metric).
        of: the horizontal axis, one of `AXES`.
        metric: a column of the points: one of `METRICS`, or `accuracy_<kind>`.
        target: a share to mark, where the metric is one; with one seed each, a dot and the time
            where each method first reaches it.
        width_s: virtual seconds of the smoothing; `None`: a fortieth of the longest run; 0: none.
        live: what a live page adds.

    Raises:
        ValueError: an unknown axis or a negative width.

    Example:
        >>> points = {"sim_seconds": [0.0, 600.0], "accuracy": [0.7, 0.8]}
        >>> curves({"fedavg": [points]}, width_s=0).alt_text.partition(": ")[2]
        'FedAvg ends at 80 % (axis from 70 %).'
    """
    choice("of", of, AXES)
    live = live or LiveView()
    width_s = longest_s(runs) / WIDTHS_PER_HORIZON if width_s is None else width_s
    number("width_s", width_s, 0)
    title, unit = axis_of(of, runs, live.end)
    view = View(of, metric, unit, width_s)
    lines = _lines(runs, view)
    growing = {name: line_of(p, view) for name, p in live.growing.items() if len(p[of])}
    several = bool(live.growing) or any(len(seeds) > 1 for seeds in runs.values())
    target = live.target if target is None else target
    goal = Goal.of(None if metric == "loss" else target, lines, view, several)
    pinned = pinned_lines(live.pinned, view)
    signals = domains(lines, pinned, view, live.end, goal.target)
    note = cut_note(lines, view, signals)
    data = {
        **tables(lines, growing, several, unit if view.timed else math.nan),
        **goal.data(signals["x_end"]),
        **_written(lines, pinned, goal, view, Ends(**signals)),
        "pinned": pinned_table(pinned),
        "cut": columns(("at", "text"), _cut(note, metric, signals)),
        "now": {"x": [], "y": [], "arm": []},  # filled by the page, as is the rule
        "rule": {"x": []},
    }
    quantity = metric_title(metric)
    clauses = [_clause(name, seeds, view, goal) for name, seeds in lines.items()]
    text = f"Line chart of {quantity} over {title}: {'; '.join(clauses) or 'no point yet'}"
    below = _subtitle(several, width_s)
    drawing = template(draw, title, quantity, metric == "loss", below, tuple(runs))
    signals |= {"per_unit": unit if view.timed else 0.0, "room": room(list(runs), metric == "loss")}
    return Figure(drawing, data, f"{text}{f' ({note})' if note else ''}.", signals)


def _lines(runs: Mapping[str, Sequence[Points]], view: View) -> dict[str, list[Line]]:
    """Return the lines of each method that has points."""
    lines: dict[str, list[Line]] = {
        name: [line_of(p, view) for p in seeds if len(p[view.of])] for name, seeds in runs.items()
    }
    return {name: seeds for name, seeds in lines.items() if seeds}


def _cut(note: str, metric: str, axes: Mapping[str, float]) -> list[tuple[float, str]]:
    return [(axes["y_high" if metric == "loss" else "y_low"], note)] if note else []


def _written(
    lines: Mapping[str, Sequence[Line]], pinned: Pinned, goal: Goal, view: View, axes: Ends
) -> dict[str, Any]:
    """Return the data sets of names at line ends, times at the target, and letters on rings."""
    ends = [
        _end(name, seeds, view, letter)
        for letter, runs in {"": lines, **pinned}.items()
        for name, seeds in runs.items()
    ]
    reached = {name: x for name, x in goal.reached.items() if x is not None}
    times = {name: _amount(x * view.unit, view) for name, x in reached.items()}
    return {
        "names": names(ends, axes),
        "rings": rings(pinned, axes),
        "drops": drops(reached, times, goal.target or 0.0, axes),
    }


def _end(name: str, seeds: Sequence[Line], view: View, letter: str) -> End:
    """Return where a method's line ends; of several seeds their mean does, at the first end."""
    x = min(float(line["x"][-1]) for line in seeds)
    y = float(np.mean([np.interp(x, line["x"], line["y"]) for line in seeds]))
    value = f"{y:.2f}" if view.metric == "loss" else f"{100 * y:.1f} %"
    return End(x, y, name, f"{label(name)}{f' ({letter})' if letter else ''} {value}", letter)


@dataclass(frozen=True)
class Goal:
    """Hold a target, and where each method first reaches it; `None` where one never does."""

    target: float | None
    reached: Mapping[str, float | None]

    @classmethod
    def of(
        cls, target: float | None, lines: Mapping[str, Sequence[Line]], view: View, several: bool
    ) -> Goal:
        """Find where each line first reaches the target; with several seeds nowhere."""
        if target is None or several:
            return cls(target, {})
        reached = {}
        for name, [line] in lines.items():
            at = first_reached(line["t"], line["y"], target, view.width_s)
            reached[name] = None if at is None else float(line["x"][at])
        return cls(target, reached)

    def data(self, x_end: float) -> dict[str, Any]:
        """Return the data sets of the target's line and of the dots."""
        dots = [(x, self.target, label(name)) for name, x in self.reached.items() if x is not None]
        lines = []
        if self.target is not None:
            lines = [(0.0, x_end, self.target, f"target {100 * self.target:.1f} %")]
        return {
            "reached": columns(("x", "y", "arm"), dots),
            "target": columns(("x", "x2", "y", "text"), lines),
        }


def _subtitle(several: bool, width_s: float) -> str:
    """Describe the bold lines."""
    if several:
        return "bold: mean over seeds; band: lowest to highest"
    return f"bold: mean over {seconds(width_s)} around each point" if width_s else "every point"


def _clause(name: str, seeds: Sequence[Line], view: View, goal: Goal) -> str:
    """Describe one method's line."""
    last = float(np.mean([line["y"][-1] for line in seeds]))
    value = f"{last:.2f}" if view.metric == "loss" else f"{100 * last:.0f} %"
    text = f"{label(name)} ends at {value}"
    if len(seeds) > 1:
        return f"{text} (mean of {len(seeds)} seeds)"
    if goal.target is None or name not in goal.reached:
        return text
    at = goal.reached[name]
    if at is None:
        return f"{text} and never reaches the target"
    return f"{text} and reaches {100 * goal.target:.1f} % at {_amount(at * view.unit, view)}"


def _amount(value: float, view: View) -> str:
    if view.timed:
        return seconds(value)
    return size(value) if "bytes" in view.of else f"{value:,.0f}"
