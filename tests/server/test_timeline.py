from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.server import Fate, Policy, Timeline, schedule
from ftte_lab.server.timeline import clock as _clock


def run(policy: Policy, durations: list[float] | np.ndarray, **changes: Any) -> Timeline:
    """A schedule of clients that only compute: no links, no drop-out, no jitter, everybody eligible."""
    n = len(durations)
    arguments: dict[str, Any] = {
        "download_s": np.zeros(n),
        "first_download_s": np.zeros(n),
        "compute_s": np.array(durations, float),
        "upload_s": np.zeros(n),
        "dropout": np.zeros(n),
        "eligible": np.ones(n, bool),
        "horizon_s": 10.0,
        "seed": 0,
    }
    return schedule(policy, **(arguments | changes))


def told(tl: Timeline) -> list[tuple[int, float, float, int, str, int]]:
    """(client, start, freed, version, fate, step) of each participation, by start, then client."""
    rows = zip(tl.client, tl.start_s, tl.freed_s, tl.version, tl.fate, tl.step, strict=True)
    named = [
        (int(c), float(s), float(f), int(v), Fate(k).name, int(j)) for c, s, f, v, k, j in rows
    ]
    return sorted(named, key=lambda row: (row[1], row[0]))


# Hand-computed cases: concurrency = clients, so the draw cannot change who runs.


def test_fedavg_waits_for_the_slowest() -> None:
    tl = run(Policy.synchronous(2), [1, 3], horizon_s=6)
    assert tl.step_s.tolist() == [3, 6]
    assert told(tl) == [
        (0, 0, 1, 0, "APPLIED", 0),
        (1, 0, 3, 0, "APPLIED", 0),
        (0, 3, 4, 1, "APPLIED", 1),
        (1, 3, 6, 1, "APPLIED", 1),
    ]
    assert tl.client[tl.buffer_of(1)].tolist() == [0, 1]
    assert tl.order[tl.buffer_of(1)].tolist() == [0, 1]
    assert tl.visit[tl.buffer_of(1)].tolist() == [1, 1]
    assert tl.staleness.tolist() == [0, 0, 0, 0]


def test_fedasync_ages_the_slow_client() -> None:
    tl = run(Policy.buffered(2, 1), [2, 5], horizon_s=6)
    assert told(tl) == [
        (0, 0, 2, 0, "APPLIED", 0),
        (1, 0, 5, 0, "APPLIED", 2),
        (0, 2, 4, 1, "APPLIED", 1),
        (0, 4, 6, 2, "APPLIED", 3),
        (1, 5, 10, 3, "RUNNING", -1),
    ]
    assert tl.step_s.tolist() == [2, 4, 5, 6]
    assert tl.staleness.tolist() == [0, 0, 2, 1]
    assert tl.counts() == {
        "applied": 4,
        "buffered": 0,
        "dropped": 0,
        "stale": 0,
        "aborted": 0,
        "running": 1,
    }


def test_too_old_an_update_is_discarded_and_its_slot_refilled() -> None:
    tl = run(Policy.buffered(2, 1, max_staleness=1), [2, 5], horizon_s=7)
    assert told(tl) == [
        (0, 0, 2, 0, "APPLIED", 0),
        (1, 0, 5, 0, "STALE", -1),
        (0, 2, 4, 1, "APPLIED", 1),
        (0, 4, 6, 2, "APPLIED", 2),
        (1, 5, 10, 2, "RUNNING", -1),
        (0, 6, 8, 3, "RUNNING", -1),
    ]


def test_fedbuff_waits_for_its_buffer() -> None:
    tl = run(Policy.buffered(2, 3), [2, 5], horizon_s=7)
    assert told(tl) == [
        (0, 0, 2, 0, "APPLIED", 0),
        (1, 0, 5, 0, "APPLIED", 0),
        (0, 2, 4, 0, "APPLIED", 0),
        (0, 4, 6, 0, "BUFFERED", -1),
        (1, 5, 10, 1, "RUNNING", -1),
        (0, 6, 8, 1, "RUNNING", -1),
    ]
    assert tl.client[tl.buffer_of(0)].tolist() == [0, 0, 1]


