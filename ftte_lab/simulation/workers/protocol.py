"""Exchange frames between a run and its worker processes: a length and a body.

The body is JSON for the setup of a run, safetensors for everything else: nothing that could be
executed crosses the pipe.
"""

from __future__ import annotations

import os
import struct

LOADED = b"loaded "
"""How the message begins with which a worker reports that it has the data of a run."""

_LENGTH = struct.Struct("<Q")
_MOST_BYTES = 1 << 20  # read at once


def frame(body: bytes) -> bytes:
    """Put the length before a body."""
    return _LENGTH.pack(len(body)) + body


def write_frame(file: int, body: bytes) -> None:
    """Write a frame to a file descriptor."""
    view = memoryview(frame(body))
    while view:
        view = view[os.write(file, view) :]


def read_frame(file: int) -> bytes | None:
    """Read the next body; `None` at the end of the stream."""
    head = _read(file, _LENGTH.size)
    return None if head is None else _read(file, _LENGTH.unpack(head)[0])


def _read(file: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(file, min(count, _MOST_BYTES))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
