"""Accuracy or loss over virtual time, client updates, bytes or energy: one line per method, a band over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from ftte_lab._common import choice, integer, number, require, seconds, size
from ftte_lab.charts.figure import Columns, Figure, template
from ftte_lab.charts.style import WIDTH, Theme, finish, label, method_scales
from ftte_lab.simulation import AXES, History, smooth

Points = Any  # columns as in `History.points`: a table, or a mapping of equally long columns
Line = Mapping[str, np.ndarray]
Lines = Mapping[str, Sequence[Line]]

AXIS_TITLES = {
    "sim_seconds": ("virtual time, minutes", 60.0),
    "updates": ("client updates applied", 1.0),
    "upload_bytes": ("uploaded, MiB", 2.0**20),
    "total_bytes": ("sent in both directions, MiB", 2.0**20),
    "energy_j": ("energy of all devices, kJ", 1000.0),
}
METRICS = {
    "accuracy": "test accuracy",
    "loss": "test loss",
    "straggler_accuracy": "accuracy, slowest tenth of devices",
    "worst_decile_accuracy": "accuracy, worst tenth of clients",
}
_SHORT_S = 120.0  # runs of at most two minutes have their axis in seconds
_GRID = 80  # places where seeds are compared
_RAW_OPACITY = 0.3
_DIP = 0.2  # how far accuracy may fall below its start before the axis has to move


def accuracy(
    histories: Mapping[str, History],
    *,
    of: str = "sim_seconds",
    target: float | None = None,
    window: int = 5,
) -> Figure:
    """Test accuracy of each run over time, updates, bytes or energy; a dot where it first reaches the target.

    Args:
        histories: runs by method name.
        of: one of `AXES`.
        target: accuracy from 0 to 1 to mark.
        window: points of the smoothing; the raw points stay visible behind.

    Raises:
        ValueError: no run, an unknown axis, a target outside 0 to 1, or a window below 1.
    """
    require(bool(histories), "no run to draw", "at least one", "Pass the result of compare")
    choice("of", of, AXES)
    integer("window", window, 1)
    if target is not None:
        number("target", target, 0, 1)
    return curves(
        {name: [h.points] for name, h in histories.items()}, of=of, target=target, window=window
    )


def curves(
    runs: Mapping[str, Sequence[Points]],
    *,
    of: str = "sim_seconds",
    metric: str = "accuracy",
    target: float | None = None,
    window: int = 5,
    end: float | None = None,
    now_s: float | None = None,
    pinned: Mapping[str, Sequence[Points]] | None = None,
    growing: Mapping[str, Points] | None = None,
) -> Figure:
    """One line per method; with several seeds the mean of them and a band from the lowest to the highest.

    Args:
        runs: by method name, the points of each seed (columns `sim_seconds`, the axis and the metric).
        of: one of `AXES`.
        metric: a column of the points: one of `METRICS`, or `accuracy_<kind>`.
        target: a value to mark; a dot where each method first reaches it.
        window: points of the smoothing.
        end: where the horizontal axis ends, in the axis' own unit; by default the last point.
        now_s: virtual seconds to mark on each curve.
        pinned: earlier runs, drawn dimmed behind.
        growing: one more seed of a method that is still running: a thin line, not yet part of mean and band.

    Raises:
        ValueError: an unknown axis or a window below 1.
    """
    choice("of", of, AXES)
    integer("window", window, 1)
    title, unit = _axis(of, runs, end)
    lines = {
        name: [_line(p, of, metric, unit, window) for p in seeds if len(p[of])]
        for name, seeds in runs.items()
    }
    lines = {name: seeds for name, seeds in lines.items() if seeds}
    several = bool(growing) or any(len(seeds) > 1 for seeds in runs.values())
    timed = of == "sim_seconds"
    more = {
        name: _line(p, of, metric, unit, window)
        for name, p in (growing or {}).items()
        if len(p[of])
    }
    data = _tables(lines, more, several, unit if timed else math.nan)
    data["pinned"] = _pinned(pinned or {}, of, metric, unit, window)
    reached = (
        {n: _reached(s[0], target) for n, s in lines.items()}
        if target is not None and not several
        else {}
    )
    data["reached"] = _columns(
        ("x", "y", "arm"), [(x, target, label(n)) for n, x in reached.items() if x is not None]
    )
    data["target"] = _columns(
        ("y", "text"), [] if target is None else [(target, f"target {100 * target:.1f} %")]
    )
    data |= _now(lines, now_s, unit if timed else None)
    says = [
        _clause(name, seeds, metric, of, unit, target, reached.get(name))
        for name, seeds in lines.items()
    ]
    quantity = metric_title(metric)
    text = f"Line chart of {quantity} over {title}: " + ("; ".join(says) or "no point yet") + "."
    drawn = template(_draw, title, quantity, metric == "loss", _bold(several, window), tuple(runs))
    ends = _domains(lines, data["pinned"]["y"], metric, end, unit)
    return Figure(drawn, data, text, {**ends, "per_unit": unit if timed else 0.0})


def _bold(several: bool, window: int) -> str:
    """What the thick lines are."""
    if several:
        return "bold: mean over seeds; band: lowest to highest"
    return f"bold: mean of {window} points" if window > 1 else "every point"


def _axis(of: str, runs: Mapping[str, Sequence[Points]], end: float | None) -> tuple[str, float]:
    """Title and unit of the horizontal axis: short times are told in seconds."""
    if of == "sim_seconds":
        last = max(
            (float(np.asarray(p[of])[-1]) for seeds in runs.values() for p in seeds if len(p[of])),
            default=end,
        )
        longest = end if end is not None else last
        if longest is not None and longest <= _SHORT_S:
            return "virtual time, seconds", 1.0
    return AXIS_TITLES[of]


def metric_title(metric: str) -> str:
    """What a metric is called on an axis."""
    return METRICS.get(metric) or metric.replace(
        "accuracy_", "accuracy on devices of kind "
    ).replace("_", " ")


def _line(points: Points, of: str, metric: str, unit: float, window: int) -> dict[str, np.ndarray]:
    y = np.asarray(points[metric], np.float64)
    x = np.asarray(points[of], np.float64) / unit
    return {
        "x": x,
        "raw": y,
        "y": smooth(y, window),
        "t": np.asarray(points["sim_seconds"], np.float64),
    }


def _tables(
    lines: Lines, more: Mapping[str, Line], several: bool, unit: float
) -> dict[str, Columns]:
    """Data sets of the raw points (one seed) or bands (several seeds), and of the bold lines with their moments."""
    bold, band = [], []
    raw = [
        {"x": line["x"], "y": line["y"], "arm": [label(name)] * len(line["x"])}
        for name, line in more.items()
    ]
    for name, seeds in lines.items():
        if len(seeds) > 1:
            x = np.linspace(max(s["x"][0] for s in seeds), min(s["x"][-1] for s in seeds), _GRID)
            each = np.stack([np.interp(x, s["x"], s["y"]) for s in seeds])
            band.append(
                {"x": x, "low": each.min(0), "high": each.max(0), "arm": [label(name)] * _GRID}
            )
            bold.append({"x": x, "y": each.mean(0), "arm": [label(name)] * _GRID, "t": x * unit})
        else:
            [only] = seeds
            arm = [label(name)] * len(only["x"])
            bold.append({"x": only["x"], "y": only["y"], "arm": arm, "t": only["t"]})
            if not several:
                raw.append({"x": only["x"], "y": only["raw"], "arm": arm})
    return {
        "raw": _stack(("x", "y", "arm"), raw),
        "curves": _stack(("x", "y", "arm", "t"), bold),
        "band": _stack(("x", "low", "high", "arm"), band),
    }


def _stack(names: Sequence[str], parts: Sequence[Mapping[str, Any]]) -> Columns:
    return {name: np.concatenate([p[name] for p in parts]) if parts else [] for name in names}


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Columns:
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}


def _pinned(
    pinned: Mapping[str, Sequence[Points]], of: str, metric: str, unit: float, window: int
) -> Columns:
    parts = []
    for name, seeds in pinned.items():
        for k, points in enumerate(seeds):
            if metric not in points or not len(points[of]):
                continue  # pinned from another fleet: it had no such devices
            line = _line(points, of, metric, unit, window)
            parts.append(
                {**line, "arm": [label(name)] * len(line["x"]), "seed": [k] * len(line["x"])}
            )
    return _stack(("x", "y", "arm", "seed"), parts)


def _reached(line: Mapping[str, np.ndarray], target: float) -> float | None:
    at = np.flatnonzero(line["y"] >= target)
    return float(line["x"][at[0]]) if len(at) else None


def _now(lines: Lines, now_s: float | None, unit: float | None) -> Any:
    """A dot on each curve at a virtual moment, and a rule where the axis is time."""
    dots = []
    for name, seeds in lines.items():
        if now_s is None:
            break
        at = int(np.searchsorted(seeds[0]["t"], now_s, side="right")) - 1
        dots.append((seeds[0]["x"][at], seeds[0]["y"][at], label(name)))
    rule = [] if now_s is None or unit is None else [now_s / unit]
    return {"now": _columns(("x", "y", "arm"), dots), "rule": {"x": rule}}


def _domains(
    lines: Lines, behind: Any, metric: str, end: float | None, unit: float
) -> dict[str, float]:
    """Ends of the axes that do not move while a curve grows: they depend on the first points and the horizon."""
    seeds = [s for each in lines.values() for s in each]
    y = [*behind, *(v for s in seeds for v in (s["raw"].min(), s["raw"].max()))]
    x_end = (end / unit if end else max((s["x"][-1] for s in seeds), default=1.0)) or 1.0
    first = [float(s["raw"][0]) for s in seeds]
    if metric == "loss":
        highest = max([1.25 * v for v in first] + y + [0.1])
        return {"x_end": x_end, "y_low": 0.0, "y_high": float(np.ceil(4 * highest) / 4)}
    lowest = min([v - _DIP for v in first] + y, default=0.0)
    return {"x_end": x_end, "y_low": float(max(0.0, np.floor(10 * lowest) / 10)), "y_high": 1.0}


def _clause(
    name: str, seeds: Any, metric: str, of: str, unit: float, target: float | None, at: float | None
) -> str:
    last = float(np.mean([s["y"][-1] for s in seeds]))
    value = f"{last:.2f}" if metric == "loss" else f"{100 * last:.0f} %"
    says = f"{label(name)} ends at {value}" + (
        f" (mean of {len(seeds)} seeds)" if len(seeds) > 1 else ""
    )
    if target is None or len(seeds) > 1:
        return says
    if at is None:
        return says + " and never reaches the target"
    amount = at * unit
    said = (
        seconds(amount)
        if of == "sim_seconds"
        else size(amount)
        if "bytes" in of
        else f"{amount:,.0f}"
    )
    return f"{says} and reaches {100 * target:.1f} % at {said}"


def _draw(
    theme: Theme, x_title: str, y_title: str, is_loss: bool, below: str, names: tuple[str, ...]
) -> Any:
    colours, dashes = method_scales(names, theme)
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=400)
    colour = alt.Color("arm:N", scale=colours, legend=legend)
    dash = alt.StrokeDash("arm:N", scale=dashes, legend=legend)
    ends = {
        "x_end": 1.0,
        "y_low": 0.0,
        "y_high": 1.0,
        "per_unit": 0.0,
    }  # the last: seconds per unit of a time axis
    params = [alt.param(name=name, value=value) for name, value in ends.items()]
    layers = _layers(theme, x_title, y_title, is_loss, colour, dash)
    chart = alt.layer(*layers).add_params(*params).properties(width=WIDTH, height=280)
    head = y_title[0].upper() + y_title[1:]
    return finish(chart, theme, head, f"over {x_title.split(',')[0]}; {below}")


def _layers(
    theme: Theme, x_title: str, y_title: str, is_loss: bool, colour: alt.Color, dash: alt.StrokeDash
) -> list[alt.Chart]:
    """From the back to the front: band, pinned runs, raw points, curves, target, and the moment of a replay."""
    x_scale = alt.Scale(domain={"expr": "[0, x_end]"}, nice=False, clamp=True)
    y_scale = alt.Scale(domain={"expr": "[y_low, y_high]"}, nice=False, zero=False, clamp=True)
    x = alt.X("x:Q", title=x_title, scale=x_scale, axis=alt.Axis(grid=False, tickCount=8))
    y_axis = alt.Axis(format=alt.Undefined if is_loss else "%", tickCount=6)
    y = alt.Y("y:Q", title=y_title, scale=y_scale, axis=y_axis)
    low = alt.Y("low:Q", scale=y_scale, title=y_title, axis=y_axis)

    def part(name: str) -> alt.Chart:
        return alt.Chart(alt.NamedData(name))

    tip = [
        alt.Tooltip("arm:N", title="method"),
        alt.Tooltip("x:Q", title=x_title, format=",.1f"),
        alt.Tooltip("y:Q", title=y_title, format=".2f" if is_loss else ".1%"),
    ]
    point: Any = {"filled": True, "opacity": 1}
    return [
        part("band").mark_area(opacity=0.18).encode(x=x, y=low, y2="high:Q", color=colour),
        part("pinned")
        .mark_line(opacity=0.4)
        .encode(x=x, y=y, color=colour, strokeDash=dash, detail="seed:N"),
        part("raw").mark_line(strokeWidth=1, opacity=_RAW_OPACITY).encode(x=x, y=y, color=colour),
        part("curves")
        .mark_line(strokeWidth=2.5)
        .encode(x=x, y=y, color=colour, strokeDash=dash, tooltip=tip),
        part("target").mark_rule(strokeDash=[4, 4], color=theme.soft).encode(y=y),
        part("target")
        .mark_text(align="right", dx=-14, dy=8, color=theme.ink)
        .encode(x=alt.value("width"), y=y, text="text:N"),
        part("reached")
        .mark_point(size=110, stroke="white", **point)
        .encode(x=x, y=y, color=colour),
        part("rule").mark_rule(color=theme.soft, strokeWidth=1).encode(x=x),
        part("now").mark_point(size=70, stroke=theme.ink, **point).encode(x=x, y=y, color=colour),
    ]
