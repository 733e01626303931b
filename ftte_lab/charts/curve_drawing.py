"""The drawing of the curves: layers from the back to the front, without numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt

from ftte_lab.charts.palette import method_scales
from ftte_lab.charts.style import WIDTH, Theme, finish

_ENDS = {"x_end": 1.0, "y_low": 0.0, "y_high": 1.0, "per_unit": 0.0}
_RAW_OPACITY = 0.3


@dataclass(frozen=True)
class _Channels:
    """The encodings that the layers share."""

    x: alt.X
    y: alt.Y
    low: alt.Y
    colour: alt.Color
    dash: alt.StrokeDash
    tooltip: list[alt.Tooltip]


def draw(
    theme: Theme, x_title: str, y_title: str, is_loss: bool, below: str, names: tuple[str, ...]
) -> dict[str, Any]:
    """Return the spec of the curves. `per_unit` is the seconds per unit of a time axis, else 0."""
    params = [alt.param(name=name, value=value) for name, value in _ENDS.items()]
    channels = _channels(theme, x_title, y_title, is_loss, names)
    chart = alt.layer(*_behind(channels), *_in_front(theme, channels)).add_params(*params)
    title = y_title[0].upper() + y_title[1:]
    subtitle = f"over {x_title.split(',')[0]}; {below}"
    return finish(chart.properties(width=WIDTH, height=280), theme, title, subtitle)


def _channels(
    theme: Theme, x_title: str, y_title: str, is_loss: bool, names: tuple[str, ...]
) -> _Channels:
    x_scale = alt.Scale(domain={"expr": "[0, x_end]"}, nice=False, clamp=True)
    y_scale = alt.Scale(domain={"expr": "[y_low, y_high]"}, nice=False, zero=False, clamp=True)
    y_axis = alt.Axis(format=alt.Undefined if is_loss else "%", tickCount=6)
    colours, dashes = method_scales(names, theme)
    in_two = alt.ExprRef("width < 420 ? 2 : 0")  # a narrow chart would cut a single row off
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=400, columns=in_two)
    return _Channels(
        x=alt.X("x:Q", title=x_title, scale=x_scale, axis=alt.Axis(grid=False, tickCount=8)),
        y=alt.Y("y:Q", title=y_title, scale=y_scale, axis=y_axis),
        low=alt.Y("low:Q", title=y_title, scale=y_scale, axis=y_axis),
        colour=alt.Color("arm:N", scale=colours, legend=legend),
        dash=alt.StrokeDash("arm:N", scale=dashes, legend=legend),
        tooltip=[
            alt.Tooltip("arm:N", title="method"),
            alt.Tooltip("x:Q", title=x_title, format=",.1f"),
            alt.Tooltip("y:Q", title=y_title, format=".2f" if is_loss else ".1%"),
        ],
    )


def _part(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name))


def _behind(c: _Channels) -> list[alt.Chart]:
    """Return the bands of seeds, pinned runs, and raw points."""
    band = _part("band").mark_area(opacity=0.18)
    pinned = _part("pinned").mark_line(opacity=0.4)
    raw = _part("raw").mark_line(strokeWidth=1, opacity=_RAW_OPACITY)
    return [
        band.encode(x=c.x, y=c.low, y2="high:Q", color=c.colour),
        pinned.encode(x=c.x, y=c.y, color=c.colour, strokeDash=c.dash, detail="seed:N"),
        raw.encode(x=c.x, y=c.y, color=c.colour),
    ]


def _in_front(theme: Theme, c: _Channels) -> list[alt.Chart]:
    """Return the curves, the target and its dots, and the moment of a replay."""
    dot: Any = {"filled": True, "opacity": 1}
    bold = _part("curves").mark_line(strokeWidth=2.5)
    target = _part("target").mark_rule(strokeDash=[4, 4], color=theme.soft)
    name = _part("target").mark_text(align="right", dx=-14, dy=8, color=theme.ink)
    reached = _part("reached").mark_point(size=110, stroke="white", **dot)
    rule = _part("rule").mark_rule(color=theme.soft, strokeWidth=1)
    now = _part("now").mark_point(size=70, stroke=theme.ink, **dot)
    return [
        bold.encode(x=c.x, y=c.y, color=c.colour, strokeDash=c.dash, tooltip=c.tooltip),
        target.encode(y=c.y),
        name.encode(x=alt.value("width"), y=c.y, text="text:N"),
        reached.encode(x=c.x, y=c.y, color=c.colour),
        rule.encode(x=c.x),
        now.encode(x=c.x, y=c.y, color=c.colour),
    ]
