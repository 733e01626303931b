"""The fleet at one virtual moment: every device by kind, how far it is, and the server's buffer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np

from ftte_lab._common import require, seconds
from ftte_lab.charts.figure import Columns, Figure, template
from ftte_lab.charts.style import WIDTH, Theme, finish, kind_scales, label
from ftte_lab.server import PHASES, Snapshot, snapshot
from ftte_lab.simulation import Prepared

_PHASES = PHASES[1:]


def fleet(runs: Mapping[str, Prepared], at_s: float) -> Figure:
    """The fleets of some methods at the same virtual moment, one above the other.

    Marks are devices (colour and shape by kind; faint: idle; a cross: its last update was lost), arcs their progress
    through download, computing and upload; squares are the buffer's slots, paler the older the update in them.

    Args:
        runs: prepared runs by method name.
        at_s: virtual seconds, from 0 to the horizon.

    Raises:
        ValueError: no run, or a moment outside the horizon.
    """
    require(bool(runs), "no fleet to draw", "at least one prepared run")
    marks, slots, says, heads = [], [], [], []
    top = 0.0
    per_row = 25 if max(len(ready.federation.fleet) for ready in runs.values()) <= 150 else 50
    for name, ready in runs.items():
        kinds = ready.federation.fleet.kind
        now = snapshot(ready.timeline, len(kinds), at_s)
        order = sorted(range(len(kinds)), key=lambda c: (kinds[c], c))
        rows = math.ceil(len(order) / per_row)
        buffer = ready.timeline.policy.buffer
        heads.append((top, _head(name, now, buffer)))
        slots += _slots(now, ready, top + 1.0, per_row)
        begin = top + 2.0 + math.ceil(buffer / per_row) * 0.9
        marks += [
            _mark(now, ready, c, k % per_row, begin + k // per_row) for k, c in enumerate(order)
        ]
        top = begin + rows + 0.8
        says.append(_says(name, now, buffer))
    data = {
        "devices": _columns(("x", "y", "kind", "phase", "opacity", "from", "to", "lost"), marks),
        "slots": _columns(("x", "y", "kind", "opacity"), slots),
        "heads": {
            "y": [y for y, _ in heads],
            "x": [-0.5] * len(heads),
            "text": [t for _, t in heads],
        },
    }
    kinds_seen = tuple(sorted({row[2] for row in marks}))
    text = f"The fleet at {seconds(at_s)} of virtual time: " + "; ".join(says) + "."
    return Figure(template(_draw, kinds_seen, per_row, top), data, text, {"moment": at_s})


def _columns(names: tuple[str, ...], rows: list[Any]) -> Columns:
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}


def _head(name: str, now: Snapshot, buffer: int) -> str:
    busy = int((now.phase > 0).sum())
    return f"{label(name)}: version {now.version}, {len(now.buffer)} of {buffer} updates in the buffer, {busy} at work"


def _says(name: str, now: Snapshot, buffer: int) -> str:
    counts = np.bincount(now.phase, minlength=len(PHASES))
    doing = (
        ", ".join(f"{counts[k]} in {phase}" for k, phase in enumerate(PHASES) if k and counts[k])
        or "nobody at work"
    )
    return f"{label(name)} has made {now.version} steps, its buffer holds {len(now.buffer)} of {buffer}, {doing}"


def _mark(now: Snapshot, ready: Prepared, client: int, x: float, y: float) -> tuple[Any, ...]:
    phase = int(now.phase[client])
    kind = ready.federation.fleet.kind[client]
    opacity = 1.0 if phase else 0.3 if ready.eligible[client] else 0.1
    name = PHASES[phase]
    return (
        x,
        y,
        kind,
        name,
        opacity,
        0.0,
        2 * math.pi * float(now.progress[client]),
        bool(now.lost[client]),
    )


def _slots(now: Snapshot, ready: Prepared, top: float, per_row: int) -> list[tuple[Any, ...]]:
    """One square per place in the buffer; the age makes it paler, an empty one has no kind."""
    rows = []
    kinds, client = ready.federation.fleet.kind, ready.timeline.client
    for k in range(max(ready.timeline.policy.buffer, len(now.buffer))):
        filled = k < len(now.buffer)
        kind = kinds[client[now.buffer[k]]] if filled else "empty"
        opacity = float((1 + now.ages[k]) ** -0.5) if filled else 1.0
        rows.append((k % per_row, top + 0.9 * (k // per_row), kind, opacity))
    return rows


def _draw(theme: Theme, kinds: tuple[str, ...], per_row: int, bottom: float) -> dict[str, Any]:
    colours, shapes = kind_scales(kinds)
    cell = WIDTH / per_row  # pixels
    param = alt.param(name="moment", value=0.0)
    x = alt.X(
        "x:Q", axis=None, scale=alt.Scale(domain=[-0.6, per_row - 0.4], nice=False, zero=False)
    )
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[bottom, -0.6], nice=False, zero=False))
    colour = alt.Color("kind:N", scale=colours, legend=alt.Legend(orient="top"))
    opacity = alt.Opacity("opacity:Q", scale=None)
    devices = alt.Chart(alt.NamedData("devices"))
    marks = devices.mark_point(filled=True, size=(0.34 * cell) ** 2).encode(
        x=x, y=y, color=colour, shape=alt.Shape("kind:N", scale=shapes), opacity=opacity
    )
    phase_colours = alt.Scale(
        domain=list(_PHASES), range=[theme.download, theme.compute, theme.upload]
    )
    arcs = (
        devices.transform_filter("datum.to > 0")
        .mark_arc(innerRadius=0.32 * cell, outerRadius=0.42 * cell)
        .encode(
            x=x,
            y=y,
            theta=alt.Theta("from:Q", scale=None),
            theta2="to:Q",
            color=alt.Color("phase:N", scale=phase_colours, legend=alt.Legend(orient="top")),
        )
    )
    crosses = (
        devices.transform_filter("datum.lost")
        .mark_text(text="×", fontSize=0.68 * cell, color=theme.line)
        .encode(x=x, y=y)
    )
    slot_colours = alt.Scale(
        domain=[*kinds, "empty"], range=[*colours.to_dict()["range"], theme.grid]
    )
    slots = (
        alt.Chart(alt.NamedData("slots"))
        .mark_square(size=(0.6 * cell) ** 2, opacity=1)
        .encode(
            x=x, y=y, color=alt.Color("kind:N", scale=slot_colours, legend=None), opacity=opacity
        )
    )
    heads = alt.Chart(alt.NamedData("heads")).mark_text(
        align="left", fontSize=13, color=theme.ink, baseline="middle"
    )
    layers = (slots, marks, arcs, crosses, heads.encode(x=x, y=y, text="text:N"))
    chart = (
        alt.layer(*layers).resolve_scale(color="independent", shape="independent").add_params(param)
    )
    chart = chart.properties(width=WIDTH, height=int(1.04 * cell * (bottom + 0.6)))
    below = "marks: devices, faint when idle; arcs: progress; squares: the buffer, paler the older; ×: lost"
    return finish(chart, theme, "The fleet at one moment", below)
