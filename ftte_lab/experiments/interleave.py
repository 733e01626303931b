"""Merge the events of several runs in the order of virtual time.

Each run is computed as if it were alone; only the order in which its events come out is new.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ftte_lab._common import require
from ftte_lab.experiments.timed_event import TimedEvent
from ftte_lab.simulation import (
    Event,
    Finished,
    Prepared,
    Ready,
    Stepped,
    evaluation_versions,
    simulate,
)


@dataclass
class _Lane:
    """One run: its events, and the virtual time of the next."""

    name: str
    prepared: Prepared
    events: Iterator[Event]
    due: set[int] = field(default_factory=set)
    steps: int = 0

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


def interleave(runs: Mapping[str, Prepared], *, processes: int | None = 1) -> Iterator[TimedEvent]:
    """Run prepared scenarios side by side, and yield their events in the order of virtual time.

    The events of each run are those of `simulate`, to the last digit. To stop, close the iterator.

    Args:
        runs: by name; of events at the same time, the run named first comes first.
        processes: as for `simulate`, for each run.

    Raises:
        ValueError: no run, or as `simulate`.
    """
    require(bool(runs), "no run to interleave", "at least one")
    lanes = [
        _Lane(n, r, simulate(r, processes=processes), evaluation_versions(r))
        for n, r in runs.items()
    ]
    waiting = [(-1.0, k) for k in range(len(lanes))]
    try:
        while waiting:
            now_s, k = heapq.heappop(waiting)
            event = next(lanes[k].events)
            settled = lanes[k].settled(event)
            yield TimedEvent(lanes[k].name, event, settled)
            if not isinstance(event, Finished):
                heapq.heappush(waiting, (lanes[k].next_s if settled else now_s, k))
    finally:
        for lane in lanes:
            lane.events.close()  # type: ignore[attr-defined]
