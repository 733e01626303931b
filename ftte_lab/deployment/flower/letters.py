"""Put several messages into one piece of bytes, as Flower carries them, and take them out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ftte_lab.deployment.messages import Message
from ftte_lab.deployment.wire import MOST_ARRAYS, MOST_HEAD_BYTES, WireError, from_frames, to_frames

_MOST_LETTERS = 2
_LONGEST_KEY = 80


@dataclass(frozen=True)
class Letters:
    """Hold what travels together.

    Attributes:
        messages: none in a greeting; else a job, a welcome before it, or an answer.
        key: of the node that answers, known to it alone.
    """

    messages: Sequence[Message] = ()
    key: str = ""


def to_blob(letters: Letters) -> bytes:
    """Write letters: a line of JSON with the length of each frame, then the frames.

    Example:
        >>> from ftte_lab.deployment.messages import Update
        >>> from_blob(to_blob(Letters([Update(7, b"abc")], "k"))).messages == [Update(7, b"abc")]
        True
    """
    frames = [to_frames(message) for message in letters.messages]
    head = {"key": letters.key, "frames": [list(map(len, one)) for one in frames]}
    flat = [frame for one in frames for frame in one]
    return b"".join([json.dumps(head).encode(), b"\n", *flat])


def from_blob(blob: bytes) -> Letters:
    """Read letters.

    Raises:
        WireError: anything else than what `to_blob` writes.
    """
    try:
        head, _, rest = blob.partition(b"\n")
        if len(head) > MOST_HEAD_BYTES:
            raise WireError("a head that is too long")
        read = json.loads(head)
        key, lengths = read["key"], read["frames"]
        if not isinstance(key, str) or len(key) > _LONGEST_KEY or len(lengths) > _MOST_LETTERS:
            raise WireError("letters of another form")
        return Letters(_messages(rest, lengths), key)
    except WireError:
        raise
    except Exception as error:  # garbage of any kind
        raise WireError("these bytes are no letters") from error


def _messages(rest: bytes, lengths: Sequence[Sequence[int]]) -> list[Message]:
    messages, at = [], 0
    for of_message in lengths:
        if len(of_message) > 1 + MOST_ARRAYS or min(of_message, default=0) < 0:
            raise WireError("frames of another form")
        frames = []
        for length in of_message:
            frames.append(rest[at : at + length])
            at += length
        messages.append(from_frames(frames))
    if at != len(rest):
        raise WireError("frames of another length than announced")
    return messages