def test_over_selection_calls_off_the_late() -> None:
    tl = run(Policy.synchronous(2, over_select=0.5), [1, 2, 9], horizon_s=3)
    assert told(tl) == [
        (0, 0, 1, 0, "APPLIED", 0),
        (1, 0, 2, 0, "APPLIED", 0),
        (2, 0, 2, 0, "ABORTED", -1),
        (0, 2, 3, 1, "BUFFERED", -1),
        (1, 2, 4, 1, "RUNNING", -1),
        (2, 2, 11, 1, "RUNNING", -1),
    ]
    assert tl.visit.tolist() == [0, 0, 0, 1, 1, 1]
    assert tl.concurrency_at([0, 1, 1.5, 2, 3]).tolist() == [3, 2, 2, 3, 2]


def test_refill_at_the_step_without_discarding_lets_late_ones_go_on() -> None:
    tl = run(Policy(2, 1, "step"), [1, 3], horizon_s=3)
    assert tl.step_s.tolist() == [1, 2, 3, 3]
    assert told(tl) == [
        (0, 0, 1, 0, "APPLIED", 0),
        (1, 0, 3, 0, "APPLIED", 2),  # at 3 it goes first, because it started first
        (0, 1, 2, 1, "APPLIED", 1),
        (0, 2, 3, 2, "APPLIED", 3),
    ]
    assert tl.staleness.tolist() == [0, 0, 2, 1]


def test_a_cohort_with_drop_outs_steps_on_what_arrived() -> None:
    tl = run(Policy.synchronous(2), [5, 1], dropout=np.array([1.0, 0.0]), horizon_s=6)
    assert told(tl) == [
        (0, 0, 5, 0, "DROPPED", -1),
        (1, 0, 1, 0, "APPLIED", 0),
        (0, 5, 10, 1, "RUNNING", -1),
        (1, 5, 6, 1, "BUFFERED", -1),
    ]
    assert tl.step_s.tolist() == [5]
    assert tl.partial_steps.tolist() == [0]


def test_a_cohort_that_drops_out_entirely_is_started_again_without_a_step() -> None:
    tl = run(Policy.synchronous(2), [2, 3], dropout=np.ones(2), horizon_s=7)
    assert len(tl.step_s) == 0
    assert tl.start_s.tolist() == [0, 0, 3, 3, 6, 6]
    assert tl.version.tolist() == [0] * 6
    assert tl.cohorts() == {}


def test_fewer_clients_than_slots_and_buffer() -> None:
    clients = np.array([True, False, True])
    sync = run(Policy.synchronous(5), [1, 1, 2], eligible=clients, horizon_s=4)
    assert sync.step_s.tolist() == [2, 4]
    assert sync.partial_steps.tolist() == [0, 1]
    buffered = run(Policy.buffered(5, 4), [1, 1, 2], eligible=clients, horizon_s=4)
    assert buffered.step_s.tolist() == [3]  # 1: first, 2: both, 3: the fourth; at 4 two more wait
    assert buffered.counts()["buffered"] == 2


def test_the_first_download_is_the_full_model() -> None:
    tl = run(
        Policy.synchronous(1),
        [2],
        first_download_s=[4],
        download_s=[1],
        upload_s=[0.5],
        horizon_s=9,
        seed=4,
    )
    assert tl.start_s.tolist() == [0, 6.5]
    assert tl.downloaded_s.tolist() == [4, 7.5]
    assert tl.computed_s.tolist() == [6, 9.5]
    assert tl.arrival_s.tolist() == [6.5, 10]
    assert tl.first_visits.tolist() == [True, False]


def test_max_steps_ends_the_run_at_the_step() -> None:
    tl = run(Policy.buffered(2, 1), [2, 5], max_steps=2)
    assert tl.end_s == 4
    assert tl.step_s.tolist() == [2, 4]
    assert tl.counts() == {
        "applied": 2,
        "buffered": 0,
        "dropped": 0,
        "stale": 0,
        "aborted": 0,
        "running": 1,
    }


