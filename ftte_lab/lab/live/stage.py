"""The stage: one widget that shows everything which moves. It is told by messages, never by traits.

Each message replaces what it names, so a lost or repeated one does no harm; a page that (re)appears says hello and gets
all of them again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import numpy as np
import traitlets

from ftte_lab.charts import Figure, Template
from ftte_lab.lab.live.assets import static
from ftte_lab.lab.live.subshell import forget_route
from ftte_lab.lab.live.vega import ensure_runtime, slot_js

_SCRIPTS = ("charts.js", "fleet_state.js", "fleet_paint.js", "fleet.js", "toolbar.js", "stage.js")
_ALWAYS = ("sentence", "error", "state")  # said before the charts when a page comes back

Buffers = list[bytes]


class Stage(anywidget.AnyWidget):
    """A page's live part: toolbar, sentence, charts and fleet.

    Args:
        panels: charts and menus to begin with (see `Lab`).
        on_press: called with what the page sends: `{"press": name, ...}`.
    """

    _esm = slot_js() + "\n".join(static(name) for name in _SCRIPTS)
    _css = static("stage.css")
    panels = traitlets.Dict().tag(
        sync=True
    )  # what there is to show at first; a message may change it

    def __init__(
        self, panels: Mapping[str, Any], on_press: Callable[[Mapping[str, Any]], None], live: bool
    ) -> None:
        self._guard = threading.Lock()
        self._said: dict[str, tuple[dict[str, Any], Buffers]] = {}
        self._drawn: dict[str, Template] = {}
        self._press, self._live = on_press, live
        if live:
            ensure_runtime()
        super().__init__(panels=dict(panels), layout={"flex": "3 1 480px", "min_width": "0"})
        self.on_msg(self._heard)

    def show(self, name: str, figure: Figure, number: int = 0) -> None:
        """Draw a figure in the panel `name`, in place; sends the drawing only when it is another one.

        Called from any thread. `number` is the run's: the page drops figures of runs that were replaced.
        """
        buffers: Buffers = []
        sets = {
            key: {c: _packed(v, buffers) for c, v in columns.items()}
            for key, columns in figure.data.items()
        }
        message = {
            "kind": "figure",
            "panel": name,
            "number": number,
            "sets": sets,
            "alt": figure.alt_text,
            "signals": dict(figure.signals or {}),
        }
        with self._guard:
            if self._drawn.get(name) is not figure.template:
                self._drawn[name] = figure.template
                drawing = {"light": figure.template.light, "dark": figure.template.dark}
                self._said[f"drawing {name}"] = (
                    {"kind": "drawing", "panel": name, "specs": drawing},
                    [],
                )
                self._post(*self._said[f"drawing {name}"])
            self._said[f"figure {name}"] = (message, buffers)
            self._post(message, buffers)

    def say(self, kind: str, buffers: Buffers | None = None, **content: Any) -> None:
        """Tell the page something that stays true until it is told again."""
        with self._guard:
            self._said[kind] = ({"kind": kind, **content}, buffers or [])
            self._post(*self._said[kind])

    def hand_over(self, name: str, mime: str, content: bytes) -> None:
        """Give the page a file to save."""
        self._post({"kind": "file", "name": name, "mime": mime}, [content])

    def _post(self, message: dict[str, Any], buffers: Buffers) -> None:
        if self._live:
            self.send(message, buffers=buffers)
            forget_route(self)

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        """A page says hello, or a button was pressed."""
        if not isinstance(content, dict):
            return
        if content.get("press") == "hello":
            with self._guard:
                for key in sorted(
                    self._said, key=lambda k: (k not in _ALWAYS, not k.startswith("drawing"))
                ):
                    self._post(*self._said[key])
        else:
            self._press(content)


def _packed(values: Any, buffers: Buffers) -> dict[str, Any]:
    """A column for the wire: numbers as binary float32, text as a list of words and their numbers."""
    array = np.asarray(values)
    if array.dtype.kind in "OUS":
        words, codes = np.unique(array.astype(str), return_inverse=True)
        buffers.append(np.ascontiguousarray(codes, "<u2").tobytes())
        return {"at": len(buffers) - 1, "words": words.tolist()}
    buffers.append(np.ascontiguousarray(array, "<f4").tobytes())
    return {"at": len(buffers) - 1}
