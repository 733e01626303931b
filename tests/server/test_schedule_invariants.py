"""Check what holds for every schedule."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.server import Fate, Policy, Timeline
from tests.server.schedules import computing, made


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
def test_schedule_is_deterministic(arguments: dict[str, Any]) -> None:
    assert same(made(arguments), made(arguments))


@settings(max_examples=300)
@given(arguments=schedules())
def test_schedule_participations_fit_the_devices(arguments: dict[str, Any]) -> None:
    tl = made(arguments)
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
def test_schedule_applies_arrivals_once_and_in_order(arguments: dict[str, Any]) -> None:
    tl = made(arguments)
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
def test_schedule_gives_every_participation_one_fate(arguments: dict[str, Any]) -> None:
    tl = made(arguments)
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
    """Walk through the arrivals in order of time with lists only, no heap and no clock."""
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
def test_schedule_matches_an_independent_replay(arguments: dict[str, Any]) -> None:
    arguments["max_steps"] = None
    tl = made(arguments)
    expected = [(float(t), tl.buffer_of(j).tolist()) for j, t in enumerate(tl.step_s)]
    assert replay(tl) == expected


@given(
    durations=st.lists(st.floats(0.1, 5), min_size=1, max_size=6),
    over=st.floats(0, 1),
    seed=st.integers(0, 5),
)
def test_schedule_fedavg_round_is_the_maximum_over_its_cohort(
    durations: list[float], over: float, seed: int
) -> None:
    policy = Policy.synchronous(len(durations))
    tl = computing(policy, durations, horizon_s=40, seed=seed, jitter_sigma=over)
    begin = np.concatenate([[0.0], tl.step_s[:-1]])
    for j, start in enumerate(begin):
        buffer = tl.buffer_of(j)
        assert set(tl.client[buffer]) == set(range(len(durations)))
        assert (tl.start_s[buffer] == start).all()
        assert tl.step_s[j] == tl.arrival_s[buffer].max()
