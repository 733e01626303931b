"""Whether there is a page to update, or the notebook must be completed in one go."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from IPython.core.getipython import get_ipython

from ftte_lab._common import choice

VARIABLE = "FTTE_MODE"
MODES = ("auto", "live", "batch")


@dataclass(frozen=True)
class CellRequest:
    """What a page sent when it had a cell run.

    Attributes:
        cell: the cell's name in its notebook.
        run: name of this run of the cell.
        deleted: cells that the page has deleted meanwhile.
    """

    cell: str
    run: str
    deleted: tuple[str, ...] = ()


def is_live(mode: str = "auto") -> bool:
    """Return whether a Lab updates a page.

    Jupyter Server names the session of every notebook, and VS Code its process. Every program that
    is started from such a kernel inherits both: nbclient, papermill or nbgrader in a cell. But a
    page names the cell that it has run, and they do not. Anything unknown counts as batch, because
    batch always ends with all results.

    Args:
        mode: `live` and `batch` decide; `auto` asks the variable `FTTE_MODE`, then the environment.

    Raises:
        ValueError: an unknown mode, in the argument or in the variable.

    Example:
        >>> is_live("batch")
        False
    """
    choice("mode", mode, MODES)
    if mode == "auto":
        mode = os.environ.get(VARIABLE, "auto")
        choice(VARIABLE, mode, MODES)
    if mode != "auto":
        return mode == "live"
    parent = _parent()
    by_page = parent.get("msg_type") != "execute_request" or "cellId" in parent["metadata"]
    if "JPY_SESSION_NAME" in os.environ:
        return by_page
    # jupyter_client names its process to the kernels that it starts; VS Code starts its own.
    return "VSCODE_PID" in os.environ and (by_page or "JPY_PARENT_PID" not in os.environ)


def cell_request() -> CellRequest | None:
    """Return which cell runs, if a page named it."""
    parent = _parent()
    metadata = parent.get("metadata", {})
    if "cellId" not in metadata:
        return None
    deleted = metadata.get("deletedCells")
    gone = tuple(map(str, deleted)) if isinstance(deleted, list) else ()
    return CellRequest(str(metadata["cellId"]), str(parent.get("msg_id")), gone)


def _parent() -> dict[str, Any]:
    """Return type, number and metadata of the message that is being answered, if there is one."""
    kernel = getattr(get_ipython(), "kernel", None)
    try:
        message = kernel.get_parent("shell")  # type: ignore[union-attr]
        header = message["header"]
        metadata = message.get("metadata")
        return {
            "msg_type": header["msg_type"],
            "msg_id": header["msg_id"],
            "metadata": metadata if isinstance(metadata, dict) else {},
        }
    except (AttributeError, KeyError, TypeError):
        return {}
