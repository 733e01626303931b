"""The style that all charts share: two themes, and quiet axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt

WIDTH = 620
"""Width of a printed chart, in pixels."""


@dataclass(frozen=True)
class Theme:
    """The colours of one background, after Okabe and Ito: distinguishable also in grey.

    Attributes:
        name: `light` or `dark`.
        ink: text.
        soft: axes and rules.
        grid: grid lines, and empty places.
        faint: what is there but does not count.
        download, compute, upload: the phases of a participation.
        line: what matters most, such as a budget or a server step.
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


LIGHT = Theme(
    name="light",
    ink="#333333",
    soft="#8A8A8A",
    grid="#ECECEC",
    faint="#DADADA",
    download="#9CC5E3",
    compute="#0072B2",
    upload="#E69F00",
    line="#D55E00",
)
DARK = Theme(
    name="dark",
    ink="#E4E4E4",
    soft="#9A9A9A",
    grid="#3A3A3A",
    faint="#4A4A4A",
    download="#3E6C8E",
    compute="#56B4E9",
    upload="#E69F00",
    line="#FF8A3D",
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
