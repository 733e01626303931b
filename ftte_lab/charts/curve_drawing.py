"""The drawing of the curves: layers from the back to the front, without numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.curve_axes import CURVE_HEIGHT
from ftte_lab.charts.palette import method_scales
from ftte_lab.charts.style import WIDTH, Theme, finish

_SIGNALS = {"x_end": 1.0, "y_low": 0.0, "y_high": 1.0, "per_unit": 0.0, "room": 0.0}
_RAW_OPACITY = 0.3
_PLOT = "width - min(room, 0.42 * width)"  # the rest is for the names at the ends of the lines
_NARROW = "width < 420"
_BREAK = "M-1,-.1L1,-.7M-1,.7L1,.1"  # two strokes across a cropped axis
_HALO = 3.5


@dataclass(frozen=True)
class _Channels:
    """The encodings that the layers share."""

    x: alt.X
    y: alt.Y
    low: alt.Y
    at: alt.Y
    colour: alt.Color
    stroke: alt.Stroke
    dash: alt.StrokeDash
    tooltip: list[alt.Tooltip]


def draw(
    theme: Theme, x_title: str, y_title: str, is_loss: bool, below: str, names: tuple[str, ...]
) -> dict[str, Any]:
    """Return the spec of the curves. `per_unit` is the seconds per unit of a time axis, else 0."""
    params = [alt.param(name=name, value=value) for name, value in _SIGNALS.items()]
    channels = _channels(x_title, y_title, is_loss, names, theme)
    layers = [*_behind(channels), *_in_front(theme, channels), *_words(theme, channels)]
    chart = alt.layer(*layers).add_params(*params)
    title = y_title[0].upper() + y_title[1:]
    subtitle = f"over {x_title.split(',')[0]}; {below}"
    return finish(chart.properties(width=WIDTH, height=CURVE_HEIGHT), theme, title, subtitle)


def _channels(
    x_title: str, y_title: str, is_loss: bool, names: tuple[str, ...], theme: Theme
) -> _Channels:
    plot: Any = [0, alt.ExprRef(_PLOT)]
    x_scale = alt.Scale(domain={"expr": "[0, x_end]"}, nice=False, clamp=True, range=plot)
    y_scale = alt.Scale(domain={"expr": "[y_low, y_high]"}, nice=False, zero=False)
    y_axis = alt.Axis(format=alt.Undefined if is_loss else "%", tickCount=6)
    colours, dashes = method_scales(names, theme)
    x_axis = alt.Axis(grid=False, tickCount=8, titleAnchor="start")
    return _Channels(
        x=alt.X("x:Q", title=x_title, scale=x_scale, axis=x_axis),
        y=alt.Y("y:Q", title=y_title, scale=y_scale, axis=y_axis),
        low=alt.Y("low:Q", title=y_title, scale=y_scale, axis=y_axis),
        at=alt.Y("at:Q", title=y_title, scale=y_scale, axis=y_axis),
        colour=alt.Color("arm:N", scale=colours, legend=None),
        stroke=alt.Stroke("arm:N", scale=colours, legend=None),
        dash=alt.StrokeDash("arm:N", scale=dashes, legend=None),
        tooltip=[
            alt.Tooltip("arm:N", title="method"),
            alt.Tooltip("x:Q", title=x_title, format=",.1f"),
            alt.Tooltip("y:Q", title=y_title, format=".2f" if is_loss else ".1%"),
        ],
    )


def _part(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name))


def _behind(c: _Channels) -> list[alt.Chart]:
    """Return the bands of seeds, raw points, and pinned runs."""
    band = _part("band").mark_area(opacity=0.18, clip=True)
    raw = _part("raw").mark_line(strokeWidth=1, opacity=_RAW_OPACITY, clip=True)
    pinned = _part("pinned").mark_line(strokeWidth=1.2, clip=True)
    each = ["seed:N", "letter:N"]
    return [
        band.encode(x=c.x, y=c.low, y2="high:Q", color=c.colour),
        raw.encode(x=c.x, y=c.y, color=c.colour),
        pinned.encode(x=c.x, y=c.y, color=c.colour, strokeDash=c.dash, detail=each),
    ]


def _in_front(theme: Theme, c: _Channels) -> list[alt.Chart]:
    """Return curves, letters of pinned runs, the target with its drops, a replay's moment."""
    dot: Any = {"filled": True, "opacity": 1, "clip": True}
    bold = _part("curves").mark_line(strokeWidth=2.5, clip=True)
    target = _part("target").mark_rule(strokeDash=[4, 4], color=theme.soft)
    drop = _part("drops").mark_rule(strokeDash=[2, 3], strokeWidth=1.3)
    reached = _part("reached").mark_point(size=110, stroke=theme.page, **dot)
    ring = _part("rings").mark_point(
        filled=True, fill=theme.page, size=150, strokeWidth=1.4, opacity=1
    )
    letter = _part("rings").mark_text(fontSize=10, fontWeight="bold", dy=0.5)
    rule = _part("rule").mark_rule(color=theme.soft, strokeWidth=1)
    now = _part("now").mark_point(size=70, stroke=theme.ink, **dot)
    return [
        target.encode(x=c.x, x2="x2:Q", y=c.y),
        drop.encode(x=c.x, y=c.y, y2="floor:Q", color=c.colour),
        bold.encode(x=c.x, y=c.y, color=c.colour, strokeDash=c.dash, tooltip=c.tooltip),
        ring.encode(x=c.x, y=c.y, stroke=c.stroke),
        letter.encode(x=c.x, y=c.y, color=c.colour, text="letter:N"),
        reached.encode(x=c.x, y=c.y, color=c.colour),
        rule.encode(x=c.x),
        now.encode(x=c.x, y=c.y, color=c.colour),
    ]


