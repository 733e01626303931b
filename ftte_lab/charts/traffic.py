"""Bytes: what one participation sends, and what a run has sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

from ftte_lab._common import number, require, size
from ftte_lab.charts.figure import Figure, columns, template
from ftte_lab.charts.memory import method_axis
from ftte_lab.charts.palette import label
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.simulation import History

_MESSAGES = {"upload": "#D55E00", "download": "#0072B2", "first download, once": "#56B4E9"}
_SENT = {
    "upload_bytes": ("updates up", "#D55E00"),
    "download_bytes": ("model down", "#0072B2"),
    "first_download_bytes": ("first full download", "#56B4E9"),
    "index_bytes": ("index of the subset", "#999999"),
}


def bytes_per_update(messages: Mapping[str, Mapping[str, int]]) -> Figure:
    """Draw what one participation sends and receives per method: known before any training.

    Args:
        messages: by method name: bytes of `upload`, `download`, and `first download, once`.

    Raises:
        ValueError: no method.

    Example:
        >>> one = {"upload": 2048, "download": 4096, "first download, once": 8192}
        >>> bytes_per_update({"ftte": one}).alt_text
        'Bars of bytes per client update: FTTE 2.0 KiB up.'
    """
    require(bool(messages), "no message to draw", "at least one")
    rows = [
        (label(name), way, message[way] / 1024, rank)
        for name, message in messages.items()
        for rank, way in enumerate(_MESSAGES)
    ]
    uploads = [f"{label(name)} {m['upload'] / 1024:.1f} KiB up" for name, m in messages.items()]
    data = {"bars": columns(("method", "way", "kib", "rank"), rows)}
    signals = {"end": max(1.1 * max(row[2] for row in rows), 1e-3)}
    drawing = template(_draw_messages, tuple(label(name) for name in messages))
    text = f"Bars of bytes per client update: {', '.join(uploads)}."
    return Figure(drawing, data, text, signals)


def bytes_sent(histories: Mapping[str, History], *, target: float | None = None) -> Figure:
    """Draw all bytes sent per method, by kind: until the target is first reached, or to the end.

    Args:
        histories: runs by method name.
        target: accuracy from 0 to 1 at which to stop counting.

    Raises:
        ValueError: no run, or a target outside 0 to 1.
    """
    require(bool(histories), "no run to draw", "at least one", "Pass the result of run_all")
    if target is not None:
        number("target", target, 0, 1)
    rows, clauses = [], []
    for name, history in histories.items():
        reached = None if target is None else history.time_to(target)
        end = history.points["sim_seconds"].iloc[-1] if reached is None else reached
        point = history.points[history.points["sim_seconds"] <= end].iloc[-1]
        missed = target is not None and reached is None
        row = f"{label(name)} (not reached)" if missed else label(name)
        rows += [
            (row, way, point[column] / 2**20, rank)
            for rank, (column, (way, _)) in enumerate(_SENT.items())
        ]
        per_update = size(history.facts["upload_bytes_per_update"])
        clauses.append(f"{row} {size(point['total_bytes'])}, {per_update} per update")
    until = "until the end of the run" if target is None else f"until {100 * target:.1f} % accuracy"
    data = {"bars": columns(("method", "way", "mib", "rank"), rows)}
    drawing = template(_draw_sent, tuple(dict.fromkeys(row[0] for row in rows)), until)
    return Figure(drawing, data, f"Stacked bars of bytes sent {until}: {'; '.join(clauses)}.")


def _draw_messages(theme: Theme, labels: tuple[str, ...]) -> dict[str, Any]:
    end = alt.param(name="end", value=1.0)
    scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False)
    colours = alt.Scale(domain=list(_MESSAGES), range=list(_MESSAGES.values()))
    tooltip = [
        alt.Tooltip("method:N"),
        alt.Tooltip("way:N"),
        alt.Tooltip("kib:Q", title="KiB", format=",.1f"),
    ]
    bars = alt.Chart(alt.NamedData("bars")).mark_bar()
    bars = bars.encode(
        x=alt.X("kib:Q", title="KiB", scale=scale),
        y=method_axis(labels),
        yOffset=alt.YOffset("way:N", sort=None, scale=alt.Scale(domain=list(_MESSAGES))),
        color=alt.Color("way:N", scale=colours),
        tooltip=tooltip,
    )
    chart = alt.layer(bars).add_params(end).properties(width=WIDTH, height=50 * len(labels) + 10)
    below = "what one participation sends and receives"
    return finish(chart, theme, "Bytes per client update", below)


def _draw_sent(theme: Theme, labels: tuple[str, ...], until: str) -> dict[str, Any]:
    ways, colours = zip(*_SENT.values(), strict=True)
    scale = alt.Scale(domain=list(ways), range=list(colours))
    bars = alt.Chart(alt.NamedData("bars")).mark_bar(height=26)
    bars = bars.encode(
        x=alt.X("mib:Q", title="MiB, all devices together"),
        y=method_axis(labels),
        order="rank:Q",
        color=alt.Color("way:N", scale=scale),
    )
    chart = bars.properties(width=WIDTH, height=44 * len(labels) + 10)
    return finish(chart, theme, "Bytes sent", until)
