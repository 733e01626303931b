"""Memory: what a training step holds at its peak, against what a device has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt

from ftte_lab._common import integer, require, size
from ftte_lab.charts.figure import Columns, Figure, columns, template
from ftte_lab.charts.palette import label
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.devices import MemoryBill, lever_bills
from ftte_lab.models import Model, Subset

_PARTS = {
    "weights": "#7F7F7F",
    "batch": "#BDBDBD",
    "optimiser state": "#CC79A7",
    "stored activations": "#0072B2",
    "gradients": "#E69F00",
    "this step's activations": "#56B4E9",
    "client correction": "#009E73",
}
_FAR = 1.5  # times the longest bar: a mark beyond is drawn at the edge, with an arrow
_NAME_ROWS = 3
_SIDES: tuple[tuple[Literal["left", "right"], int, str], ...] = (
    ("left", 4, "<="),
    ("right", -4, ">"),
)
_X_TITLE = "KiB at the peak of one training step"
_TITLES = ("Memory on a device", "at the peak of one training step; tick: inference alone")
_TITLES_OF_LEVERS = (
    "Three levers for the memory of a training step",
    "micro-batches and blocks run again leave the gradient as it is; tick: inference alone",
)


def memory(
    bills: Mapping[str, MemoryBill],
    *,
    budget_bytes: int | None = None,
    device: str = "the weakest device",
    marks: Mapping[str, int] | None = None,
) -> Figure:
    """Draw the peak of a training step per method, by what it holds, against the budget.

    Args:
        bills: memory bills by method name.
        budget_bytes: what the device may use at once (bytes).
        device: whose budget it is.
        marks: other amounts to mark, in bytes by name, such as the memory of a device kind.

    Raises:
        ValueError: no bill, or a budget below 1.

    Example:
        >>> from ftte_lab.devices import training_bill
        >>> from ftte_lab.models import build, full, head
        >>> net = build("mlp", (1, 8, 8), 10)
        >>> bills = {
        ...     "fedavg": training_bill(net, full(net), batch=8),
        ...     "ftte": training_bill(net, head(net), batch=8),
        ... }
        >>> figure = memory(bills, budget_bytes=40 * 1024)
        >>> sorted({row["method"] for row in figure.rows("bars")})
        ['FTTE', 'FedAvg']
    """
    return _figure(bills, (*_TITLES, _NAME_ROWS), budget_bytes, device, marks or {})


def levers(
    model: Model,
    subset: Subset,
    batch: int,
    *,
    micro_batch: int = 1,
    accounting: str = "pytorch",
    momentum: float = 0.0,
    budget_bytes: int | None = None,
    device: str = "the weakest device",
) -> Figure:
    """Draw what each lever saves of a training step's memory, and what they save together.

    A tick marks inference alone, on as many samples as the step passes at once.

    Args:
        model: the net.
        subset: what is trained where not everything is.
        batch: samples of the step.
        micro_batch: samples at once where not all are.
        accounting: bytes per entry, as in `devices.training_bill`.
        momentum: of the local optimiser.
        budget_bytes: what the device may use at once (bytes).
        device: whose budget it is.

    Raises:
        ValueError: as `devices.training_bill`, or a budget below 1.

    Example:
        >>> from ftte_lab.models import build, head
        >>> net = build("cnn", (1, 8, 8), 10)
        >>> figure = levers(net, head(net), 8, budget_bytes=170 * 1024)
        >>> len({row["method"] for row in figure.rows("bars")})
        6
    """
    bills = lever_bills(
        model, subset, batch, micro_batch=micro_batch, accounting=accounting, momentum=momentum
    )
    return _figure(bills, (*_TITLES_OF_LEVERS, 1), budget_bytes, device, {})


def _figure(
    bills: Mapping[str, MemoryBill],
    head: tuple[str, str, int],
    budget_bytes: int | None,
    device: str,
    marks: Mapping[str, int],
) -> Figure:
    """Return the figure; its head are title, subtitle, and rows for the names of amounts."""
    require(bool(bills), "no bill to draw", "at least one")
    longest = max(bill.peak_bytes for bill in bills.values()) / 1024
    lines = _lines(_amounts(budget_bytes, device, marks), _FAR * longest)
    data = {**_bars(bills), "lines": columns(("text", "kib", "row"), lines)}
    signals = {"end": 1.12 * max([longest, 1.0, *data["lines"]["kib"]])}
    held = {part for bill in bills.values() for part, value in bill.parts().items() if value}
    parts = tuple(part for part in _PARTS if part in held)
    drawing = template(_draw, head, tuple(label(name) for name in bills), parts)
    return Figure(drawing, data, _sentence(bills, budget_bytes, device), signals)


def _amounts(budget: int | None, device: str, marks: Mapping[str, int]) -> dict[str, int]:
    """Return the amounts to mark by their text, the budget first."""
    amounts = {f"{name}: {size(value)}": value for name, value in marks.items()}
    if budget is None:
        return amounts
    integer("budget_bytes", budget, 1)
    return {f"budget of {device}: {size(budget)}": budget, **amounts}


def _lines(amounts: Mapping[str, int], far: float) -> list[tuple[str, float, int]]:
    """Return text, KiB and row of each mark; one far beyond the bars stands at the edge."""
    kib = [(text, value / 1024) for text, value in amounts.items()]
    return [
        (text if at <= far else f"{text} →", min(at, far), row % _NAME_ROWS)
        for row, (text, at) in enumerate(kib)
    ]


def _bars(bills: Mapping[str, MemoryBill]) -> dict[str, Columns]:
    parts = [
        (label(name), part, value / 1024, rank)
        for name, bill in bills.items()
        for rank, (part, value) in enumerate(bill.parts().items())
        if value
    ]
    totals = [(label(name), bill.peak_bytes / 1024) for name, bill in bills.items()]
    floor = [(label(name), bill.inference_peak_bytes / 1024) for name, bill in bills.items()]
    return {
        "bars": columns(("method", "part", "kib", "rank"), parts),
        "totals": columns(("method", "kib"), totals),
        "floor": columns(("method", "kib"), floor),
    }


def _sentence(bills: Mapping[str, MemoryBill], budget: int | None, device: str) -> str:
    amounts = [
        f"{label(name)} {size(b.peak_bytes)} (inference alone {size(b.inference_peak_bytes)})"
        for name, b in bills.items()
    ]
    line = f"; the line marks {size(budget)}, the budget of {device}" if budget else ""
    return f"Stacked bars of peak memory: {', '.join(amounts)}{line}."


def method_axis(labels: Sequence[str]) -> alt.Y:
    """Return the vertical axis of bars: a row per method, in the order of the data."""
    axis = alt.Axis(labelFontSize=13, ticks=False, domain=False)
    scale = alt.Scale(domain=list(labels))
    return alt.Y("method:N", sort=None, title=None, axis=axis, scale=scale)


def _draw(
    theme: Theme, head: tuple[str, str, int], labels: tuple[str, ...], parts: tuple[str, ...]
) -> dict[str, Any]:
    y, end = method_axis(labels), alt.param(name="end", value=1.0)
    scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False)
    x = alt.X("kib:Q", title=_X_TITLE, scale=scale)
    totals = alt.Chart(alt.NamedData("totals")).mark_text(align="left", dx=5, color=theme.ink)
    totals = totals.encode(x=x, y=y, text=alt.Text("kib:Q", format=",.0f"))
    floor = alt.Chart(alt.NamedData("floor")).mark_tick(color=theme.ink, thickness=2, size=32)
    title, below, rows = head
    layers = [_stack(parts, scale, y, rows), floor.encode(x=x, y=y), *_marks(theme, x), totals]
    chart = alt.layer(*layers).add_params(end)
    chart = chart.properties(width=WIDTH, height=44 * len(labels) + 10)
    return finish(chart, theme, title, below)


def _stack(parts: tuple[str, ...], scale: alt.Scale, y: alt.Y, rows: int) -> alt.Chart:
    colours = alt.Scale(domain=list(parts), range=[_PARTS[part] for part in parts])
    legend = alt.Legend(columns=2, offset=10 + 13 * rows, columnPadding=6, labelFontSize=11)
    tooltip = [
        alt.Tooltip("method:N"),
        alt.Tooltip("part:N"),
        alt.Tooltip("kib:Q", title="KiB", format=",.1f"),
    ]
    bars = alt.Chart(alt.NamedData("bars")).mark_bar(height=26)
    return bars.encode(
        x=alt.X("kib:Q", title=_X_TITLE, scale=scale, stack="zero"),
        y=y,
        order="rank:Q",
        color=alt.Color("part:N", scale=colours, legend=legend),
        tooltip=tooltip,
    )


def _marks(theme: Theme, x: alt.X) -> list[alt.Chart]:
    """Return a rule per amount, and its name towards the middle of the picture, in its own row."""
    tooltip = [alt.Tooltip("text:N"), alt.Tooltip("kib:Q", title="KiB", format=",.0f")]
    dash = alt.condition("datum.row === 0", alt.value([1, 0]), alt.value([4, 3]))
    rules = alt.Chart(alt.NamedData("lines")).mark_rule(color=theme.line, strokeWidth=2)
    layers = [rules.encode(x=x, tooltip=tooltip, strokeDash=dash)]
    for row in range(_NAME_ROWS):
        for align, dx, side in _SIDES:
            names = alt.Chart(alt.NamedData("lines")).transform_filter(
                f"datum.row === {row} && datum.kib {side} end / 2"
            )
            text = names.mark_text(align=align, dx=dx, color=theme.line)
            layers.append(text.encode(x=x, text="text:N", y=alt.value(-8 - 13 * row)))
    return layers
