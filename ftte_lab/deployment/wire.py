"""Write a message as frames, and read it back: a head of JSON, then raw arrays.

The head names the kind of message, its plain fields, and type and shape of each array. Nothing in
it can be executed, and nothing is read that the head does not announce: known fields, two types of
numbers, lengths that agree. What a job and an update carry are bytes of `models`, whose own checks
come after these.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ftte_lab.deployment.messages import (
    PARTS,
    Again,
    Beat,
    Bye,
    Held,
    Job,
    Join,
    Left,
    Message,
    Seconds,
    Update,
    Welcome,
)

MOST_HEAD_BYTES = 1 << 20
"""The longest head: a scenario, and the index of a subset, take some kilobytes."""
MOST_ARRAYS = 4
"""A message has at most so many arrays."""

_TYPES = ("|u1", "<f8")  # bytes of `models`, and float64
_MOST = 2**53
_LONGEST_S = 1e9
_Arrays = Mapping[str, np.ndarray]


class WireError(ValueError):
    """What came is no message."""


def to_frames(message: Message) -> list[bytes]:
    """Write a message.

    Example:
        >>> head, payload, numbers = to_frames(Update(7, b"abc"))
        >>> payload, len(numbers)
        (b'abc', 56)
        >>> from_frames([head, payload, numbers]) == Update(7, b"abc")
        True
    """
    fields, arrays = _plain(message)
    listed = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    head = {"kind": type(message).__name__.lower(), "arrays": listed, **fields}
    return [json.dumps(head).encode(), *(array.tobytes() for array in arrays.values())]


def from_frames(frames: Sequence[bytes]) -> Message:
    """Read a message.

    Raises:
        WireError: anything else than what `to_frames` writes.
    """
    try:
        return _read(frames)
    except WireError:
        raise
    except Exception as error:  # garbage of any kind
        raise WireError("these frames are no message") from error


def _plain(message: Message) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the plain fields of a message and its arrays."""
    if isinstance(message, Job):
        fields = {name: value for name, value in vars(message).items() if name != "parts"}
        return fields, {name: _bytes(part) for name, part in message.parts.items()}
    if isinstance(message, Update):
        numbers = np.array([message.step_variance, *message.seconds, *message.held], "<f8")
        return {"number": message.number}, {"payload": _bytes(message.payload), "numbers": numbers}
    return dict(vars(message)), {}


def _bytes(part: bytes) -> np.ndarray:
    return np.frombuffer(part, "|u1")


def _read(frames: Sequence[bytes]) -> Message:
    if not 1 <= len(frames) <= 1 + MOST_ARRAYS or len(frames[0]) > MOST_HEAD_BYTES:
        raise WireError("too many frames, or a head that is too long")
    head = json.loads(frames[0])
    reader, fields = _READ[head.pop("kind")]
    arrays = _arrays(head.pop("arrays"), frames[1:])
    if set(head) != set(fields):
        raise WireError("unknown or missing fields")
    return reader(head, arrays)


def _arrays(listed: Any, frames: Sequence[bytes]) -> _Arrays:
    """Cut the arrays out of the frames, each with the type and shape that is announced."""
    found: dict[str, np.ndarray] = {}
    for (name, kind, shape), frame in zip(listed, frames, strict=True):
        if kind not in _TYPES or not isinstance(name, str) or name in found:
            raise WireError("an array of a type that is not sent")
        size = _whole(shape[0]) if len(shape) == 1 else -1
        if size * np.dtype(kind).itemsize != len(frame):
            raise WireError("an array of another length than announced")
        found[name] = np.frombuffer(frame, kind)
    return found


def _job(head: Mapping[str, Any], arrays: _Arrays) -> Job:
    if not set(arrays) <= set(PARTS) or not isinstance(head["together"], bool):
        raise WireError("a job with other parts")
    parts = {name: _payload(array) for name, array in arrays.items()}
    names = ("number", "client", "visit", "micro_batch")
    number, client, visit, micro_batch = (_whole(head[name]) for name in names)
    pace = _seconds(head["pace"])
    return Job(number, client, visit, head["together"], pace, parts, micro_batch)


def _update(head: Mapping[str, Any], arrays: _Arrays) -> Update:
    numbers, payload = arrays["numbers"], arrays["payload"]
    if len(arrays) != 2 or numbers.dtype != "<f8" or numbers.shape != (7,):
        raise WireError("an update with other parts")
    variance, *rest = numbers.tolist()
    seconds, held = _seconds(rest[:3]), _held(rest[3:])
    return Update(_whole(head["number"]), _payload(payload), variance, seconds, held)


def _welcome(head: Mapping[str, Any], arrays: _Arrays) -> Welcome:
    clients = tuple(_whole(client) for client in head["clients"])
    return Welcome(_text(head["scenario"]), clients, _text(head["union"]))


def _payload(array: np.ndarray) -> bytes:
    if array.dtype != "|u1":
        raise WireError("a payload that is no bytes")
    return array.tobytes()


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _MOST:
        raise WireError("no whole number from 0 upwards")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise WireError("no text")
    return value


def _seconds(values: Any) -> Seconds:
    down, compute, up = (float(value) for value in values)
    if not all(math.isfinite(value) and 0 <= value <= _LONGEST_S for value in (down, compute, up)):
        raise WireError("no seconds")
    return down, compute, up


def _held(values: Sequence[float]) -> Held:
    if not all(0 <= value < _MOST and value == int(value) for value in values):
        raise WireError("no bytes")
    peak, growth, at_once = map(int, values)
    return peak, growth, at_once


_Reader = Callable[[Mapping[str, Any], _Arrays], Message]
_READ: Mapping[str, tuple[_Reader, tuple[str, ...]]] = {
    "join": (
        lambda head, arrays: Join(
            _text(head["word"]), _text(head["name"]), -1 + _whole(head["seat"] + 1)
        ),
        ("word", "name", "seat"),
    ),
    "welcome": (_welcome, ("scenario", "clients", "union")),
    "job": (_job, ("number", "client", "visit", "together", "pace", "micro_batch")),
    "update": (_update, ("number",)),
    "beat": (lambda head, arrays: Beat(), ()),
    "again": (lambda head, arrays: Again(), ()),
    "left": (lambda head, arrays: Left(), ()),
    "bye": (lambda head, arrays: Bye(_text(head["reason"])), ("reason",)),
}
