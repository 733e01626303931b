"""Memory and bytes: what a training step holds at its peak, what a message weighs, what a run sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import altair as alt

from ftte_lab._common import integer, number, require, size
from ftte_lab.charts.figure import Columns, Figure, template
from ftte_lab.charts.style import WIDTH, Theme, finish, label
from ftte_lab.devices import MemoryBill
from ftte_lab.models import Model, Subset, check
from ftte_lab.simulation import History

_PARTS = {
    "weights": "#7F7F7F",
    "batch": "#BDBDBD",
    "optimiser state": "#CC79A7",
    "stored activations": "#0072B2",
    "gradients": "#E69F00",
    "this step's activations": "#56B4E9",
}
_FAR = 1.5  # times the largest bar: what lies beyond is not drawn to scale
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
_WAYS = {
    "upload_bytes": ("updates up", "#D55E00"),
    "download_bytes": ("model down", "#0072B2"),
    "first_download_bytes": ("first full download", "#56B4E9"),
    "index_bytes": ("which parts (index)", "#999999"),
}
_MESSAGES = {"upload": "#D55E00", "download": "#0072B2", "first download, once": "#56B4E9"}


def memory(
    bills: Mapping[str, MemoryBill],
    *,
    budget_bytes: int | None = None,
    device: str = "the weakest device",
    marks: Mapping[str, int] | None = None,
) -> Figure:
    """The peak of a training step per method, by what it holds, against the budget line.

    Args:
        bills: memory bills by method name.
        budget_bytes: what the device may use at once.
        device: whose budget it is.
        marks: other amounts to mark, in bytes by name (such as the memory of a device kind).

    Raises:
        ValueError: no bill, or a budget below 1.
    """
    require(bool(bills), "no bill to draw", "at least one")
    rows = [
        (label(n), part, v / 1024, k)
        for n, bill in bills.items()
        for k, (part, v) in enumerate(bill.parts().items())
    ]
    totals = [(label(n), b.peak_bytes / 1024) for n, b in bills.items()]
    amounts, text = {}, ""
    if budget_bytes is not None:
        integer("budget_bytes", budget_bytes, 1)
        amounts[f"budget of {device}: {size(budget_bytes)}"] = budget_bytes
        text = f"; the line: {size(budget_bytes)}, the budget of {device}"
    amounts |= {f"{name}: {size(value)}": value for name, value in (marks or {}).items()}
    floor = [(label(n), b.inference_peak_bytes / 1024) for n, b in bills.items()]
    says = [
        f"{label(n)} {size(b.peak_bytes)} (inference alone {size(b.inference_peak_bytes)})"
        for n, b in bills.items()
    ]
    data = {
        "bars": _columns(("method", "part", "kib", "rank"), [row for row in rows if row[2]]),
        "totals": _columns(("method", "kib"), totals),
        "floor": _columns(("method", "kib"), floor),
        "lines": _columns(
            ("text", "kib", "row"), _lines(amounts, _FAR * max(kib for _, kib in totals))
        ),
    }
    end = 1.12 * max(*data["totals"]["kib"], *data["lines"]["kib"], 1.0)
    drawn = template(_draw_memory, tuple(label(n) for n in bills))
    return Figure(
        drawn, data, "Stacked bars of peak memory: " + ", ".join(says) + text + ".", {"end": end}
    )


def _lines(amounts: Mapping[str, int], far: float) -> list[tuple[str, float, int]]:
    """Marks with a row each for their names; what lies far outside of the bars stands at the edge, with an arrow."""
    kib = [(text, value / 1024) for text, value in amounts.items()]
    return [
        (text if at <= far else f"{text} →", min(at, far), row)
        for row, (text, at) in enumerate(kib)
    ]


def bytes_per_update(messages: Mapping[str, Mapping[str, int]]) -> Figure:
    """What one participation sends, per method: known before any training.

    Args:
        messages: by method name: bytes of `upload`, `download`, and `first download, once`.

    Raises:
        ValueError: no method.
    """
    require(bool(messages), "no message to draw", "at least one")
    rows = [
        (label(n), way, m[way] / 1024, k)
        for n, m in messages.items()
        for k, way in enumerate(_MESSAGES)
    ]
    says = [f"{label(n)} {m['upload'] / 1024:.1f} KiB up" for n, m in messages.items()]
    data = {"bars": _columns(("method", "way", "kib", "rank"), rows)}
    end = 1.1 * max(row[2] for row in rows)
    drawn = template(_draw_messages, tuple(label(n) for n in messages))
    return Figure(
        drawn,
        data,
        "Bars of bytes per client update: " + ", ".join(says) + ".",
        {"end": max(end, 1e-3)},
    )


def bytes_sent(histories: Mapping[str, History], *, target: float | None = None) -> Figure:
    """All bytes sent per method, by kind: until the target is first reached, or until the end of the run.

    Raises:
        ValueError: no run, or a target outside 0 to 1.
    """
    require(bool(histories), "no run to draw", "at least one", "Pass the result of compare")
    if target is not None:
        number("target", target, 0, 1)
    rows, says = [], []
    for name, h in histories.items():
        at = None if target is None else h.time_to(target)
        end = h.points["sim_seconds"].iloc[-1] if at is None else at
        point = h.points[h.points["sim_seconds"] <= end].iloc[-1]
        row = f"{label(name)} (not reached)" if target is not None and at is None else label(name)
        rows += [(row, way, point[c] / 2**20, k) for k, (c, (way, _)) in enumerate(_WAYS.items())]
        says.append(
            f"{row} {size(point['total_bytes'])}, {size(h.facts['upload_bytes_per_update'])} per update"
        )
    until = "until the end of the run" if target is None else f"until {100 * target:.1f} % accuracy"
    data = {"bars": _columns(("method", "way", "mib", "rank"), rows)}
    drawn = template(_draw_sent, tuple(dict.fromkeys(row[0] for row in rows)), until)
    return Figure(drawn, data, f"Stacked bars of bytes sent {until}: " + "; ".join(says) + ".")


def subset_map(model: Model, subset: Subset, *, title: str = "What the search chose") -> Figure:
    """Which part of each tensor is trained, from the input (top) to the classifier (bottom).

    Raises:
        ValueError: a subset that does not fit the model.
    """
    check(model, subset)
    rows = []
    for name, info in model.tensors.items():
        if info.kind == "weight":
            part = subset.parts.get(name, ())
            rows.append(
                (name.removesuffix(".weight"), 1.0 if part is None else len(part) / info.channels)
            )
    trained = [name for name, share in rows if share]
    total = subset.entries(model) / model.size
    data = {
        "tensors": {
            "tensor": [n for n, _ in rows],
            "share": [s for _, s in rows],
            "whole": [1.0] * len(rows),
        }
    }
    text = f"Bars per weight tensor: {', '.join(trained)} are trained at least in part, "
    text += f"{100 * total:.0f} % of all parameters."
    below = "share of each tensor's channels that is trained; grey stays frozen"
    return Figure(template(_draw_subset, title, tuple(n for n, _ in rows), below), data, text)


def _columns(names: tuple[str, ...], rows: list[Any]) -> Columns:
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}


def _method_axis(names: tuple[str, ...]) -> alt.Y:
    axis = alt.Axis(labelFontSize=13, ticks=False, domain=False)
    return alt.Y("method:N", sort=None, title=None, axis=axis, scale=alt.Scale(domain=list(names)))


def _draw_memory(theme: Theme, names: tuple[str, ...]) -> dict[str, Any]:
    y, end = _method_axis(names), alt.param(name="end", value=1.0)
    scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False)
    x = alt.X("kib:Q", title="KiB at the peak of one training step", scale=scale)
    bars = (
        alt.Chart(alt.NamedData("bars"))
        .mark_bar(height=26)
        .encode(
            x=alt.X(
                "kib:Q", title="KiB at the peak of one training step", scale=scale, stack="zero"
            ),
            y=y,
            order="rank:Q",
            color=alt.Color(
                "part:N",
                scale=alt.Scale(domain=list(_PARTS), range=list(_PARTS.values())),
                legend=alt.Legend(columns=3, offset=36, columnPadding=6, labelFontSize=11),
            ),
            tooltip=[
                alt.Tooltip("method:N"),
                alt.Tooltip("part:N"),
                alt.Tooltip("kib:Q", title="KiB", format=",.1f"),
            ],
        )
    )
    texts = alt.Chart(alt.NamedData("totals")).mark_text(align="left", dx=5, color=theme.ink)
    texts = texts.encode(x=x, y=y, text=alt.Text("kib:Q", format=",.0f"))
    floor = (
        alt.Chart(alt.NamedData("floor"))
        .mark_tick(color=theme.ink, thickness=2, size=32)
        .encode(x=x, y=y)
    )
    lines = (
        alt.Chart(alt.NamedData("lines"))
        .mark_rule(color=theme.line, strokeWidth=2)
        .encode(
            x=x,
            tooltip=[alt.Tooltip("text:N"), alt.Tooltip("kib:Q", title="KiB", format=",.0f")],
            strokeDash=alt.condition("datum.row === 0", alt.value([1, 0]), alt.value([4, 3])),
        )
    )
    words = alt.Chart(alt.NamedData("lines")).encode(x=x, text="text:N")
    named = [  # towards the middle of the picture, each on a row of its own: they are often close together
        words.transform_filter(
            f"datum.row === {row} && (datum.kib > end / 2) === {str(side == 'right').lower()}"
        )
        .mark_text(align=side, dx=-4 if side == "right" else 4, color=theme.line)
        .encode(y=alt.value(-8 - 13 * row))
        for row in (0, 1)
        for side in _SIDES
    ]
    chart = (
        alt.layer(bars, floor, lines, *named, texts)
        .add_params(end)
        .properties(width=WIDTH, height=44 * len(names) + 10)
    )
    return finish(
        chart,
        theme,
        "Memory on a device",
        "at the peak of one training step; tick: inference alone",
    )


def _draw_messages(theme: Theme, names: tuple[str, ...]) -> dict[str, Any]:
    end = alt.param(name="end", value=1.0)
    scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False)
    bars = (
        alt.Chart(alt.NamedData("bars"))
        .mark_bar()
        .encode(
            x=alt.X("kib:Q", title="KiB", scale=scale),
            y=_method_axis(names),
            yOffset=alt.YOffset("way:N", sort=None, scale=alt.Scale(domain=list(_MESSAGES))),
            color=alt.Color(
                "way:N", scale=alt.Scale(domain=list(_MESSAGES), range=list(_MESSAGES.values()))
            ),
            tooltip=[
                alt.Tooltip("method:N"),
                alt.Tooltip("way:N"),
                alt.Tooltip("kib:Q", title="KiB", format=",.1f"),
            ],
        )
    )
    chart = alt.layer(bars).add_params(end).properties(width=WIDTH, height=50 * len(names) + 10)
    return finish(
        chart, theme, "Bytes per client update", "what one participation sends and receives"
    )


def _draw_sent(theme: Theme, names: tuple[str, ...], until: str) -> dict[str, Any]:
    ways = list(_WAYS.values())
    bars = (
        alt.Chart(alt.NamedData("bars"))
        .mark_bar(height=26)
        .encode(
            x=alt.X("mib:Q", title="MiB, all devices together"),
            y=_method_axis(names),
            order="rank:Q",
            color=alt.Color(
                "way:N", scale=alt.Scale(domain=[w for w, _ in ways], range=[c for _, c in ways])
            ),
        )
    )
    return finish(
        bars.properties(width=WIDTH, height=44 * len(names) + 10), theme, "Bytes sent", until
    )


def _draw_subset(theme: Theme, title: str, tensors: tuple[str, ...], below: str) -> dict[str, Any]:
    y = alt.Y(
        "tensor:N",
        title=None,
        scale=alt.Scale(domain=list(tensors)),
        axis=alt.Axis(ticks=False, domain=False),
    )
    x_axis, x_scale = alt.Axis(format="%", grid=False), alt.Scale(domain=[0, 1])
    base = alt.Chart(alt.NamedData("tensors")).encode(
        y=y,
        tooltip=[alt.Tooltip("tensor:N"), alt.Tooltip("share:Q", title="trained", format=".0%")],
    )
    whole_bar = base.mark_bar(color=theme.faint).encode(
        x=alt.X("whole:Q", title=None, axis=x_axis, scale=x_scale)
    )
    bars = base.mark_bar(color=theme.line).encode(
        x=alt.X("share:Q", title=None, axis=x_axis, scale=x_scale)
    )
    chart = alt.layer(whole_bar, bars).properties(width=WIDTH, height=15 * len(tensors))
    return finish(chart, theme, title, below)
