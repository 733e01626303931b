"""Marks on the scale of a slider, placed where its handle would stand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import anywidget

from ftte_lab.lab.live.assets import static


class Marks(anywidget.AnyWidget):
    """Put it below a logarithmic slider in the same box; told by messages, from any thread."""

    _esm = static("marks.js")
    _css = static("stage.css")

    def __init__(self, live: bool) -> None:
        self._live = live
        self._said: dict[str, list[dict[str, Any]]] = {"marks": []}
        super().__init__()
        self.on_msg(self._heard)

    def say(self, marks: Mapping[str, float], ends: tuple[float, float]) -> None:
        """Show marks by text; those beyond the ends of the scale are left out."""
        low, high = (math.log(end) for end in ends)
        placed = {text: (math.log(value) - low) / (high - low) for text, value in marks.items()}
        self._said = {
            "marks": [{"text": text, "at": at} for text, at in placed.items() if 0 <= at <= 1]
        }
        if self._live:
            self.send(self._said)

    def _heard(self, _: Any, __: Any, ___: Any) -> None:
        if self._live:
            self.send(self._said)
