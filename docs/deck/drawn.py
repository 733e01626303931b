"""A chart of the deck with its facts, and bars with their numbers beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ftte_lab.charts import Figure, Template

QUIET, STRONG, FTTE = "#949494", "#333333", "#C44A00"
Row = tuple[str, float, str, str]
"""Label, value, the value as text, and colour."""


@dataclass(frozen=True)
class Drawn:
    """A chart, and what its slide says in numbers.

    Attributes:
        figure: the chart.
        facts: numbers for the placeholders of the source.
    """

    figure: Figure
    facts: Mapping[str, Any] = field(default_factory=dict)


def bars(panels: Mapping[str, Sequence[Row]], alt_text: str, *, wide: int = 620) -> Figure:
    """Draw horizontal bars, a panel per group, each bar with its number at its end.

    Args:
        panels: rows by title of the panel; one title may be empty.
        alt_text: the sentence for readers who cannot see it.
        wide: pixels of all panels together.
    """
    data, drawn = {}, []
    for k, (title, rows) in enumerate(panels.items()):
        names = ("label", "value", "text", "colour")
        data[f"bars{k}"] = {
            **{name: [row[i] for row in rows] for i, name in enumerate(names)},
            "at": [max(row[1], 0.0) for row in rows],  # beside a bar to the left, not on it
        }
        most = max(max(row[1] for row in rows), 1e-9)
        least = min(0.0, min(row[1] for row in rows))
        place = (wide // len(panels), max(44, 200 // len(rows)))
        drawn.append(_panel(f"bars{k}", title, place, (least, 1.45 * most), k == 0))
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "hconcat": drawn,
        "spacing": 30,
        "config": {"view": {"stroke": None}},
    }
    return Figure(Template(spec, spec), data, alt_text)


def _panel(
    name: str, title: str, place: tuple[int, int], domain: tuple[float, float], first: bool
) -> dict[str, Any]:
    axis = {"title": None, "ticks": False, "domain": False, "labelLimit": 400, "labelPadding": 8}
    y = {"field": "label", "type": "nominal", "sort": None, "axis": axis if first else None}
    x = {
        "field": "value",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": list(domain), "nice": False},
    }
    colour = {"field": "colour", "type": "nominal", "scale": None}
    text = {"type": "text", "align": "left", "dx": 5, "fontWeight": "bold", "fontSize": 13}
    return {
        "data": {"name": name},
        "width": place[0],
        "height": {"step": place[1]},
        "title": {"text": title, "anchor": "start", "fontSize": 13, "offset": 8},
        "encoding": {"y": y, "x": x},
        "layer": [
            {"mark": {"type": "bar", "height": 0.62 * place[1]}, "encoding": {"color": colour}},
            {
                "mark": text,
                "encoding": {
                    "text": {"field": "text", "type": "nominal"},
                    "x": {**x, "field": "at"},
                },
            },
        ],
    }
