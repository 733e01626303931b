"""Call a student's function so that errors, endless loops and changed inputs do no harm."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import mmap
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

LIMIT_S = 10.0
MOST_MEMORY_BYTES = 2 << 30
"""How much more memory than before a call may take."""

_POLL_S = 0.05
_PERSISTENCE_S = 2.0  # how long a function is asked to end, over and over
_MOST_LEFT = 3  # functions that go on computing before no further one is called
_left: list[threading.Thread] = []  # such functions

THREAD = "ftte-answer"
"""Name of the threads in which a student's functions run."""


class NotYetError(Exception):
    """The exercise is still blank."""


class TroubleError(Exception):
    """The function did not answer; the text explains why."""


class _StopError(SystemExit):
    """Raised inside a function that does not return.

    It is made in the thread of that function, when the first handler looks at it. From then on
    every further line raises it again, so that a loop that catches everything ends too.
    """

    def __init__(self, *_: Any) -> None:
        sys.settrace(_again)
        frame = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != __file__:
            frame.f_trace = _again
            frame = frame.f_back  # type: ignore[assignment]


def _again(frame: Any, _: str, __: Any) -> Any:
    if frame.f_code.co_filename != __file__:
        _raise_in(threading.get_ident())
    return _again


def _raise_in(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_StopError))


def call(function: Callable[..., Any], arguments: Sequence[Any], limit_s: float = LIMIT_S) -> Any:
    """Return what a student's function returns for copies of the arguments.

    Raises:
        NotYetError: it raised `NotImplementedError`.
        TroubleError: it raised anything else, did not return within `limit_s` seconds, or took
            more than 2 GiB.

    Example:
        >>> call(sorted, ([2, 1],))
        [1, 2]
    """
    return _guarded(lambda: function(*copy.deepcopy(list(arguments))), limit_s)


def examine(question: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
    """Return the answer to a question about a value that a student's function returned.

    To compare or to print a value may run code of its own, and take for ever.

    Raises:
        TroubleError: there is no answer.

    Example:
        >>> examine(lambda: len([1, 2]))
        2
    """
    try:
        return _guarded(question, limit_s)
    except (NotYetError, TroubleError) as trouble:
        text = f"returned a value that cannot be examined: looking at it {trouble}"
        raise TroubleError(text) from None


def _guarded(function: Callable[[], Any], limit_s: float) -> Any:
    """Call a function in a thread of its own, with limits."""
    _left[:] = [thread for thread in _left if thread.is_alive()]
    if len(_left) >= _MOST_LEFT:
        raise TroubleError(
            f"was not called: {len(_left)} earlier calls still compute and cannot be stopped. "
            "Restart the kernel (menu Kernel)."
        )
    box: dict[str, Any] = {}

    def work() -> None:
        with contextlib.suppress(_StopError):  # one that comes late
            try:
                box["value"] = function()
            except BaseException as error:  # every error belongs to the student's answer
                box["error"] = error
            finally:
                sys.settrace(None)

    thread = threading.Thread(target=work, daemon=True, name=THREAD)
    thread.start()
    trouble = _watch(thread, limit_s)
    if trouble:
        raise TroubleError(trouble)
    error = box.get("error")
    if isinstance(error, NotImplementedError):
        raise NotYetError
    if error is not None:
        raise TroubleError(f"raised {type(error).__name__}: {_message(error)}")
    return box["value"]


def _watch(thread: threading.Thread, limit_s: float) -> str:
    """Wait for a function; end one that takes too long or too much, and return why."""
    end_s, before = time.monotonic() + limit_s, _memory_bytes()
    trouble = ""
    try:
        while not trouble:
            thread.join(min(_POLL_S, max(0.0, end_s - time.monotonic())))
            if not thread.is_alive():
                return ""
            if _memory_bytes() - before > MOST_MEMORY_BYTES:
                trouble = "took more than 2 GiB of memory: does a list grow without end?"
            elif time.monotonic() >= end_s:
                trouble = (
                    f"did not return within {limit_s:g} seconds: is there a loop that never ends?"
                )
    finally:  # also when the person at the keyboard has interrupted the cell
        _end(thread)
    return trouble


def _end(thread: threading.Thread) -> None:
    """Raise inside a function until it ends; otherwise the kernel stays busy for ever."""
    end_s = time.monotonic() + _PERSISTENCE_S
    while thread.is_alive() and time.monotonic() < end_s:
        _raise_in(thread.ident or 0)
        thread.join(_POLL_S)
    if thread.is_alive():
        _left.append(thread)


def _message(error: BaseException) -> str:
    """Return an error's own words; a student's class may have none, or raise in saying them."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return text[:300] or "no message"


def _memory_bytes() -> int:
    """Return the memory of this process; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return 0
