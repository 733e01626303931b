"""Locks between processes: who changes a file that others change too goes one after the other."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_WAIT_S = 20.0  # nobody holds a lock longer, unless it was stopped
_PAUSE_S = 0.02


def try_lock(handle: int) -> bool | None:
    """Lock an open file or folder for this process if nobody else has it; report whether it is.

    The lock ends when the handle is closed, or the process is killed. The answer is `None` where
    the system or the file system has no locks.

    Args:
        handle: a file descriptor.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryFile() as file:
        ...     try_lock(file.fileno()) in (True, None)
        True
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextlib.contextmanager
def changing(path: Path) -> Iterator[None]:
    """Hold the lock of a file's folder while the file is read, changed and written.

    No file is made for it. Without locks, or when another process holds it for more than 20
    seconds, the block runs all the same: a change may then be lost, but no file is damaged.

    Args:
        path: the file that the block changes.
    """
    handle = None
    with contextlib.suppress(OSError):
        handle = os.open(path.parent, os.O_RDONLY)
    try:
        end = time.monotonic() + _WAIT_S
        while handle is not None and try_lock(handle) is False and time.monotonic() < end:
            time.sleep(_PAUSE_S)
        yield
    finally:
        if handle is not None:
            os.close(handle)
