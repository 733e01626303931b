"""A student's message format: an update is written as bytes and read back, in the engine too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import percent, require
from ftte_lab.charts import Figure, curves
from ftte_lab.course.lessons import lesson
from ftte_lab.course.one_round import one_round
from ftte_lab.course.sandbox import call, examine
from ftte_lab.experiments import read_inputs, recovered
from ftte_lab.models import RowFormat, from_rows
from ftte_lab.server import server_step
from ftte_lab.simulation import History, Prepared, prepare, run

HORIZONS_S = {32: 1.0, 8: 0.4}
"""Virtual seconds by bits of an entry: about as many updates with both."""

_LEVELS = 127
Pair = tuple[Callable[[Any], Any], Callable[[Any], Any]]

ROWS = (
    ((3, 2), (0.5, -1.0, 0.25, 0.001, -0.002)),
    ((2, 1), (3.0, -0.75, 5.0)),
    ((2, 3), (0.0, 0.0, -4.0, 1.0, 4.0)),
)
"""Small updates: the entries of each tensor, and the row."""


def fleet(bits: int) -> Prepared:
    """Return the fleet of lesson 09 with bare messages, for a second or less."""
    short = lesson("09").set(payload_names=False, payload_bits=bits)
    return prepare(short.set(horizon_s=HORIZONS_S[bits], evaluations=25).run("fedavg"))


def in_fleet(answer: Callable[..., Any]) -> str | None:
    """Send all updates of a run through a student's messages; return the first that is wrong."""
    try:
        _own_run(answer)
    except _WrongMessageError as wrong:
        return f"in the fleet, {wrong}"
    return None


def by_hand(answer: Any) -> str | None:
    """Send a few small rows through a student's messages; return the first that is wrong."""
    if not callable(answer):
        return "expected a function. Pass its name, without brackets."
    for sizes, row in ROWS:
        try:
            _through(_pair(answer, sizes), np.array([row], np.float32), sizes)
        except _WrongMessageError as wrong:
            return f"for sizes {list(sizes)} and the row {list(row)}, {wrong}"
    return None


def picture(answer: Callable[..., Any]) -> Figure:
    """Draw accuracy over the bytes sent: float32, the library's 8 bits, and a student's format."""
    mine, length = _own_run(answer)
    sent = mine.points["upload_bytes"] * (length / fleet(32).traffic.upload)
    runs = {
        "32 bits": _library(32).points,
        "8 bits, the library's": _library(8).points,
        "8 bits, yours": mine.points.assign(upload_bytes=sent),
    }
    return curves({name: [points] for name, points in runs.items()}, of="upload_bytes", width_s=0)


def compared(answer: Callable[..., Any]) -> str:
    """Say how many bytes an update has in a student's format, and where the model ends."""
    mine, length = _own_run(answer)
    plain, rounded = (fleet(bits).traffic.upload for bits in (32, 8))
    return (
        f"An update has {length:,} bytes, {rounded:,} in the library's 8 bits, and {plain:,} in "
        f"32 bits. Your model ends at {percent(mine.final())}, the one of 32 bits at "
        f"{percent(_library(32).final())}."
    )


def digits_read(prepared: Prepared) -> float:
    """Return how many of a phone's own samples its first update shows, on average over phones.

    The update travels with the bits of the scenario. A sample counts as read if a guess of
    `read_inputs` has a correlation with it above 0.95.

    Args:
        prepared: a fleet whose net begins with a dense layer, and which trains that layer.

    Raises:
        ValueError: another net, or more clients than `one_round` takes.

    Example:
        >>> from ftte_lab import prepare
        >>> digits_read(prepare(lesson("09").set(batch=1, local_steps=1).run("fedavg")))
        1.1
    """
    federation, subset = prepared.federation, prepared.plan.subset
    form = RowFormat.of(federation.model, subset, prepared.scenario.payload_bits, names=False)
    layer = next(iter(federation.model.tensors)).rpartition(".")[0]
    weight, bias = f"{layer}.weight", f"{layer}.bias"
    shape = form.shapes.get(weight)
    given = f"the first layer, {layer}, trains {'no weight' if shape is None else f'{shape}'}"
    fits = shape is not None and len(shape) == 2 and bias in form.shapes
    require(fits, given, "a dense layer's weight (units, inputs), and its bias")
    x = federation.dataset.x_train.reshape(len(federation.dataset.x_train), -1)
    found = []
    for own, row in zip(federation.shards.train, one_round(prepared).rows, strict=True):
        named = from_rows(federation.model, subset, form.unpack(form.pack(row)))
        guesses = read_inputs(named[weight].numpy(), named[bias].numpy())
        found.append(len(own) * recovered(guesses, x[own]))
    return round(float(np.mean(found)), 6)


