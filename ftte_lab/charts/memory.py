"""Memory: what a training step holds at its peak, against what a device has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ftte_lab._common import integer, require, size
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Columns, Figure, columns, template
from ftte_lab.charts.palette import label, method_scales
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.devices import MemoryBill, lever_bills
from ftte_lab.models import Model, Subset
from ftte_lab.simulation import METHODS

_PARTS = {  # how strongly each is filled with the method's colour
    "weights": 0.3,
    "batch": 0.18,
    "optimiser state": 0.45,
    "stored activations": 1.0,
    "gradients": 0.6,
    "this step's activations": 0.25,
    "client correction": 0.8,
}
_FAR = 1.5  # times the longest bar: a mark beyond is drawn at the edge, with an arrow
_NAME_ROWS = 3
_TOO_MUCH = ": does not fit"
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
    data = {**_bars(bills, budget_bytes), "lines": columns(("text", "kib", "row"), lines)}
    words = 1.3 if any(row.endswith(_TOO_MUCH) for row in data["totals"]["text"]) else 1.12
    signals = {"end": words * max([longest, 1.0, *data["lines"]["kib"]])}
    held = {part for bill in bills.values() for part, value in bill.parts().items() if value}
    parts = tuple(part for part in _PARTS if part in held)
    drawing = template(_draw, head, tuple(bills), parts)
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


def _bars(bills: Mapping[str, MemoryBill], budget: int | None) -> dict[str, Columns]:
    parts = [
        (label(name), part, value / 1024, rank, _PARTS[part])
        for name, bill in bills.items()
        for rank, (part, value) in enumerate(bill.parts().items())
        if value
    ]
    totals = []
    for name, bill in bills.items():
        over = budget is not None and bill.peak_bytes > budget
        text = f"{bill.peak_bytes / 1024:,.0f}{_TOO_MUCH if over else ''}"
        totals.append((label(name), bill.peak_bytes / 1024, text))
    floor = [(label(name), bill.inference_peak_bytes / 1024) for name, bill in bills.items()]
    return {
        "bars": columns(("method", "part", "kib", "rank", "strength"), parts),
        "totals": columns(("method", "kib", "text"), totals),
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
    theme: Theme, head: tuple[str, str, int], names: tuple[str, ...], parts: tuple[str, ...]
) -> dict[str, Any]:
    y, end = method_axis([label(name) for name in names]), alt.param(name="end", value=1.0)
    scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False)
    x = alt.X("kib:Q", title=_X_TITLE, scale=scale)
    totals = alt.Chart(alt.NamedData("totals")).mark_text(align="left", dx=5, color=theme.ink)
    totals = totals.encode(x=x, y=y, text="text:N")
    floor = alt.Chart(alt.NamedData("floor")).mark_tick(color=theme.ink, thickness=2, size=32)
    title, below, rows = head
    strengths = {part: _PARTS[part] for part in parts}
    look = {"columns": 2, "offset": 10 + 13 * rows, "columnPadding": 6, "labelFontSize": 11}
    layers = [
        _stack(theme, names, scale, y),
        key(theme, "part", strengths, **look),
        floor.encode(x=x, y=y),
        *_marks(theme, x),
        totals,
    ]
    chart = alt.layer(*layers).add_params(end)
    chart = chart.properties(width=WIDTH, height=44 * len(names) + 10)
    return finish(chart, theme, title, below)


def key(theme: Theme, column: str, parts: Mapping[str, float], **look: Any) -> alt.Chart:
    """Return an invisible layer of the bars, whose legend explains how strongly parts are filled.

    Args:
        theme: of the page.
        column: of the data set `bars`, with the names of the parts.
        parts: their strengths, from 0 to 1.
        **look: of the legend.
    """
    shades = [_mixed(theme.ink, theme.page, strength) for strength in parts.values()]
    scale = alt.Scale(domain=list(parts), range=shades)
    own: dict[str, Any] = {"symbolType": "square", "symbolSize": 130, "symbolOpacity": 1}
    own |= {"symbolStrokeColor": theme.ink, "symbolStrokeWidth": 1, **look}
    bars = alt.Chart(alt.NamedData("bars")).mark_point(opacity=0, filled=True)
    return bars.encode(color=alt.Color(f"{column}:N", scale=scale, legend=alt.Legend(**own)))


def _mixed(colour: str, page: str, strength: float) -> str:
    """Return a colour that covers the page with a strength from 0 to 1."""
    above, below = ([int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in (colour, page))
    pairs = zip(above, below, strict=True)
    return "#" + "".join(f"{round(strength * a + (1 - strength) * b):02X}" for a, b in pairs)


def _stack(
    theme: Theme,
    names: tuple[str, ...],
    scale: alt.Scale,
    y: alt.Y,
) -> alt.Chart:
    tooltip = [
        alt.Tooltip("method:N"),
        alt.Tooltip("part:N"),
        alt.Tooltip("kib:Q", title="KiB", format=",.1f"),
    ]
    bars = alt.Chart(alt.NamedData("bars")).mark_bar(height=26, strokeWidth=1)
    colours, _ = method_scales(names, theme)
    one = alt.value(theme.ink)
    known = any(name in METHODS for name in names)
    return bars.encode(
        x=alt.X("kib:Q", title=_X_TITLE, scale=scale, stack="zero"),
        y=y,
        order="rank:Q",
        fill=alt.Fill("method:N", scale=colours, legend=None) if known else one,
        stroke=alt.Stroke("method:N", scale=colours, legend=None) if known else one,
        fillOpacity=alt.FillOpacity("strength:Q", scale=None),
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
