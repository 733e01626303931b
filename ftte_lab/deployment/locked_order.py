"""Keep to the simulated timeline, however long the nodes really take.

Every participation starts from the version that the timeline states, and every server step takes
the updates that the timeline states, in that order. So the model must be the simulated one.

Nobody waits for ever: all that a version needs has started from an earlier one, and each node does
its participations in the order of the timeline.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from ftte_lab.deployment.messages import Seconds
from ftte_lab.deployment.orders import Start
from ftte_lab.simulation import Prepared, evaluation_versions, trained_together


class LockedOrder:
    """Hand out the participations that count, in the order of the simulated timeline.

    Args:
        prepared: the prepared run.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        timeline = prepared.timeline
        self._version, self._steps = 0, len(timeline.step_s)
        self._together = trained_together(prepared)
        self._due = evaluation_versions(prepared)
        self._waiting: dict[int, deque[int]] = {}
        for p in np.sort(timeline.applied).tolist():
            self._waiting.setdefault(int(timeline.client[p]), deque()).append(p)
        self._started: set[int] = set()
        self._there: set[int] = set()

    @property
    def oldest(self) -> int:
        """Return the oldest version from which somebody may still start."""
        heads = [queue[0] for queue in self._waiting.values() if queue]
        versions = self.prepared.timeline.version[[*heads, *self._started]]
        return min(versions.tolist(), default=self._version)

    def now_s(self) -> float:
        """Return the virtual time of the newest version (s)."""
        return float(self.prepared.timeline.step_s[self._version - 1]) if self._version else 0.0

    def hold(self, paused: bool) -> None:
        """Do nothing: the timeline has a clock of its own."""

    def start(self, idle: Iterable[int]) -> Start | None:
        """Start the first one of the timeline whose client is idle, if its version is there."""
        queues = [queue for client in idle if (queue := self._waiting.get(client))]
        timeline = self.prepared.timeline
        p = min((queue[0] for queue in queues), default=None)
        if p is None or timeline.version[p] > self._version:
            return None
        client = int(timeline.client[p])
        self._waiting[client].popleft()
        self._started.add(p)
        return Start(
            p,
            client,
            int(timeline.visit[p]),
            int(timeline.version[p]),
            int(self.prepared.tier[p]),
            bool(self._together[p]),
        )

    def arrived(self, participation: int, seconds: Seconds) -> str:
        """Keep an update until its step."""
        self._started.discard(participation)
        self._there.add(participation)
        return "buffered"

    def lost(self, participation: int) -> None:
        """Do it again: the timeline needs it."""
        self._started.discard(participation)
        client = int(self.prepared.timeline.client[participation])
        self._waiting[client].appendleft(participation)

    def due(self) -> np.ndarray | None:
        """Return the updates of the next step once all of them are there."""
        if self.ended():
            return None
        members = self.prepared.timeline.buffer_of(self._version)
        return members if self._there.issuperset(members.tolist()) else None

    def stepped(self, members: np.ndarray) -> list[int]:
        """Go on to the next version."""
        self._there.difference_update(members.tolist())
        self._version += 1
        return []

    def evaluates(self) -> bool:
        """Evaluate the versions that the simulation evaluates."""
        return self._version in self._due

    def end_s(self) -> float:
        """Return the end of a run whose fleet may be spent earlier: it keeps its last model."""
        s = self.prepared.scenario
        may_end = s.batteries or s.max_participations is not None
        return self.prepared.timeline.end_s if may_end else 0.0

    def ended(self) -> bool:
        """Return whether all steps are made."""
        return self._version == self._steps
