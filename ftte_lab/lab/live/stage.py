"""The stage: one widget that shows everything that moves. It gets messages, never traits.

Each message replaces the one before of the same name, so a lost or repeated one does no harm. A
page that appears sends `hello` and gets all of them again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import numpy as np
import traitlets

from ftte_lab.charts import Figure, Template
from ftte_lab.lab.live.subshell import forget_route
from ftte_lab.lab.live.vega import SLOT_JS, ensure_runtime, scripts, styles

_FIRST = ("sentence", "scores", "error", "state")  # sent before the charts when a page comes back

Buffers = list[bytes]


class Stage(anywidget.AnyWidget):
    """Show the live part of a page: toolbar, sentences, charts and fleet.

    Args:
        panels: charts and menus to begin with (see `Lab`).
        on_message: called with what the page sends: `{"action": name, ...}`.
        live: whether there is a page.
    """

    _esm = SLOT_JS + scripts()
    _css = styles()
    panels = traitlets.Dict().tag(sync=True)  # what to show first; a message may change it

    def __init__(
        self, panels: Mapping[str, Any], on_message: Callable[[Mapping[str, Any]], None], live: bool
    ) -> None:
        self._guard = threading.Lock()
        self._latest: dict[str, tuple[dict[str, Any], Buffers]] = {}
        self._templates: dict[str, Template] = {}
        self._on_message, self._live = on_message, live
        if live:
            ensure_runtime()
        super().__init__(panels=dict(panels), layout={})
        self.add_class("ftte-stage-widget")
        self.on_msg(self._receive)

    def close(self) -> None:
        """Leave the page, and forget what was shown."""
        super().close()
        with self._guard:
            self._live = False
            self._latest.clear()
            self._templates.clear()

    def show(self, name: str, figure: Figure, number: int = 0) -> None:
        """Draw a figure in the panel `name`, in place; a drawing is sent only when it is a new one.

        May be called from any thread.

        Args:
            name: the panel.
            figure: what to draw.
            number: the run's; the page drops figures of runs that were replaced.
        """
        buffers: Buffers = []
        sets = {
            key: {column: pack(values, buffers) for column, values in columns.items()}
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
            if self._templates.get(name) is not figure.template:
                self._templates[name] = figure.template
                specs = {"light": figure.template.light, "dark": figure.template.dark}
                drawing = {"kind": "drawing", "panel": name, "specs": specs}
                self._keep_and_post(f"drawing {name}", drawing, [])
            self._keep_and_post(f"figure {name}", message, buffers)

    def publish(self, kind: str, buffers: Buffers | None = None, **content: Any) -> None:
        """Send a message that holds until the next one of its kind."""
        with self._guard:
            self._keep_and_post(kind, {"kind": kind, **content}, buffers or [])

    def publish_tool(
        self, tool: str, part: str, buffers: Buffers, content: Mapping[str, Any]
    ) -> None:
        """Send a message that holds until the next one of its tool and part."""
        message = {**content, "kind": "tool", "tool": tool, "part": part}
        with self._guard:
            self._keep_and_post(f"tool {tool} {part}", message, buffers)

    def send_file(self, name: str, mime: str, content: bytes) -> None:
        """Send the page a file to save."""
        self._post({"kind": "file", "name": name, "mime": mime}, [content])

    def _keep_and_post(self, key: str, message: dict[str, Any], buffers: Buffers) -> None:
        self._latest[key] = (message, buffers)
        self._post(message, buffers)

    def _post(self, message: dict[str, Any], buffers: Buffers) -> None:
        if self._live and self.comm is not None:
            self.send(message, buffers=buffers)
            forget_route(self)

    def _receive(self, _: Any, content: Any, buffers: Any) -> None:
        """Answer a page that has appeared, or pass on what it asks for, files with it."""
        if not isinstance(content, dict):
            return
        if content.get("action") == "answer":  # all that came before has been done
            self._post({**content, "kind": "answer"}, [])
            return
        if content.get("action") != "hello":
            self._on_message({**content, "buffers": list(buffers or [])})
            return
        with self._guard:
            for key in sorted(self._latest, key=_replay_order):
                self._post(*self._latest[key])


def _replay_order(key: str) -> tuple[bool, bool]:
    return (key not in _FIRST, not key.startswith("drawing"))


def pack(values: Any, buffers: Buffers) -> dict[str, Any]:
    """Append a column to `buffers`, and describe it.

    Numbers travel as binary float32, text as a list of words and their numbers.
    """
    array = np.asarray(values)
    if array.dtype.kind in "OUS":
        words, codes = np.unique(array.astype(str), return_inverse=True)
        buffers.append(np.ascontiguousarray(codes, "<u2").tobytes())
        return {"at": len(buffers) - 1, "words": words.tolist()}
    buffers.append(np.ascontiguousarray(array, "<f4").tobytes())
    return {"at": len(buffers) - 1}
