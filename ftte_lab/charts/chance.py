"""The search beside chance: its place among random draws, and how well its gains predict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from ftte_lab._common import percent, require
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Figure, columns, template
from ftte_lab.charts.style import WIDTH, Theme, finish

_COLOURS = {
    "light": ("#8A8A8A", "#0072B2", "#521078", "#17472F", "#84476A", "#00788A"),
    "dark": ("#9A9A9A", "#56B4E9", "#9B6BFF", "#8ADDB9", "#A57F9C", "#7FE0EA"),
}
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
_SIDES: tuple[tuple[Literal["left", "right"], int], ...] = (("left", 5), ("right", -5))
_FEWEST = 3  # points with a rank correlation worth writing down
_HEIGHT = 220


def draws(
    results: Mapping[str, Sequence[float] | np.ndarray],
    marks: Mapping[str, float],
    *,
    of: str = "final accuracy",
    title: str = "The search among random draws",
) -> Figure:
    """Draw a histogram of what random subsets reached, and mark what the search reached.

    Args:
        results: by kind of draw, the result of each draw, as a share of 1.
        marks: results to compare with them, by name.
        of: what the results are.
        title: above the chart.

    Raises:
        ValueError: no draw, or a result that is not finite.

    Example:
        >>> figure = draws({"pure random": [0.88, 0.91, 0.9]}, {"search": 0.95})
        >>> figure.alt_text.partition("; ")[2]
        'search 95.0 %, above 3 of 3 pure random.'
    """
    rows = [(kind, float(value)) for kind, values in results.items() for value in values]
    require(bool(rows), "no draw to show", "at least one")
    every = [*(value for _, value in rows), *marks.values()]
    _finite(every)
    middle = (min(every) + max(every)) / 2
    # The nearer a mark is to the middle, the lower its name: so no rule crosses another's name.
    nearest = sorted(marks, key=lambda name: abs(marks[name] - middle))
    lines = [
        (name, float(value), _SIDES[int(value > middle)][0], nearest.index(name), rank)
        for rank, (name, value) in enumerate(marks.items())
    ]
    places = [f"{name} {percent(at, 1)}, {_above(at, results)}" for name, at in marks.items()]
    data = {
        "draws": columns(("kind", "value"), rows),
        "bars": columns(("kind", "low", "high", "from", "to"), _bars(rows)),
        "marks": columns(("name", "value", "side", "row", "rank"), lines),
    }
    text = f"{'; '.join([f'Histogram of {len(rows)} random draws by {of}', *places])}."
    drawing = template(_draw_draws, title, of, tuple(results), tuple(places))
    return Figure(drawing, data, text)


def _bars(rows: Sequence[tuple[str, float]]) -> list[tuple[str, float, float, int, int]]:
    """Count draws in bins of a round width, and stack the kinds in each bin."""
    values = [value for _, value in rows]
    widest = max((max(values) - min(values)) / (3 * math.sqrt(len(rows))), 1e-4)
    size = 10.0 ** math.floor(math.log10(widest))
    width = next(size * k for k in (1, 2, 5, 10) if size * k >= widest * (1 - 1e-9))
    counts = Counter((math.floor(value / width + 1e-9), kind) for kind, value in rows)
    bars, height = [], Counter[int]()
    for kind in dict.fromkeys(kind for kind, _ in rows):
        for place in sorted(place for place, of_kind in counts if of_kind == kind):
            low, base = place * width, height[place]
            height[place] += counts[place, kind]
            bars.append((kind, low, low + width, base, height[place]))
    return bars


def _above(value: float, results: Mapping[str, Sequence[float] | np.ndarray]) -> str:
    """Say above how many draws of each kind a result is."""
    counts = [
        f"{int((np.asarray(values) < value).sum())} of {len(values)} {kind}"
        for kind, values in results.items()
    ]
    return f"above {' and '.join(counts)}"


def predicted_gain(
    predicted: Sequence[float] | np.ndarray,
    measured: Sequence[float] | np.ndarray,
    kind: Sequence[str],
    *,
    of: str = "final accuracy",
    unit: str = "sum of Fisher information",
    title: str = "Predicted and measured gain",
) -> Figure:
    """Draw the predicted gain of subsets against what a run with each reached.

    Spearman's rank correlation is written above the chart: over all subsets, and within each kind
    of at least three. 1: the prediction ranks them as they came; 0: it says nothing.

    Args:
        predicted: predicted gain of each subset (`Choice.value`).
        measured: result of a run with it, as a share of 1.
        kind: how each was chosen.
        of: what the results are.
        unit: what the predicted gain is made of.
        title: above the chart.

    Raises:
        ValueError: columns of different length, fewer than three subsets, or a number that is not
            finite.

    Example:
        >>> figure = predicted_gain([1, 2, 4], [0.8, 0.9, 0.85], ["random"] * 3)
        >>> figure.alt_text.partition(": ")[2]
        'Spearman 0.50 over all 3.'
    """
    lengths = f"columns of {len(predicted)}, {len(measured)} and {len(kind)} entries"
    require(len(predicted) == len(measured) == len(kind), lengths, "equally many")
    require(len(kind) >= _FEWEST, f"{len(kind)} subsets", f"{_FEWEST} or more")
    _finite([*predicted, *measured])
    x, y, names = np.asarray(predicted, float), np.asarray(measured, float), np.array(kind)
    words = [f"Spearman {_spearman(x, y)} over all {len(kind)}"]
    groups = {name: names == name for name in dict.fromkeys(kind)}
    if len(groups) > 1:
        words += [
            f"{name} {_spearman(x[here], y[here])} ({here.sum()})"
            for name, here in groups.items()
            if here.sum() >= _FEWEST
        ]
    text = f"Dots of {of} over predicted gain, one per subset: {'; '.join(words)}."
    data = {"subsets": {"predicted": x, "measured": y, "kind": list(kind)}}
    drawing = template(_draw_predicted, title, of, unit, tuple(groups), "; ".join(words))
    return Figure(drawing, data, text)


def _spearman(predicted: np.ndarray, measured: np.ndarray) -> str:
    """Write Spearman's rank correlation; equal numbers share their mean rank."""
    a, b = pd.Series(predicted).rank(), pd.Series(measured).rank()
    if a.nunique() == 1 or b.nunique() == 1:
        return "undefined"
    return f"{np.corrcoef(a, b)[0, 1]:.2f}"


