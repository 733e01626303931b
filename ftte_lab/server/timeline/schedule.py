"""Run the virtual clock: who starts when from which version, who arrives when, which step takes it.

No training happens here. Durations depend on devices, never on losses, so the complete schedule is
known before the first gradient: it can be drawn at once, and trained afterwards version by version.

Semantics (our reconstruction; the paper's protocol details are not known to us):

* A client downloads the version which is current when its slot is filled, and holds the slot until
  it arrives.
* Slots are filled by a uniform choice among idle eligible clients; who has just arrived is idle.
* A dropped participation takes its full time and never arrives; then its slot is free.
* Equal times are handled in the order of the participation numbers, which is the order of starting.
* Where devices have batteries, an idle client whose charge does not cover a participation rests
  until it does. A server that waits for a cohort starts with those who are ready; if nobody is, the
  first who is charged starts alone.
* Updates do not age in the buffer: the version moves only when the buffer is emptied.
* An event at the horizon still counts. Nothing starts at the horizon, or after the last of
  `max_steps`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ftte_lab._common import integer, number, require
from ftte_lab.devices import Batteries
from ftte_lab.server.timeline.charge import Charge, ChargeRecord
from ftte_lab.server.timeline.clock import MAX_PARTICIPATIONS, Clock
from ftte_lab.server.timeline.participants import Participants
from ftte_lab.server.timeline.policy import Fate, Policy
from ftte_lab.server.timeline.redraws import Redraws

__all__ = [
    "MAX_PARTICIPATIONS",
    "Fate",
    "Participants",
    "Policy",
    "Redraws",
    "Timeline",
    "schedule",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Timeline:
    """Hold a finished schedule: participations p in the order of starting, server steps j.

    It is all that the trainer, the cost ledger and the Gantt chart need. Arrays are read-only.
    Their shape is `(participations,)` unless another one is given; times are virtual seconds.

    Attributes:
        policy: who waited for whom.
        end_s: the horizon, or the time of the last step if `max_steps` ended the run.
        client: who.
        visit: how many participations this client had before; 0 downloads the full model.
        version: the version it started from.
        start_s: when it started.
        downloaded_s: when it had its model.
        computed_s: when it had trained.
        arrival_s: when it arrived; of those that never arrive, when they would have.
        fate: codes of `Fate`.
        step: the server step that applied it, or -1.
        order: its place in that buffer, from 0, or -1.
        applied: participations in the order in which they were applied, `(applied,)`.
        step_s: time of step j, which makes version j + 1 out of version j, `(steps,)`.
        step_end: number of updates applied up to and including step j, `(steps,)`.
        redrawn: first version of each later phase of the run, where the subset is redrawn.
        oldest: the first phase whose entries it downloads, up to its own (see `Redraws`).
        indexed: bit k is set if it downloads the index of what phase k trains.
        charge: of the clients' batteries; `None`: nobody runs empty.
    """

    policy: Policy
    end_s: float
    client: Ints
    visit: Ints
    version: Ints
    start_s: Floats
    downloaded_s: Floats
    computed_s: Floats
    arrival_s: Floats
    fate: NDArray[np.int8]
    step: Ints
    order: Ints
    applied: Ints
    step_s: Floats
    step_end: Ints
    redrawn: Ints
    oldest: NDArray[np.int8]
    indexed: NDArray[np.int32]
    charge: ChargeRecord | None = None

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __len__(self) -> int:
        return len(self.client)

    def buffer_of(self, j: int) -> Ints:
        """Return the participations that step j applied, in the order of arrival, `(updates,)`.

        Raises:
            ValueError: if there is no step j.
        """
        steps = len(self.step_s)
        fix = "Lengthen the horizon"
        require(0 <= j < steps, f"step {j} of {steps}", f"0 to {steps - 1}", fix)
        return self.applied[self.step_end[j - 1] if j else 0 : self.step_end[j]]

    @property
    def staleness(self) -> Ints:
        """Return the versions between start and application of each update, `(applied,)`."""
        return self.step[self.applied] - self.version[self.applied]

    @property
    def partial_steps(self) -> Ints:
        """Return the steps that took fewer than `policy.buffer` updates (see `Policy`)."""
        return np.flatnonzero(np.diff(self.step_end, prepend=0) < self.policy.buffer)

    def phase_at(self, version: ArrayLike) -> Ints:
        """Return the phase of the run to which versions belong, 0 before the first redrawing."""
        return np.asarray(np.searchsorted(self.redrawn, version, side="right"))

    @property
    def phase(self) -> Ints:
        """Return the phase of the run in which each participation started: what it trains."""
        return self.phase_at(self.version)

    @property
    def first_visits(self) -> Bools:
        """Mark the participations that are their client's first and pay the full download."""
        return np.asarray(self.visit == 0)

    def cohorts(self) -> dict[int, Ints]:
        """Return, by version, the applied participations that started from it: trained together.

        Both are ascending. What was never applied is left out: nothing ever needs to compute it.
        """
        chosen = np.flatnonzero(self.fate == Fate.APPLIED)
        versions, first = np.unique(self.version[chosen], return_index=True)
        return {
            int(v): part for v, part in zip(versions, np.split(chosen, first[1:]), strict=False)
        }

    def counts(self) -> dict[str, int]:
        """Count the participations of each fate, by lower-case name; they add up to all."""
        return {fate.name.lower(): int((self.fate == fate).sum()) for fate in Fate}

    @property
    def freed_s(self) -> Floats:
        """Return when each participation left its slot: it arrived, or a step called it off."""
        aborted = self.fate == Fate.ABORTED
        freed_s = self.arrival_s.copy()
        # The first step after the start from version v is step v.
        freed_s[aborted] = self.step_s[self.version[aborted]]
        return freed_s

    def concurrency_at(self, t: ArrayLike) -> Ints:
        """Count the participations under way at time t, after the events of that moment."""
        started = np.searchsorted(self.start_s, t, side="right")
        return np.asarray(started - np.searchsorted(np.sort(self.freed_s), t, side="right"))

    def empty_at(self, t: float) -> Bools:
        """Mark the clients that are idle at time t because their battery is empty, `(clients,)`.

        Raises:
            ValueError: a timeline without batteries.
        """
        fix = "Pass batteries to schedule"
        if self.charge is None:
            raise ValueError(f"the timeline has no batteries; allowed: one with batteries. {fix}.")
        empty = self.charge.empty_at(t)
        empty[self.client[(self.start_s <= t) & (t < self.freed_s)]] = False
        return empty


