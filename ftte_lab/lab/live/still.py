"""A picture beside a Lab, for a notebook that is read without a kernel.

Without a kernel there is no widget, and a page writes an error in its place. So each Lab has two
more outputs in its cell: the verdict with the scoreboard, and the curves. They are hidden while the
Lab is on the page (`static/still.css`), and hide the widget's place while it is not.
"""

from __future__ import annotations

import base64
import contextlib
import os
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd
from IPython.core.getipython import get_ipython
from IPython.display import publish_display_data

from ftte_lab._common import release_memory

_DELAY_S = 1.0  # a knob that is turned again meanwhile saves the drawing
_ABOUT = "A picture of a Lab. Run this cell again to use it."
# What stands before the picture is the place of the widget.
_HIDE = (
    ".jp-OutputArea-child:not(:has(.ftte-lab)):has(+ .jp-OutputArea-child .ftte-still)"
    "{display:none}"
    ".jp-OutputArea:has(.ftte-lab) > .jp-OutputArea-child:has(.ftte-still),"
    ".jp-OutputArea:has(.ftte-lab) > .jp-OutputArea-child:has(.ftte-still)"
    " + .jp-OutputArea-child{display:none}"
)


@dataclass(frozen=True)
class Content:
    """What a picture of a Lab shows.

    Attributes:
        code: the share code.
        verdict: one sentence.
        table: the scoreboard.
        png: the curves.
    """

    code: str
    verdict: str
    table: pd.DataFrame
    png: bytes


class Still:
    """Show the outputs, and renew them when a run has ended; may be called from any thread.

    Args:
        content: returns what to show, or `None` if there is nothing yet; called in a thread.
        publish: sends a message to the page. A page that was loaded again does not know where a
            renewed output belongs, so it gets the outputs once more, and their name.
    """

    def __init__(
        self, content: Callable[[], Content | None], publish: Callable[..., None] | None = None
    ) -> None:
        self._content, self._publish = content, publish
        self._ids = (uuid.uuid4().hex, uuid.uuid4().hex)
        self._cell: tuple[Any, Any] | None = (
            None  # who publishes, and the request that ran the cell
        )
        self._timer: threading.Timer | None = None

    def show(self) -> None:
        """Make room for the outputs, below the widget; nothing happens outside of Jupyter."""
        shell = get_ipython()
        kernel = getattr(shell, "kernel", None)
        if kernel is None or "JPY_SESSION_NAME" not in os.environ:
            return
        self._cell = (shell.display_pub, kernel.get_parent("shell"))  # type: ignore[union-attr]
        for name, data in zip(
            self._ids, (_words(None, self._ids[0]), {"text/plain": ""}), strict=True
        ):
            publish_display_data(data, transient={"display_id": name})

    def renew(self) -> None:
        """Draw what there is now, unless something newer comes soon."""
        self.cancel()
        if self._cell is not None:
            self._timer = threading.Timer(_DELAY_S, self._draw)
            self._timer.daemon = True
            self._timer.start()

    def cancel(self) -> None:
        """Do not draw: a new run has begun."""
        if self._timer is not None:
            self._timer.cancel()

    def close(self) -> None:
        """Leave the outputs as they are."""
        self.cancel()
        self._cell = None

    def _draw(self) -> None:
        """Draw in a thread of its own, and leave no memory behind in it."""
        self._send()
        release_memory()

    def _send(self) -> None:
        """Replace both outputs in the cell that showed the Lab, whichever cell runs now."""
        content, cell = self._content(), self._cell
        if content is None or cell is None:
            return
        png = {"image/png": base64.b64encode(content.png).decode(), "text/plain": "curves"}
        words = _words(content, self._ids[0])
        for name, data in zip(self._ids, (words, png), strict=True):
            message = {"data": data, "metadata": {}, "transient": {"display_id": name}}
            publisher, parent = cell
            with contextlib.suppress(Exception):  # a page that went away
                publisher.session.send(
                    publisher.pub_socket,
                    "update_display_data",
                    message,
                    parent=parent,
                    ident=publisher.topic,
                )
        if self._publish is not None:
            self._publish("still", id=self._ids[0], words=words, picture=png)


def _words(content: Content | None, name: str) -> dict[str, str]:
    """Return the verdict and the scoreboard as HTML and as text; the page finds them by a name."""
    lines = [_ABOUT]
    body = f"<p>{_ABOUT}</p>"
    if content is not None:
        restore = f'Its settings: Lab("{content.code}")'
        lines += [restore, content.verdict, content.table.to_string()]
        body += f"<p><b>{escape(content.verdict)}</b></p>{content.table.to_html(border=0)}"
        body += f"<p><small>{escape(restore)}</small></p>"
    html = f'<style>{_HIDE}</style><div class="ftte-still" data-still="{name}">{body}</div>'
    return {"text/html": html, "text/plain": "\n".join(lines)}
