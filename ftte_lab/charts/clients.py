"""How well the model serves each client over time: a median, bands, and the worst client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ftte_lab._common import require
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Columns, Figure, columns, template
from ftte_lab.charts.palette import label, method_scales
from ftte_lab.charts.style import WIDTH, Theme, finish

_BLOCK = 96  # pixels of one method's rows
_TOP, _FLOOR = 0.26, 0.94  # of a block: 100 %, and the end of the scale
_LEVELS = (0.0, 0.1, 0.5, 0.9, 1.0)
_COLUMNS = ("x", "low", "tenth", "median", "ninth", "high", "arm", "block")


def client_quantiles(
    times_s: Mapping[str, Sequence[float] | np.ndarray],
    values: Mapping[str, np.ndarray | Sequence[Sequence[float]]],
) -> Figure:
    """Draw how test accuracy spreads over the clients as time goes by, method below method.

    Args:
        times_s: by method name, virtual seconds of the evaluations, rising.
        values: by method name, accuracies `(evaluations, clients)`; nan: no test data.

    Raises:
        ValueError: no method, or tables that do not fit.

    Example:
        >>> values = {"ftte": [[0.2, 0.4, 0.6], [0.5, 0.8, 0.9]]}
        >>> client_quantiles({"ftte": [0.0, 60.0]}, values).alt_text
        'Test accuracy of the clients: FTTE ends at 80 % in the middle, 50 % for the worst client.'
    """
    require(bool(values), "no method to draw", "at least one")
    tables = {name: np.asarray(table, np.float64) for name, table in values.items()}
    found: dict[str, np.ndarray] = {}
    for name, table in tables.items():
        count = len(times_s.get(name, ()))
        fits = (table.ndim == 2 and len(table) == count) or table.size == count == 0
        require(fits, f"{name} has a table of shape {table.shape}", f"{count} rows of clients")
        if count and table.size and not np.isnan(table).all(1).any():
            found[name] = np.nanquantile(table, _LEVELS, axis=1).T
    floor = min((float(levels.min()) for levels in found.values()), default=0.0)
    low = float(np.floor(10 * min(floor, 0.9)) / 10)
    rows = [
        row
        for block, name in enumerate(tables)
        if name in found
        for row in _rows(np.asarray(times_s[name]) / 60, found[name], low, block, label(name))
    ]
    clauses = [
        f"{label(name)} ends at {100 * levels[-1, 2]:.0f} % in the middle, "
        f"{100 * levels[-1, 0]:.0f} % for the worst client"
        for name, levels in found.items()
    ]
    data: dict[str, Columns] = {
        "clients": columns(_COLUMNS, rows),
        "heads": columns(("y", "arm"), [(k + 0.1, label(name)) for k, name in enumerate(tables)]),
        "scale": columns(("y", "text"), _scale(len(tables), low)),
    }
    end = max((row[0] for row in rows), default=1.0)
    text = f"Test accuracy of the clients: {'; '.join(clauses) or 'no point yet'}."
    return Figure(template(_draw, tuple(tables)), data, text, {"end": float(end) or 1.0})


def _rows(
    minutes: np.ndarray, levels: np.ndarray, low: float, block: int, arm: str
) -> list[tuple[Any, ...]]:
    """Return a row per evaluation, with heights on the page from 100 % down to the low end."""
    share = (1 - levels) / (1 - low)
    heights = block + _TOP + (_FLOOR - _TOP) * share
    return [
        (float(at), *own.tolist(), arm, block) for at, own in zip(minutes, heights, strict=True)
    ]


def _scale(blocks: int, low: float) -> list[tuple[float, str]]:
    ends = ((_TOP, "100 %"), (_FLOOR, f"{100 * low:.0f} %"))
    return [(block + at, text) for block in range(blocks) for at, text in ends]


def _draw(theme: Theme, names: tuple[str, ...]) -> dict[str, Any]:
    x_scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False)
    axis = alt.Axis(grid=False, tickCount=6)
    x = alt.X("x:Q", title="virtual time, minutes", scale=x_scale, axis=axis)
    y_scale = alt.Scale(domain=[len(names), 0], nice=False)
    colour = alt.Color("arm:N", scale=method_scales(names, theme)[0], legend=None)

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", axis=None, scale=y_scale, stack=None)

    rows = alt.Chart(alt.NamedData("clients")).encode(x=x, color=colour, detail="block:N")
    scale = alt.Chart(alt.NamedData("scale"))
    heads = alt.Chart(alt.NamedData("heads"))
    beside: Any = {"align": "right", "baseline": "middle", "dx": -6, "fontSize": 11}
    bold: Any = {"align": "left", "baseline": "middle", "fontSize": 13, "fontWeight": "bold"}
    layers = [
        scale.mark_rule(color=theme.grid).encode(y=y("y")),
        rows.mark_area(opacity=0.16).encode(y=y("low"), y2="high:Q"),
        rows.mark_area(opacity=0.3).encode(y=y("tenth"), y2="ninth:Q"),
        rows.mark_line(strokeWidth=2.2).encode(y=y("median")),
        rows.mark_line(strokeWidth=1, strokeDash=[2, 2]).encode(y=y("low")),
        scale.mark_text(color=theme.ink, **beside).encode(x=alt.value(0), y=y("y"), text="text:N"),
        heads.mark_text(**bold).encode(x=alt.value(0), y=y("y"), text="arm:N", color=colour),
    ]
    chart = alt.layer(*layers).add_params(alt.param(name="end", value=1.0))
    chart = chart.properties(width=WIDTH, height=_BLOCK * len(names))
    below = ["test accuracy over the clients; line: the middle one, dashed: the worst"]
    below += ["strong: eight in ten clients, pale: all"]
    return finish(chart, theme, "How far clients are apart", below)