def test_the_last_step_of_over_selection_also_calls_off() -> None:
    tl = run(Policy.synchronous(1, over_select=1), [1, 2], max_steps=1)
    assert tl.counts()["aborted"] == 1
    assert tl.counts()["running"] == 0


def test_an_event_at_the_horizon_counts_and_nothing_starts_there() -> None:
    tl = run(Policy.buffered(1, 1), [2], horizon_s=4)
    assert tl.step_s.tolist() == [2, 4]
    assert tl.start_s.tolist() == [0, 2]
    assert tl.end_s == 4


def test_equal_times_go_by_participation_number() -> None:
    tl = run(Policy.buffered(4, 2), [1, 1, 1, 1], horizon_s=1)
    assert tl.applied.tolist() == [0, 1, 2, 3]
    assert [tl.buffer_of(j).tolist() for j in (0, 1)] == [[0, 1], [2, 3]]
    assert tl.staleness.tolist() == [0, 0, 1, 1]


# Invariants.


@st.composite
def schedules(draw: st.DrawFn) -> dict[str, Any]:
    n = draw(st.integers(1, 8))
    concurrency = draw(st.integers(1, 10))
    refill = draw(st.sampled_from(["arrival", "step"]))
    policy = Policy(
        concurrency,
        draw(st.integers(1, concurrency if refill == "step" else 8)),
        refill,  # type: ignore[arg-type]  # a plain string here
        draw(st.none() | st.integers(0, 3)),
        refill == "step" and draw(st.booleans()),
    )

    def column(low: float, high: float) -> np.ndarray:
        # Quarters make equal times common; the draws in between make them rare.
        number = st.integers(round(4 * low), round(4 * high)).map(lambda q: q / 4) | st.floats(
            low, high
        )
        return np.array(draw(st.lists(number, min_size=n, max_size=n)))

    eligible = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    eligible[draw(st.integers(0, n - 1))] = True
    return {
        "policy": policy,
        "download_s": column(0, 1),
        "first_download_s": column(0, 4),
        "compute_s": column(0.25, 4),
        "upload_s": column(0, 1),
        "dropout": column(0, 1) * draw(st.sampled_from([0.0, 0.3, 1.0])),
        "eligible": eligible,
        "jitter_sigma": draw(st.sampled_from([0.0, 0.0, 0.4])),
        "horizon_s": draw(st.floats(0.5, 30)),
        "seed": draw(st.integers(0, 2**32)),
        "max_steps": draw(st.none() | st.integers(1, 6)),
    }


def same(a: Timeline, b: Timeline) -> bool:
    return all(
        np.array_equal(x, vars(b)[key]) for key, x in vars(a).items() if isinstance(x, np.ndarray)
    )


@settings(max_examples=200)
@given(arguments=schedules())
def test_the_same_arguments_give_the_same_timeline(arguments: dict[str, Any]) -> None:
    assert same(schedule(**arguments), schedule(**arguments))


