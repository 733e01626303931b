"""Run the event loop of the virtual clock: a heap of arrivals, idle clients, and the protocol."""

from __future__ import annotations

import heapq
import math
from array import array

import numpy as np

from ftte_lab._common import require
from ftte_lab.server.timeline.charge import Charge
from ftte_lab.server.timeline.limits import Limits
from ftte_lab.server.timeline.participants import Participants
from ftte_lab.server.timeline.policy import Fate, Policy
from ftte_lab.server.timeline.redraws import Redraws, Visits

MAX_PARTICIPATIONS = 20_000_000
"""A longer schedule (some 3 GB) is refused instead of exhausting the machine."""

_TAG = 0x71AE  # keeps the clock's random streams apart from every other use of the same seed
_BLOCK = 8192  # random numbers drawn at once: a numpy call for each would cost more than the event


class Clock:
    """Hold a heap of arrivals, a list of idle clients, and one entry per participation p.

    Args:
        policy: who waits for whom.
        participants: how long a participation takes on each client.
        jitter_sigma: of the log-normal factor on the durations of a participation.
        seed: of all draws.
        charge: of the clients' batteries; `None`: nobody runs empty.
        redraws: when the trained subset is redrawn; `None`: never.
    """

    def __init__(
        self,
        policy: Policy,
        participants: Participants,
        jitter_sigma: float,
        seed: int,
        charge: Charge | None = None,
        redraws: Redraws | None = None,
    ) -> None:
        self.policy = policy
        self.charge = charge
        limited = policy.once_per_step or policy.max_participations is not None
        self.limits = Limits(policy, len(participants.need_j)) if limited else None
        self.visited = None if redraws is None else Visits(redraws, participants)
        self.idle: list[int] = []
        for client in participants.clients:
            self.free(client, 0.0)
        self.sigma = jitter_sigma
        self.first, self.later, self.compute, self.upload, self.dropout = (
            column.tolist() for column in participants.columns
        )
        # Separate streams: jitter or drop-out switched on changes no other draw.
        streams = np.random.SeedSequence([seed, _TAG]).spawn(3)
        self.streams = [np.random.default_rng(stream) for stream in streams]
        self.heap: list[tuple[float, int]] = []
        self.waiting: list[int] = []
        self.visits = [0] * len(self.first)
        # One entry per participation.
        self.client = array("q")
        self.visit = array("q")
        self.version = array("q")
        self.fate = array("b")
        self.start = array("d")
        self.factor = array("d")
        # One entry per applied update, and per server step.
        self.applied = array("q")
        self.step_s = array("d")
        self.step_end = array("q")

    def run(self, horizon_s: float, max_steps: int | None) -> float:
        """Handle the events in the order of (time, participation); return the end of the run."""
        end_s = horizon_s
        self.horizon_s, self.max_steps = horizon_s, max_steps
        self.fill(0.0)
        t = 0.0
        while True:
            if self.charge is not None:
                self.wake(self.charge, t, horizon_s)
            if not self.heap or self.heap[0][0] > horizon_s:
                break
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

    def wake(self, charge: Charge, now: float, horizon_s: float) -> None:
        """Start clients in free slots as they are charged, from now to the next arrival."""
        while len(self.heap) < (self.policy.concurrency if self.policy.refill == "arrival" else 1):
            t = max(now, charge.next_s)
            if t >= (self.heap[0][0] if self.heap else math.inf) or t >= horizon_s:
                return
            self.fill(t)

    def free(self, client: int, t: float) -> None:
        """Make a client idle, or let it rest until its battery covers a participation."""
        if self.charge is None or not self.charge.rests(client, t):
            self.idle.append(client)

    def draw(self, p: int) -> None:
        """Draw the random numbers of the next block of participations."""
        few = p < MAX_PARTICIPATIONS
        require(few, f"more than {p} participations", "a shorter run", "Lower horizon_s")
        self.pick = self.streams[0].random(_BLOCK).tolist()
        self.luck = self.streams[1].random(_BLOCK).tolist()
        z = self.streams[2].standard_normal(_BLOCK)
        self.jitter = np.exp(self.sigma * z - self.sigma**2 / 2).tolist()

    def fill(self, t: float) -> None:
        """Start idle clients, drawn uniformly, until every slot is taken."""
        if self.charge is not None:
            self.idle.extend(self.charge.ready(t))
        idle, heap, version = self.idle, self.heap, len(self.step_s)
        while idle and len(heap) < self.policy.concurrency:
            p = len(self.client)
            k = p % _BLOCK
            if k == 0:
                self.draw(p)
            i = int(self.pick[k] * len(idle))
            idle[i], idle[-1] = idle[-1], idle[i]
            c = idle.pop()
            if self.charge is not None:
                self.charge.start(c, t)
            visit, f = self.visits[c], self.jitter[k]
            self.visits[c] += 1
            download = self.later[c] if visit else self.first[c]
            if self.visited is not None:
                download = self.visited.download(c, version)
            # The order of these additions is that of `_timeline`, so that both give the same bits.
            heapq.heappush(heap, (t + download * f + self.compute[c] * f + self.upload[c] * f, p))
            self.client.append(c)
            self.visit.append(visit)
            self.version.append(version)
            self.start.append(t)
            self.factor.append(f)
            self.fate.append(Fate.DROPPED if self.luck[k] < self.dropout[c] else Fate.BUFFERED)

    def arrive(self, t: float, p: int) -> bool:
        """Handle the end of participation p; return whether free slots may be filled now."""
        policy, free = self.policy, True
        if self.fate[p] != Fate.DROPPED:
            age = len(self.step_s) - self.version[p]
            if policy.max_staleness is not None and age > policy.max_staleness:
                self.fate[p] = Fate.STALE
            else:
                self.waiting.append(p)
                free = self.limits is None or self.limits.buffered(self.client[p])
        if free:
            self.free(self.client[p], t)
        # Nothing else can arrive before a step.
        alone = policy.refill == "step" and not self.heap
        if len(self.waiting) == policy.buffer or (alone and self.waiting):
            self.step(t)
            return True
        return alone or policy.refill == "arrival"

    def step(self, t: float) -> None:
        """Apply what is buffered, and call off the late ones if the policy discards them."""
        for p in self.waiting:
            self.fate[p] = Fate.APPLIED
        self.applied.extend(self.waiting)
        self.step_s.append(t)
        self.step_end.append(len(self.applied))
        if self.visited is not None:
            self.redraw(self.visited, t)
        self.waiting.clear()
        for client in () if self.limits is None else self.limits.stepped():
            self.free(client, t)
        if self.policy.discard_late:
            for end_s, p in self.heap:
                self.fate[p] = Fate.ABORTED
                if self.charge is not None:
                    unused = (end_s - t) / (end_s - self.start[p])
                    self.charge.call_off(self.client[p], t, unused)
                self.free(self.client[p], t)
            self.heap.clear()

    def redraw(self, visited: Visits, t: float) -> None:
        """Redraw the subset after a step, if the run has come far enough."""
        steps = len(self.step_s)
        share = max(t / self.horizon_s, 0.0 if self.max_steps is None else steps / self.max_steps)
        visited.stepped([self.version[p] for p in self.waiting], steps, share)
        self.compute, self.upload = visited.compute_s, visited.upload_s
