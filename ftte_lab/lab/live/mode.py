"""Is there a page to talk to, or must the notebook come out complete in one go?"""

from __future__ import annotations

import os

from ftte_lab._common import choice

VARIABLE = "FTTE_MODE"
MODES = ("auto", "live", "batch")


def is_live(mode: str = "auto") -> bool:
    """`live` and `batch` are final; `auto` asks the variable `FTTE_MODE`, then the environment.

    Papermill and nbclient start kernels without a session name; Jupyter Server names the session of every notebook.
    Whatever is unknown is batch, because batch always ends with the whole result.

    Raises:
        ValueError: an unknown mode, in the argument or in the variable.
    """
    choice("mode", mode, MODES)
    if mode == "auto":
        mode = os.environ.get(VARIABLE, "auto")
        choice(VARIABLE, mode, MODES)
    if mode != "auto":
        return mode == "live"
    return "JPY_SESSION_NAME" in os.environ or "VSCODE_PID" in os.environ
