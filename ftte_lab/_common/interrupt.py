"""Interrupt long work from another thread, at places where nothing is half done.

Python cannot end a thread. So whoever starts long work says how to ask whether it is still wanted,
and the work asks now and then.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

_asked = threading.local()


class InterruptedWorkError(RuntimeError):
    """The work is not wanted any more."""


@contextlib.contextmanager
def interruptible(unwanted: Callable[[], bool]) -> Iterator[None]:
    """Let the work of this thread in the block end early.

    Args:
        unwanted: returns whether the work shall end; asked often, so it must be quick.

    Raises:
        InterruptedWorkError: it was asked, and returned true.

    Example:
        >>> with contextlib.suppress(InterruptedWorkError), interruptible(lambda: True):
        ...     pause_point()
        ...     print("never printed")
    """
    before = getattr(_asked, "unwanted", None)
    _asked.unwanted = unwanted
    try:
        yield
    finally:
        _asked.unwanted = before


def pause_point() -> None:
    """End the work of this thread here, if it is not wanted any more.

    Raises:
        InterruptedWorkError: whoever started the work does not want it any more.
    """
    unwanted = getattr(_asked, "unwanted", None)
    if unwanted is not None and unwanted():
        raise InterruptedWorkError("this work is not wanted any more")
