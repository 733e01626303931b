"""Answer a page while a cell blocks the main thread.

JupyterLab lets a page talk to a second loop of the kernel (a subshell), so that knobs work while a
cell runs. But ipykernel from 7.4 on answers where a widget last sent from, and a new widget has
sent from the main thread. Forgetting that lets the page's own choice stand. Where there are no
subshells, or the kernel works differently, nothing happens: a message then waits until the cell has
ended.
"""

from __future__ import annotations

import contextlib
from typing import Any

import ipywidgets as widgets


def forget_route(widget: Any) -> None:
    """Let the page choose the route of its messages to this widget, and to those inside it."""
    with contextlib.suppress(AttributeError):
        del widget.comm._reply_subshell_id
    if isinstance(widget, widgets.Box):
        for child in widget.children:
            forget_route(child)
