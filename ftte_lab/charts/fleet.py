"""The fleet at one virtual moment: every device by kind, its progress, and the server's buffer."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ftte_lab._common import require, seconds
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Figure, columns, template
from ftte_lab.charts.palette import kind_scales, label
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.server import PHASES, Snapshot, snapshot
from ftte_lab.simulation import Prepared

FLEET_SIGNS = (
    "ring or frame: at work · square above: in the buffer, pale: old · ×: lost · hollow: too small"
)
"""What the signs of a fleet mean, on the page and in a picture."""

_SLOT = 0.9  # rows of the picture per row of buffer slots
_SMALL_FLEET = 150  # up to here, 25 devices in a row; above, 50


def fleet(runs: Mapping[str, Prepared], at_s: float) -> Figure:
    """Draw the fleets of some methods at the same virtual moment, one above the other.

    Marks are devices: colour and shape by kind, faint when idle, hollow when the training step does
    not fit, with a cross when the last update was lost. Arcs are their progress through download,
    computing and upload. Squares are the slots of the buffer, paler the older the update in them.

    Args:
        runs: prepared runs by method name.
        at_s: virtual seconds, from 0 to the horizon.

    Raises:
        ValueError: no run, or a moment outside the horizon.

    Example:
        >>> from ftte_lab import Scenario
        >>> from ftte_lab.simulation import prepare
        >>> small = Scenario(data="digits", model="mlp", clients=6, concurrency=3, buffer=2,
        ...                  warm_start_steps=0, budget_kib=40.0, horizon_s=20.0)
        >>> figure = fleet({"ftte": prepare(small.as_method("ftte"))}, at_s=5.0)
        >>> len(figure.rows("devices")), len(figure.rows("slots"))
        (6, 2)
    """
    require(bool(runs), "no fleet to draw", "at least one prepared run")
    largest = max(len(prepared.federation.fleet) for prepared in runs.values())
    per_row = 25 if largest <= _SMALL_FLEET else 50
    panes, top = [], 0.0
    for name, prepared in runs.items():
        panes.append(_Pane.at(name, prepared, at_s, top, per_row))
        top = panes[-1].bottom
    devices = ("x", "y", "kind", "phase", "opacity", "from", "to", "lost", "hollow")
    data = {
        "devices": columns(devices, [row for pane in panes for row in pane.devices()]),
        "slots": columns(("x", "y", "kind", "opacity"), [r for p in panes for r in p.slots()]),
        "heads": columns(("x", "y", "text"), [(-0.5, pane.top, pane.head()) for pane in panes]),
    }
    kinds = tuple(sorted(Counter(next(iter(runs.values())).federation.fleet.kind).items()))
    clauses = "; ".join(pane.clause() for pane in panes)
    text = f"The fleet at {seconds(at_s)} of virtual time: {clauses}."
    return Figure(template(_draw, kinds, per_row, top), data, text, {"moment": at_s})


@dataclass(frozen=True)
class _Pane:
    """Hold one method's part of the picture; positions are rows and columns of devices."""

    name: str
    prepared: Prepared
    now: Snapshot
    top: float
    per_row: int

    @classmethod
    def at(cls, name: str, prepared: Prepared, at_s: float, top: float, per_row: int) -> _Pane:
        """Take a snapshot of one method."""
        clients = len(prepared.federation.fleet)
        return cls(name, prepared, snapshot(prepared.timeline, clients, at_s), top, per_row)

    @property
    def buffer(self) -> int:
        """Return the capacity of the buffer."""
        return self.prepared.timeline.policy.buffer

    @property
    def first_row(self) -> float:
        """Return where the devices begin."""
        return self.top + 2.0 + math.ceil(self.buffer / self.per_row) * _SLOT

    @property
    def bottom(self) -> float:
        """Return where the next method begins."""
        rows = math.ceil(len(self.prepared.federation.fleet) / self.per_row)
        return self.first_row + rows + 0.8

    def head(self) -> str:
        """Return the line above the pane."""
        busy, waiting = int((self.now.phase > 0).sum()), len(self.now.buffer)
        return (
            f"{label(self.name)}: version {self.now.version}, "
            f"{waiting} of {self.buffer} updates in the buffer, {busy} at work"
        )

    def clause(self) -> str:
        """Describe the moment. The live page writes the same clause."""
        counts = np.bincount(self.now.phase, minlength=len(PHASES))
        phases = [f"{counts[k]} in {phase}" for k, phase in enumerate(PHASES) if k and counts[k]]
        return (
            f"{label(self.name)} has made {self.now.version} steps, its buffer holds "
            f"{len(self.now.buffer)} of {self.buffer}, {', '.join(phases) or 'nobody at work'}"
        )

    def devices(self) -> list[tuple[Any, ...]]:
        """Return a mark per device, ordered by kind."""
        kinds, now = self.prepared.federation.fleet.kind, self.now
        order = sorted(range(len(kinds)), key=lambda client: (kinds[client], client))
        rows: list[tuple[Any, ...]] = []
        for k, client in enumerate(order):
            x, y = k % self.per_row, self.first_row + k // self.per_row
            phase, turn = PHASES[int(now.phase[client])], 2 * math.pi * float(now.progress[client])
            opacity, lost = self._opacity(client), bool(now.lost[client])
            hollow = not self.prepared.holds[client]
            rows.append((x, y, kinds[client], phase, opacity, 0.0, turn, lost, hollow))
        return rows

    def _opacity(self, client: int) -> float:
        if self.now.phase[client]:
            return 1.0
        return 0.5 if self.prepared.eligible[client] else 0.15

    def slots(self) -> list[tuple[Any, ...]]:
        """Return a square per place in the buffer; an empty one has no kind."""
        kinds, client = self.prepared.federation.fleet.kind, self.prepared.timeline.client
        rows: list[tuple[Any, ...]] = []
        for k in range(max(self.buffer, len(self.now.buffer))):
            x, y = k % self.per_row, self.top + 1.0 + _SLOT * (k // self.per_row)
            if k < len(self.now.buffer):
                age = float(self.now.ages[k])
                rows.append((x, y, kinds[client[self.now.buffer[k]]], (1 + age) ** -0.5))
            else:
                rows.append((x, y, "", 1.0))
        return rows


def _draw(
    theme: Theme, counts: tuple[tuple[str, int], ...], per_row: int, bottom: float
) -> dict[str, Any]:
    kinds = tuple(kind for kind, _ in counts)
    cell = WIDTH / per_row  # pixels
    x_scale = alt.Scale(domain=[-0.6, per_row - 0.4], nice=False, zero=False)
    y_scale = alt.Scale(domain=[bottom, -0.6], nice=False, zero=False)
    x, y = alt.X("x:Q", axis=None, scale=x_scale), alt.Y("y:Q", axis=None, scale=y_scale)
    heads = alt.Chart(alt.NamedData("heads")).mark_text(
        align="left", fontSize=13, color=theme.ink, baseline="middle"
    )
    layers = [
        _slot_marks(theme, kinds, cell).encode(x=x, y=y),
        *(layer.encode(x=x, y=y) for layer in _device_marks(theme, dict(counts), cell)),
        heads.encode(x=x, y=y, text="text:N"),
    ]
    chart = alt.layer(*layers).resolve_scale(color="independent", shape="independent")
    chart = chart.add_params(alt.param(name="moment", value=0.0))
    chart = chart.properties(width=WIDTH, height=int(1.04 * cell * (bottom + 0.6)))
    return finish(chart, theme, "The fleet at one moment", FLEET_SIGNS)


def _device_marks(theme: Theme, counts: Mapping[str, int], cell: float) -> list[alt.Chart]:
    """Return the devices, their arcs of progress, and crosses for lost updates."""
    colours, shapes = kind_scales(list(counts))
    phases = alt.Scale(domain=list(PHASES[1:]), range=[theme.download, theme.compute, theme.upload])
    legend = alt.Legend(orient="top")
    named = {kind: f"{count} × {kind}" for kind, count in counts.items()}
    kinds = alt.Legend(orient="top", labelExpr=f"({json.dumps(named)})[datum.label]")
    devices = alt.Chart(alt.NamedData("devices"))
    full, hollow = (
        devices.transform_filter(f"{'' if empty else '!'}datum.hollow")
        .mark_point(filled=not empty, strokeWidth=1.4, size=(0.34 * cell) ** 2)
        .encode(
            color=alt.Color("kind:N", scale=colours, legend=None if empty else kinds),
            shape=alt.Shape("kind:N", scale=shapes, legend=None if empty else kinds),
            opacity=alt.Opacity("opacity:Q", scale=None),
        )
        for empty in (False, True)
    )
    arcs = devices.transform_filter("datum.to > 0")
    arcs = arcs.mark_arc(innerRadius=0.32 * cell, outerRadius=0.42 * cell).encode(
        theta=alt.Theta("from:Q", scale=None),
        theta2="to:Q",
        color=alt.Color("phase:N", scale=phases, legend=legend),
    )
    crosses = devices.transform_filter("datum.lost")
    crosses = crosses.mark_text(text="×", fontSize=0.68 * cell, color=theme.line)
    return [full, hollow, arcs, crosses]


def _slot_marks(theme: Theme, kinds: tuple[str, ...], cell: float) -> alt.Chart:
    colours = kind_scales(kinds)[0].to_dict()["range"]
    scale = alt.Scale(domain=[*kinds, ""], range=[*colours, theme.grid])
    slots = alt.Chart(alt.NamedData("slots")).mark_square(size=(0.6 * cell) ** 2, opacity=1)
    return slots.encode(
        color=alt.Color("kind:N", scale=scale, legend=None),
        opacity=alt.Opacity("opacity:Q", scale=None),
    )
