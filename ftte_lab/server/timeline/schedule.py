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

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ftte_lab._common import integer, number, require
from ftte_lab.server.timeline.clock import MAX_PARTICIPATIONS, Clock
from ftte_lab.server.timeline.policy import Fate, Policy

__all__ = ["MAX_PARTICIPATIONS", "Fate", "Policy", "Timeline", "schedule"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


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
        require(
            fits,
            f"step {j} of {len(self.step_s)}",
            f"0 to {len(self.step_s) - 1}",
            "Lengthen the horizon",
        )
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
        return {
            int(v): part for v, part in zip(versions, np.split(chosen, first[1:]), strict=False)
        }

    def counts(self) -> dict[str, int]:
        """How many participations met each fate, by lower-case name; they add up to all participations."""
        return {fate.name.lower(): int((self.fate == fate).sum()) for fate in Fate}

    @property
    def freed_s(self) -> Floats:
        """When each participation left its slot: at its arrival time, or at the step that called it off."""
        aborted = self.fate == Fate.ABORTED
        freed_s = self.arrival_s.copy()
        freed_s[aborted] = self.step_s[
            self.version[aborted]
        ]  # the first step after the start from version v is v
        return freed_s

    def concurrency_at(self, t: ArrayLike) -> Ints:
        """How many participations are under way at time t (after the events of that moment), in t's shape."""
        started = np.searchsorted(self.start_s, t, side="right")
        return np.asarray(started - np.searchsorted(np.sort(self.freed_s), t, side="right"))


def _timeline(clock: Clock, base: list[Floats], end_s: float) -> Timeline:
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
    return Timeline(
        clock.policy,
        end_s,
        client,
        visit,
        version,
        *times,
        fate,
        step,
        order,
        applied,
        step_s,
        step_end,
    )


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
    number("jitter_sigma", jitter_sigma, 0, 3)
    number("horizon_s", horizon_s, 0)
    require(
        horizon_s > 0,
        "horizon_s = 0",
        "virtual seconds above 0",
        "Take some participations' length",
    )
    integer("seed", seed, 0)
    if max_steps is not None:
        integer("max_steps", max_steps, 1, fix="None runs to the horizon")
    clock = Clock(policy, base, np.flatnonzero(allowed).tolist(), jitter_sigma, seed)
    return _timeline(clock, base, clock.run(float(horizon_s), max_steps))


def _columns(columns: dict[str, ArrayLike], eligible: NDArray[np.generic]) -> list[Floats]:
    """Check the arrays, and give the five numeric ones in the order in which the clock unpacks them."""
    flags = eligible.dtype == np.bool_ and eligible.ndim == 1
    require(
        flags,
        f"eligible has type {eligible.dtype}",
        "one bool per client",
        "For all: np.ones(n, bool)",
    )
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
    require(
        shortest > 0, "a participation takes 0 s", "durations above 0", "Count its computing time"
    )
    return base
