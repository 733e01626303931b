"""Measure the messages of a run: their lengths, and what is left of the entries they carry."""

from __future__ import annotations

from dataclasses import dataclass

from ftte_lab.models import (
    Model,
    Params,
    RowFormat,
    Subset,
    flatten_trained,
    from_rows,
    frozen,
    full,
    index_bytes,
    insert,
)
from ftte_lab.server import BYTES_PER_ENTRY, CORRECTIONS, KEY_BYTES, ClientCorrection

_PLAIN = CORRECTIONS["none"]
BESIDE_MASKED = 2
"""Numbers that travel under the same mask as an update: its weight, and one about its variance."""


@dataclass(frozen=True)
class Traffic:
    """Bytes of one message of each sort.

    Attributes:
        upload: an update, per participation.
        download: the trained entries, per participation.
        once: the first, complete download of a device; 0 if each download is complete.
        index: the index of the subset, sent once; 0 if everything is trained.
    """

    upload: int
    download: int
    once: int
    index: int


def traffic(
    model: Model,
    trained: Subset,
    union: Subset,
    correction: ClientCorrection = _PLAIN,
    *,
    bits: int = 32,
    names: bool = True,
    group: int | None = None,
) -> Traffic:
    """Measure the lengths of real messages.

    They depend on shapes alone, so one message of each sort stands for all. A client correction may
    send further rows of the same length beside each (SCAFFOLD: a control variate each way).

    The first download of float32 with names is the complete model in one message. In any other
    format it is two: what is frozen for good, and then what every participation gets.

    Args:
        model: the net.
        trained: what the device trains and sends.
        union: what it downloads: all that any device trains.
        correction: the client correction.
        bits: of an entry, one of `models.BITS`.
        names: whether the names of the tensors travel with each message.
        group: devices whose updates are masked together: each sends 4 bytes an entry and a key, and
            receives the keys of all. `None`: no masks.
    """

    def length(subset: Subset) -> int:
        return RowFormat.of(model, subset, bits, names=names).length()

    upload, download = (correction.messages * length(one) for one in (trained, union))
    if group is not None:
        upload = BYTES_PER_ENTRY * (trained.entries(model) + BESIDE_MASKED) + KEY_BYTES
        download += KEY_BYTES * group
    everything = full(model)
    if union == everything:
        once = 0
    elif bits == 32 and names:
        once = length(everything) + download - length(union)
    else:
        once = length(frozen(model, union)) + download
    index = 0 if trained == everything else index_bytes(trained)
    return Traffic(upload, download, once, index)


def delivered(model: Model, params: Params, union: Subset, bits: int = 32) -> Params:
    """Return the first parameters as the devices receive them: each entry rounded to the nearest.

    The server begins with them, so that it evaluates the frozen entries that the devices have.

    Args:
        model: the net.
        params: its first parameters.
        union: all that any device trains.
        bits: of an entry, one of `models.BITS`.
    """
    if bits == 32:
        return params
    for part in filter(len, (union, frozen(model, union))):
        form = RowFormat.of(model, part, bits, names=False)
        row = form.unpack(form.pack(flatten_trained(model, part, params)))
        params = insert(model, part, params, from_rows(model, part, row))
    return params
