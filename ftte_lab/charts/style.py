"""The style that all charts share: two themes, and quiet axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftte_lab.charts.altair_import import alt

WIDTH = 620
"""Width of a printed chart, in pixels."""


@dataclass(frozen=True)
class Theme:
    """The greys of one background. Colour is for methods and kinds of devices alone.

    Attributes:
        name: `light` or `dark`.
        ink: text.
        soft: axes and rules.
        grid: grid lines, and empty places.
        faint: what is there but does not count.
        download, compute, upload: the phases of a participation.
        line: what matters most, such as a budget or a server step.
        page: the background.
    """

    name: str
    ink: str
    soft: str
    grid: str
    faint: str
    download: str
    compute: str
    upload: str
    line: str
    page: str


LIGHT = Theme(
    name="light",
    ink="#333333",
    soft="#707070",
    grid="#ECECEC",
    faint="#D4D4D4",
    download="#949494",
    compute="#333333",
    upload="#6A6A6A",
    line="#111111",
    page="#FFFFFF",
)
DARK = Theme(
    name="dark",
    ink="#E4E4E4",
    soft="#A5A5A5",
    grid="#3A3A3A",
    faint="#4A4A4A",
    download="#6E6E6E",
    compute="#E4E4E4",
    upload="#A5A5A5",
    line="#FFFFFF",
    page="#111111",
)
THEMES: Mapping[str, Theme] = {"light": LIGHT, "dark": DARK}


def finish(chart: Any, theme: Theme, title: str, subtitle: str | list[str] = "") -> dict[str, Any]:
    """Return the finished spec: a title that names what is shown, quiet axes, no frame."""
    text = alt.TitleParams(title, subtitle=subtitle or alt.Undefined, anchor="start", offset=10)
    styled = (
        chart.properties(title=text)
        .configure_view(stroke=None)
        .configure_axis(
            gridColor=theme.grid,
            domainColor=theme.soft,
            tickColor=theme.soft,
            labelColor=theme.ink,
            titleColor=theme.ink,
            titleFontWeight="normal",
            labelFontSize=12,
            titleFontSize=12,
        )
        .configure_title(
            fontSize=15, subtitleFontSize=12, color=theme.ink, subtitleColor=theme.soft
        )
        .configure_legend(
            orient="top",
            title=None,
            labelFontSize=12,
            labelColor=theme.ink,
            symbolStrokeWidth=3,
            labelLimit=160,
        )
    )
    return _plain_spec(styled)


def _plain_spec(chart: Any) -> dict[str, Any]:
    """Return a chart's spec as it is without the user's theme, renderer or data transformer.

    They belong to the whole session, and other threads may draw the user's charts meanwhile. So
    nothing is switched: the chart is written as a part of another one, which takes none of them.
    """
    spec: dict[str, Any] = chart.to_dict(context={"top_level": False, "pre_transform": False})
    view = {"continuousWidth": 300, "continuousHeight": 300}
    config = dict(spec.pop("config", {}))
    config["view"] = view | config.get("view", {})
    return {"config": config, **spec, "$schema": alt.SCHEMA_URL}
