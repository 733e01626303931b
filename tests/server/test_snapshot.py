"""Check the state of a fleet at one virtual moment against plain counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.server import PHASES, Fate, Snapshot, Timeline, snapshot
from ftte_lab.simulation import prepare
from tests.tiny import TINY

METHODS = ("fedavg", "fedbuff", "fedasync", "ftte")


def check_client(timeline: Timeline, now: Snapshot, client: int) -> None:
    """Compare the state of one client with a plain count."""
    t = now.sim_seconds
    started = (timeline.client == client) & (timeline.start_s <= t)
    mine = np.flatnonzero(started).tolist()
    busy = [p for p in mine if timeline.freed_s[p] > t]
    assert len(busy) <= 1
    assert now.participation[client] == (busy[0] if busy else -1)
    if not busy:
        fates = (Fate.DROPPED, Fate.STALE, Fate.ABORTED)
        assert now.phase[client] == 0
        assert now.lost[client] == (bool(mine) and timeline.fate[mine[-1]] in fates)
        return
    [p] = busy
    passed = sum(edge <= t for edge in (timeline.downloaded_s[p], timeline.computed_s[p]))
    assert PHASES[now.phase[client]] == ("download", "compute", "upload")[passed]
    assert 0 <= now.progress[client] <= 1


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.sampled_from(METHODS))
def test_snapshot_agrees_with_a_plain_count(share: float, name: str) -> None:
    timeline = prepare(TINY.as_method(name)).timeline
    t = share * timeline.end_s
    now = snapshot(timeline, TINY.clients, t)
    assert now.version == sum(s <= t for s in timeline.step_s)
    for client in range(TINY.clients):
        check_client(timeline, now, client)
    buffered = [
        p
        for p in range(len(timeline))
        if timeline.arrival_s[p] <= t
        and timeline.fate[p] in (Fate.APPLIED, Fate.BUFFERED)
        and (timeline.step[p] < 0 or timeline.step_s[timeline.step[p]] > t)
    ]
    assert sorted(now.buffer.tolist()) == buffered
    assert len(buffered) < timeline.policy.buffer
    assert (np.diff(timeline.arrival_s[now.buffer]) >= 0).all()
    assert (now.ages >= 0).all()


def test_snapshot_explains_a_moment_outside_the_run() -> None:
    with pytest.raises(ValueError, match="sim_seconds = 41"):
        snapshot(prepare(TINY.as_method("ftte")).timeline, TINY.clients, 41.0)
