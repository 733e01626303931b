"""What each idea buys: one row per rung from one method to another, one column per cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftte_lab._common import number, require
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Figure, columns, template
from ftte_lab.charts.palette import method_scales
from ftte_lab.charts.style import Theme, finish
from ftte_lab.simulation import History

_COSTS = ("seconds to {target}", "peak memory, KiB", "KiB per update", "accuracy at the end, %")
_WIDTH, _ROW, _GAP = 112, 26, 34  # pixels of a column, of a row, between two columns
_ROOM = 1.35  # times the longest bar, so that its number stands beside it


def ladder(rungs: Mapping[str, History], beside: Mapping[str, History], *, target: float) -> Figure:
    """Draw time, memory, bytes and accuracy of each rung, and of runs to compare with.

    Args:
        rungs: by a name of its own, the runs from the first rung to the last.
        beside: runs that stand below them, in grey.
        target: test accuracy, 0 to 1, to which the runs are timed.

    Raises:
        ValueError: no rung, a name twice, or a target outside 0 to 1.
    """
    require(bool(rungs), "no rung to draw", "at least one")
    twice = sorted(set(rungs) & set(beside))
    require(not twice, f"two rows have the name {twice}", "names of their own")
    number("target", target, 0, 1)
    costs = {name: _costs(one, target) for name, one in {**rungs, **beside}.items()}
    found = [
        (name, cost, value, "" if value is None else f"{value:,.{digits}f}", name in rungs)
        for name, values in costs.items()
        for cost, value, digits in zip(_COSTS, values, (0, 0, 1, 0), strict=True)
    ]
    rows = [(n, c, v or 0.0, text or "not reached", own) for n, c, v, text, own in found]
    ends = {
        f"end{k}": max(_ROOM * max(row[2] for row in rows if row[1] == cost), 1e-3)
        for k, cost in enumerate(_COSTS)
    }
    data = {"bars": columns(("rung", "cost", "value", "text", "own"), rows)}
    clauses = [_in_words(name, values) for name, values in costs.items()]
    text = f"What each rung costs, and reaches ({100 * target:.0f} % is the target): "
    drawing = template(_draw, tuple(costs), f"{100 * target:.0f} %")
    return Figure(drawing, data, f"{text}{'; '.join(clauses)}.", ends)


def _costs(history: History, target: float) -> tuple[float | None, ...]:
    facts = history.facts
    return (
        history.time_to(target),
        facts["peak_memory_bytes"] / 1024,
        facts["upload_bytes_per_update"] / 1024,
        100 * history.final(),
    )


def _in_words(name: str, values: tuple[float | None, ...]) -> str:
    seconds, peak, sent, accuracy = values
    reached = "not reached" if seconds is None else f"{seconds:.0f} s"
    return f"{name} {reached}, {peak:.0f} KiB, {sent:.1f} KiB sent, {accuracy:.0f} %"


def _draw(theme: Theme, names: tuple[str, ...], target: str) -> dict[str, Any]:
    parts = [_column(theme, names, k, target) for k in range(len(_COSTS))]
    ends = [alt.param(name=f"end{k}", value=1.0) for k in range(len(_COSTS))]
    chart = alt.hconcat(*parts, spacing=_GAP).add_params(*ends)
    return finish(chart, theme, "What each idea buys", "each row switches on one more idea")


def _column(theme: Theme, names: tuple[str, ...], k: int, target: str) -> Any:
    """Return the bars of one cost with their numbers; only the first column names the rows."""
    labels = alt.Axis(title=None, ticks=False, domain=False, labelLimit=200) if k == 0 else None
    scale = alt.Scale(domain={"expr": f"[0, end{k}]"}, nice=False)
    y = alt.Y("rung:N", sort=None, scale=alt.Scale(domain=list(names)), axis=labels)
    title = _COSTS[k].format(target=target)
    bare = alt.Axis(labels=False, ticks=False, grid=False)
    x = alt.X("value:Q", title=title, scale=scale, axis=bare)
    colours: Any = method_scales(("ftte",), theme)[0]
    colour = alt.condition("datum.own", alt.value(colours.range[0]), alt.value(theme.soft))
    rows = alt.Chart(alt.NamedData("bars")).transform_filter(alt.datum.cost == _COSTS[k])
    bars = rows.mark_bar(height=14).encode(x=x, y=y, color=colour)
    words = rows.mark_text(align="left", dx=4, fontSize=12, color=theme.ink)
    words = words.encode(x=x, y=y, text="text:N")
    return alt.layer(bars, words).properties(width=_WIDTH, height=_ROW * len(names))
