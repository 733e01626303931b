"""What each device does when, what the buffer holds, and when the server steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from ftte_lab._common import integer, number, require, seconds
from ftte_lab.charts.figure import Columns, Figure, template
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.server import Fate, Timeline

_PHASES = ("download", "compute", "upload", "lost")
_BUFFER = "server's buffer"


def gantt(
    timeline: Timeline,
    kinds: Sequence[str],
    *,
    until_s: float | None = None,
    devices: int = 24,
    title: str = "Who works when",
) -> Figure:
    """What each device does when: download, compute, upload; how full the buffer is; a line at each server step.

    Shows the devices that start first. Lost participations (dropped, called off, too old) are grey.

    Args:
        timeline: the schedule.
        kinds: kind of each client, as `Fleet.kind`.
        until_s: end of the picture in virtual seconds; by default when every shown device has worked, at most the end.
        devices: rows, at most 60.
        title: what to write above it.

    Raises:
        ValueError: an empty schedule, or a number out of range.
    """
    require(
        len(timeline) > 0,
        "the timeline is empty",
        "one with participations",
        "Lengthen the horizon",
    )
    integer("devices", devices, 1, 60)
    shown = list(dict.fromkeys(timeline.client[: 50 * devices].tolist()))[:devices]
    mine = np.isin(timeline.client, shown)
    if until_s is None:
        until_s = default_end(timeline, mine)
    number("until_s", until_s, 1e-9)
    shown.sort(key=lambda c: (kinds[c], c))
    names = {c: f"{kinds[c]} {c}" for c in shown}
    data = {
        "bars": _bars(
            timeline, np.flatnonzero(mine & (timeline.start_s < until_s)), names, until_s
        ),
        "fill": _fill(timeline, until_s),
        "steps": {"at": timeline.step_s[timeline.step_s <= until_s]},
    }
    lost = int(np.isin(timeline.fate[mine], (Fate.DROPPED, Fate.STALE, Fate.ABORTED)).sum())
    text = (
        f"Gantt chart of {len(shown)} devices over {seconds(until_s)} of virtual time with {len(data['steps']['at'])} "
        f"server steps; over the whole run {lost} of their participations are lost."
    )
    drawn = template(_draw, title, len(names), timeline.policy.buffer)
    return Figure(drawn, data, text, {"end": float(until_s)})


def default_end(timeline: Timeline, mine: np.ndarray) -> float:
    """A picture in which every one of these devices has worked, at most the whole run."""
    first = timeline.arrival_s[mine & timeline.first_visits]
    return min(float(timeline.end_s), 2.0 * float(np.median(first)))


def _bars(timeline: Timeline, chosen: np.ndarray, names: dict[int, str], until_s: float) -> Columns:
    """A row per participation and phase, cut at the end of the picture."""
    lost = np.isin(timeline.fate[chosen], (Fate.DROPPED, Fate.STALE, Fate.ABORTED))
    edges = [timeline.start_s, timeline.downloaded_s, timeline.computed_s, timeline.freed_s]
    device = np.array([names[c] for c in timeline.client[chosen].tolist()], dtype=object)
    begin = np.concatenate([edge[chosen] for edge in edges[:-1]])
    end = np.concatenate(
        [np.minimum(edge[chosen], timeline.freed_s[chosen]) for edge in edges[1:]]
    ).clip(max=until_s)
    phase = np.concatenate([np.where(lost, "lost", name) for name in _PHASES[:-1]])
    kept = np.flatnonzero(end > begin)
    rank = {
        name: k for k, name in enumerate(names.values())
    }  # rows of the picture follow the order of the data
    kept = kept[np.argsort([rank[name] for name in np.tile(device, 3)[kept]], kind="stable")]
    return {
        "device": np.tile(device, 3)[kept],
        "phase": phase[kept],
        "from": begin[kept],
        "to": end[kept],
    }


def _fill(timeline: Timeline, until_s: float) -> Columns:
    """How full the buffer is between one change and the next, as a share of its capacity."""
    waiting = np.isin(timeline.fate, (Fate.APPLIED, Fate.BUFFERED))
    arrivals = np.sort(timeline.arrival_s[waiting])
    at = np.unique(np.concatenate([[0.0], arrivals, timeline.step_s]))
    at = at[at < until_s]
    taken = np.concatenate([[0], timeline.step_end])[
        np.searchsorted(timeline.step_s, at, side="right")
    ]
    count = np.searchsorted(arrivals, at, side="right") - taken
    end = np.append(at[1:], until_s)
    full = count > 0
    share = np.minimum(1.0, count / timeline.policy.buffer)
    rows = {"from": at[full], "to": end[full], "share": share[full], "count": count[full]}
    return {**rows, "device": [_BUFFER] * int(full.sum())}


def _draw(theme: Theme, title: str, devices: int, buffer: int) -> dict[str, Any]:
    end = alt.param(name="end", value=1.0)
    x_scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False)
    colours = [theme.download, theme.compute, theme.upload, theme.faint]
    colour = alt.Color("phase:N", scale=alt.Scale(domain=list(_PHASES), range=colours))
    y = alt.Y(
        "device:N",
        title=None,
        sort=None,
        axis=alt.Axis(labelFontSize=10, ticks=False, domain=False),
    )
    x = alt.X("from:Q", title="virtual seconds", scale=x_scale, axis=alt.Axis(grid=False))
    phase_tip = [
        alt.Tooltip("device:N"),
        alt.Tooltip("phase:N"),
        alt.Tooltip("from:Q", format=",.1f"),
        alt.Tooltip("to:Q", format=",.1f"),
    ]
    fill_tip = [
        alt.Tooltip("count:Q", title=f"updates waiting, of {buffer}"),
        alt.Tooltip("from:Q", format=",.1f"),
    ]
    bars = (
        alt.Chart(alt.NamedData("bars"))
        .mark_bar(height=alt.RelativeBandSize(0.72))
        .encode(
            x=x,
            x2="to:Q",
            y=y,
            color=colour,
            tooltip=phase_tip,
        )
    )
    fill = (
        alt.Chart(alt.NamedData("fill"))
        .mark_bar(height=alt.RelativeBandSize(1.0), color=theme.line)
        .encode(
            x=x,
            x2="to:Q",
            y=y,
            tooltip=fill_tip,
            opacity=alt.Opacity(
                "share:Q", scale=alt.Scale(domain=[0, 1], range=[0.05, 1]), legend=None
            ),
        )
    )
    steps = alt.Chart(alt.NamedData("steps")).mark_rule(color=theme.line, strokeWidth=1.2)
    steps = steps.encode(x=alt.X("at:Q", scale=x_scale, title="virtual seconds"))
    chart = (
        alt.layer(fill, bars, steps)
        .add_params(end)
        .properties(width=WIDTH, height=13 * (devices + 1) + 10)
    )
    return finish(
        chart, theme, title, "orange lines: the server steps; grey: work that is never used"
    )
