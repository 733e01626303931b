"""The numbers behind the curves: smoothed lines, means over seeds, bands, and ends of the axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ftte_lab.charts.figure import Columns
from ftte_lab.charts.palette import label
from ftte_lab.simulation import smooth

Points = Any  # columns as in `History.points`: a table, or a mapping of equally long columns
Line = Mapping[str, np.ndarray]

_GRID = 80  # places where seeds are compared
_EARLY = 0.2  # share of a line that may lie outside of the picture: an untrained model's start
_DEPTH = 0.3  # most of a share that is shown below the lowest end
_UNCROPPED = 0.25  # an axis that would begin below begins at 0
_LOSS_STEP, _SHARE_STEP = 0.25, 0.05  # ends of a vertical axis are multiples of it


@dataclass(frozen=True)
class View:
    """Say which columns are drawn, and how.

    Attributes:
        of: the column of the horizontal axis.
        metric: the column of the vertical axis.
        unit: how many of the record's units make one of the axis.
        width_s: virtual seconds of the smoothing.
    """

    of: str
    metric: str
    unit: float
    width_s: float

    @property
    def timed(self) -> bool:
        """Return whether the horizontal axis is virtual time."""
        return self.of == "sim_seconds"


def longest_s(runs: Mapping[str, Sequence[Points]]) -> float:
    """Return the virtual seconds of the longest run."""
    times = (np.asarray(points["sim_seconds"]) for seeds in runs.values() for points in seeds)
    return float(max((t[-1] for t in times if len(t)), default=0.0))


def line_of(points: Points, view: View) -> dict[str, np.ndarray]:
    """Return one run's line: `x` in units of the axis, `y` smoothed, `raw`, `t` in virtual s."""
    y = np.asarray(points[view.metric], np.float64)
    x = np.asarray(points[view.of], np.float64) / view.unit
    t = np.asarray(points["sim_seconds"], np.float64)
    return {"x": x, "raw": y, "y": smooth(t, y, view.width_s), "t": t}


def tables(
    lines: Mapping[str, Sequence[Line]], growing: Mapping[str, Line], several: bool, unit: float
) -> dict[str, Columns]:
    """Return the data sets of thin lines, bold lines and bands.

    Args:
        lines: by method, a line per finished seed.
        growing: by method, the line of a seed that still runs.
        several: whether the picture is about several seeds: then single points are left out.
        unit: virtual seconds per unit of the axis; nan where the axis is not time.
    """
    bold, band = [], []
    raw = [_named(name, x=line["x"], y=line["y"]) for name, line in growing.items()]
    for name, seeds in lines.items():
        if len(seeds) > 1:
            x = np.linspace(max(s["x"][0] for s in seeds), min(s["x"][-1] for s in seeds), _GRID)
            values = np.stack([np.interp(x, s["x"], s["y"]) for s in seeds])
            band.append(_named(name, x=x, low=values.min(0), high=values.max(0)))
            bold.append(_named(name, x=x, y=values.mean(0), t=x * unit))
            continue
        [only] = seeds
        bold.append(_named(name, x=only["x"], y=only["y"], t=only["t"]))
        if not several:
            raw.append(_named(name, x=only["x"], y=only["raw"]))
    return {
        "raw": _stack(("x", "y", "arm"), raw),
        "curves": _stack(("x", "y", "arm", "t"), bold),
        "band": _stack(("x", "low", "high", "arm"), band),
    }


Pinned = Mapping[str, Mapping[str, Sequence[Line]]]  # by letter and method, a line per seed


def pinned_lines(pinned: Mapping[str, Mapping[str, Sequence[Points]]], view: View) -> Pinned:
    """Return the lines of earlier runs, as far as they have the metric.

    A run on another fleet may have had no such devices.
    """
    found = {}
    for letter, runs in pinned.items():
        lines = {
            name: [line_of(p, view) for p in seeds if view.metric in p and len(p[view.of])]
            for name, seeds in runs.items()
        }
        found[letter] = {name: seeds for name, seeds in lines.items() if seeds}
    return found


