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
_DIP = 0.2  # how far accuracy may fall below its start before the axis has to move


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


def pinned_lines(pinned: Mapping[str, Sequence[Points]], view: View) -> Columns:
    """Return the lines of earlier runs, as far as they have the metric."""
    parts = []
    for name, seeds in pinned.items():
        for k, points in enumerate(seeds):
            if view.metric not in points or not len(points[view.of]):
                continue  # pinned from another fleet: it had no such devices
            line = line_of(points, view)
            parts.append(_named(name, x=line["x"], y=line["y"], seed=np.full(len(line["x"]), k)))
    return _stack(("x", "y", "arm", "seed"), parts)


def domains(
    lines: Mapping[str, Sequence[Line]], behind: Sequence[float], view: View, end: float | None
) -> dict[str, float]:
    """Return ends of the axes that do not move while a curve grows.

    They depend on the first points and the horizon.
    """
    seeds = [line for each in lines.values() for line in each]
    y = [*behind, *(float(v) for s in seeds for v in (s["raw"].min(), s["raw"].max()))]
    last = max((float(s["x"][-1]) for s in seeds), default=1.0)
    x_end = (end / view.unit if end else last) or 1.0
    first = [float(s["raw"][0]) for s in seeds]
    if view.metric == "loss":
        highest = max([1.25 * value for value in first] + y + [0.1])
        return {"x_end": x_end, "y_low": 0.0, "y_high": float(np.ceil(4 * highest) / 4)}
    lowest = min([value - _DIP for value in first] + y, default=0.0)
    return {"x_end": x_end, "y_low": float(max(0.0, np.floor(10 * lowest) / 10)), "y_high": 1.0}


def _named(name: str, **values: np.ndarray) -> dict[str, Any]:
    return {**values, "arm": [label(name)] * len(values["x"])}


def _stack(names: Sequence[str], parts: Sequence[Mapping[str, Any]]) -> Columns:
    return {name: np.concatenate([p[name] for p in parts]) if parts else [] for name in names}