class _WrongMessageError(Exception):
    """A student's message is too long, or holds another update; the text explains where."""


@lru_cache(maxsize=2)
def _library(bits: int) -> History:
    return run(fleet(bits), processes=1)


def _own_run(answer: Callable[..., Any]) -> tuple[History, int]:
    """Return the run whose server reads a student's messages, and the length of the longest."""
    prepared = fleet(32)
    form = RowFormat.of(prepared.federation.model, prepared.plan.subset, names=False)
    sizes = [int(size) for size in form.sizes]
    pair, lengths = _pair(answer, sizes), [0]

    def step(x: Tensor, rows: Tensor, *given: Any, **named: Any) -> Tensor:
        read, sent = _through(pair, rows.numpy(), sizes)
        lengths.extend(sent)
        return server_step(x, torch.from_numpy(np.array(read)), *given, **named)

    return run(prepared, processes=1, step=step), max(lengths)


def _pair(answer: Callable[..., Any], sizes: Sequence[int]) -> Pair:
    """Return the device's `pack` and the server's `unpack`: each from a call of its own."""
    made = [call(answer, (list(sizes),)) for _ in range(2)]
    fits = all(isinstance(one, tuple | list) and len(one) == 2 for one in made)
    fits = fits and all(callable(one) for pair in made for one in pair)
    require(fits, "your function returned something else", "two functions: pack, unpack")
    return made[0][0], made[1][1]


def _through(
    pair: Pair, rows: np.ndarray, sizes: Sequence[int]
) -> tuple[list[np.ndarray], list[int]]:
    """Return updates `(K, d)` as the server reads them, and the bytes of each message."""
    pack, unpack = pair
    messages = call(lambda given: [pack(row) for row in given], (rows,))
    allowed = 4 * len(sizes) + rows.shape[1]
    for message in messages:
        if not isinstance(message, bytes):
            kind = type(message).__name__
            raise _WrongMessageError(f"pack returns {kind}; a message is bytes.")
        if len(message) > allowed:
            what = f"the message has {len(message):,} bytes"
            raise _WrongMessageError(
                f"{what}; 4 for each tensor and 1 for each entry make {allowed:,}."
            )
    given = call(lambda sent: [unpack(message) for message in sent], (messages,))
    read = [examine(partial(np.asarray, one, np.float32)) for one in given]
    for one, row in zip(read, rows, strict=True):
        if one.shape != row.shape:
            shapes = f"an array of shape {one.shape}, not {row.shape}"
            raise _WrongMessageError(f"unpack returns {shapes}.")
        why = _far(one, row, sizes)
        if why:
            raise _WrongMessageError(why)
    return read, [len(message) for message in messages]


def _far(read: np.ndarray, row: np.ndarray, sizes: Sequence[int]) -> str:
    """Return which entry came back wrong and why, or nothing."""
    if not np.isfinite(read).all():
        return "an entry comes back as nan or infinite. A tensor may be all zeros: 0 / 0."
    ends = np.cumsum(sizes)[:-1]
    largest = np.array([np.abs(part).max(initial=0.0) for part in np.split(row, ends)])
    allowed = np.repeat(largest, sizes) * (1.001 / _LEVELS) + 1e-30
    wrong = np.flatnonzero(np.abs(read - row) > allowed)
    if not len(wrong):
        return ""
    k = int(wrong[np.argmax(np.abs(read - row)[wrong])])
    text = f"the entry {row[k]:.3g} comes back as {read[k]:.3g}."
    if row[k] * read[k] < 0 and abs(row[k]) > 0.9 * largest.max():
        return f"{text} An int8 ends at 127: above it the sign turns."
    if np.abs(read - row).max() <= largest.max() * 1.001 / _LEVELS:
        return f"{text} One scale for all tensors is too coarse for the small ones."
    return f"{text} It may differ by one step: the largest of its tensor / {_LEVELS}."
