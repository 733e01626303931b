"""What devices gain by a part of their own: bars of all devices, the middle, the worst tenth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ftte_lab._common import percent, require
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Columns, Figure, columns, template
from ftte_lab.charts.palette import label, method_scales
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.training import GainSummary, gain_summary

Accuracies = Sequence[float] | np.ndarray

_BLOCK = 92  # pixels of one method's rows
_HEAD, _MARK, _TOP, _FLOOR = 0.1, 0.27, 0.44, 0.96  # of a block: name, marks, highest bar, zero
_BINS = 24  # over the range of the gains
_STEPS = (0.005, 0.01, 0.02, 0.05, 0.1)  # widths of a bin
_SAME = 0.12  # of a bin: how far the bar of devices without a change reaches to each side
_LABEL = "datum.value === 0 ? '0' : format(100 * datum.value, '+,.2~f')"
_BAR = tuple[float, float, float, float, str, int, str]


def personal_gain(
    accuracies: Mapping[str, tuple[Accuracies, Accuracies]],
    notes: Mapping[str, str] | None = None,
    order: Sequence[str] = (),
    part: str = "head",
    newcomers: bool = False,
) -> Figure:
    """Draw how many devices gain or lose how much accuracy by training a part of their own.

    Args:
        accuracies: by method name, the accuracy of each device with the shared model, and with its
            own, 0 to 1.
        notes: by method name, what stands in the place of a result that is not there.
        order: names of methods that stand first.
        part: what was trained, to be named: "head" or "norms".
        newcomers: whether the part begins as in the first model, because no server has a newer one.

    Raises:
        ValueError: no method, no device, or accuracies that do not fit.

    Example:
        >>> personal_gain({"ftte": ([0.5, 0.5, 0.8], [0.75, 0.5, 0.7])}).alt_text
        'Gain of each device by a head of its own: FTTE 0 points in the middle, -10 for the \
worst tenth, 33 % hurt, 33 % helped.'
    """
    notes = notes or {}
    given = {*accuracies, *notes}
    names = tuple(one for one in dict.fromkeys([*order, *accuracies, *notes]) if one in given)
    require(bool(names), "no method to draw", "at least one")
    pairs = {
        name: tuple(np.asarray(one, np.float64) for one in accuracies[name])
        for name in names
        if name in accuracies
    }
    sums = {name: gain_summary(*(one.tolist() for one in pair)) for name, pair in pairs.items()}
    gains = {name: after - before for name, (before, after) in pairs.items()}
    step, low, high = _range(list(gains.values()))
    blocks = {name: block for block, name in enumerate(names)}
    heads = [
        (k + _HEAD, label(name), _served(sums[name]) if name in sums else notes[name])
        for name, k in blocks.items()
    ]
    bars = [bar for name in sums for bar in _bars(gains[name], step, blocks[name], label(name))]
    zero = [(0.0, k + _MARK, k + _FLOOR) for k in blocks.values()]
    data: dict[str, Columns] = {
        "devices": columns(("x", "x2", "y", "y2", "arm", "count", "change"), bars),
        "heads": columns(("y", "arm", "note"), heads),
        "zero": columns(("x", "y", "y2"), zero),
        "marks": columns(("x", "y", "y2", "text", "what"), _ends(sums, blocks)),
    }
    own = f"{'a ' if part == 'head' else ''}{part} of its own"
    text = f"Gain of each device by {own}: {_in_words(sums) or 'none yet'}."
    drawing = template(_draw, names, own, newcomers)
    return Figure(drawing, data, text, {"low": low, "high": high})


def _in_words(sums: Mapping[str, GainSummary]) -> str:
    return "; ".join(
        f"{label(name)} {_points(one.median)} points in the middle, "
        f"{_points(one.worst_tenth)} for the worst tenth, {_served(one)}"
        for name, one in sums.items()
    )


def _served(one: GainSummary) -> str:
    return f"{percent(one.share_hurt)} hurt, {percent(one.share_helped)} helped"


def _ends(
    sums: Mapping[str, GainSummary], blocks: Mapping[str, int]
) -> list[tuple[float, float, float, str, str]]:
    """Return a mark at the middle gain and at that of the worst tenth, with its words."""
    marks = []
    for name, one in sums.items():
        for what, gain in (("worst tenth", one.worst_tenth), ("middle", one.median)):
            ends = (blocks[name] + _MARK, blocks[name] + _FLOOR)
            marks.append((gain, *ends, f"{what} {_points(gain)}", what.split()[0]))
    return marks


def _points(gain: float) -> str:
    """Write a gain in points of accuracy, with its sign."""
    points = round(100 * gain, 1)
    if points == 0:
        return "0"
    return f"{points:+.0f}" if abs(points) >= 10 or points == int(points) else f"{points:+.1f}"


def _range(gains: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Return the width of a bin, and the ends of the axis, with room for the words of a mark."""
    every = np.concatenate([*gains, [0.0]])
    least, most = float(every.min()), float(every.max())
    step = next((one for one in _STEPS if (most - least) / one <= _BINS), _STEPS[-1])
    low = step * np.floor(least / step - 1e-9)
    high = max(step * np.ceil(most / step + 1e-9), low + 10 * step)
    return step, float(low - 0.22 * (high - low)), float(high)


