"""A box to tick per method."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets as widgets

from ftte_lab.charts import label
from ftte_lab.simulation import METHODS


class MethodBoxes(widgets.HBox):  # type: ignore[misc]  # the library is untyped
    """Offer a box per method; the last one stays ticked, because a Lab needs a method."""

    def __init__(self, chosen: Iterable[str]) -> None:
        self.boxes = {
            name: widgets.Checkbox(
                name in chosen,
                description=label(name),
                tooltip=METHODS[name].source,
                indent=False,
                layout={"width": "auto"},
            )
            for name in METHODS
        }
        self._listeners: list[Callable[[Any], None]] = []
        self._quiet = False
        self._note = widgets.Label(layout={"display": "none"})
        self._note.add_class("ftte-knob-note")
        shown = [*self.boxes.values(), self._note]
        super().__init__(shown, layout=widgets.Layout(flex_flow="row wrap"))
        self.add_class("ftte-methods")
        for box in self.boxes.values():
            box.observe(self._changed, names="value")

    @property
    def value(self) -> tuple[str, ...]:
        """Return the ticked methods."""
        return tuple(name for name, box in self.boxes.items() if box.value)

    @value.setter
    def value(self, chosen: Iterable[str]) -> None:
        names, self._quiet = tuple(chosen), True
        for name, box in self.boxes.items():
            box.value = name in names
        self._quiet = False

    def on_change(self, listener: Callable[[Any], None]) -> None:
        """Call `listener` after each change by a person."""
        self._listeners.append(listener)

    def _say(self, note: str) -> None:
        self._note.value, self._note.layout.display = note, None if note else "none"

    def _changed(self, change: Any) -> None:
        if self._quiet:
            return
        if not self.value:
            self._quiet, change["owner"].value, self._quiet = True, True, False
            self._say("One method stays: tick another one first.")
            return
        self._say("")
        for listener in self._listeners:
            listener(change)
