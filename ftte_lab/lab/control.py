"""A knob: a widget, how its value follows from settings, and what settings follow from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from ftte_lab.lab.settings import Settings


@dataclass(frozen=True)
class Control:
    """Hold a widget, how its value follows from settings, and what settings follow from it."""

    widget: Any
    read: Callable[[Settings], Any]
    write: Callable[[Settings, Any], Settings]

    def show(self, settings: Settings) -> None:
        """Set the widget's value from settings; a value beyond its range widens the range."""
        value, knob = self.read(settings), self.widget
        if isinstance(knob, widgets.FloatLogSlider):
            exponent = math.log(value, knob.base) if value > 0 else knob.min
            knob.min = min(knob.min, exponent)
            knob.max = max(knob.max, exponent)
            value = max(value, knob.base**knob.min)
        elif isinstance(knob, widgets.IntSlider | widgets.FloatSlider):
            knob.min = min(knob.min, value)
            knob.max = max(knob.max, value)
        elif isinstance(knob, widgets.SelectionSlider):
            if value not in [v for _, v in knob.options]:
                knob.options = (*knob.options, option(value))
        elif isinstance(knob, widgets.Dropdown) and value not in _values(knob):
            knob.options = (*knob.options, value)
        knob.value = value


def _values(menu: Any) -> list[Any]:
    return [value for _, value in menu._options_full]


def option(value: Any) -> tuple[str, Any]:
    """Return the text and the value of an entry of a ladder."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}", value
    return (f"{value:g}" if isinstance(value, float) else str(value)), value
