"""Call a student's function so that errors, endless loops and changed inputs do no harm."""

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
    """The function did not answer; the text explains why."""


class _TooLongError(Exception):
    """Raised inside a function that does not return."""


def call(function: Callable[..., Any], arguments: Sequence[Any], limit_s: float = LIMIT_S) -> Any:
    """Return what the function returns for copies of the arguments.

    Raises:
        NotYetError: it raised `NotImplementedError`.
        TroubleError: it raised anything else, or did not return within `limit_s` seconds.

    Example:
        >>> call(sorted, ([2, 1],))
        [1, 2]
    """
    box: dict[str, Any] = {}

    def work() -> None:
        try:
            box["value"] = function(*copy.deepcopy(list(arguments)))
        except BaseException as error:  # every error belongs to the student's answer
            box["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        # Otherwise the kernel stays busy for ever: raise between two lines of the function.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_TooLongError)
        )
        raise TroubleError(
            f"did not return within {limit_s:g} seconds: is there a loop that never ends?"
        )
    error = box.get("error")
    if isinstance(error, NotImplementedError):
        raise NotYetError
    if error is not None:
        raise TroubleError(f"raised {type(error).__name__}: {error or 'no message'}")
    return box["value"]
