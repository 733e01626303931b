"""The usual forms of a knob: a menu, a box, a slider, a ladder of values, a number to type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from ftte_lab.lab.control import Control, option
from ftte_lab.lab.settings import Settings
from ftte_lab.simulation import Knob, Setting

LAYOUT: Mapping[str, str] = {"width": "auto", "max_width": "440px"}
STYLE: Mapping[str, str] = {"description_width": "150px"}
NO_VALUE = "none"  # a SelectionSlider takes None for "nothing is selected"


def released_widget(kind: Any, one: Setting, **options: Any) -> Any:
    """Make a widget that reports a value when it is released, because each value starts a run."""
    return kind(
        description=one.label,
        tooltip=one.doc,
        continuous_update=False,
        layout=widgets.Layout(**LAYOUT),
        style=dict(STYLE),
        **options,
    )


def field_of(name: str, digits: int | None = None) -> tuple[Any, Any]:
    """Return the functions that read and write one field of the scenario."""

    def write(s: Settings, value: Any) -> Settings:
        rounded = value if digits is None else round(float(value), digits)
        return s.set(**{name: rounded})

    return (lambda s: getattr(s.scenario, name)), write


def menu_of(one: Setting, s: Settings) -> Control:
    """Offer the names that a setting allows, "none" before them where the setting is optional."""
    now = getattr(s.scenario, one.name)
    names = list(dict.fromkeys([*(one.choices or ()), *([] if now is None else [now])]))
    if one.optional:
        names.insert(0, NO_VALUE)
    widget = widgets.Dropdown(
        options=names,
        description=one.label,
        tooltip=one.doc,
        layout=widgets.Layout(**LAYOUT),
        style=dict(STYLE),
        value=NO_VALUE if now is None else now,
    )
    read, write = field_of(one.name)
    return Control(widget, *(_optional(read, write) if one.optional else (read, write)))


def _optional(read: Any, write: Any) -> tuple[Any, Any]:
    """Return the functions for a widget that takes a word for `None`."""
    return (
        lambda settings: NO_VALUE if read(settings) is None else read(settings),
        lambda settings, v: write(settings, None if v == NO_VALUE else v),
    )


def box_of(one: Setting, s: Settings) -> Control:
    """Offer a box to tick."""
    widget = widgets.Checkbox(
        value=getattr(s.scenario, one.name), description=one.label, tooltip=one.doc, indent=False
    )
    return Control(widget, *field_of(one.name))


def ladder_of(one: Setting, knob: Knob, s: Settings) -> Control:
    """Offer a few values, words behind numbers, and "none" where the setting is optional."""
    now = getattr(s.scenario, one.name)
    values = {*knob.steps, *([now] if now is not None else [])}
    numbers = sorted(value for value in values if value not in one.words)
    options = [option(value) for value in (*numbers, *(w for w in one.words if w in values))]
    if one.optional:
        options.append((NO_VALUE, NO_VALUE))
    start = options[-1][1] if now is None else now
    widget = released_widget(widgets.SelectionSlider, one, options=options, value=start)
    return Control(widget, *_optional(*field_of(one.name)))


def slider_of(one: Setting, knob: Knob, s: Settings) -> Control:
    """Offer a slider over the range of the knob, linear or logarithmic."""
    if one.kind == "int":
        widget = released_widget(
            widgets.IntSlider, one, min=int(knob.low), max=int(knob.high), step=int(knob.step)
        )
        return Control(widget, *field_of(one.name))
    options = {"min": knob.low, "max": knob.high, "step": knob.step}
    if knob.readout:
        options["readout_format"] = knob.readout  # type: ignore[assignment]
    if knob.log:
        middle = knob.base ** ((knob.low + knob.high) / 2)
        widget = released_widget(
            widgets.FloatLogSlider, one, base=knob.base, value=middle, **options
        )
    else:
        widget = released_widget(widgets.FloatSlider, one, value=knob.low, **options)
    return Control(widget, *field_of(one.name, knob.digits))


def number_of(one: Setting, s: Settings) -> Control:
    """Offer a number by typing, for settings whose range is too large for a slider."""
    widget = widgets.BoundedIntText(
        description=one.label,
        tooltip=one.doc,
        min=int(one.low or 0),
        max=min(int(one.high or 2**31 - 1), 2**31 - 1),
        layout=widgets.Layout(**LAYOUT),
        style=dict(STYLE),
    )
    return Control(widget, *field_of(one.name))