def schedule(
    policy: Policy,
    participants: Participants,
    *,
    horizon_s: float,
    seed: int,
    jitter_sigma: float = 0.0,
    max_steps: int | None = None,
    batteries: Batteries | None = None,
    redraws: Redraws | None = None,
) -> Timeline:
    """Run the virtual clock from 0 to the horizon, or to the last of `max_steps` server steps.

    Linear in the number of participations (a million take seconds), so that a slider can show its
    schedule at once.

    Args:
        policy: who waits for whom.
        participants: how long a participation takes on each client.
        horizon_s: virtual seconds, above 0.
        seed: 0 or more; the same arguments give the same timeline.
        jitter_sigma: a log-normal factor exp(sigma z - sigma^2 / 2) per participation stretches its
            three durations; 0 to 3, 0 for none. Its mean is 1 (our choice), so that mean durations
            do not move.
        max_steps: end with this many server steps, or `None`.
        batteries: a client starts only with the joules of a participation; `None`: always.
        redraws: when the trained subset is redrawn, and what a participation takes then; `None`:
            never.

    Raises:
        ValueError: a number out of range, or more than `MAX_PARTICIPATIONS` participations.

    Example:
        >>> fast_and_slow = Participants(download_s=[1, 1], compute_s=[2, 8], upload_s=[1, 1])
        >>> waits = schedule(Policy.synchronous(2), fast_and_slow, horizon_s=20.0, seed=0)
        >>> waits.step_s.tolist(), waits.staleness.tolist()
        ([10.0, 20.0], [0, 0, 0, 0])
        >>> buffered = schedule(Policy.buffered(2, 1), fast_and_slow, horizon_s=10.0, seed=0)
        >>> buffered.step_s.tolist(), buffered.staleness.tolist()
        ([4.0, 8.0, 10.0], [0, 0, 2])
    """
    jitter_sigma = number("jitter_sigma", jitter_sigma, 0, 3)
    horizon_s = number("horizon_s", horizon_s, 0)
    fix = "Take some participations' length"
    require(horizon_s > 0, "horizon_s = 0", "virtual seconds above 0", fix)
    seed = integer("seed", seed, 0)
    if max_steps is not None:
        max_steps = integer("max_steps", max_steps, 1, fix="None runs to the horizon")
    charge = None if batteries is None else Charge(batteries, participants.need_j)
    clock = Clock(policy, participants, jitter_sigma, seed, charge, redraws)
    end_s = clock.run(float(horizon_s), max_steps)
    return _timeline(clock, participants, end_s)


def _timeline(clock: Clock, participants: Participants, end_s: float) -> Timeline:
    """Turn the lists of a finished run into arrays, and add the times in between."""
    client, visit = np.array(clock.client), np.array(clock.visit)
    start_s, factor = np.array(clock.start), np.array(clock.factor)
    version, visited = np.array(clock.version), clock.visited
    first, later, compute, upload, _ = participants.columns
    durations = np.where(visit == 0, first[client], later[client]), compute[client], upload[client]
    if visited is not None:
        durations = visited.durations(version, client)
    downloaded_s = start_s + durations[0] * factor
    computed_s = downloaded_s + durations[1] * factor
    arrival_s = computed_s + durations[2] * factor
    applied, step_end = np.array(clock.applied, np.int64), np.array(clock.step_end, np.int64)
    size = np.diff(step_end, prepend=0)
    step, order = np.full(len(client), -1), np.full(len(client), -1)
    step[applied] = np.repeat(np.arange(len(size)), size)
    order[applied] = np.arange(len(applied)) - np.repeat(step_end - size, size)
    return Timeline(
        policy=clock.policy,
        end_s=end_s,
        client=client,
        visit=visit,
        version=version,
        start_s=start_s,
        downloaded_s=downloaded_s,
        computed_s=computed_s,
        arrival_s=arrival_s,
        fate=np.array(clock.fate),
        step=step,
        order=order,
        applied=applied,
        step_s=np.array(clock.step_s, np.float64),
        step_end=step_end,
        redrawn=np.array(visited.redrawn if visited else [], np.int64),
        oldest=np.array(visited.oldest if visited else np.zeros(len(client)), np.int8),
        indexed=np.array(visited.indexed if visited else visit == 0, np.int32),
        charge=None if clock.charge is None else clock.charge.record(),
    )
