"""Exchange frames between a run and its worker processes: a head with a checksum, and a body.

A body is JSON or safetensors: nothing that could be executed crosses the socket. What is not a
frame, or not a whole one, is noticed by its checksum, so that it never becomes a result.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

ALIVE = 0
"""Number of the frames by which a worker that computes shows that it has not stopped."""
LOADED = 1
"""Number of the frame by which a worker reports that it has the data of a run: its body."""
FIRST_TASK = 2
"""Number of a run's first task; each further one has the next. An answer has its task's number."""

_MAGIC = b"FTTE"
_HEAD = struct.Struct("<4sQQI")  # magic, number, bytes of the body, checksum
_NUMBERS = struct.Struct("<QQ")
_MOST_BYTES = 1 << 34


class GarbledError(ValueError):
    """What came is no frame."""


def frame(number: int, body: bytes = b"") -> bytes:
    """Put number, length and checksum before a body."""
    return _HEAD.pack(_MAGIC, number, len(body), _checksum(number, body)) + body


class FrameReader:
    """Cut a stream of bytes into frames, however it arrives in pieces."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Add bytes, and yield number and body of each frame that is complete.

        Raises:
            GarbledError: the stream holds something else than frames.
        """
        self._bytes += data
        while len(self._bytes) >= _HEAD.size:
            magic, number, length, checksum = _HEAD.unpack_from(self._bytes)
            if magic != _MAGIC or length > _MOST_BYTES:
                raise GarbledError("these bytes are no frame")
            end = _HEAD.size + length
            if len(self._bytes) < end:
                return
            body = bytes(self._bytes[_HEAD.size : end])
            del self._bytes[:end]
            if checksum != _checksum(number, body):
                raise GarbledError("the bytes of a frame were changed")
            yield number, body


def _checksum(number: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(_NUMBERS.pack(number, len(body))))
