"""Marks on the scale of a slider, where its handle would stand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import anywidget

from ftte_lab.lab.live.vega import static


class Marks(anywidget.AnyWidget):
    """Show marks below a logarithmic slider in the same box; messages may come from any thread."""

    _esm = static("marks.js")
    _css = static("stage.css")

    def __init__(self, live: bool) -> None:
        self._live = live
        self._latest: dict[str, list[dict[str, Any]]] = {"marks": []}
        super().__init__()
        self.on_msg(self._resend)

    def place(self, marks: Mapping[str, float], ends: tuple[float, float]) -> None:
        """Show marks by text; those beyond the ends of the scale are left out."""
        low, high = (math.log(end) for end in ends)
        places = {text: (math.log(value) - low) / (high - low) for text, value in marks.items()}
        shown = [{"text": text, "at": at} for text, at in places.items() if 0 <= at <= 1]
        self._latest = {"marks": shown}
        if self._live:
            self.send(self._latest)

    def _resend(self, _: Any, __: Any, ___: Any) -> None:
        """Send the marks to a page that has just appeared."""
        if self._live:
            self.send(self._latest)
