"""A sweep as a picture: a line per method over one knob, or a map of one method over two."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ftte_lab._common import require
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Columns, Figure, columns, template
from ftte_lab.charts.palette import label, method_scales
from ftte_lab.charts.style import WIDTH, Theme, finish

Cell = tuple[float, float, float] | None
"""Median, low and high over the seeds; infinite: not reached, `None`: has not run."""

_HEIGHT = 260  # pixels of the lines
_ROW = 46  # pixels of a row of the map
_NAME = 15  # pixels between two names at the ends of lines
_ROOM = 0.06  # of the range of values, above and below them


def sweep_lines(
    knob: str, values: Sequence[str], cells: Mapping[str, Sequence[Cell]], figure: str
) -> Figure:
    """Draw a figure of some methods over the values of a knob, with a band over the seeds.

    Args:
        knob: label of the knob.
        values: of the knob, in words, in their order.
        cells: by method name, a cell per value.
        figure: label of the figure, with its unit.

    Raises:
        ValueError: no method, equal values, or not a cell for each of them.

    Example:
        >>> cells = {"ftte": [(9.0, 8.0, 9.5), (7.0, 7.0, 7.0), (math.inf, 8.0, math.inf)]}
        >>> sweep_lines("buffer capacity K", ["2", "5", "10"], cells, "time, min").alt_text
        'time, min, over buffer capacity K: FTTE 9.00 at 2, 7.00 at 5, not reached at 10.'
    """
    _check(cells, len(values), values)
    known = {
        name: [(k, cell) for k, cell in enumerate(row) if cell is not None]
        for name, row in cells.items()
    }
    reached = {
        name: [(k, cell) for k, cell in row if math.isfinite(cell[0])]
        for name, row in known.items()
    }
    every = [v for row in reached.values() for _, cell in row for v in cell if math.isfinite(v)]
    low, high = _range(every)
    lines, crosses = [], []
    for name, row in known.items():
        for k, (median, least, most) in row:
            if math.isfinite(median):
                ends = (least, min(most, high))
                lines.append((values[k], median, *ends, label(name), _number(median)))
            else:
                crosses.append((values[k], high, label(name)))
    last = {label(name): row[-1][1][0] for name, row in reached.items() if row}
    places = _apart(last, (high - low) * _NAME / _HEIGHT)
    data: dict[str, Columns] = {
        "cells": columns(("x", "y", "low", "high", "arm", "text"), lines),
        "crosses": columns(("x", "y", "arm"), crosses),
        "names": columns(("y", "arm"), [(y, arm) for arm, y in places.items()]),
    }
    clauses = [
        f"{label(name)} "
        + (", ".join(f"{_number(cell[0])} at {values[k]}" for k, cell in row) or "has not run")
        for name, row in known.items()
    ]
    text = f"{figure}, over {knob}: {'; '.join(clauses)}."
    drawing = template(_draw_lines, tuple(cells), tuple(values), knob, figure)
    return Figure(drawing, data, text, {"low": low, "high": high})


def sweep_map(
    knobs: tuple[str, str],
    values: tuple[Sequence[str], Sequence[str]],
    cells: Sequence[Sequence[Cell]],
    figure: str,
    method: str = "ftte",
    less: bool = True,
) -> Figure:
    """Draw a figure of one method over two knobs: dark is good.

    Args:
        knobs: labels of the knob across, and of the one upwards.
        values: of both knobs, in words, in their order.
        cells: a row per value of the knob across, a cell per value of the other.
        figure: label of the figure, with its unit.
        method: whose runs these are.
        less: whether less is better.

    Raises:
        ValueError: equal values, or not a cell for each pair of them.

    Example:
        >>> cells = [[(9.0, 8.0, 9.5), None], [(7.0, 7.0, 7.0), (math.inf, 8.0, math.inf)]]
        >>> sweep_map(("K", "budget"), (["2", "5"], ["64", "128"]), cells, "time, min").alt_text
        'Heat map of time, min, of FTTE over K and budget: best 7.00 at K 5, budget 64; \
1 of 3 cells not reached.'
    """
    across, upwards = values
    _check({str(k): row for k, row in enumerate(cells)}, len(upwards), upwards)
    _check({"across": cells}, len(across), across)
    known = [
        (a, u, cell[0])
        for a, row in zip(across, cells, strict=True)
        for u, cell in zip(upwards, row, strict=True)
        if cell is not None
    ]
    reached = [one for one in known if math.isfinite(one[2])]
    medians = [median for *_, median in reached] or [0.0]
    best, worst = (min, max) if less else (max, min)
    span = worst(medians) - best(medians)
    rows = [(a, u, _number(m), (worst(medians) - m) / span if span else 1.0) for a, u, m in reached]
    rest = [(a, u, _number(m)) for a, u, m in known if not math.isfinite(m)]
    data: dict[str, Columns] = {
        "cells": columns(("x", "y", "text", "good"), rows),
        "rest": columns(("x", "y", "text"), rest),
    }
    text = f"Heat map of {figure}, of {label(method)} over {knobs[0]} and {knobs[1]}: "
    if reached:
        a, u, m = best(reached, key=lambda one: one[2])
        text += f"best {_number(m)} at {knobs[0]} {a}, {knobs[1]} {u}; "
    text += f"{len(rest)} of {len(known)} cells not reached."
    drawing = template(_draw_map, knobs, tuple(across), tuple(upwards), figure, method)
    return Figure(drawing, data, text)


def _check(cells: Mapping[str, Sequence[Any]], count: int, values: Sequence[str]) -> None:
    require(bool(cells), "no method to draw", "at least one")
    require(len(set(values)) == len(values) > 0, f"values {', '.join(values)}", "different ones")
    for name, row in cells.items():
        require(len(row) == count, f"{len(row)} cells of {name}", f"{count}, one per value")


def _number(value: float) -> str:
    """Write a figure as short as it is on the page."""
    if not math.isfinite(value):
        return "not reached"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = _ROOM * (high - low) or 0.1 * abs(high) or 1.0
    return (max(0.0, low - room) if low >= 0 else low - room), high + room


def _apart(places: Mapping[str, float], gap: float) -> dict[str, float]:
    """Move names upwards until none covers another."""
    free, moved = -math.inf, {}
    for name, at in sorted(places.items(), key=lambda one: one[1]):
        moved[name] = max(at, free)
        free = moved[name] + gap
    return moved


def _draw_lines(
    theme: Theme, names: tuple[str, ...], values: tuple[str, ...], knob: str, figure: str
) -> dict[str, Any]:
    colours, dashes = method_scales(names, theme)
    step = WIDTH / len(values)
    x = alt.X("x:O", title=knob, sort=list(values), axis=alt.Axis(labelAngle=0, grid=False))
    x = x.scale(domain=list(values), type="point", padding=0.5)
    y_scale = alt.Scale(domain={"expr": "[low, high]"}, nice=False, zero=False)
    colour = alt.Color("arm:N", scale=colours, legend=None)
    dash = alt.StrokeDash("arm:N", scale=dashes, legend=None)

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", title=figure, scale=y_scale, axis=alt.Axis(tickCount=5))

    cells = alt.Chart(alt.NamedData("cells")).encode(x=x, color=colour)
    crosses = alt.Chart(alt.NamedData("crosses"))
    ends = alt.Chart(alt.NamedData("names"))
    beside: Any = {"align": "left", "baseline": "middle", "dx": 8, "fontSize": 13}
    tooltip = [alt.Tooltip("arm:N", title="method"), alt.Tooltip("text:N", title=figure)]
    layers = [
        cells.mark_area(opacity=0.16).encode(y=y("low"), y2="high:Q"),
        cells.mark_line(strokeWidth=2.2).encode(y=y("y"), strokeDash=dash),
        cells.mark_point(filled=True, size=46, opacity=1).encode(y=y("y"), tooltip=tooltip),
        crosses.mark_text(text="×", fontSize=17).encode(x=x, y=y("y"), color=colour),
        ends.mark_text(fontWeight="bold", **beside).encode(
            x=alt.value(WIDTH - step / 2), y=y("y"), text="arm:N", color=colour
        ),
    ]
    chart = alt.layer(*layers).add_params(
        alt.param(name="low", value=0.0), alt.param(name="high", value=1.0)
    )
    below = "middle of the seeds, the band from the lowest to the highest; ×: not reached"
    return finish(chart.properties(width=WIDTH, height=_HEIGHT), theme, _title(figure), below)


def _draw_map(
    theme: Theme,
    knobs: tuple[str, str],
    across: tuple[str, ...],
    upwards: tuple[str, ...],
    figure: str,
    method: str,
) -> dict[str, Any]:
    x = alt.X("x:O", title=knobs[0], sort=list(across), axis=alt.Axis(labelAngle=0))
    x = x.scale(domain=list(across))
    y = alt.Y("y:O", title=knobs[1], sort=list(reversed(upwards)))
    y = y.scale(domain=list(reversed(upwards)))
    shade = alt.Scale(domain=[0, 1], range=[theme.grid, theme.download])
    cells = alt.Chart(alt.NamedData("cells")).encode(x=x, y=y)
    good = alt.Color("good:Q", scale=shade, legend=None)
    rest = alt.Chart(alt.NamedData("rest")).encode(x=x, y=y)
    layers = [
        cells.mark_rect(stroke=theme.page, strokeWidth=2).encode(color=good),
        cells.mark_text(fontSize=13, color=theme.line).encode(text="text:N"),
        rest.mark_text(fontSize=11, color=theme.soft).encode(text="text:N"),
    ]
    chart = alt.layer(*layers).resolve_scale(color="independent")
    chart = chart.properties(width=WIDTH, height=_ROW * len(upwards))
    below = "middle of the seeds: dark is good"
    return finish(chart, theme, f"{_title(figure)}: {label(method)}", below)


def _title(figure: str) -> str:
    return figure[:1].upper() + figure[1:]
