"""Define the protocols of the server: when it steps, and when it starts clients."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from ftte_lab._common import choice, integer, number, require


class Fate(IntEnum):
    """Name what became of a participation.

    APPLIED: a server step took it. BUFFERED: it arrived and is still in the buffer at the end.
    DROPPED: it never arrived. STALE: it arrived more than `max_staleness` versions late and was
    discarded. ABORTED: a server step came first and called it off. RUNNING: it was still under way
    at the end.
    """

    APPLIED = 0
    BUFFERED = 1
    DROPPED = 2
    STALE = 3
    ABORTED = 4
    RUNNING = 5


_MOST = 100_000_000


@dataclass(frozen=True)
class Policy:
    """State when the server steps and when it starts clients: only here do the protocols differ.

    With `refill="step"` the server also steps on a partial buffer as soon as nothing is under way
    any more and something has arrived. If nothing has (all dropped out or too old), it starts new
    clients without a step.

    Attributes:
        concurrency: M, clients that train at once; fewer if fewer are eligible.
        buffer: K, updates per server step.
        refill: fill a slot when it is free ("arrival"), or only at the server step ("step").
        max_staleness: discard updates older than this many versions; `None` keeps all.
        discard_late: a step calls off whatever is under way (over-selection); needs "step".
        once_per_step: a client whose update is in the buffer starts again only after the step, so
            that no step takes two updates of one client.
        max_participations: a client of which so many updates were taken is not started again;
            `None`: as often as it comes.

    Raises:
        ValueError: a number out of range, or a combination that makes no sense.
    """

    concurrency: int
    buffer: int
    refill: Literal["arrival", "step"] = "arrival"
    max_staleness: int | None = None
    discard_late: bool = False
    once_per_step: bool = False
    max_participations: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "concurrency", integer("concurrency", self.concurrency, 1))
        object.__setattr__(self, "buffer", integer("buffer", self.buffer, 1))
        choice("refill", self.refill, ("arrival", "step"))
        if self.max_staleness is not None:
            fix = "None keeps updates of any age"
            most = integer("max_staleness", self.max_staleness, 0, fix=fix)
            object.__setattr__(self, "max_staleness", most)
        if self.max_participations is not None:
            often = integer("max_participations", self.max_participations, 1)
            object.__setattr__(self, "max_participations", often)
        if self.refill == "step":
            most = self.concurrency
            fix = "A larger buffer never fills: raise the concurrency or refill on arrival"
            allowed = f"1 to {most}, the concurrency"
            require(self.buffer <= most, f"buffer = {self.buffer}", allowed, fix)
        fits = self.refill == "step" or not self.discard_late
        problem, fix = "discard_late with refill = 'arrival'", "Use Policy.synchronous"
        require(fits, problem, "refill = 'step'", fix)

    @classmethod
    def synchronous(cls, cohort: int, over_select: float = 0.0) -> Policy:
        """Build FedAvg's protocol: wait for a complete cohort.

        With `over_select` (a share) more clients are started, and the last ones called off. That is
        a synchronous server's defence against drop-outs and stragglers (0.3 in Bonawitz et al.
        2019); the data of slow devices then count less.

        Raises:
            ValueError: if `cohort` < 1 or `over_select` is negative.
        """
        cohort = integer("cohort", cohort, 1, _MOST)
        over_select = number("over_select", over_select, 0, _MOST)
        # Rounded first: 10 x 1.1 is 11, also in binary floats.
        started = math.ceil(round(cohort * (1 + over_select), 9))
        return cls(started, cohort, "step", discard_late=over_select > 0)

    @classmethod
    def buffered(cls, concurrency: int, buffer: int, max_staleness: int | None = None) -> Policy:
        """Build the protocol of FedBuff and FTTE: step whenever `buffer` updates have arrived.

        A buffer of 1 is FedAsync.

        Mean staleness is about concurrency / buffer (Little's law): the price of not waiting.

        Raises:
            ValueError: a number out of range.
        """
        return cls(concurrency, buffer, "arrival", max_staleness)