@settings(max_examples=300)
@given(arguments=schedules())
def test_participations_fit_the_devices(arguments: dict[str, Any]) -> None:
    tl = schedule(**arguments)
    policy, eligible = arguments["policy"], arguments["eligible"]
    assert eligible[tl.client].all()
    assert (np.diff(tl.start_s) >= 0).all()
    assert (tl.start_s <= tl.end_s).all()
    assert (tl.start_s < arguments["horizon_s"]).all()
    first = tl.visit == 0
    base = np.where(
        first, arguments["first_download_s"][tl.client], arguments["download_s"][tl.client]
    )
    factor = (tl.computed_s - tl.downloaded_s) / arguments["compute_s"][tl.client]
    np.testing.assert_allclose(tl.downloaded_s - tl.start_s, base * factor, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        tl.arrival_s - tl.computed_s,
        arguments["upload_s"][tl.client] * factor,
        rtol=1e-6,
        atol=1e-9,
    )
    if not arguments["jitter_sigma"]:
        np.testing.assert_allclose(factor, 1)
    for c in np.unique(tl.client):  # nobody in two places at once
        mine = np.flatnonzero(tl.client == c)
        assert tl.visit[mine].tolist() == list(range(len(mine)))
        assert all(tl.freed_s[a] <= tl.start_s[b] for a, b in pairwise(mine))
    slots = min(policy.concurrency, int(eligible.sum()))
    moments = np.concatenate([tl.start_s, tl.step_s, tl.freed_s])
    busy = tl.concurrency_at(moments)
    assert (busy <= slots).all()
    if policy.refill == "arrival":  # and no slot stays free before the end
        assert (busy[moments < tl.end_s] == slots).all()
    t = arguments["horizon_s"] / 3
    assert tl.concurrency_at(t) == ((tl.start_s <= t) & (t < tl.freed_s)).sum()


@settings(max_examples=300)
@given(arguments=schedules())
def test_steps_take_what_arrived_once_and_in_order(arguments: dict[str, Any]) -> None:
    tl = schedule(**arguments)
    policy = arguments["policy"]
    buffers = [tl.buffer_of(j) for j in range(len(tl.step_s))]
    taken = [int(p) for buffer in buffers for p in buffer]
    assert taken == tl.applied.tolist()
    assert len(set(taken)) == len(taken) == (tl.fate == Fate.APPLIED).sum() == (tl.step >= 0).sum()
    partial = set(tl.partial_steps.tolist())
    assert policy.refill == "step" or not partial
    for j, buffer in enumerate(buffers):
        assert len(buffer) < policy.buffer if j in partial else len(buffer) == policy.buffer
        assert (tl.step[buffer] == j).all()
        assert tl.order[buffer].tolist() == list(range(len(buffer)))
        keys = [(tl.arrival_s[p], p) for p in buffer]
        assert keys == sorted(keys)
        assert tl.step_s[j] >= tl.arrival_s[buffer[-1]]
        assert tl.step_s[j] == tl.arrival_s[buffer[-1]] or j in partial
    assert (np.diff(tl.step_s) >= 0).all()
    assert (tl.staleness >= 0).all()
    if policy.max_staleness is not None:
        assert (tl.staleness <= policy.max_staleness).all()
    if policy.discard_late:
        assert not tl.staleness.any()
    # Version = steps before the start; equal times may fall on either side.
    assert (np.searchsorted(tl.step_s, tl.start_s, side="left") <= tl.version).all()
    assert (tl.version <= np.searchsorted(tl.step_s, tl.start_s, side="right")).all()


@settings(max_examples=300)
@given(arguments=schedules())
def test_every_participation_meets_one_fate(arguments: dict[str, Any]) -> None:
    tl = schedule(**arguments)
    assert sum(tl.counts().values()) == len(tl)
    ended = np.isin(tl.fate, [Fate.APPLIED, Fate.BUFFERED, Fate.DROPPED, Fate.STALE])
    assert (tl.arrival_s[ended] <= tl.end_s).all()
    assert (tl.arrival_s[tl.fate == Fate.RUNNING] >= tl.end_s).all()
    assert (tl.freed_s[tl.fate == Fate.ABORTED] <= tl.arrival_s[tl.fate == Fate.ABORTED]).all()
    assert not tl.counts()["aborted"] or arguments["policy"].discard_late
    assert not tl.counts()["stale"] or arguments["policy"].max_staleness is not None
    assert (arguments["dropout"][tl.client[tl.fate == Fate.DROPPED]] > 0).all()
    assert tl.counts()["buffered"] < arguments["policy"].buffer
    cohorts = tl.cohorts()
    assert sorted(p for part in cohorts.values() for p in part) == sorted(tl.applied)
    assert list(cohorts) == sorted(cohorts)
    assert all((tl.version[part] == v).all() and len(part) for v, part in cohorts.items())