def _bars(gains: np.ndarray, step: float, block: int, arm: str) -> list[_BAR]:
    """Return rectangles of devices with about the same gain; those without a change stand apart."""
    place = np.floor(gains / step + 1e-9).astype(int)
    changes = {
        "worse": np.unique(place[gains < 0], return_counts=True),
        "better": np.unique(place[gains > 0], return_counts=True),
    }
    same = int((gains == 0).sum())
    highest = max([same, *(int(n) for _, counts in changes.values() for n in counts)])
    unit = (_FLOOR - _TOP) / highest
    floor = block + _FLOOR
    rows: list[_BAR] = [
        (step * (at + 0.06), step * (at + 0.94), floor - unit * int(n), floor, arm, int(n), change)
        for change, (places, counts) in changes.items()
        for at, n in zip(places.tolist(), counts.tolist(), strict=True)
    ]
    if same:
        ends = (-_SAME * step, _SAME * step)
        rows.append((*ends, floor - unit * same, floor, arm, same, "no change"))
    return rows


def _draw(theme: Theme, names: tuple[str, ...], own: str, newcomers: bool) -> dict[str, Any]:
    x_scale = alt.Scale(domain={"expr": "[low, high]"}, nice=False)
    axis = alt.Axis(grid=False, tickCount=7, labelExpr=_LABEL)
    x = alt.X("x:Q", title="points of accuracy that a device gains", scale=x_scale, axis=axis)
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[len(names), 0], nice=False))
    colours = method_scales(names, theme)[0]
    stroke = alt.Stroke("arm:N", scale=colours, legend=None)
    hollow: Any = alt.condition(
        "datum.change == 'better'", alt.Fill("arm:N", scale=colours), alt.value(theme.page)
    )
    tooltip = [alt.Tooltip("change:N"), alt.Tooltip("count:Q", title="devices")]
    bars = alt.Chart(alt.NamedData("devices")).mark_rect(strokeWidth=1)
    zero = alt.Chart(alt.NamedData("zero")).mark_rule(color=theme.soft)
    layers = [
        zero.encode(x=x, y=y, y2="y2:Q"),
        bars.encode(x=x, x2="x2:Q", y=y, y2="y2:Q", stroke=stroke, fill=hollow, tooltip=tooltip),
        *_marks(theme, x, y),
        *_heads(theme, names, y),
    ]
    chart = alt.layer(*layers).resolve_scale(color="independent")
    ends = (alt.param(name="low", value=0.0), alt.param(name="high", value=1.0))
    chart = chart.add_params(*ends).properties(width=WIDTH, height=_BLOCK * len(names))
    below = ["height: devices; hollow: worse than with the shared model, or as good as with it"]
    if newcomers:
        below.append("each device as a newcomer: what is private begins as in the first model")
    return finish(chart, theme, f"What {own} give{'s' * own.startswith('a ')} each device", below)


def _marks(theme: Theme, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Return rules at the middle and at the worst tenth, whose words stand on their outer sides."""
    marks = alt.Chart(alt.NamedData("marks"))
    layers = [
        marks.mark_rule(color=theme.line, strokeDash=[3, 2]).encode(x=x, y=y, y2="y2:Q"),
    ]
    halo: Any = {"stroke": theme.page, "strokeWidth": 3, "strokeJoin": "round"}
    for what, side, dx in (("worst", "right", -4), ("middle", "left", 4)):
        near: Any = {"align": side, "baseline": "top", "dx": dx, "dy": -2, "fontSize": 11}
        for style in (halo, {"color": theme.ink}):
            words = marks.transform_filter(f"datum.what == '{what}'").mark_text(**near, **style)
            layers.append(words.encode(x=x, y=y, text="text:N"))
    return layers


def _heads(theme: Theme, names: tuple[str, ...], y: alt.Y) -> list[alt.Chart]:
    """Return the name of each method, and whom it serves, at the other end of the line."""
    heads = alt.Chart(alt.NamedData("heads"))
    arm = alt.Color("arm:N", scale=method_scales(names, theme)[0], legend=None)
    name = heads.mark_text(align="left", baseline="middle", fontSize=13, fontWeight="bold")
    note = heads.mark_text(align="right", baseline="middle", fontSize=12, color=theme.ink)
    return [
        name.encode(x=alt.value(0), y=y, text="arm:N", color=arm),
        note.encode(x=alt.value(alt.ExprRef("width")), y=y, text="note:N"),
    ]
