"""Whether there is a page to update, or the notebook must be completed in one go."""

from __future__ import annotations

import os

from ftte_lab._common import choice

VARIABLE = "FTTE_MODE"
MODES = ("auto", "live", "batch")


def is_live(mode: str = "auto") -> bool:
    """Return whether a Lab updates a page.

    Papermill and nbclient start kernels without a session name; Jupyter Server names the session of
    every notebook. Anything unknown counts as batch, because batch always ends with all results.

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
    return "JPY_SESSION_NAME" in os.environ or "VSCODE_PID" in os.environ
