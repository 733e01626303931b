"""The look of all charts: two themes, one colour and one dash per method, one colour and one shape per device kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt

from ftte_lab.devices import CATALOGUE

WIDTH = 620
LABELS = {"fedavg": "FedAvg", "fedbuff": "FedBuff", "ftte": "FTTE", "fedasync": "FedAsync"}
DASHES = {"fedavg": [9, 4], "fedbuff": [3, 3], "ftte": [1, 0], "fedasync": [9, 3, 2, 3]}
_SPARE = ("#CC79A7", "#56B4E9", "#8A8A8A", "#A0722A")
_SPARE_DASHES = ([5, 2], [12, 4], [2, 2], [6, 2, 1, 2])
_FREE_DASHES = ([1, 0], [9, 4], [3, 3], [9, 3, 2, 3])


@dataclass(frozen=True)
class Theme:
    """Colours of one background. Okabe and Ito's, told apart with any kind of colour vision, and in grey."""

    name: str
    ink: str
    soft: str
    grid: str
    faint: str  # what is there but does not count
    methods: tuple[tuple[str, str], ...]
    download: str
    compute: str
    upload: str
    line: str  # what to look at first: a budget, a server step


LIGHT = Theme(
    "light",
    "#333333",
    "#8A8A8A",
    "#ECECEC",
    "#DADADA",
    (("fedavg", "#0072B2"), ("fedbuff", "#B97A00"), ("ftte", "#D55E00"), ("fedasync", "#009E73")),
    "#9CC5E3",
    "#0072B2",
    "#E69F00",
    "#D55E00",
)
DARK = Theme(
    "dark",
    "#E4E4E4",
    "#9A9A9A",
    "#3A3A3A",
    "#4A4A4A",
    (("fedavg", "#56B4E9"), ("fedbuff", "#F0C040"), ("ftte", "#FF8A3D"), ("fedasync", "#2CCFA0")),
    "#3E6C8E",
    "#56B4E9",
    "#E69F00",
    "#FF8A3D",
)
THEMES: Mapping[str, Theme] = {"light": LIGHT, "dark": DARK}

# Paul Tol's muted colours, and a shape each: colour is never the only channel.
KIND_COLOURS = dict(
    zip(
        CATALOGUE,
        ("#44AA99", "#88CCEE", "#AA4499", "#CC6677", "#6F9D3C", "#D0587E", "#B8A542", "#B5B02C"),
        strict=True,
    )
)
KIND_SHAPES = dict(
    zip(
        CATALOGUE,
        (
            "circle",
            "diamond",
            "square",
            "cross",
            "triangle-down",
            "triangle-left",
            "triangle-right",
            "triangle-up",
        ),
        strict=True,
    )
)


def label(name: str) -> str:
    """A method's name as people write it; what follows the name ("ftte 2") stays."""
    first, space, rest = name.partition(" ")
    return LABELS.get(first, first) + space + rest


def method_scales(names: tuple[str, ...], theme: Theme) -> tuple[alt.Scale, alt.Scale]:
    """Colour and dash scales over labels: each method always looks the same."""
    known = dict(theme.methods)
    free = not any(
        n in known for n in names
    )  # no method among them: their strong colours are to be had
    spare = iter(((*known.values(),) if free else ()) + _SPARE * len(names))
    dashes = iter((_FREE_DASHES if free else ()) + _SPARE_DASHES * len(names))
    domain = [label(n) for n in names]
    colour = alt.Scale(domain=domain, range=[known.get(n) or next(spare) for n in names])
    return colour, alt.Scale(domain=domain, range=[DASHES.get(n) or next(dashes) for n in names])


def kind_scales(kinds: tuple[str, ...]) -> tuple[alt.Scale, alt.Scale]:
    """Colour and shape scales over device kinds."""
    colours = [KIND_COLOURS.get(kind, "#8A8A8A") for kind in kinds]
    shapes = [KIND_SHAPES.get(kind, "circle") for kind in kinds]
    return alt.Scale(domain=list(kinds), range=colours), alt.Scale(domain=list(kinds), range=shapes)


def finish(chart: Any, theme: Theme, title: str, subtitle: str | list[str] = "") -> dict[str, Any]:
    """The finished spec: a title that says what is seen, quiet axes, no frame."""
    text = alt.TitleParams(title, subtitle=subtitle or alt.Undefined, anchor="start", offset=10)
    ready = (
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
    return ready.to_dict()
