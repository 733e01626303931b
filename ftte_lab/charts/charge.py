"""The charge that is left on each device for training, and who can still take part."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from ftte_lab._common import choice, require
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Columns, Figure, columns, template
from ftte_lab.charts.palette import label, method_scales
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.simulation import Prepared

_TIMES = 60  # moments across the picture
_MOST = 120  # rows; of a larger fleet every n-th device is shown
_CURVE, _GAP = 0.42, 0.1  # of the height: the survival curves, and the space below them
_HEIGHT = 250


def charge(runs: Mapping[str, Prepared], *, method: str | None = None) -> Figure:
    """Draw who can still take part under each method, and the charge of each device under one.

    Known before any training. A device that is on the mains is always full.

    Args:
        runs: prepared runs by method name.
        method: whose devices are shown; by default the last one's.

    Raises:
        ValueError: no run, or an unknown method.

    Example:
        >>> from ftte_lab import Scenario
        >>> from ftte_lab.simulation import prepare
        >>> small = Scenario(data="digits", model="mlp", clients=6, concurrency=3, buffer=2,
        ...                  warm_start_steps=0, budget_kib=40.0, horizon_s=20.0)
        >>> charge({"ftte": prepare(small.as_method("ftte"))}).alt_text
        'No batteries: all devices can take part until the end.'
    """
    require(bool(runs), "no run to draw", "at least one prepared run")
    method = list(runs)[-1] if method is None else method
    choice("method", method, runs)
    drained = {name: run for name, run in runs.items() if run.timeline.charge is not None}
    end_s = max(run.scenario.horizon_s for run in runs.values())
    times_s = np.linspace(0.0, end_s, _TIMES + 1)
    left = {name: [run.survival(t) for t in times_s] for name, run in drained.items()}
    data = {
        "survival": _curves(left, times_s),
        "ends": _ends(left, end_s),
        **_devices(drained.get(method), times_s),
    }
    clauses = [f"{label(name)} {100 * shares[-1]:.0f} %" for name, shares in left.items()]
    text = "No batteries: all devices can take part until the end."
    if clauses:
        text = f"Devices that can still take part at the end: {', '.join(clauses)}."
    signals = {"end": end_s / 60}
    return Figure(template(_draw, tuple(runs), label(method), bool(drained)), data, text, signals)


def _curves(left: Mapping[str, list[float]], times_s: np.ndarray) -> Columns:
    rows = [
        (t / 60, _CURVE * (1 - share), share, label(name))
        for name, shares in left.items()
        for t, share in zip(times_s.tolist(), shares, strict=True)
    ]
    return columns(("x", "y", "share", "arm"), rows)


def _ends(left: Mapping[str, list[float]], end_s: float) -> Columns:
    """Return the names at the ends of the survival curves, at least a line apart."""
    rows: list[tuple[float, float, str, str]] = []
    free = -1.0
    for name, shares in sorted(left.items(), key=lambda item: -item[1][-1]):
        y = max(_CURVE * (1 - shares[-1]), free)
        free = y + 15 / _HEIGHT
        rows.append((end_s / 60, y, label(name), f"{label(name)} {100 * shares[-1]:.0f} %"))
    return columns(("x", "y", "arm", "text"), rows)


def _devices(run: Prepared | None, times_s: np.ndarray) -> dict[str, Columns]:
    """Return a rectangle per shown device and moment, and the names of the kinds."""
    names = ("x", "x2", "y", "y2", "charge", "kind")
    if run is None or run.timeline.charge is None:
        return {"cells": columns(names, []), "kinds": columns(("y", "text"), [])}
    record = run.timeline.charge
    kinds = run.federation.fleet.kind
    order = sorted(range(len(kinds)), key=lambda client: (kinds[client], client))
    order = order[:: -(-len(order) // _MOST)]
    capacity = record.batteries.capacity_j
    height = (1 - _CURVE - _GAP) / len(order)
    overlap = 0.002 * times_s[-1] / 60  # or the page would shine through
    rows: list[tuple[float, float, float, float, float, str]] = []
    for a, b in pairwise(times_s.tolist()):
        level = record.level_j(a)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(np.isinf(capacity), 1.0, level / np.maximum(capacity, 1e-12))
        for k, client in enumerate(order):
            y = _CURVE + _GAP + k * height
            rows.append(
                (a / 60, b / 60 + overlap, y, y + height, float(share[client]), kinds[client])
            )
    return {"cells": columns(names, rows), "kinds": _kind_names([kinds[c] for c in order], height)}


def _kind_names(kinds: list[str], height: float) -> Columns:
    rows = [(0.0, "all"), (_CURVE, "none")]
    for kind in dict.fromkeys(kinds):
        own = [k for k, other in enumerate(kinds) if other == kind]
        rows.append((_CURVE + _GAP + height * (own[0] + own[-1] + 1) / 2, kind))
    return columns(("y", "text"), rows)


def _draw(theme: Theme, names: tuple[str, ...], method: str, drained: bool) -> dict[str, Any]:
    plot: Any = [0, alt.ExprRef("width - min(150, 0.35 * width)")]
    x_scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False, range=plot)
    x_axis = alt.Axis(grid=False, titleAnchor="start")
    x = alt.X("x:Q", title="virtual time, minutes", scale=x_scale, axis=x_axis)
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[1, 0], nice=False))
    colours, dashes = method_scales(names, theme)
    colour = alt.Color("arm:N", scale=colours, legend=None)
    dash = alt.StrokeDash("arm:N", scale=dashes, legend=None)
    legend = alt.Legend(format="%", gradientLength=140, tickCount=3, orient="top")
    shade = alt.Scale(domain=[0, 1], range=[theme.grid, theme.line])
    cells = alt.Chart(alt.NamedData("cells")).mark_rect(stroke=None)
    lines = alt.Chart(alt.NamedData("survival")).mark_line(strokeWidth=2.5)
    ends = alt.Chart(alt.NamedData("ends"))
    kinds = alt.Chart(alt.NamedData("kinds"))
    left: Any = {"align": "right", "baseline": "middle", "dx": -6, "fontSize": 11}
    bold: Any = {"align": "left", "dx": 8, "fontSize": 12, "fontWeight": "bold"}
    tips = [alt.Tooltip("kind:N"), alt.Tooltip("charge:Q", format=".0%")]
    survival = [alt.Tooltip("arm:N", title="method"), alt.Tooltip("share:Q", format=".0%")]
    layers = [
        cells.encode(
            x=x,
            x2="x2:Q",
            y=y,
            y2="y2:Q",
            tooltip=tips,
            color=alt.Color("charge:Q", scale=shade, legend=legend if drained else None),
        ),
        lines.encode(x=x, y=y, color=colour, strokeDash=dash, tooltip=survival),
        ends.mark_text(**bold).encode(x=x, y=y, text="text:N", color=colour),
        kinds.mark_text(**left, color=theme.ink).encode(x=alt.value(0), y=y, text="text:N"),
    ]
    chart = alt.layer(*layers).resolve_scale(color="independent")
    chart = chart.add_params(alt.param(name="end", value=1.0))
    chart = chart.properties(width=WIDTH, height=_HEIGHT)
    below = "no batteries here: switch them on to see devices run empty"
    if drained:
        below = f"lines: devices that can still take part; below: charge per device, {method}"
    return finish(chart, theme, "Charge left", below)
