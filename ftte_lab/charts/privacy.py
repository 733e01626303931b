"""The privacy loss of each device, known before training: who takes part more often pays more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ftte_lab._common import require
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Figure, columns, template
from ftte_lab.charts.palette import kind_scales, label, method_scales
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.simulation import Prepared

_BLOCK = 92  # pixels of one method's rows
_MARK, _TOP, _FLOOR = 0.26, 0.4, 0.96  # of a block: the mark of the slowest, the highest bar, zero
_EMPTY = 24  # pixels without any bar
_BARS = 30  # over the range of the losses


def privacy_loss(runs: Mapping[str, Prepared]) -> Figure:
    """Draw how many devices pay how much privacy under each method, and how loud its noise is.

    Known before any training, because it follows from who takes part how often.

    Args:
        runs: prepared runs by method name.

    Raises:
        ValueError: no run.

    Example:
        >>> from ftte_lab import Scenario
        >>> from ftte_lab.simulation import prepare
        >>> small = Scenario(data="digits", model="mlp", clients=6, concurrency=3, buffer=2,
        ...                  warm_start_steps=0, budget_kib=40.0, horizon_s=20.0)
        >>> privacy_loss({"ftte": prepare(small.as_method("ftte"))}).alt_text
        'No noise: nothing bounds what the models show of a device that takes part.'
    """
    require(bool(runs), "no run to draw", "at least one prepared run")
    noisy = {name: run for name, run in runs.items() if run.scenario.noise_multiplier > 0}
    losses = {name: run.epsilon() for name, run in noisy.items()}
    end = _end(max((float(loss.max()) for loss in losses.values()), default=1.0))
    kinds = sorted({kind for run in runs.values() for kind in run.federation.fleet.kind})
    bars: list[tuple[float, float, float, float, str, int]] = []
    heads: list[tuple[float, str, str, str]] = []
    marks: list[tuple[float, float, float, str]] = []
    clauses = []
    for block, (name, run) in enumerate(noisy.items()):
        loss = losses[name]
        bars += _bars(loss, run.federation.fleet.kind, kinds, block, end)
        loud = f"{run.noise_to_clip:,.2g}" if run.noise_to_clip < 100 else "over 100"
        heads.append((block + 0.1, label(name), label(name), f"noise {loud} × an update"))
        slow = float(np.median(loss[run.slowest]))
        marks.append((slow, block + _MARK, block + _FLOOR, "slowest tenth"))
        spread = f"ε {loss.min():.3g} to {loss.max():.3g}, slowest tenth {slow:.3g}"
        clauses.append(f"{label(name)} {spread}, noise {loud} times the longest update")
    data = {
        "devices": columns(("x", "x2", "y", "y2", "kind", "count"), bars),
        "heads": columns(("y", "arm", "text", "note"), heads),
        "marks": columns(("x", "y", "y2", "text"), marks),
    }
    text = "No noise: nothing bounds what the models show of a device that takes part."
    if clauses:
        text = f"Privacy loss of the devices over the run: {'; '.join(clauses)}."
    drawing = template(_draw, tuple(noisy) or tuple(runs), tuple(kinds), bool(noisy))
    return Figure(drawing, data, text, {"end": end})


def _end(largest: float) -> float:
    """Return the end of the axis: the largest loss, rounded up to two digits."""
    if largest <= 0:
        return 1.0
    step = 10.0 ** (np.floor(np.log10(largest)) - 1)
    return float(step * np.ceil(largest / step))


def _bars(
    loss: np.ndarray, kind: tuple[str, ...], kinds: list[str], block: int, end: float
) -> list[tuple[float, float, float, float, str, int]]:
    """Return rectangles of devices with about the same loss, kinds upon each other."""
    place = np.minimum((loss / end * _BARS).astype(int), _BARS - 1)
    own = np.asarray(kind)
    counts = {one: np.bincount(place[own == one], minlength=_BARS) for one in kinds}
    scale = (_FLOOR - _TOP) / max(1, int(sum(counts.values(), np.zeros(_BARS, int)).max()))
    below = np.zeros(_BARS, int)
    rows: list[tuple[float, float, float, float, str, int]] = []
    for one, count in counts.items():
        for k in np.flatnonzero(count):
            low, high = below[k], below[k] + count[k]
            y, y2 = block + _FLOOR - scale * high, block + _FLOOR - scale * low
            left, right = end * k / _BARS, end * (k + 0.9) / _BARS
            rows.append((left, right, float(y), float(y2), one, int(count[k])))
        below += count
    return rows


def _draw(
    theme: Theme, names: tuple[str, ...], kinds: tuple[str, ...], noisy: bool
) -> dict[str, Any]:
    x_scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False)
    axis = alt.Axis(grid=False, tickCount=6) if noisy else None
    x = alt.X("x:Q", title="privacy loss ε of a device over the run", scale=x_scale, axis=axis)
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[len(names), 0], nice=False))
    tooltip = [alt.Tooltip("kind:N"), alt.Tooltip("count:Q", title="devices")]
    legend = alt.Legend(orient="top") if noisy else None
    colour = alt.Color("kind:N", scale=kind_scales(kinds)[0], legend=legend)
    bars = alt.Chart(alt.NamedData("devices")).mark_rect(stroke=None)
    layers = [
        bars.encode(x=x, x2="x2:Q", y=y, y2="y2:Q", color=colour, tooltip=tooltip),
        *_slowest(theme, x, y),
        *_heads(theme, names, y),
    ]
    chart = alt.layer(*layers).resolve_scale(color="independent")
    chart = chart.add_params(alt.param(name="end", value=1.0))
    chart = chart.properties(width=WIDTH, height=_BLOCK * len(names) if noisy else _EMPTY)
    below = ["no noise: nothing bounds what the models show of a device", "(knobs: group Privacy)"]
    if noisy:
        below = [
            "height: devices; who takes part more often pays more",
            "noise: its length in a server step against the longest update",
        ]
    return finish(chart, theme, "What privacy costs each device", below)


def _slowest(theme: Theme, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Return a rule at the loss of the slowest devices, with its name."""
    marks = alt.Chart(alt.NamedData("marks"))
    near: Any = {"align": "left", "baseline": "top", "dx": 4, "dy": -2, "fontSize": 11}
    halo: Any = {"stroke": theme.page, "strokeWidth": 3, "strokeJoin": "round"}
    words = (marks.mark_text(**near, **style) for style in (halo, {"color": theme.ink}))
    return [
        marks.mark_rule(color=theme.line, strokeDash=[3, 2]).encode(x=x, y=y, y2="y2:Q"),
        *(text.encode(x=x, y=y, text="text:N") for text in words),
    ]


def _heads(theme: Theme, names: tuple[str, ...], y: alt.Y) -> list[alt.Chart]:
    """Return the name of each method, and how loud its noise is, at the other end of the line."""
    heads = alt.Chart(alt.NamedData("heads"))
    arm = alt.Color("arm:N", scale=method_scales(names, theme)[0], legend=None)
    name = heads.mark_text(align="left", baseline="middle", fontSize=13, fontWeight="bold")
    note = heads.mark_text(align="right", baseline="middle", fontSize=12, color=theme.ink)
    right: Any = alt.value(alt.ExprRef("width"))
    return [
        name.encode(x=alt.value(0), y=y, text="text:N", color=arm),
        note.encode(x=right, y=y, text="note:N"),
    ]
