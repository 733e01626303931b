"""Merge the events of several runs in the order of virtual time.

Each run is computed as if it were alone; only the order in which its events come out is new. So it
does not matter where a run is computed: worker processes send its events, or this process computes
them. It may even change its place in between, which does not change a digit.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from ftte_lab._common import MOST_HELPERS, cores, integer, require
from ftte_lab.experiments.timed_event import TimedEvent
from ftte_lab.simulation import (
    Event,
    Finished,
    Prepared,
    Race,
    Ready,
    RemoteRun,
    Stepped,
    evaluation_versions,
    expected_seconds,
    simulate,
)

_WORTH_S = 1.0  # shorter runs are over before they are handed out
_LONG = 1.3  # a run this many times as long as a worker's fair share gets a helper of its own
_REDO_S = 8.0  # of a worker's time that is computed again without a word


class LostRunError(ValueError):
    """A worker process was ended from outside, late in its run."""


@dataclass
class _Lane:
    """One run: where its events come from, and the virtual time of the next."""

    number: int
    name: str
    prepared: Prepared
    race: Race | None = None
    processes: int | None = 1
    steps: int = 0
    passed: int = 0  # events after `Ready`
    due: set[int] = field(default_factory=set)
    remote: RemoteRun | None = None
    local: Iterator[Event] | None = None

    def next(self) -> Event:
        """Return the next event, from a worker or computed here."""
        if self.passed < 0:
            self.passed = 0
            return Ready(self.prepared)
        event = self.remote.next(self.steps) if self.remote else None
        if event is None:
            event = self._here()
        self.passed += 1
        return event

    def hand_over(self) -> bool:
        """Have a worker compute the rest, if it is ready; return whether this is settled."""
        if self.race is None or self.remote or self.race.hopeless(self.number):
            return True
        passed, processes = max(0, self.passed), self.processes or 1
        self.remote = self.race.begin(self.number, self.prepared, passed, processes)
        if self.remote:
            self.close()
        return self.remote is not None

    def _here(self) -> Event:
        """Compute the next event in this process, those that have passed first."""
        if self.local is None:
            if self.remote:
                self._require_young(self.remote)
                self.remote, self.race = None, None
            alone = self.race is None
            self.local = simulate(self.prepared, processes=self.processes if alone else 1)
            for _ in range(1 + self.passed):
                next(self.local)
        return next(self.local)

    def _require_young(self, lost: RemoteRun) -> None:
        """Refuse to compute again what would take long."""
        spent_s = time.monotonic() - lost.began_s
        if spent_s > _REDO_S:
            raise LostRunError(
                f"the process that computed {self.name} was ended from outside after "
                f"{spent_s:.0f} s, perhaps because memory ran short; allowed: a process that is "
                "left alone. Run again."
            )

    def settled(self, event: Event) -> bool:
        """Return whether no event follows at the same time; call it once per event."""
        if isinstance(event, Stepped):
            self.steps += 1
            return self.steps not in self.due
        return not isinstance(event, Ready)

    @property
    def next_s(self) -> float:
        """Return the virtual time of the next server step."""
        step_s = self.prepared.timeline.step_s
        return (
            float(step_s[self.steps]) if self.steps < len(step_s) else self.prepared.timeline.end_s
        )

    def close(self) -> None:
        """End what is computed in this process."""
        if self.local is not None:
            self.local.close()  # type: ignore[attr-defined]
            self.local = None


class Interleaved:
    """Yield the events of several runs in the order of virtual time (see `interleave`)."""

    def __init__(self, lanes: Sequence[_Lane], race: Race | None) -> None:
        self._lanes, self._race = lanes, race
        self._here = [lane for lane in lanes if lane.race is not None]
        self._waiting = [(-1.0, lane.number) for lane in lanes]
        self._hand_over()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> TimedEvent:
        if not self._waiting:
            self.close()
            raise StopIteration
        try:
            return self._event()
        except BaseException:
            self.close()
            raise

    def _event(self) -> TimedEvent:
        self._hand_over()
        now_s, k = heapq.heappop(self._waiting)
        lane = self._lanes[k]
        event = lane.next()
        settled = lane.settled(event)
        if not isinstance(event, Finished):
            heapq.heappush(self._waiting, (lane.next_s if settled else now_s, k))
        return TimedEvent(lane.name, event, settled)

    def _hand_over(self) -> None:
        """Have workers that have become ready compute the runs that are still computed here."""
        self._here = [lane for lane in self._here if not lane.hand_over()]

    def close(self) -> None:
        """End all runs at once; no further event comes."""
        self._waiting.clear()
        for lane in self._lanes:
            lane.close()
        if self._race is not None:
            self._race.close()
            self._race = None

    def __del__(self) -> None:
        self.close()


def interleave(runs: Mapping[str, Prepared], *, processes: int | None = 1) -> Interleaved:
    """Run prepared scenarios side by side, and yield their events in the order of virtual time.

    The events of each run are those of `simulate`, to the last digit, and in the same order however
    many processes compute them. Worker processes begin at once, are never more than some events
    ahead, and are kept for the next call. To stop all, close the iterator.

    Args:
        runs: by name; of events at the same time, the run named first comes first.
        processes: how many compute; 1: this one alone; `None`: as many as there are cores, 8 at
            most, if that is worth it.

    Raises:
        LostRunError: a worker process was ended from outside, late in its run.
        ValueError: no run, processes below 1, or as `simulate`.
    """
    require(bool(runs), "no run to interleave", "at least one")
    if processes is not None:
        integer("processes", processes, 1)
    race, helpers = _race(runs, processes)
    lanes = [
        _Lane(k, n, r, race, helpers.get(n, 1), passed=-1, due=evaluation_versions(r))
        for k, (n, r) in enumerate(runs.items())
    ]
    return Interleaved(lanes, race)


def _race(
    runs: Mapping[str, Prepared], processes: int | None
) -> tuple[Race | None, dict[str, int | None]]:
    """Find workers for several runs; return them, and how many processes train each run.

    A single run stays here, with the helpers that `simulate` finds useful. Names that were
    registered in this process only are unknown in others.
    """
    most = min(cores(MOST_HELPERS) if processes is None else processes, MOST_HELPERS)
    loads = {k: expected_seconds(run) for k, run in enumerate(runs.values())}
    total_s = sum(loads.values())
    if len(runs) == 1:
        return None, dict.fromkeys(runs, processes)
    own = any(run.scenario.own_names() for run in runs.values())
    if most < 2 or own or (processes is None and total_s < _WORTH_S):
        return None, {}
    fair_s = total_s / min(most, len(runs))
    helpers = {n: 2 if loads[k] > _LONG * fair_s else 1 for k, n in enumerate(runs)}
    return Race(loads, most), dict(helpers)
