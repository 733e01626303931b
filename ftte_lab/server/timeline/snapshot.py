"""Freeze a timeline at one virtual moment: who is doing what. The picture of the fleet shows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ftte_lab._common import integer, number
from ftte_lab.server.timeline.policy import Fate
from ftte_lab.server.timeline.schedule import Timeline

_MOST_CLIENTS = 10_000_000
PHASES = ("idle", "download", "compute", "upload")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Hold a fleet and its server at one virtual moment, after all events of that moment.

    Attributes:
        sim_seconds: when.
        version: the server's, which is the number of its steps so far.
        phase: index into `PHASES` per client, shape (clients,).
        progress: how far each participation under way is, 0 to 1, shape (clients,).
        participation: the one under way per client, or -1, shape (clients,).
        lost: whose last participation never arrived and who has not started again, (clients,).
        buffer: participations in the server's buffer, in the order of arrival.
        ages: how many versions old each of those is now.
    """

    sim_seconds: float
    version: int
    phase: NDArray[np.int8]
    progress: NDArray[np.float64]
    participation: NDArray[np.int64]
    lost: NDArray[np.bool_]
    buffer: NDArray[np.int64]
    ages: NDArray[np.int64]


def snapshot(timeline: Timeline, clients: int, sim_seconds: float) -> Snapshot:
    """Return the state of the fleet and its server at one virtual moment.

    Args:
        timeline: the schedule.
        clients: how many there are, idle ones included.
        sim_seconds: from 0 to the timeline's end.

    Raises:
        ValueError: a moment outside the timeline.

    Example:
        >>> from ftte_lab.server import Participants, Policy, schedule
        >>> pair = Participants(download_s=[1, 1], compute_s=[2, 8], upload_s=[1, 1])
        >>> timeline = schedule(Policy.synchronous(2), pair, horizon_s=20.0, seed=0)
        >>> now = snapshot(timeline, clients=2, sim_seconds=5.0)
        >>> [PHASES[k] for k in now.phase], now.version, len(now.buffer)
        (['idle', 'compute'], 0, 1)
    """
    sim_seconds = number("sim_seconds", sim_seconds, 0, timeline.end_s)
    least = int(timeline.client.max()) + 1 if len(timeline) else 1
    clients = integer("clients", clients, least, _MOST_CLIENTS, "Count idle clients too")
    version = int(np.searchsorted(timeline.step_s, sim_seconds, side="right"))
    started = np.flatnonzero(timeline.start_s <= sim_seconds)
    last = np.full(clients, -1)
    # In the order of starting, so that the last one stays.
    last[timeline.client[started]] = started
    freed = timeline.freed_s
    busy = (last >= 0) & (freed[last] > sim_seconds)
    at = np.where(busy, last, 0)
    edges = np.stack([timeline.start_s[at], timeline.downloaded_s[at], timeline.computed_s[at]])
    phase = np.where(busy, (edges <= sim_seconds).sum(0), 0).astype(np.int8)
    length = np.maximum(timeline.arrival_s[at] - timeline.start_s[at], 1e-12)
    progress = np.where(busy, (sim_seconds - timeline.start_s[at]) / length, 0.0)
    lost = (
        (last >= 0) & ~busy & np.isin(timeline.fate[last], (Fate.DROPPED, Fate.ABORTED, Fate.STALE))
    )
    waiting = _waiting(timeline, sim_seconds, version)
    return Snapshot(
        sim_seconds,
        version,
        phase,
        progress,
        np.where(busy, last, -1),
        lost,
        waiting,
        version - timeline.version[waiting],
    )


def _waiting(timeline: Timeline, sim_seconds: float, version: int) -> NDArray[np.int64]:
    """Participations that have arrived and that no step has taken yet, in the order of arrival."""
    here = (timeline.arrival_s <= sim_seconds) & np.isin(
        timeline.fate, (Fate.APPLIED, Fate.BUFFERED)
    )
    found = np.flatnonzero(here & ((timeline.step < 0) | (timeline.step >= version)))
    return found[np.argsort(timeline.arrival_s[found], kind="stable")]
