"""The event loop of the virtual clock: a heap of arrivals, idle clients, and the protocol that moves them."""

from __future__ import annotations

import heapq
import math
from array import array
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ftte_lab._require import in_range, one_of, require, whole

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MAX_PARTICIPATIONS = 20_000_000  # a longer schedule (some 3 GB) is refused instead of exhausting the machine
_TAG = 0x71AE  # keeps the clock's random streams apart from every other use of the same seed
_BLOCK = 8192  # random numbers are drawn in blocks: a numpy call for each would cost more than the event


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
    refill: Literal["arrival", "step"] = "arrival"  # fill a slot when it is free, or only at the server step
    max_staleness: int | None = None  # discard updates older than this many versions; None keeps all
    discard_late: bool = False  # a step calls off whatever is under way (over-selection); needs "step"

    def __post_init__(self) -> None:
        whole("concurrency", self.concurrency, 1)
        whole("buffer", self.buffer, 1)
        one_of("refill", self.refill, ("arrival", "step"))
        if self.max_staleness is not None:
            whole("max_staleness", self.max_staleness, 0, fix="None keeps updates of any age")
        if self.refill == "step":
            M, fix = self.concurrency, "A larger buffer never fills: raise the concurrency or refill on arrival"
            require(self.buffer <= M, f"buffer = {self.buffer}", f"1 to {M}, the concurrency", fix)
        late = self.refill == "step" or not self.discard_late
        require(late, "discard_late with refill = 'arrival'", "refill = 'step'", "Use Policy.synchronous")

    @classmethod
    def synchronous(cls, cohort: int, over_select: float = 0.0) -> Policy:
        """FedAvg: wait for a whole cohort, or start `over_select` (a share) more and call off the last ones.

        Over-selection is a synchronous server's defence against drop-outs and stragglers (0.3 in Bonawitz et al.
        2019), paid with the voice of slow devices.

        Raises:
            ValueError: if `cohort` < 1 or `over_select` is negative.
        """
        whole("cohort", cohort, 1)
        in_range("over_select", over_select, 0)
        started = math.ceil(round(cohort * (1 + over_select), 9))  # 10 x 1.1 is 11, whatever binary floats say
        return cls(started, cohort, "step", discard_late=over_select > 0)

    @classmethod
    def buffered(cls, concurrency: int, buffer: int, max_staleness: int | None = None) -> Policy:
        """FedBuff and FTTE: step whenever `buffer` updates have arrived; `buffer` 1 is FedAsync.

        Mean staleness is about concurrency / buffer (Little's law): the price of not waiting.

        Raises:
            ValueError: a number out of range.
        """
        return cls(concurrency, buffer, "arrival", max_staleness)


class Clock:
    """The event loop: a heap of arrivals, a list of idle clients, and one entry per participation p."""

    def __init__(self, policy: Policy, base: list[Floats], idle: list[int], sigma: float, seed: int) -> None:
        self.policy, self.idle, self.sigma = policy, idle, sigma
        self.first, self.later, self.compute, self.upload, self.dropout = (column.tolist() for column in base)
        # Separate streams: jitter or drop-out switched on changes no other draw of the same participation.
        self.streams = [np.random.default_rng(s) for s in np.random.SeedSequence([seed, _TAG]).spawn(3)]
        self.heap: list[tuple[float, int]] = []
        self.waiting: list[int] = []
        self.visits = [0] * len(self.first)
        self.client, self.visit, self.version, self.fate = array("q"), array("q"), array("q"), array("b")
        self.start, self.factor = array("d"), array("d")
        self.applied, self.step_s, self.step_end = array("q"), array("d"), array("q")

    def run(self, horizon_s: float, max_steps: int | None) -> float:
        """Handle the events in the order of (time, participation); returns the end of the run."""
        end_s = horizon_s
        self.fill(0.0)
        while self.heap and self.heap[0][0] <= horizon_s:
            t, p = heapq.heappop(self.heap)
            refill = self.arrive(t, p)
            if len(self.step_s) == max_steps:
                end_s = t
                break
            if refill and t < horizon_s:
                self.fill(t)
        for _, p in self.heap:
            self.fate[p] = Fate.RUNNING
        return end_s

    def draw(self, p: int) -> None:
        """Draw the random numbers of the next block of participations."""
        require(p < MAX_PARTICIPATIONS, f"more than {p} participations", "a shorter run", "Lower horizon_s")
        self.pick = self.streams[0].random(_BLOCK).tolist()
        self.luck = self.streams[1].random(_BLOCK).tolist()
        z = self.streams[2].standard_normal(_BLOCK)
        self.jitter = np.exp(self.sigma * z - self.sigma**2 / 2).tolist()

    def fill(self, t: float) -> None:
        """Start idle clients, drawn uniformly, until every slot is taken."""
        idle, heap, version = self.idle, self.heap, len(self.step_s)
        while idle and len(heap) < self.policy.concurrency:
            p = len(self.client)
            k = p % _BLOCK
            if k == 0:
                self.draw(p)
            i = int(self.pick[k] * len(idle))
            idle[i], idle[-1] = idle[-1], idle[i]
            c = idle.pop()
            visit, f = self.visits[c], self.jitter[k]
            self.visits[c] += 1
            download = self.later[c] if visit else self.first[c]
            # The order of these additions is that of `_timeline`, so that both give the same bits.
            heapq.heappush(heap, (t + download * f + self.compute[c] * f + self.upload[c] * f, p))
            self.client.append(c)
            self.visit.append(visit)
            self.version.append(version)
            self.start.append(t)
            self.factor.append(f)
            self.fate.append(Fate.DROPPED if self.luck[k] < self.dropout[c] else Fate.BUFFERED)

    def arrive(self, t: float, p: int) -> bool:
        """Take the end of participation p; returns whether free slots may be filled now."""
        policy = self.policy
        self.idle.append(self.client[p])
        if self.fate[p] != Fate.DROPPED:
            age = len(self.step_s) - self.version[p]
            if policy.max_staleness is not None and age > policy.max_staleness:
                self.fate[p] = Fate.STALE
            else:
                self.waiting.append(p)
        alone = policy.refill == "step" and not self.heap  # nothing else can arrive before a step
        if len(self.waiting) == policy.buffer or (alone and self.waiting):
            self.step(t)
            return True
        return alone or policy.refill == "arrival"

    def step(self, t: float) -> None:
        """Apply what waits, and call off the late ones if the policy says so."""
        for p in self.waiting:
            self.fate[p] = Fate.APPLIED
        self.applied.extend(self.waiting)
        self.waiting.clear()
        self.step_s.append(t)
        self.step_end.append(len(self.applied))
        if self.policy.discard_late:
            for _, p in self.heap:
                self.fate[p] = Fate.ABORTED
                self.idle.append(self.client[p])
            self.heap.clear()