def replay(tl: Timeline) -> list[tuple[float, list[int]]]:
    """An independent server: walk the arrivals in order of time with lists only, no heap and no clock."""
    version, buffer, gone = 0, [], set[int]()
    steps: list[tuple[float, list[int]]] = []
    policy = tl.policy
    order = sorted(range(len(tl)), key=lambda p: (tl.arrival_s[p], p))
    for p in order:
        if p in gone or tl.arrival_s[p] > tl.end_s:
            continue
        gone.add(p)
        late = policy.max_staleness is not None and version - tl.version[p] > policy.max_staleness
        if tl.fate[p] != Fate.DROPPED and not late:
            buffer.append(p)
        others = [q for q in range(len(tl)) if q not in gone and tl.version[q] <= version]
        now = tl.arrival_s[p]
        by_step = (
            steps and steps[-1][0] == now
        )  # what starts at this very moment was started by that step, before p
        alone = policy.refill == "step" and not any(
            tl.start_s[q] < now or (by_step and tl.start_s[q] == now) for q in others
        )
        if len(buffer) == policy.buffer or (alone and buffer):
            steps.append((float(tl.arrival_s[p]), buffer))
            buffer, version = [], version + 1
            if policy.discard_late:
                gone |= set(others)
    return steps


@settings(max_examples=300)
@given(arguments=schedules())
def test_an_independent_replay_gives_the_same_steps(arguments: dict[str, Any]) -> None:
    arguments["max_steps"] = None
    tl = schedule(**arguments)
    expected = [(float(t), tl.buffer_of(j).tolist()) for j, t in enumerate(tl.step_s)]
    assert replay(tl) == expected


@given(
    durations=st.lists(st.floats(0.1, 5), min_size=1, max_size=6),
    over=st.floats(0, 1),
    seed=st.integers(0, 5),
)
def test_fedavg_round_is_the_maximum_over_its_cohort(
    durations: list[float], over: float, seed: int
) -> None:
    policy = Policy.synchronous(len(durations))
    tl = run(policy, durations, horizon_s=40, seed=seed, jitter_sigma=over)
    begin = np.concatenate([[0.0], tl.step_s[:-1]])
    for j, start in enumerate(begin):
        buffer = tl.buffer_of(j)
        assert set(tl.client[buffer]) == set(range(len(durations)))
        assert (tl.start_s[buffer] == start).all()
        assert tl.step_s[j] == tl.arrival_s[buffer].max()


def test_without_jitter_a_full_cohort_leaves_nothing_to_chance() -> None:
    a, b = (run(Policy.synchronous(3), [1, 2, 3], seed=s, horizon_s=50) for s in (0, 1))
    assert told(a) == told(b)
    c, d = (
        run(Policy.synchronous(3), [1, 2, 3], seed=s, horizon_s=50, jitter_sigma=0.5)
        for s in (0, 1)
    )
    assert told(c) != told(d)


def test_jitter_and_drop_out_leave_the_draw_of_clients_alone() -> None:
    plain, shaken = (run(Policy.synchronous(5), np.ones(50), jitter_sigma=s) for s in (0.0, 0.8))
    n = min(len(plain), len(shaken))
    assert plain.client[:5].tolist() == shaken.client[:5].tolist()
    dropping = run(Policy.synchronous(5), np.ones(50), dropout=np.full(50, 0.2))
    assert plain.client[:5].tolist() == dropping.client[:5].tolist()
    assert n > 5


# Distributions: fixed seeds, tolerances of at least four standard errors.


def staleness(n: int, M: int, K: int, horizon_s: float) -> tuple[float, float, float, float]:
    durations = np.where(np.arange(n) < round(0.1 * n), 1.0, 10.0)
    tl = run(Policy.buffered(M, K), durations, jitter_sigma=0.2, horizon_s=horizon_s)
    fast = tl.client[tl.applied] < round(0.1 * n)
    tau = tl.staleness
    return float(tau.mean()), float(tau[fast].mean()), float(tau[~fast].mean()), float(fast.mean())