def _words(theme: Theme, c: _Channels) -> list[alt.Chart]:
    """Return what is written: the names, the target, the times, and that an axis is cropped."""
    size = alt.ExprRef(f"datum.bold ? ({_NARROW} ? 11 : 13) : 11")
    weight = alt.ExprRef("datum.bold ? 'bold' : 'normal'")
    beside: Any = {"align": "left", "dx": 9, "fontSize": size, "fontWeight": weight}
    below: Any = {"align": alt.ExprRef("datum.side"), "fontSize": 11, "fontWeight": "bold"}
    below |= {"dx": alt.ExprRef("datum.side === 'left' ? 4 : -4")}
    goal: Any = {"align": "left", "dx": 4, "dy": -6, "fontSize": 11}
    cut = _part("cut").mark_text(align="left", fontSize=11, color=theme.soft, dx=12)
    marks = [
        *_written(theme, "names", {"x": c.x, "y": c.y, "text": "text:N"}, beside, c.colour),
        *_written(theme, "drops", {"x": c.x, "y": c.at, "text": "text:N"}, below, c.colour),
        *_written(theme, "target", {"x": c.x, "y": c.y, "text": "text:N"}, goal, None),
        cut.encode(x=alt.value(0), y=alt.value(-5), text="text:N"),
    ]
    strokes = _part("cut").mark_point(
        shape=_BREAK, size=160, filled=False, stroke=theme.ink, strokeWidth=1.3, opacity=1
    )
    return [*marks, strokes.encode(x=alt.value(0), y=c.at)]


def _written(
    theme: Theme, data: str, place: dict[str, Any], style: dict[str, Any], colour: Any
) -> list[alt.Chart]:
    """Return text over a halo in the colour of the page, so that lines behind do not touch it."""
    text = _part(data)
    halo = text.mark_text(stroke=theme.page, strokeWidth=_HALO, strokeJoin="round", **style)
    if colour is None:
        return [halo.encode(**place), text.mark_text(color=theme.ink, **style).encode(**place)]
    return [halo.encode(**place), text.mark_text(**style).encode(color=colour, **place)]
