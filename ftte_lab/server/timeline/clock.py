"""The event loop of the virtual clock: a heap of arrivals, idle clients, and the protocol that moves them."""

from __future__ import annotations

import heapq
from array import array

import numpy as np
from numpy.typing import NDArray

from ftte_lab._common import require
from ftte_lab.server.timeline.policy import Fate, Policy

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MAX_PARTICIPATIONS = (
    20_000_000  # a longer schedule (some 3 GB) is refused instead of exhausting the machine
)
_TAG = 0x71AE  # keeps the clock's random streams apart from every other use of the same seed
_BLOCK = (
    8192  # random numbers are drawn in blocks: a numpy call for each would cost more than the event
)


class Clock:
    """The event loop: a heap of arrivals, a list of idle clients, and one entry per participation p."""

    def __init__(
        self, policy: Policy, base: list[Floats], idle: list[int], sigma: float, seed: int
    ) -> None:
        self.policy, self.idle, self.sigma = policy, idle, sigma
        self.first, self.later, self.compute, self.upload, self.dropout = (
            column.tolist() for column in base
        )
        # Separate streams: jitter or drop-out switched on changes no other draw of the same participation.
        self.streams = [
            np.random.default_rng(s) for s in np.random.SeedSequence([seed, _TAG]).spawn(3)
        ]
        self.heap: list[tuple[float, int]] = []
        self.waiting: list[int] = []
        self.visits = [0] * len(self.first)
        self.client, self.visit, self.version, self.fate = (
            array("q"),
            array("q"),
            array("q"),
            array("b"),
        )
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
        require(
            p < MAX_PARTICIPATIONS,
            f"more than {p} participations",
            "a shorter run",
            "Lower horizon_s",
        )
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
