"""Listen behind a socket file: no port, and nobody but the own user can open it."""

from __future__ import annotations

import socket
from multiprocessing.connection import Connection
from pathlib import Path

from ftte_lab._common import require

_LONGEST_PATH = 100  # the systems allow 104 and 108 bytes


class Door:
    """Take in the processes that connect to a socket file.

    Args:
        path: of the file, in a folder that the own user alone may enter.

    Raises:
        ValueError: the path is too long for a socket.
    """

    def __init__(self, path: Path) -> None:
        short = len(bytes(path)) <= _LONGEST_PATH
        problem, allowed = f"a socket file {str(path)!r}", f"up to {_LONGEST_PATH} bytes"
        require(short, problem, allowed, "Set TMPDIR to a shorter folder")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()

    def visitor(self, wait_s: float) -> Connection | None:
        """Return the next one who connects; wait up to `wait_s`; `None`: there is nobody."""
        self._socket.settimeout(wait_s)
        try:
            visitor, _ = self._socket.accept()
        except (TimeoutError, BlockingIOError):
            return None
        visitor.settimeout(None)
        return Connection(visitor.detach())

    def close(self) -> None:
        """Let nobody in any more."""
        self._socket.close()
