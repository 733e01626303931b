"""Who is heard: how well the model serves each device over time, and whose updates count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ftte_lab._common import require
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Columns, Figure, columns, template
from ftte_lab.charts.palette import kind_scales, label, method_scales
from ftte_lab.charts.style import WIDTH, Theme, finish

_BLOCK = 80  # pixels of one method's rows
_GAP = 0.24  # of a block, for its name
_ROW = 24  # pixels of a bar
_WRITTEN = 0.13  # least share that has room for its words


def accuracy_map(
    times_s: Mapping[str, Sequence[float] | np.ndarray],
    values: Mapping[str, np.ndarray | Sequence[Sequence[float]]],
    kinds: Sequence[str],
) -> Figure:
    """Draw the test accuracy of each client, or of each kind, over virtual time: dark is good.

    Args:
        times_s: by method name, virtual seconds of the evaluations, rising.
        values: by method name, accuracies `(evaluations, rows)`; nan: no test data.
        kinds: device kind of each row; rows of a kind stand together.

    Raises:
        ValueError: no method, or tables that do not fit.

    Example:
        >>> values = {"ftte": [[0.2, 0.4], [0.6, 0.8]]}
        >>> accuracy_map({"ftte": [0.0, 60.0]}, values, ["phone", "sensor"]).alt_text
        'Heat map of test accuracy over virtual time: FTTE ends at phone 60 %, sensor 80 %.'
    """
    require(bool(values), "no method to draw", "at least one")
    tables = {name: np.asarray(table, np.float64) for name, table in values.items()}
    for name, table in tables.items():
        shape = (len(times_s.get(name, ())), len(kinds))
        fits = table.shape == shape or (shape[0] == 0 and table.size == 0)
        require(fits, f"{name} has a table of shape {table.shape}", f"one of shape {shape}")
    order = sorted(range(len(kinds)), key=lambda row: (kinds[row], row))
    shown = [kinds[row] for row in order]
    cells, heads, rows, clauses = [], [], [], []
    for block, (name, table) in enumerate(tables.items()):
        if not len(table):
            continue
        top = block + _GAP
        cells += _cells(np.asarray(times_s[name]) / 60, table[:, order], top, shown)
        heads.append((block + 0.1, label(name), label(name)))
        spans = _spans(shown)
        scale = (1 - _GAP) / len(shown)
        rows += [(top + scale * (a + b) / 2, kind) for a, b, kind in spans]
        last = [f"{kind} {100 * np.nanmean(table[-1, order[a:b]]):.0f} %" for a, b, kind in spans]
        clauses.append(f"{label(name)} ends at {', '.join(last)}")
    data = {
        "cells": columns(("x", "x2", "y", "y2", "accuracy", "kind"), cells),
        "heads": columns(("y", "arm", "text"), heads),
        "rows": columns(("y", "text"), rows),
    }
    end = max((cell[1] for cell in cells), default=1.0)
    text = f"Heat map of test accuracy over virtual time: {'; '.join(clauses) or 'no point yet'}."
    low = min((cell[4] for cell in cells), default=0.0)
    signals = {"end": float(end), "low": float(np.floor(10 * low) / 10)}
    return Figure(template(_draw_map, tuple(tables)), data, text, signals)


def _spans(kinds: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return first row, row after the last, and name of each kind; rows are sorted by kind."""
    spans: list[tuple[int, int, str]] = []
    for k, kind in enumerate(kinds):
        if spans and spans[-1][2] == kind:
            spans[-1] = (spans[-1][0], k + 1, kind)
        else:
            spans.append((k, k + 1, kind))
    return spans


def _cells(
    minutes: np.ndarray, table: np.ndarray, top: float, kinds: Sequence[str]
) -> list[tuple[float, float, float, float, float, str]]:
    """Return a rectangle per row and evaluation, from it to the next one."""
    step = float(minutes[-1] - minutes[-2]) if len(minutes) > 1 else 1.0
    ends = np.append(minutes[1:], minutes[-1] + max(step, 1e-9))
    height = (1 - _GAP) / len(kinds)
    overlap = 0.002 * float(ends[-1])  # or the page would shine through
    return [
        (
            float(a),
            float(b) + overlap,
            top + k * height,
            top + (k + 1) * height,
            float(table[i, k]),
            kind,
        )
        for i, (a, b) in enumerate(zip(minutes, ends, strict=True))
        for k, kind in enumerate(kinds)
        if np.isfinite(table[i, k])
    ]


def _draw_map(theme: Theme, names: tuple[str, ...]) -> dict[str, Any]:
    params = [alt.param(name="end", value=1.0), alt.param(name="low", value=0.0)]
    x_scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False)
    y_scale = alt.Scale(domain=[len(names), 0], nice=False)
    x = alt.X("x:Q", title="virtual time, minutes", scale=x_scale, axis=alt.Axis(grid=False))
    y = alt.Y("y:Q", axis=None, scale=y_scale)
    greys = [theme.grid, theme.line]
    legend = alt.Legend(format="%", gradientLength=160, tickCount=4, orient="top")
    shade = alt.Scale(domain={"expr": "[low, 1]"}, range=greys, clamp=True)
    tooltip = [
        alt.Tooltip("kind:N"),
        alt.Tooltip("x:Q", title="minute", format=",.1f"),
        alt.Tooltip("accuracy:Q", format=".1%"),
    ]
    cells = alt.Chart(alt.NamedData("cells")).mark_rect(stroke=None)
    layers = [
        cells.encode(
            x=x,
            x2="x2:Q",
            y=y,
            y2="y2:Q",
            tooltip=tooltip,
            color=alt.Color("accuracy:Q", scale=shade, legend=legend),
        ),
        *_map_words(theme, names, y),
    ]
    chart = alt.layer(*layers).resolve_scale(color="independent").add_params(*params)
    chart = chart.properties(width=WIDTH, height=_BLOCK * len(names))
    return finish(
        chart, theme, "Who is served", "test accuracy of each kind of device: dark is good"
    )


