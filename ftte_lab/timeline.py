"""The virtual clock: who starts when from which version, who arrives when, which server step takes it.

No training happens here. Durations depend on devices, never on losses, so the whole schedule is known before the
first gradient: it can be drawn at once, and trained afterwards version by version.

Semantics (our reconstruction; the paper's protocol details are not known to us):

* A client downloads the version which is current when its slot is filled, and holds the slot until it arrives.
* Slots are filled by a uniform choice among idle eligible clients; whoever has just arrived is idle again.
* A dropped participation takes its full time and never arrives; its slot is free when its time is up.
* Equal times are handled in the order of the participation numbers, which is the order of starting.
* Updates do not age in the buffer: the version moves only when the buffer is emptied.
* An event at the horizon still counts; nothing starts at the horizon, or after the last of `max_steps`.
"""

from __future__ import annotations

import heapq
import math
from array import array
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


@dataclass(frozen=True, eq=False)
class Timeline:
    """A finished schedule: participations p in the order of starting, server steps j; read-only arrays.

    All that the trainer, the byte counter and the Gantt chart need. Shape (participations,) unless said.
    """

    policy: Policy
    end_s: float  # the horizon, or the time of the last step if `max_steps` ended the run
    client: Ints
    visit: Ints  # how many participations this client had before; 0 downloads the full model
    version: Ints  # the version it started from
    start_s: Floats  # virtual seconds, like all times here
    downloaded_s: Floats
    computed_s: Floats
    arrival_s: Floats  # of those that never arrive: when they would have
    fate: NDArray[np.int8]  # codes of `Fate`
    step: Ints  # the server step that applied it, or -1
    order: Ints  # its place in that buffer, from 0, or -1
    applied: Ints  # participations in the order in which they were applied, shape (applied,)
    step_s: Floats  # time of step j, which makes version j + 1 out of version j, shape (steps,)
    step_end: Ints  # number of updates applied up to and including step j, shape (steps,)

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __len__(self) -> int:
        return len(self.client)

    def buffer_of(self, j: int) -> Ints:
        """Participations which step j applied, in the order of arrival, shape (updates,).

        Raises:
            ValueError: if there is no step j.
        """
        fits = 0 <= j < len(self.step_s)
        require(fits, f"step {j} of {len(self.step_s)}", f"0 to {len(self.step_s) - 1}", "Lengthen the horizon")
        return self.applied[self.step_end[j - 1] if j else 0 : self.step_end[j]]

    @property
    def staleness(self) -> Ints:
        """Versions between start and application of each update in `applied`, shape (applied,)."""
        return self.step[self.applied] - self.version[self.applied]

    @property
    def partial_steps(self) -> Ints:
        """Steps that took fewer than `policy.buffer` updates (see `Policy`)."""
        return np.flatnonzero(np.diff(self.step_end, prepend=0) < self.policy.buffer)

    @property
    def first_visits(self) -> Bools:
        """Which participations are their client's first and pay the full download."""
        return np.asarray(self.visit == 0)

    def cohorts(self) -> dict[int, Ints]:
        """Version -> applied participations that started from it, both ascending: what is trained together.

        What was never applied is not in it, because nobody ever needs to compute it.
        """
        chosen = np.flatnonzero(self.fate == Fate.APPLIED)
        versions, first = np.unique(self.version[chosen], return_index=True)
        return {int(v): part for v, part in zip(versions, np.split(chosen, first[1:]), strict=False)}

    def counts(self) -> dict[str, int]:
        """How many participations met each fate, by lower-case name; they add up to all participations."""
        return {fate.name.lower(): int((self.fate == fate).sum()) for fate in Fate}

    @property
    def freed_s(self) -> Floats:
        """When each participation left its slot: at its arrival time, or at the step that called it off."""
        aborted = self.fate == Fate.ABORTED
        freed_s = self.arrival_s.copy()
        freed_s[aborted] = self.step_s[self.version[aborted]]  # the first step after the start from version v is v
        return freed_s

    def concurrency_at(self, t: ArrayLike) -> Ints:
        """How many participations are under way at time t (after the events of that moment), in t's shape."""
        started = np.searchsorted(self.start_s, t, side="right")
        return np.asarray(started - np.searchsorted(np.sort(self.freed_s), t, side="right"))


class _Clock:
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


