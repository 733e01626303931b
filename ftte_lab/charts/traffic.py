"""Bytes: what one participation sends, and what a run has sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftte_lab._common import number, require, size
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Figure, columns, template
from ftte_lab.charts.memory import key, method_axis
from ftte_lab.charts.palette import label, method_scales
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.simulation import History

# How strongly each is filled with the method's colour.
_MESSAGES = {"upload": 1.0, "download": 0.45, "first download, once": 0.18}
_SENT = {
    "upload_bytes": ("updates up", 1.0),
    "download_bytes": ("model down", 0.45),
    "first_download_bytes": ("first full download", 0.18),
    "index_bytes": ("index of the subset", 0.75),
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
        (label(name), way, message[way] / 1024, rank, _MESSAGES[way])
        for name, message in messages.items()
        for rank, way in enumerate(_MESSAGES)
    ]
    uploads = [f"{label(name)} {m['upload'] / 1024:.1f} KiB up" for name, m in messages.items()]
    data = {"bars": columns(("method", "way", "kib", "rank", "strength"), rows)}
    signals = {"end": max(1.1 * max(row[2] for row in rows), 1e-3)}
    drawing = template(_draw_messages, tuple(messages))
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
            (row, way, point[column] / 2**20, rank, label(name), strength)
            for rank, (column, (way, strength)) in enumerate(_SENT.items())
        ]
        per_update = size(history.facts["upload_bytes_per_update"])
        clauses.append(f"{row} {size(point['total_bytes'])}, {per_update} per update")
    until = "until the end of the run" if target is None else f"until {100 * target:.1f} % accuracy"
    data = {"bars": columns(("method", "way", "mib", "rank", "arm", "strength"), rows)}
    drawing = template(
        _draw_sent, tuple(histories), tuple(dict.fromkeys(r[0] for r in rows)), until
    )
    return Figure(drawing, data, f"Stacked bars of bytes sent {until}: {'; '.join(clauses)}.")


def _draw_messages(theme: Theme, names: tuple[str, ...]) -> dict[str, Any]:
    end = alt.param(name="end", value=1.0)
    scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False)
    colours, _ = method_scales(names, theme)
    tooltip = [
        alt.Tooltip("method:N"),
        alt.Tooltip("way:N"),
        alt.Tooltip("kib:Q", title="KiB", format=",.1f"),
    ]
    bars = alt.Chart(alt.NamedData("bars")).mark_bar(strokeWidth=1)
    bars = bars.encode(
        x=alt.X("kib:Q", title="KiB", scale=scale),
        y=method_axis([label(name) for name in names]),
        yOffset=alt.YOffset("way:N", sort=None, scale=alt.Scale(domain=list(_MESSAGES))),
        fill=alt.Fill("method:N", scale=colours, legend=None),
        stroke=alt.Stroke("method:N", scale=colours, legend=None),
        fillOpacity=alt.FillOpacity("strength:Q", scale=None),
        tooltip=tooltip,
    )
    chart = (
        alt.layer(bars, key(theme, "way", _MESSAGES))
        .add_params(end)
        .properties(width=WIDTH, height=50 * len(names) + 10)
    )
    below = "what one participation sends and receives"
    return finish(chart, theme, "Bytes per client update", below)


def _draw_sent(
    theme: Theme, names: tuple[str, ...], labels: tuple[str, ...], until: str
) -> dict[str, Any]:
    colours, _ = method_scales(names, theme)
    bars = alt.Chart(alt.NamedData("bars")).mark_bar(height=26, strokeWidth=1)
    bars = bars.encode(
        x=alt.X("mib:Q", title="MiB, all devices together"),
        y=method_axis(labels),
        order="rank:Q",
        fill=alt.Fill("arm:N", scale=colours, legend=None),
        stroke=alt.Stroke("arm:N", scale=colours, legend=None),
        fillOpacity=alt.FillOpacity("strength:Q", scale=None),
    )
    chart = alt.layer(bars, key(theme, "way", dict(_SENT.values())))
    chart = chart.properties(width=WIDTH, height=44 * len(labels) + 10)
    return finish(chart, theme, "Bytes sent", until)