def _map_words(theme: Theme, names: tuple[str, ...], y: alt.Y) -> list[alt.Chart]:
    """Return the names of methods above their rows, and those of kinds beside them."""
    colour = alt.Color("arm:N", scale=method_scales(names, theme)[0], legend=None)
    bold: Any = {"align": "left", "baseline": "middle", "fontSize": 13, "fontWeight": "bold"}
    beside: Any = {"align": "right", "baseline": "middle", "dx": -6, "fontSize": 11}
    heads = alt.Chart(alt.NamedData("heads")).mark_text(**bold)
    rows = alt.Chart(alt.NamedData("rows")).mark_text(color=theme.ink, **beside)
    at = alt.value(0)
    return [
        heads.encode(x=at, y=y, text="text:N", color=colour),
        rows.encode(x=at, y=y, text="text:N"),
    ]


def weight_share(
    weights: Mapping[str, Mapping[str, float]],
    devices: Mapping[str, float],
    samples: Mapping[str, float],
) -> Figure:
    """Draw each kind's share of the devices, of the data, and of the weight that methods gave it.

    Args:
        weights: by method name, the summed weight of the updates of each kind.
        devices: devices of each kind.
        samples: training samples of each kind.

    Raises:
        ValueError: no device, or a negative or infinite number.

    Example:
        >>> one = {"phone": 1.0, "sensor": 3.0}
        >>> weight_share({"ftte": {"phone": 1.0, "sensor": 1.0}}, one, one).alt_text
        'Shares by kind. devices: phone 25 %, sensor 75 %; data: phone 25 %, sensor 75 %; \
FTTE listens to: phone 50 %, sensor 50 %.'
    """
    require(sum(devices.values()) > 0, "no device", "at least one")
    named = {f"{label(name)} listens to": of for name, of in weights.items()}
    table = {"devices": devices, "data": samples, **named}
    rows, clauses, written = [], [], []
    kinds = sorted({kind for amounts in table.values() for kind in amounts})
    for name, amounts in table.items():
        values = np.array([float(amounts.get(kind, 0.0)) for kind in kinds])
        fits = bool(np.isfinite(values).all() and (values >= 0).all())
        require(fits, f"{name} of {values.tolist()}", "numbers from 0 upwards")
        shares = values / values.sum() if values.sum() else values
        ends = np.cumsum(shares)
        for kind, share, end in zip(kinds, shares, ends, strict=True):
            rows.append((name, kind, float(end - share), float(end), float(share)))
            if share >= _WRITTEN:
                written.append((name, float(end - share / 2), f"{kind} {100 * share:.0f} %"))
        each = [f"{kind} {100 * s:.0f} %" for kind, s in zip(kinds, shares, strict=True)]
        clauses.append(f"{name}: {', '.join(each) if values.sum() else 'nobody yet'}")
    data: dict[str, Columns] = {
        "bars": columns(("row", "kind", "from", "to", "share"), rows),
        "written": columns(("row", "x", "text"), written),
    }
    text = f"Shares by kind. {'; '.join(clauses)}."
    return Figure(template(_draw_shares, tuple(table), tuple(kinds)), data, text)


def _draw_shares(theme: Theme, rows: tuple[str, ...], kinds: tuple[str, ...]) -> dict[str, Any]:
    unit = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(format="%", grid=False, tickCount=5)
    x = alt.X("from:Q", title=None, scale=unit, axis=axis)
    y = alt.Y(
        "row:N",
        title=None,
        sort=None,
        scale=alt.Scale(domain=list(rows)),
        axis=alt.Axis(ticks=False, domain=False, labelFontSize=12, labelLimit=220),
    )
    colours, _ = kind_scales(kinds)
    tooltip = [
        alt.Tooltip("row:N"),
        alt.Tooltip("kind:N"),
        alt.Tooltip("share:Q", format=".1%"),
    ]
    bars = alt.Chart(alt.NamedData("bars")).mark_bar(
        height=_ROW - 5, stroke=theme.page, strokeWidth=1.5
    )
    words = alt.Chart(alt.NamedData("written"))
    own: Any = {"fontSize": 11, "fontWeight": "bold"}
    halo = words.mark_text(stroke="#111111", strokeWidth=2, opacity=0.55, **own)
    over = {"x": alt.X("x:Q", scale=unit, title=None, axis=axis), "y": y, "text": "text:N"}
    layers = [
        bars.encode(x=x, x2="to:Q", y=y, tooltip=tooltip, color=alt.Color("kind:N", scale=colours)),
        halo.encode(**over),
        words.mark_text(color="#FFFFFF", **own).encode(**over),
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=_ROW * len(rows))
    below = "share of devices, of data, and of the weight in the server's steps"
    return finish(chart, theme, "Who is heard", below)