def _timeline(clock: _Clock, base: list[Floats], end_s: float) -> Timeline:
    """Turn the lists of a finished run into arrays, and add the times in between."""
    client, visit, start_s = np.array(clock.client), np.array(clock.visit), np.array(clock.start)
    factor, (first, later, compute, upload, _) = np.array(clock.factor), base
    downloaded_s = start_s + np.where(visit == 0, first[client], later[client]) * factor
    computed_s = downloaded_s + compute[client] * factor
    arrival_s = computed_s + upload[client] * factor
    fate, version = np.array(clock.fate), np.array(clock.version)
    applied, step_end = np.array(clock.applied, np.int64), np.array(clock.step_end, np.int64)
    size = np.diff(step_end, prepend=0)
    step, order = np.full(len(client), -1), np.full(len(client), -1)
    step[applied] = np.repeat(np.arange(len(size)), size)
    order[applied] = np.arange(len(applied)) - np.repeat(step_end - size, size)
    times = (start_s, downloaded_s, computed_s, arrival_s)
    step_s = np.array(clock.step_s, np.float64)
    return Timeline(clock.policy, end_s, client, visit, version, *times, fate, step, order, applied, step_s, step_end)


def schedule(
    policy: Policy,
    *,
    download_s: ArrayLike,
    first_download_s: ArrayLike,
    compute_s: ArrayLike,
    upload_s: ArrayLike,
    dropout: ArrayLike,
    eligible: ArrayLike,
    jitter_sigma: float = 0.0,
    horizon_s: float,
    seed: int,
    max_steps: int | None = None,
) -> Timeline:
    """Run the virtual clock from 0 to the horizon, or to the last of `max_steps` server steps.

    Linear in the number of participations (a million take seconds), so that a slider can show its schedule at once.

    Args:
        policy: who waits for whom.
        download_s: seconds per participation, shape (clients,).
        first_download_s: takes the place of `download_s` in a client's first participation (the full model).
        compute_s: seconds per participation, shape (clients,).
        upload_s: seconds per participation, shape (clients,).
        dropout: probability that a participation never arrives, shape (clients,).
        eligible: which clients take part at all, bool, shape (clients,).
        jitter_sigma: a log-normal factor exp(sigma z - sigma^2 / 2) per participation stretches its three
            durations. Its mean is 1 (our choice), so mean durations do not move; 0 to 3, 0 for none.
        horizon_s: virtual seconds, above 0.
        seed: 0 or more; the same arguments give the same timeline.
        max_steps: end with this many server steps, or None.

    Returns:
        The `Timeline`.

    Raises:
        ValueError: arrays that do not fit, nobody eligible, a participation of no duration, a number out of range,
            or more than `MAX_PARTICIPATIONS` participations.
    """
    allowed = np.asarray(eligible)
    columns = {
        "first_download_s": first_download_s,
        "download_s": download_s,
        "compute_s": compute_s,
        "upload_s": upload_s,
        "dropout": dropout,
    }
    base = _columns(columns, allowed)
    in_range("jitter_sigma", jitter_sigma, 0, 3)
    in_range("horizon_s", horizon_s, 0)
    require(horizon_s > 0, "horizon_s = 0", "virtual seconds above 0", "Take some participations' length")
    whole("seed", seed, 0)
    if max_steps is not None:
        whole("max_steps", max_steps, 1, fix="None runs to the horizon")
    clock = _Clock(policy, base, np.flatnonzero(allowed).tolist(), jitter_sigma, seed)
    return _timeline(clock, base, clock.run(float(horizon_s), max_steps))


def _columns(columns: dict[str, ArrayLike], eligible: NDArray[np.generic]) -> list[Floats]:
    """Check the arrays, and give the five numeric ones in the order in which the clock unpacks them."""
    flags = eligible.dtype == np.bool_ and eligible.ndim == 1
    require(flags, f"eligible has type {eligible.dtype}", "one bool per client", "For all: np.ones(n, bool)")
    fix = "Give the devices more memory, or choose a smaller model or subset"
    require(bool(eligible.any()), f"0 of {eligible.size} clients are eligible", "at least 1", fix)
    base = []
    for name, value in columns.items():
        column = np.asarray(value, np.float64)
        top, allowed = (1.0, "from 0 to 1") if name == "dropout" else (math.inf, "from 0 upwards")
        each = f"{eligible.size} finite numbers {allowed}, one per client"
        require(column.shape == eligible.shape, f"{name} has shape {column.shape}", each)
        bad = np.flatnonzero(~((column >= 0) & (column <= top) & np.isfinite(column)))
        require(len(bad) == 0, f"{name} holds {column[bad[:1]]} at {bad[:1]}", each)
        base.append(column)
    first, later, compute, upload, _ = base
    shortest = (np.minimum(first, later) + compute + upload)[eligible].min()
    require(shortest > 0, "a participation takes 0 s", "durations above 0", "Count its computing time")
    return base
