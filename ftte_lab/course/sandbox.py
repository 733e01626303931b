"""Call a student's function so that neither an error, an endless loop nor a change of its inputs does any harm."""

from __future__ import annotations

import copy
import ctypes
import threading
from collections.abc import Callable, Sequence
from typing import Any

LIMIT_S = 10.0


class NotYetError(Exception):
    """The exercise is still blank."""


class TroubleError(Exception):
    """The function could not answer; the text says why."""


class _TooLongError(Exception):
    """Raised inside a function that does not come back."""


def call(function: Callable[..., Any], arguments: Sequence[Any], limit_s: float = LIMIT_S) -> Any:
    """The function's answer to copies of the arguments.

    Raises:
        NotYetError: it raised `NotImplementedError`.
        TroubleError: it raised anything else, or did not come back in `limit_s` seconds.
    """
    box: dict[str, Any] = {}

    def work() -> None:
        try:
            box["value"] = function(*copy.deepcopy(list(arguments)))
        except BaseException as error:  # whatever it is, it is the student's to hear of
            box["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit_s)
    if (
        thread.is_alive()
    ):  # the kernel would stay busy for ever: an exception is raised between two of its lines
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_TooLongError)
        )
        raise TroubleError(
            f"did not come back within {limit_s:g} seconds: is there a loop that never ends?"
        )
    error = box.get("error")
    if isinstance(error, NotImplementedError):
        raise NotYetError
    if error is not None:
        raise TroubleError(f"raised {type(error).__name__}: {error or 'no message'}")
    return box["value"]
