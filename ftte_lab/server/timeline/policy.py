"""The protocols of the server: when it steps, when it hands out work, and what became of an update."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from ftte_lab._common import choice, integer, number, require


class Fate(IntEnum):
    """What became of a participation."""

    APPLIED = 0  # a server step took it
    BUFFERED = 1  # it arrived and still waits at the end
    DROPPED = 2  # it never arrived
    STALE = 3  # it arrived more than `max_staleness` versions late and was discarded
    ABORTED = 4  # a server step came first and called it off
    RUNNING = 5  # it was still under way at the end


@dataclass(frozen=True)
class Policy:
    """When the server steps and when it hands out work: here the protocols differ, and nowhere else.

    With `refill="step"` the server also steps on a partial buffer as soon as nothing is under way any more and
    something has arrived; if nothing has (all dropped out or too old), it starts new clients without a step.

    Raises:
        ValueError: a number out of range, or a combination that makes no sense.
    """

    concurrency: int  # M, clients that train at once; fewer if fewer are eligible
    buffer: int  # K, updates per server step
    refill: Literal["arrival", "step"] = (
        "arrival"  # fill a slot when it is free, or only at the server step
    )
    max_staleness: int | None = (
        None  # discard updates older than this many versions; None keeps all
    )
    discard_late: bool = (
        False  # a step calls off whatever is under way (over-selection); needs "step"
    )

    def __post_init__(self) -> None:
        integer("concurrency", self.concurrency, 1)
        integer("buffer", self.buffer, 1)
        choice("refill", self.refill, ("arrival", "step"))
        if self.max_staleness is not None:
            integer("max_staleness", self.max_staleness, 0, fix="None keeps updates of any age")
        if self.refill == "step":
            M, fix = (
                self.concurrency,
                "A larger buffer never fills: raise the concurrency or refill on arrival",
            )
            require(self.buffer <= M, f"buffer = {self.buffer}", f"1 to {M}, the concurrency", fix)
        late = self.refill == "step" or not self.discard_late
        require(
            late,
            "discard_late with refill = 'arrival'",
            "refill = 'step'",
            "Use Policy.synchronous",
        )

    @classmethod
    def synchronous(cls, cohort: int, over_select: float = 0.0) -> Policy:
        """FedAvg: wait for a whole cohort, or start `over_select` (a share) more and call off the last ones.

        Over-selection is a synchronous server's defence against drop-outs and stragglers (0.3 in Bonawitz et al.
        2019), paid with the voice of slow devices.

        Raises:
            ValueError: if `cohort` < 1 or `over_select` is negative.
        """
        integer("cohort", cohort, 1)
        number("over_select", over_select, 0)
        started = math.ceil(
            round(cohort * (1 + over_select), 9)
        )  # 10 x 1.1 is 11, whatever binary floats say
        return cls(started, cohort, "step", discard_late=over_select > 0)

    @classmethod
    def buffered(cls, concurrency: int, buffer: int, max_staleness: int | None = None) -> Policy:
        """FedBuff and FTTE: step whenever `buffer` updates have arrived; `buffer` 1 is FedAsync.

        Mean staleness is about concurrency / buffer (Little's law): the price of not waiting.

        Raises:
            ValueError: a number out of range.
        """
        return cls(concurrency, buffer, "arrival", max_staleness)