def test_staleness_is_concurrency_over_buffer() -> None:
    """90 % stragglers at 10x, M 50, K 10: reference figures 4.88, fast .66, slow 6.9, a third of updates fast.

    They belong to a pool of about 60 clients (11 idle); with 100 clients the fast ones come up less often.
    """
    mean, fast, slow, share = staleness(61, 50, 10, 3000)
    assert mean == pytest.approx(4.88, abs=0.1)
    assert fast == pytest.approx(0.66, abs=0.1)
    assert slow == pytest.approx(6.9, abs=0.2)
    assert share == pytest.approx(0.33, abs=0.02)


@pytest.mark.parametrize(
    ("n", "M", "K"), [(100, 50, 10), (100, 20, 10), (200, 60, 5), (61, 50, 10)]
)
def test_staleness_of_a_device_is_proportional_to_its_duration(n: int, M: int, K: int) -> None:
    """tau = M d / (K E[d]), with the share of fast updates from the balance of idle clients (closed form)."""
    low, high, fast_n = 0.0, 100.0, round(0.1 * n)
    for _ in range(100):  # bisection: idle clients at start rate r per idle client add up to n - M
        r = (low + high) / 2
        idle_fast, idle_slow = fast_n / (1 + r), (n - fast_n) / (1 + 10 * r)
        low, high = (r, high) if idle_fast + idle_slow > n - M else (low, r)
    expected_share = idle_fast / (idle_fast + idle_slow)
    mean_d = expected_share + 10 * (1 - expected_share)
    mean, fast, slow, share = staleness(n, M, K, 3000)
    assert share == pytest.approx(expected_share, abs=0.02)
    assert mean == pytest.approx(M / K, rel=0.05, abs=0.12)
    assert fast == pytest.approx(M / (K * mean_d), abs=0.15)
    assert slow == pytest.approx(10 * M / (K * mean_d), rel=0.06)


def test_drop_outs_come_as_often_as_they_should() -> None:
    chance = np.repeat([0.0, 0.1, 0.5], 20)
    tl = run(Policy.buffered(30, 5), np.ones(60), dropout=chance, horizon_s=400)
    over = tl.fate != Fate.RUNNING
    for p in (0.0, 0.1, 0.5):
        group = over & (chance[tl.client] == p)
        error = 4 * math.sqrt(p * (1 - p) / group.sum())
        assert (tl.fate[group] == Fate.DROPPED).mean() == pytest.approx(p, abs=error)


def test_jitter_has_mean_one_and_the_asked_spread() -> None:
    tl = run(Policy.buffered(10, 5), np.ones(40), jitter_sigma=0.5, horizon_s=2000)
    factor = np.sort(tl.arrival_s - tl.start_s)
    assert len(factor) > 15_000
    assert factor.mean() == pytest.approx(1, abs=4 * 0.54 / math.sqrt(len(factor)))
    assert np.log(factor).std() == pytest.approx(0.5, rel=0.03)
    assert np.median(factor) == pytest.approx(math.exp(-0.125), rel=0.02)


def test_idle_clients_are_drawn_uniformly() -> None:
    tl = run(Policy.synchronous(4), np.ones(20), horizon_s=2000)
    counts = np.bincount(tl.client, minlength=20)
    expected = counts.sum() / 20
    assert np.abs(counts - expected).max() < 4.5 * math.sqrt(expected * 0.8)


def test_the_first_draw_is_uniform_over_the_seeds() -> None:
    first = [
        run(Policy.buffered(1, 1), np.ones(4), horizon_s=0.5, seed=s).client[0] for s in range(1000)
    ]
    shares = np.bincount(first, minlength=4) / len(first)
    np.testing.assert_allclose(shares, 0.25, atol=4 * math.sqrt(0.25 * 0.75 / len(first)))


