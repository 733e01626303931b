"""Frames between a run and its worker processes: a length and a body."""

from __future__ import annotations

import os
import struct

_LENGTH = struct.Struct("<Q")


def frame(body: bytes) -> bytes:
    """A length and a body."""
    return _LENGTH.pack(len(body)) + body


def write_frame(file: int, body: bytes) -> None:
    """Write a frame to a file descriptor."""
    view = memoryview(frame(body))
    while view:
        view = view[os.write(file, view) :]


def read_frame(file: int) -> bytes | None:
    """The next body, or `None` at the end of the stream."""
    head = _read(file, _LENGTH.size)
    return None if head is None else _read(file, _LENGTH.unpack(head)[0])


def _read(file: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(file, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
