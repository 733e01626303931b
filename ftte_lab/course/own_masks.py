"""A student's masks: the server reads the sum of a buffer and no row of it, in the engine too."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import percent, require
from ftte_lab.charts import Figure, accuracy
from ftte_lab.course.lessons import lesson
from ftte_lab.course.sandbox import call, examine
from ftte_lab.server import STEP, server_step
from ftte_lab.simulation import History, Scenario, run

ROWS = ((0.5, -1.0, 0.25), (2.0, 0.0, -0.75), (-0.5, 3.0, 0.5), (1.0, -4.0, 0.0), (0.25, 1.0, -1.0))
"""Small updates of five devices."""

_GROUP = 5
_RING = 2**32
_TAG = 0x3A5C  # keeps these seeds apart from every other use of a number
_LOST_EVERY = 3  # server steps
Pair = tuple[Callable[..., Any], Callable[..., Any]]
Seeds = dict[int, dict[int, int]]


def fleet(*, masked: bool = False) -> Scenario:
    """Return a small fleet of lesson 11 with buffers of five, with the library's masks or none."""
    small = lesson("11", "ci").set(clip_norm=None, buffer=_GROUP, horizon_s=0.35, evaluations=16)
    return small.set(secure_aggregation=masked).run("fedbuff")


def nobody_lost(answer: Any) -> str | None:
    """Send five small rows under a student's masks; return what is wrong, in words."""
    return _by_hand(answer, ())


def one_lost(answer: Any) -> str | None:
    """Lose a device after the seeds are agreed; return what is wrong with the sum, in words."""
    return _by_hand(answer, (2,))


def in_fleet(answer: Callable[..., Any]) -> str | None:
    """Send all updates of a run under a student's masks; return the first fault, in words."""
    try:
        _own_run(answer)
    except _WrongMaskError as wrong:
        return f"in the fleet, {wrong}"
    return None


def picture(answer: Callable[..., Any]) -> Figure:
    """Draw the run under a student's masks beside the library's, and one without masks."""
    shown = {"no masks": _library(masked=False), "masks, the library's": _library(masked=True)}
    return accuracy({**shown, "masks, yours": _own_run(answer)[0]}, of="updates")


def compared(answer: Callable[..., Any]) -> str:
    """Say where the model ends with a student's masks and without, and what a message shows."""
    mine, likeness = _own_run(answer)
    return (
        f"Your model ends at {percent(mine.final())}, the one without masks at "
        f"{percent(_library(masked=False).final())}. A message has a correlation of "
        f"{likeness:.2f} with its row."
    )


class _WrongMaskError(Exception):
    """A student's message is no mask, or the sum is wrong; the text explains where."""


@lru_cache(maxsize=2)
def _library(*, masked: bool) -> History:
    return run(fleet(masked=masked), processes=1)


def _by_hand(answer: Any, gone: tuple[int, ...]) -> str | None:
    if not callable(answer):
        return "expected a function. Pass its name, without brackets."
    sent = [row for place, row in enumerate(ROWS) if place not in gone]
    try:
        _Group(answer).total(np.array(sent), gone, draw=0)
    except _WrongMaskError as wrong:
        lost = f"device {gone[0]} of five lost" if gone else "five devices"
        return f"with {lost}, {wrong}"
    return None


def _own_run(answer: Callable[..., Any]) -> tuple[History, float]:
    """Return the run whose server reads sums of masked rows, and how much a message shows."""
    group, done = _Group(answer), 0
    shown: list[float] = []

    def step(x: Tensor, rows: Tensor, weights: Any, rule: Any, **_: Any) -> Tensor:
        nonlocal done
        done += 1
        ready = len(rows) + 1
        gone = (done % ready,) if done % _LOST_EVERY == 0 else ()
        weighted = rows.double().numpy() * np.asarray(weights)[:, None]
        total, messages = group.total(weighted, gone, draw=done)
        shown.extend(map(_likeness, messages, weighted))
        return server_step(x, torch.from_numpy(total.astype(np.float32))[None], [1.0], rule)

    return run(fleet(), processes=1, step=step), float(np.mean(shown))


def _likeness(message: np.ndarray, row: np.ndarray) -> float:
    """Return the size of the correlation of a message and its row; 0 for a row of zeros."""
    return abs(float(np.corrcoef(message, row)[0, 1])) if row.std() > 0 else 0.0


