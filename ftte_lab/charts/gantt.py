"""What each device does when, how full the buffer is, and when the server steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ftte_lab._common import integer, number, require, seconds
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Columns, Figure, template
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.server import Fate, Timeline

_PHASES = ("download", "compute", "upload", "lost")
_LOST = (Fate.DROPPED, Fate.STALE, Fate.ABORTED)
_BUFFER = "server's buffer"


def gantt(
    timeline: Timeline,
    kinds: Sequence[str],
    *,
    until_s: float | None = None,
    devices: int = 24,
    title: str = "Who works when",
) -> Figure:
    """Draw the work of each device, the fill of the buffer, and a line at each server step.

    Shows the devices that start first. Lost participations (dropped, aborted, too old) are grey.

    Args:
        timeline: the schedule.
        kinds: kind of each client, as `Fleet.kind`.
        until_s: end of the picture (virtual s); by default when every shown device has worked, at
            most the end of the run.
        devices: rows, at most 60.
        title: above the chart.

    Raises:
        ValueError: an empty schedule, or a number out of range.

    Example:
        >>> from ftte_lab import Scenario
        >>> from ftte_lab.simulation import prepare
        >>> small = Scenario(data="digits", model="mlp", clients=6, concurrency=3, buffer=2,
        ...                  warm_start_steps=0, budget_kib=40.0, horizon_s=20.0)
        >>> run = prepare(small.as_method("ftte"))
        >>> gantt(run.timeline, run.federation.fleet.kind, until_s=10.0).alt_text[:50]
        'Gantt chart of 5 devices over 10 s of virtual time'
    """
    empty = len(timeline) == 0
    require(not empty, "the timeline is empty", "one with participations", "Lengthen the horizon")
    integer("devices", devices, 1, 60)
    shown, part = first_devices(timeline, devices)
    if until_s is None:
        until_s = _default_end(timeline, part)
    number("until_s", until_s, 1e-9)
    names = {c: f"{kinds[c]} {c}" for c in sorted(shown, key=lambda c: (kinds[c], c))}
    chosen = np.flatnonzero(part & (timeline.start_s < until_s))
    data = {
        "bars": _bars(timeline, chosen, names, until_s),
        "fill": _fill(timeline, until_s),
        "steps": {"at": timeline.step_s[timeline.step_s <= until_s]},
    }
    lost = int(np.isin(timeline.fate[part], _LOST).sum())
    text = (
        f"Gantt chart of {len(shown)} devices over {seconds(until_s)} of virtual time with "
        f"{len(data['steps']['at'])} server steps; over the entire run {lost} of their "
        "participations are lost."
    )
    drawing = template(_draw, title, len(names), timeline.policy.buffer)
    return Figure(drawing, data, text, {"end": float(until_s)})


def first_devices(timeline: Timeline, devices: int) -> tuple[list[int], np.ndarray]:
    """Return the clients that start first, and a mask of their participations."""
    shown = list(dict.fromkeys(timeline.client[: 50 * devices].tolist()))[:devices]
    return shown, np.isin(timeline.client, shown)


def _default_end(timeline: Timeline, part: np.ndarray) -> float:
    """Return an end by which these devices have worked, at most the end of the run."""
    first = timeline.arrival_s[part & timeline.first_visits]
    return min(float(timeline.end_s), 2.0 * float(np.median(first)))


def _bars(
    timeline: Timeline, chosen: np.ndarray, names: Mapping[int, str], until_s: float
) -> Columns:
    """Return a row per participation and phase, cut at the end of the picture."""
    lost = np.isin(timeline.fate[chosen], _LOST)
    edges = [timeline.start_s, timeline.downloaded_s, timeline.computed_s, timeline.freed_s]
    device = np.array([names[c] for c in timeline.client[chosen].tolist()], dtype=object)
    freed = timeline.freed_s[chosen]
    begin = np.concatenate([edge[chosen] for edge in edges[:-1]])
    end = np.concatenate([np.minimum(edge[chosen], freed) for edge in edges[1:]]).clip(max=until_s)
    phase = np.concatenate([np.where(lost, "lost", name) for name in _PHASES[:-1]])
    kept = np.flatnonzero(end > begin)
    # Rows of the picture follow the order of the data.
    rank = {name: k for k, name in enumerate(names.values())}
    kept = kept[np.argsort([rank[name] for name in np.tile(device, 3)[kept]], kind="stable")]
    return {
        "device": np.tile(device, 3)[kept],
        "phase": phase[kept],
        "from": begin[kept],
        "to": end[kept],
    }


def _fill(timeline: Timeline, until_s: float) -> Columns:
    """Return how full the buffer is between one change and the next, as a share of its capacity."""
    waiting = np.isin(timeline.fate, (Fate.APPLIED, Fate.BUFFERED))
    arrivals = np.sort(timeline.arrival_s[waiting])
    at = np.unique(np.concatenate([[0.0], arrivals, timeline.step_s]))
    at = at[at < until_s]
    steps = np.searchsorted(timeline.step_s, at, side="right")
    taken = np.concatenate([[0], timeline.step_end])[steps]
    count = np.searchsorted(arrivals, at, side="right") - taken
    end = np.append(at[1:], until_s)
    full = count > 0
    share = np.minimum(1.0, count / timeline.policy.buffer)
    rows = {"from": at[full], "to": end[full], "share": share[full], "count": count[full]}
    return {**rows, "device": [_BUFFER] * int(full.sum())}


def _draw(theme: Theme, title: str, devices: int, buffer: int) -> dict[str, Any]:
    x_scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False)
    x = alt.X("from:Q", title="virtual seconds", scale=x_scale, axis=alt.Axis(grid=False))
    y_axis = alt.Axis(labelFontSize=10, ticks=False, domain=False)
    y = alt.Y("device:N", title=None, sort=None, axis=y_axis)
    steps = alt.Chart(alt.NamedData("steps")).mark_rule(color=theme.line, strokeWidth=1.2)
    layers = [
        _fill_layer(theme, buffer).encode(x=x, x2="to:Q", y=y),
        *(layer.encode(x=x, x2="to:Q", y=y) for layer in _bar_layers(theme)),
        steps.encode(x=alt.X("at:Q", scale=x_scale, title="virtual seconds")),
    ]
    chart = alt.layer(*layers).add_params(alt.param(name="end", value=1.0))
    chart = chart.properties(width=WIDTH, height=13 * (devices + 1) + 10)
    below = "thick: computing; thin: on the air; vertical lines: server steps; pale: never used"
    return finish(chart, theme, title, below)


def _bar_layers(theme: Theme) -> list[alt.Chart]:
    """Return thick bars for computing and for what is lost, thin ones for transfers."""
    colours = [theme.download, theme.compute, theme.upload, theme.faint]
    tooltip = [
        alt.Tooltip("device:N"),
        alt.Tooltip("phase:N"),
        alt.Tooltip("from:Q", format=",.1f"),
        alt.Tooltip("to:Q", format=",.1f"),
    ]
    scale = alt.Scale(domain=list(_PHASES), range=colours)
    colour = alt.Color("phase:N", scale=scale)
    thin = "datum.phase === 'download' || datum.phase === 'upload'"
    return [
        alt.Chart(alt.NamedData("bars"))
        .transform_filter(which)
        .mark_bar(height=alt.RelativeBandSize(band))
        .encode(color=colour, tooltip=tooltip)
        for which, band in ((thin, 0.34), (f"!({thin})", 0.76))
    ]


def _fill_layer(theme: Theme, buffer: int) -> alt.Chart:
    tooltip = [
        alt.Tooltip("count:Q", title=f"updates waiting, of {buffer}"),
        alt.Tooltip("from:Q", format=",.1f"),
    ]
    fill = alt.Chart(alt.NamedData("fill"))
    fill = fill.mark_bar(height=alt.RelativeBandSize(1.0), color=theme.line)
    scale = alt.Scale(domain=[0, 1], range=[0.05, 1])
    return fill.encode(opacity=alt.Opacity("share:Q", scale=scale, legend=None), tooltip=tooltip)