def test_over_selection_favours_the_fast() -> None:
    durations = np.where(np.arange(100) < 50, 1.0, 10.0)
    plain = run(Policy.synchronous(10), durations, horizon_s=2000)
    over = run(Policy.synchronous(10, over_select=0.3), durations, horizon_s=2000)
    assert (plain.client[plain.applied] < 50).mean() == pytest.approx(0.5, abs=0.05)
    assert (over.client[over.applied] < 50).mean() > 0.55
    assert len(over.step_s) > len(plain.step_s)


# Policies, views, errors.


def test_policies_have_the_published_shapes() -> None:
    assert Policy.synchronous(10) == Policy(10, 10, "step")
    assert Policy.synchronous(10, 0.3) == Policy(13, 10, "step", None, True)
    assert Policy.synchronous(10, 0.1).concurrency == 11  # though 10 * 1.1 is a little more than 11
    assert Policy.synchronous(10, 0.11).concurrency == 12
    assert Policy.buffered(30, 10, 20) == Policy(30, 10, "arrival", 20, False)


def test_arrays_cannot_be_written() -> None:
    tl = run(Policy.buffered(1, 1), [1])
    with pytest.raises(ValueError, match="read-only"):
        tl.step_s[0] = 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((0, 1), "concurrency = 0; allowed"),
        ((1, 0), "buffer = 0; allowed"),
        ((1, 1, "steps"), "Did you mean 'step'"),
        ((1, 1, "arrival", -1), "max_staleness = -1; allowed"),
        ((2, 3, "step"), "buffer = 3; allowed: 1 to 2"),
        ((2, 2, "arrival", None, True), "discard_late with refill = 'arrival'; allowed"),
    ],
)
def test_bad_policies_are_explained(arguments: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Policy(*arguments)


@pytest.mark.parametrize(("cohort", "over"), [(0, 0.0), (3, -0.1), (3, math.inf)])
def test_bad_cohorts_are_explained(cohort: int, over: float) -> None:
    with pytest.raises(ValueError, match="; allowed"):
        Policy.synchronous(cohort, over)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"compute_s": [1.0]}, r"compute_s has shape \(1,\); allowed: 2 finite numbers"),
        ({"upload_s": [1.0, -2.0]}, r"upload_s holds \[-2.\] at \[1\]; allowed"),
        ({"download_s": [math.nan, 1.0]}, "download_s holds .*; allowed"),
        ({"first_download_s": [0.0, math.inf]}, "first_download_s holds .*; allowed"),
        ({"dropout": [0.0, 1.2]}, "dropout holds .*; allowed: 2 finite numbers from 0 to 1"),
        ({"eligible": [1, 1]}, "eligible has type int64; allowed"),
        ({"eligible": [False, False]}, "0 of 2 clients are eligible; allowed"),
        ({"compute_s": [1.0, 0.0]}, "a participation takes 0 s; allowed"),
        ({"jitter_sigma": -1}, "jitter_sigma = -1; allowed"),
        ({"horizon_s": 0}, "horizon_s = 0; allowed"),
        ({"horizon_s": math.inf}, "horizon_s = inf; allowed"),
        ({"seed": -3}, "seed = -3; allowed"),
        ({"max_steps": 0}, "max_steps = 0; allowed"),
    ],
)
def test_bad_schedules_are_explained(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        run(Policy.buffered(1, 1), [1, 1], **change)


def test_a_client_who_is_left_out_may_have_no_duration() -> None:
    tl = run(Policy.buffered(2, 1), [1, 0], eligible=[True, False], horizon_s=3)
    assert tl.client.tolist() == [0, 0, 0]


def test_a_step_that_never_happened_is_explained() -> None:
    tl = run(Policy.buffered(1, 1), [4])
    for j in (-1, 2):
        with pytest.raises(ValueError, match=f"step {j} of 2; allowed: 0 to 1"):
            tl.buffer_of(j)


def test_a_runaway_schedule_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_clock, "MAX_PARTICIPATIONS", 5000)
    with pytest.raises(
        ValueError, match=r"participations; allowed: a shorter run\. Lower horizon_s"
    ):
        run(Policy.buffered(1, 1), [1e-3], horizon_s=1e9)
