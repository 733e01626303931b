"""Several runs on one virtual clock, and a fleet frozen at a moment."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.experiments import TimedEvent, interleave
from ftte_lab.server import PHASES, Fate, snapshot
from ftte_lab.simulation import Evaluated, Finished, Prepared, Ready, Stepped, prepare, run
from tests.tiny import TINY

METHODS = ("fedavg", "fedbuff", "fedasync", "ftte")


@pytest.fixture(scope="module")
def ready() -> dict[str, Prepared]:
    return {name: prepare(TINY.as_method(name)) for name in METHODS}


@pytest.fixture(scope="module")
def happenings(ready: dict[str, Prepared]) -> list[TimedEvent]:
    return list(interleave(ready))


def test_a_race_gives_each_run_its_own_numbers(
    ready: dict[str, Prepared], happenings: list[TimedEvent]
) -> None:
    finished = {h.name: h.event.history for h in happenings if isinstance(h.event, Finished)}
    assert set(finished) == set(METHODS)
    for name in METHODS:
        assert finished[name].to_json() == run(ready[name], processes=1).to_json()


def test_steps_come_in_the_order_of_virtual_time_and_looks_follow_their_step(
    happenings: list[TimedEvent],
) -> None:
    steps = [h.event.sim_seconds for h in happenings if isinstance(h.event, Stepped)]
    assert steps == sorted(steps)
    assert len({h.name for h in happenings[:40]}) == len(METHODS)
    for before, after in pairwise(happenings):
        if not before.settled and isinstance(before.event, Stepped):
            assert after.name == before.name
            assert isinstance(after.event, Evaluated)
            assert after.event.point["version"] == before.event.version
        if isinstance(after.event, Evaluated) and after.event.point["version"] > 0:
            assert not before.settled


def test_a_race_can_be_left_at_any_moment(ready: dict[str, Prepared]) -> None:
    runs = interleave(ready)
    assert isinstance(next(runs).event, Ready)
    runs.close()  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="no run to race"):
        next(interleave({}))


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.sampled_from(METHODS))
def test_a_moment_agrees_with_a_plain_count(share: float, name: str) -> None:
    timeline = prepare(TINY.as_method(name)).timeline
    t = share * timeline.end_s
    now = snapshot(timeline, TINY.clients, t)
    assert now.version == sum(s <= t for s in timeline.step_s)
    for client in range(TINY.clients):
        mine = [
            p
            for p in range(len(timeline))
            if timeline.client[p] == client and timeline.start_s[p] <= t
        ]
        busy = [p for p in mine if timeline.freed_s[p] > t]
        assert len(busy) <= 1
        assert now.participation[client] == (busy[0] if busy else -1)
        if busy:
            [p] = busy
            edges = (timeline.downloaded_s[p], timeline.computed_s[p])
            assert (
                PHASES[now.phase[client]]
                == ("download", "compute", "upload")[sum(e <= t for e in edges)]
            )
            assert 0 <= now.progress[client] <= 1
        else:
            assert now.phase[client] == 0
            lost = bool(mine) and timeline.fate[mine[-1]] in (
                Fate.DROPPED,
                Fate.STALE,
                Fate.ABORTED,
            )
            assert now.lost[client] == lost
    waiting = [
        p
        for p in range(len(timeline))
        if timeline.arrival_s[p] <= t
        and timeline.fate[p] in (Fate.APPLIED, Fate.BUFFERED)
        and (timeline.step[p] < 0 or timeline.step_s[timeline.step[p]] > t)
    ]
    assert sorted(now.buffer.tolist()) == waiting
    assert len(waiting) < timeline.policy.buffer
    assert (np.diff(timeline.arrival_s[now.buffer]) >= 0).all()
    assert (now.ages >= 0).all()


def test_a_moment_must_lie_within_the_run(ready: dict[str, Prepared]) -> None:
    with pytest.raises(ValueError, match="sim_seconds = 41"):
        snapshot(ready["ftte"].timeline, TINY.clients, 41.0)
