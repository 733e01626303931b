"""Answering a page while a cell blocks the main thread.

JupyterLab lets a page talk to a kernel's second loop (a subshell), so that knobs work while a cell runs. But ipykernel
from 7.4 on answers where a widget last *spoke*, and a new widget has spoken in the main thread. Forgetting that lets
the page's own choice stand. Where there are no subshells, or the kernel changes its mind, nothing happens: a press
then waits until the cell has ended.
"""

from __future__ import annotations

import contextlib
from typing import Any

import ipywidgets as widgets


def forget_route(widget: Any) -> None:
    """Let what the page sends to this widget, and to those inside it, go where the page wants it."""
    with contextlib.suppress(AttributeError):
        del widget.comm._reply_subshell_id
    if isinstance(widget, widgets.Box):
        for child in widget.children:
            forget_route(child)
