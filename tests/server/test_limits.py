"""Limits of the clock: one update of a client per step, and so many participations at most."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.server import Participants, Policy, Timeline, schedule


def fleet(seed: int, clients: int, dropout: float) -> Participants:
    rng = np.random.default_rng(seed)
    down, compute, up = (rng.uniform(0.5, 9.0, clients) for _ in range(3))
    return Participants(down, compute, up, dropout=np.full(clients, dropout))


def counts(timeline: Timeline, clients: int) -> np.ndarray:
    return np.bincount(timeline.client[timeline.applied], minlength=clients)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 12),
    st.data(),
    st.sampled_from([None, 1, 2, 5]),
    st.sampled_from(["arrival", "step"]),
    st.sampled_from([0.0, 0.3]),
)
def test_no_step_holds_a_client_twice_and_nobody_takes_part_too_often(
    seed: int, clients: int, data: st.DataObject, most: int | None, refill: str, dropout: float
) -> None:
    concurrency = data.draw(st.integers(1, clients))
    buffer = data.draw(st.integers(1, concurrency if refill == "step" else clients))
    policy = Policy(
        concurrency,
        buffer,
        "arrival" if refill == "arrival" else "step",
        once_per_step=True,
        max_participations=most,
    )
    timeline = schedule(policy, fleet(seed, clients, dropout), horizon_s=300.0, seed=seed)
    for j in range(len(timeline.step_s)):
        members = timeline.client[timeline.buffer_of(j)]
        assert len(set(members.tolist())) == len(members)
    if most is not None:
        assert counts(timeline, clients).max(initial=0) <= most
    # A participation starts when the one before it has left its slot.
    for client in range(clients):
        own = np.flatnonzero(timeline.client == client)
        assert (timeline.start_s[own][1:] >= timeline.freed_s[own][:-1]).all()


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
def test_limits_that_do_not_bind_change_nothing(seed: int, clients: int) -> None:
    pair = fleet(seed, clients, 0.1)
    plain = Policy.buffered(clients, 1)
    wide = Policy(clients, 1, once_per_step=True, max_participations=10**6)
    one, other = (schedule(p, pair, horizon_s=60.0, seed=seed) for p in (plain, wide))
    np.testing.assert_array_equal(one.client, other.client)
    np.testing.assert_array_equal(one.arrival_s, other.arrival_s)
    np.testing.assert_array_equal(one.applied, other.applied)


def test_everybody_is_used_up_and_the_run_still_ends_at_the_horizon() -> None:
    policy = Policy(3, 1, max_participations=2)
    timeline = schedule(policy, fleet(0, 4, 0.0), horizon_s=1000.0, seed=0)
    assert counts(timeline, 4).tolist() == [2, 2, 2, 2]
    assert len(timeline) == 8
    assert timeline.end_s == 1000.0


def test_a_lost_participation_does_not_count() -> None:
    policy = Policy(2, 1, max_participations=3)
    timeline = schedule(policy, fleet(1, 3, 0.4), horizon_s=2000.0, seed=1)
    assert counts(timeline, 3).tolist() == [3, 3, 3]
    assert len(timeline) > 9


def test_a_limit_is_checked() -> None:
    with pytest.raises(ValueError, match="max_participations = 0; allowed: an integer from 1"):
        Policy(2, 1, max_participations=0)