def pinned_table(pinned: Pinned) -> Columns:
    """Return the data set of the pinned lines."""
    parts = []
    for letter, runs in pinned.items():
        for name, seeds in runs.items():
            for k, line in enumerate(seeds):
                n = len(line["x"])
                own = _named(name, x=line["x"], y=line["y"], seed=np.full(n, k))
                parts.append({**own, "letter": [letter] * n})
    return _stack(("x", "y", "arm", "seed", "letter"), parts)


def domains(
    lines: Mapping[str, Sequence[Line]],
    pinned: Pinned,
    view: View,
    end: float | None,
    target: float | None,
) -> dict[str, float]:
    """Return the ends of the axes, cropped to where the lines are most of the time.

    The first fifth of a line may lie outside, and so may what is far below the lowest end: the
    start of an untrained model would squeeze all that matters. The ends are round numbers, so that
    they seldom move while a run goes on.
    """
    seeds = [line for each in lines.values() for line in each]
    last = max((float(s["x"][-1]) for s in seeds), default=1.0)
    x_end = (end / view.unit if end else last) or 1.0
    seeds += [line for runs in pinned.values() for each in runs.values() for line in each]
    y_low, y_high = _loss_ends(seeds) if view.metric == "loss" else _share_ends(seeds, target)
    return {"x_end": x_end, "y_low": y_low, "y_high": y_high}


def _loss_ends(lines: Sequence[Line]) -> tuple[float, float]:
    """Return 0 and the highest loss of interest."""
    top = max((float(np.quantile(s["y"], 1 - _EARLY)) for s in lines), default=0.0)
    return 0.0, float(np.ceil(1.02 * max(top, 0.1) / _LOSS_STEP) * _LOSS_STEP)


def _share_ends(lines: Sequence[Line], target: float | None) -> tuple[float, float]:
    """Return the lowest and highest share of interest; both are 0 to 1 without any line."""
    if not lines:
        return 0.0, 1.0
    goal = [] if target is None else [target]
    lowest = min(float(np.quantile(s["y"], _EARLY)) for s in lines)
    shown = [float(s["y"][-1]) for s in lines] + goal
    low = min([max(lowest, min(shown) - _DEPTH), *shown]) - 0.01
    high = max([float(s["raw"].max()) for s in lines] + goal) + 0.005
    steps = round(1 / _SHARE_STEP)
    y_low = max(0.0, float(np.floor(low * steps)) / steps)
    y_high = min(1.0, float(np.ceil(high * steps)) / steps)
    y_low = min(y_low, y_high - 2 / steps)
    return 0.0 if y_low < _UNCROPPED else y_low, y_high


def cut_note(lines: Mapping[str, Sequence[Line]], view: View, axes: Mapping[str, float]) -> str:
    """Say that the vertical axis is cropped, and what lies outside; empty if it is complete."""
    values = [v for seeds in lines.values() for s in seeds for v in (s["y"].min(), s["y"].max())]
    if view.metric == "loss":
        hidden = bool(values) and max(values) > axes["y_high"]
        top = f"axis to {axes['y_high']:.2f}; highest value {max(values, default=0):.2f}"
        return top if hidden else ""
    if axes["y_low"] <= 0:
        return ""
    lowest = min(values, default=1.0)
    below = f"; lowest value {100 * lowest:.0f} %" if lowest < axes["y_low"] else ""
    return f"axis from {100 * axes['y_low']:.0f} %{below}"


def _named(name: str, **values: np.ndarray) -> dict[str, Any]:
    return {**values, "arm": [label(name)] * len(values["x"])}


def _stack(names: Sequence[str], parts: Sequence[Mapping[str, Any]]) -> Columns:
    return {name: np.concatenate([p[name] for p in parts]) if parts else [] for name in names}
