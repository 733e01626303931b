"""Turn the events of a run into bytes and back, every digit of them.

A head of JSON names the numbers and the arrays; the arrays follow as they are in memory. Nothing in
it can be executed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ftte_lab.models import pack, unpack
from ftte_lab.simulation.events import Evaluated, Event, Finished
from ftte_lab.simulation.history import History
from ftte_lab.simulation.stepped import Stepped
from ftte_lab.simulation.workers.protocol import GarbledError

_LENGTH = struct.Struct("<I")
_ARRAYS = ("clients", "ages", "variances", "weights")
_KINDS = "iuf"  # kinds of numbers that an array may hold


def event_to_bytes(event: Event) -> bytes:
    """Write an event of a run; all but `Ready`, which everybody can prepare.

    Raises:
        TypeError: another event.
    """
    if isinstance(event, Evaluated):
        values = np.array([*event.point.values(), *event.clients], np.float64)
        return _message({"kind": "evaluated", "columns": list(event.point)}, values.tobytes())
    if isinstance(event, Stepped):
        arrays = [np.ascontiguousarray(getattr(event, name)) for name in _ARRAYS]
        head = {
            "kind": "stepped",
            "version": event.version,
            "sim_seconds": event.sim_seconds,
            "rejected": dict(event.rejected),
            "arrays": [[array.dtype.str, len(array)] for array in arrays],
        }
        return _message(head, b"".join(array.tobytes() for array in arrays))
    if isinstance(event, Finished):
        text = event.history.to_json().encode()
        head = {"kind": "finished", "text": len(text), "names": list(event.params)}
        return _message(head, text + pack(event.params))
    raise TypeError(f"{type(event).__name__} is not sent")


def event_from_bytes(message: bytes) -> Event:
    """Read an event.

    Raises:
        GarbledError: the message is cut off or something else.
    """
    try:
        (length,) = _LENGTH.unpack_from(message)
        begin = _LENGTH.size + length
        head = json.loads(message[_LENGTH.size : begin])
        return _READ[head["kind"]](head, message[begin:])
    except Exception as error:  # garbage of any kind
        raise GarbledError("the message is no event") from error


def _message(head: Mapping[str, Any], body: bytes) -> bytes:
    text = json.dumps(head).encode()
    return _LENGTH.pack(len(text)) + text + body


def _evaluated(head: Mapping[str, Any], body: bytes) -> Event:
    values, columns = np.frombuffer(body, np.float64), head["columns"]
    if len(values) < len(columns):
        raise GarbledError("numbers are missing")
    point = dict(zip(columns, values[: len(columns)].tolist(), strict=True))
    return Evaluated(point, values[len(columns) :].copy())


def _stepped(head: Mapping[str, Any], body: bytes) -> Event:
    arrays: list[np.ndarray] = []
    at = 0
    for text, count in head["arrays"]:
        kind = np.dtype(text)
        if kind.kind not in _KINDS:
            raise GarbledError("an array of something else than numbers")
        arrays.append(np.frombuffer(body, kind, count, at).copy())
        at += arrays[-1].nbytes
    if at != len(body):
        raise GarbledError("bytes are left over")
    rejected = {str(reason): int(count) for reason, count in head["rejected"].items()}
    clients, ages, variances, weights = arrays
    version, sim_seconds = int(head["version"]), float(head["sim_seconds"])
    return Stepped(version, sim_seconds, clients, ages, variances, weights, rejected)


def _finished(head: Mapping[str, Any], body: bytes) -> Event:
    text = int(head["text"])
    params = unpack(body[text:])
    ordered = {name: params[name].clone() for name in head["names"]}
    return Finished(History.from_json(body[:text]), ordered)


_READ: Mapping[str, Callable[[Mapping[str, Any], bytes], Event]] = {
    "evaluated": _evaluated,
    "stepped": _stepped,
    "finished": _finished,
}