class _Group:
    """Devices that share a seed in pairs, and a server, all with a student's functions.

    Args:
        answer: takes `stream`; returns the device's `mask` and the server's `read`.
    """

    def __init__(self, answer: Callable[..., Any]) -> None:
        self._used: list[int] = []
        made = [call(answer, (self._stream(),)) for _ in range(2)]
        fits = all(isinstance(one, tuple | list) and len(one) == 2 for one in made)
        fits = fits and all(callable(one) for pair in made for one in pair)
        require(fits, "your function returned something else", "two functions: mask, read")
        self._mask, self._read = made[0][0], made[1][1]

    def total(
        self, rows: np.ndarray, gone: Collection[int], draw: int
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the sum as the server reads it, `(d,)`, and the message of each device.

        Args:
            rows: of the devices that send, `(K, d)`.
            gone: places of devices that vanish before they send.
            draw: of the seeds.
        """
        seeds = _seeds(len(rows) + len(gone), draw)
        places = [place for place in seeds if place not in gone]
        made = call(self._all, (rows, places, [seeds[place] for place in places]))
        messages = [self._message(*one) for one in zip(made, places, rows, strict=True)]
        lost = {one: {place: seeds[one][place] for place in places} for one in gone}
        arrived = dict(zip(places, messages, strict=True))
        given = call(self._read, (arrived, lost))
        total = examine(partial(np.asarray, given, float))
        wanted = rows.sum(0)
        if total.shape != wanted.shape:
            shapes = f"an array of shape {total.shape}, not {wanted.shape}"
            raise _WrongMaskError(f"read returns {shapes}.")
        why = _far(total, wanted, len(rows))
        if why:
            raise _WrongMaskError(why)
        return total, messages

    def _stream(self) -> Callable[[Any, Any], np.ndarray]:
        def stream(seed: Any, entries: Any) -> np.ndarray:
            self._used.append(int(seed))
            return np.random.default_rng(int(seed)).integers(0, _RING, int(entries))

        return stream

    def _all(self, rows: np.ndarray, places: list[int], seeds: list[dict[int, int]]) -> list[Any]:
        """Return what `mask` makes of each row, and how many of its seeds it used."""
        made = []
        for row, place, own in zip(rows, places, seeds, strict=True):
            known = set(own.values())
            self._used.clear()
            made.append((self._mask(row, place, own), len(known & set(self._used)), len(known)))
        return made

    def _message(self, made: tuple[Any, int, int], place: int, row: np.ndarray) -> np.ndarray:
        """Return a message as whole numbers, `(d,)`, if it is one and hides its row."""
        given, used, known = made
        message = examine(partial(np.asarray, given))
        if message.shape != row.shape:
            shapes = f"an array of shape {message.shape}, not {row.shape}"
            raise _WrongMaskError(f"mask returns {shapes}.")
        whole = message.dtype.kind in "iu" and ((message >= 0) & (message < _RING)).all()
        if not whole:
            raise _WrongMaskError(
                "mask must return whole numbers from 0 to 2**32 - 1: "
                "round to whole steps, and take them modulo 2**32."
            )
        if used < known:
            raise _WrongMaskError(
                f"device {place} uses {used} of its {known} seeds. "
                "Who knows these few could take its mask away."
            )
        message = message.astype(np.int64)
        if _is_bare(message, row):
            raise _WrongMaskError(f"device {place} sends its row without a mask.")
        return message


def _seeds(devices: int, draw: int) -> Seeds:
    """Draw a seed for each pair of devices; return for each those that it shares, by the other."""
    drawn = np.random.default_rng([_TAG, draw]).integers(2**62, size=(devices, devices))
    return {
        one: {
            other: int(drawn[min(one, other), max(one, other)])
            for other in range(devices)
            if other != one
        }
        for one in range(devices)
    }


def _is_bare(message: np.ndarray, row: np.ndarray) -> bool:
    """Return whether most entries are those of the row, to a thousand steps."""
    apart = (message - np.rint(row / STEP).astype(np.int64)) % _RING
    return bool((np.minimum(apart, _RING - apart) < 1000).mean() > 0.5)


def _far(total: np.ndarray, wanted: np.ndarray, devices: int) -> str:
    """Return which entry of the sum is wrong and why, or nothing."""
    apart = np.abs(total - wanted)
    allowed = (devices / 2 + 0.01) * STEP
    if (apart <= allowed).all():  # nan is never small
        return ""
    k = int(np.argmax(np.nan_to_num(apart, nan=np.inf)))
    text = f"the sum {wanted[k]:.3g} is read as {total[k]:.6g}."
    if (apart <= 2 * devices * STEP).all():
        return f"{text} Round to the nearest step: np.rint."
    if (np.abs(apart[apart > allowed] - _RING * STEP) <= 1).all():
        return f"{text} From 2**31 on a number of steps stands for a negative one: less 2**32."
    if wanted[k] and abs(total[k] * STEP / wanted[k] - 1) < 0.01:
        return f"{text} Those are steps: a step is 2**-16."
    return f"{text} A mask stays in it: each stream must come once with plus, once with minus."