def _finite(values: Sequence[float]) -> None:
    odd = [value for value in values if not np.isfinite(value)]
    require(not odd, f"a result of {odd[:1]}", "finite numbers", "Leave failed runs out")


def _draw_draws(
    theme: Theme, title: str, of: str, kinds: tuple[str, ...], places: tuple[str, ...]
) -> dict[str, Any]:
    scale, axis = alt.Scale(zero=False, padding=12), alt.Axis(format="%", grid=False)
    legend = alt.Legend(title=None, offset=12 + 15 * len(places), symbolStrokeWidth=0)
    bars = alt.Chart(alt.NamedData("bars")).mark_bar(stroke=theme.grid, strokeWidth=1)
    bars = bars.encode(
        x=alt.X("low:Q", title=of, scale=scale, axis=axis),
        x2="high:Q",
        y=alt.Y("from:Q", title="draws", axis=alt.Axis(tickMinStep=1)),
        y2="to:Q",
        color=alt.Color("kind:N", scale=_colours(theme, kinds), legend=legend),
        tooltip=[
            alt.Tooltip("kind:N"),
            alt.Tooltip("low:Q", title="from", format=".1%"),
            alt.Tooltip("high:Q", title="to", format=".1%"),
        ],
    )
    x = alt.X("value:Q", title=of, scale=scale, axis=axis)
    marks = (_mark(theme, x, of, row) for row in range(len(places)))
    chart = alt.layer(bars, *(layer for mark in marks for layer in mark))
    return finish(chart.properties(width=WIDTH, height=_HEIGHT), theme, title, list(places))


def _mark(theme: Theme, x: alt.X, of: str, row: int) -> list[alt.Chart]:
    """Return the rule of one mark, up to its name above the chart; each name has its own row."""
    tooltip = [alt.Tooltip("name:N"), alt.Tooltip("value:Q", title=of, format=".1%")]
    mark = alt.Chart(alt.NamedData("marks")).transform_filter(f"datum.row === {row}")
    dash = alt.condition("datum.rank === 0", alt.value([1, 0]), alt.value([5, 3]))
    top = -4 - 15 * row
    rule = mark.mark_rule(color=theme.line, strokeWidth=2.5).encode(
        x=x,
        y=alt.value(top - 10),
        y2=alt.value(_HEIGHT),
        strokeDash=dash,
        tooltip=tooltip,
    )
    layers = [rule]
    for align, dx in _SIDES:
        name = mark.transform_filter(f"datum.side === '{align}'")
        text = name.mark_text(align=align, dx=dx, baseline="bottom", color=theme.line, fontSize=12)
        layers.append(text.encode(x=x, y=alt.value(top), text="name:N"))
    return layers


def _draw_predicted(
    theme: Theme, title: str, of: str, unit: str, kinds: tuple[str, ...], words: str
) -> dict[str, Any]:
    loose = alt.Scale(zero=False, padding=10)
    shapes = [_SHAPES[k % len(_SHAPES)] for k in range(len(kinds))]
    legend = alt.Legend(title=None, symbolStrokeWidth=2)
    dots = alt.Chart(alt.NamedData("subsets")).mark_point(filled=True, size=90, opacity=0.85)
    dots = dots.encode(
        x=alt.X(
            "predicted:Q",
            title=f"predicted gain: {unit}",
            scale=loose,
            axis=alt.Axis(tickCount=8),
        ),
        y=alt.Y("measured:Q", title=of, scale=loose, axis=alt.Axis(format="%")),
        color=alt.Color("kind:N", scale=_colours(theme, kinds), legend=legend),
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=list(kinds), range=shapes), legend=legend),
        tooltip=[
            alt.Tooltip("kind:N"),
            alt.Tooltip("predicted:Q", format=",.4g"),
            alt.Tooltip("measured:Q", title=of, format=".1%"),
        ],
    )
    return finish(dots.properties(width=WIDTH, height=280), theme, title, words)


def _colours(theme: Theme, kinds: tuple[str, ...]) -> alt.Scale:
    colours = _COLOURS[theme.name]
    return alt.Scale(
        domain=list(kinds), range=[colours[k % len(colours)] for k in range(len(kinds))]
    )
