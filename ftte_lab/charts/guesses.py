"""What a class predicted: one bar per choice, for the projector."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from ftte_lab._common import choice, require
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Figure, columns, template
from ftte_lab.charts.style import WIDTH, Theme, finish

_ROW = 44  # pixels of a choice
_LINE = 90  # characters of a choice
_MOST = 12  # choices


def guesses(
    counts: Mapping[str, int], question: str = "", *, measured: str | None = None
) -> Figure:
    """Draw how many students chose each answer.

    Args:
        counts: students by choice, in the order in which the choices were offered.
        question: what was asked.
        measured: the choice that turned out right, drawn darker; `None`: it stays a secret.

    Raises:
        ValueError: no choice or more than twelve, a negative count, or a `measured` that is none
            of the choices.

    Example:
        >>> guesses({"slower": 4, "faster": 11}, "How fast is FTTE?").alt_text
        'Predictions of 15 students: slower 4, faster 11.'
    """
    fits = 1 <= len(counts) <= _MOST
    require(fits, f"{len(counts)} choices", f"1 to {_MOST}")
    least = min(counts.values())
    require(least >= 0, f"{least} students", "0 or more")
    if measured is not None:
        choice("measured", measured, counts)
    total = sum(counts.values())
    rows = [
        (k, textwrap.shorten(name, _LINE, placeholder="…"), count, _words(count, name == measured))
        for k, (name, count) in enumerate(counts.items())
    ]
    right = -1 if measured is None else list(counts).index(measured)
    text = f"Predictions of {total} students: {', '.join(f'{n} {c}' for n, c in counts.items())}"
    text += "." if measured is None else f"; measured: {measured}."
    drawing = template(_draw, question or "Predictions", len(rows), right, total)
    return Figure(drawing, {"choices": columns(("place", "name", "count", "text"), rows)}, text)


def _words(count: int, right: bool) -> str:
    return f"{count}, measured" if right else str(count)


def _draw(theme: Theme, question: str, rows: int, right: int, total: int) -> dict[str, Any]:
    # Choices stand above their bars: some are long, and all must be legible from the last row.
    y = alt.Y("place:O", axis=None, scale=alt.Scale(paddingInner=0.55, paddingOuter=0.3))
    x = alt.X("count:Q", axis=None, scale=alt.Scale(domain=[0, max(1, total)], nice=False))
    shade = alt.condition(
        f"datum.place === {right}", alt.value(theme.line), alt.value(theme.download)
    )
    base = alt.Chart(alt.NamedData("choices"))
    above: Any = {"align": "left", "baseline": "bottom", "dx": 2}
    layers = [
        base.mark_bar(height=16).encode(x=x, y=y, color=shade),
        base.mark_text(**above, dy=-11, fontSize=13, color=theme.ink).encode(
            x=alt.value(0), y=y, text="name:N"
        ),
        base.mark_text(align="left", dx=6, fontSize=13, fontWeight="bold", color=theme.ink).encode(
            x=x, y=y, text="text:N"
        ),
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=_ROW * rows)
    return finish(chart, theme, question, f"{total} predictions")
