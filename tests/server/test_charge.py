"""The clock with batteries: nobody starts without its joules, and every joule is accounted for."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.devices import DAY_S, Batteries
from ftte_lab.server import Fate, Participants, Policy, Timeline, schedule
from tests.server.test_schedule_invariants import same, schedules

COLUMNS = ("download_s", "first_download_s", "compute_s", "upload_s", "dropout", "eligible")


def run(arguments: dict[str, Any], batteries: Batteries | None, need_j: np.ndarray) -> Timeline:
    """Run the clock on the arguments of a schedule, with batteries or without."""
    columns = {name: arguments[name] for name in COLUMNS}
    others = {name: value for name, value in arguments.items() if name not in COLUMNS}
    participants = Participants(**columns, energy_j=need_j)
    return schedule(others.pop("policy"), participants, batteries=batteries, **others)


def endless(clients: int) -> Batteries:
    """Batteries of devices on the mains."""
    full, none = np.full(clients, math.inf), np.zeros(clients)
    return Batteries(full, full.copy(), none, none.copy(), none.copy())


@st.composite
def powered(draw: st.DrawFn) -> tuple[dict[str, Any], Batteries, np.ndarray]:
    """A schedule whose batteries hold a few participations and are charged at odd moments."""
    arguments = draw(schedules())
    n = len(arguments["eligible"])

    def column(values: st.SearchStrategy[float]) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=n, max_size=n)), float)

    capacity_j = column(st.floats(0.5, 20) | st.just(math.inf))
    finite = np.where(np.isinf(capacity_j), 0.0, capacity_j)
    start_j = np.where(np.isinf(capacity_j), math.inf, finite * column(st.floats(0, 1)))
    # Within a run of at most 30 s, some come to the charger and some leave it.
    plug_s = column(st.floats(0, 30) | st.floats(DAY_S - 10, DAY_S))
    batteries = Batteries(
        capacity_j, start_j, column(st.floats(0, 4)), plug_s, column(st.floats(0, 20))
    )
    return arguments, batteries, column(st.floats(0, 6) | st.integers(0, 4).map(float))


@settings(max_examples=200)
@given(arguments=schedules(), need_j=st.floats(0, 1e6))
def test_endless_batteries_change_nothing(arguments: dict[str, Any], need_j: float) -> None:
    n = len(arguments["eligible"])
    needs = np.full(n, need_j)
    without, mains = run(arguments, None, needs), run(arguments, endless(n), needs)
    assert same(without, mains)
    assert without.end_s == mains.end_s
    assert without.charge is None
    assert not mains.empty_at(arguments["horizon_s"] / 2).any()


def spent_by(tl: Timeline, need_j: np.ndarray) -> np.ndarray:
    """Return the joules of each participation: less for one that was called off."""
    done = np.ones(len(tl))
    off = tl.fate == Fate.ABORTED
    done[off] = ((tl.freed_s - tl.start_s) / (tl.arrival_s - tl.start_s))[off]
    return np.asarray(need_j[tl.client] * done)


@settings(max_examples=400)
@given(case=powered())
def test_nobody_starts_without_the_joules(
    case: tuple[dict[str, Any], Batteries, np.ndarray],
) -> None:
    """Replay each battery alone, from its starts and call-offs."""
    arguments, batteries, need_j = case
    tl = run(arguments, batteries, need_j)
    for c in range(len(need_j)):
        level, now = float(batteries.start_j[c]), 0.0
        for p in np.flatnonzero(tl.client == c):
            level = float(batteries.after(c, level, now, float(tl.start_s[p])))
            assert level >= need_j[c] * (1 - 1e-9) - 1e-9  # up to rounding
            level, now = max(0.0, level - float(need_j[c])), float(tl.start_s[p])
            if tl.fate[p] == Fate.ABORTED:
                left = (tl.arrival_s[p] - tl.freed_s[p]) / (tl.arrival_s[p] - tl.start_s[p])
                level = float(batteries.after(c, level, now, float(tl.freed_s[p])))
                level = min(float(batteries.capacity_j[c]), level + left * float(need_j[c]))
                now = float(tl.freed_s[p])
        assert tl.charge is not None
        final = float(batteries.after(c, level, now, tl.end_s))
        assert tl.charge.level_j(tl.end_s)[c] == pytest.approx(final, rel=1e-6, abs=1e-9)


@settings(max_examples=200)
@given(case=powered(), at=st.floats(0, 1))
def test_charge_stays_between_empty_and_full(
    case: tuple[dict[str, Any], Batteries, np.ndarray], at: float
) -> None:
    arguments, batteries, need_j = case
    tl = run(arguments, batteries, need_j)
    assert tl.charge is not None
    assert (tl.charge.left_j >= 0).all()
    assert (tl.charge.left_j <= batteries.capacity_j[tl.charge.client]).all()
    assert (np.diff(tl.charge.changed_s) >= 0).all()
    level = tl.charge.level_j(at * tl.end_s)
    assert ((level >= 0) & (level <= batteries.capacity_j)).all()


@settings(max_examples=200)
@given(case=powered())
def test_uncharged_batteries_lose_what_was_spent(
    case: tuple[dict[str, Any], Batteries, np.ndarray],
) -> None:
    arguments, batteries, need_j = case
    capacity_j = np.where(np.isinf(batteries.capacity_j), 1e6, batteries.capacity_j)
    start_j = np.minimum(batteries.start_j, capacity_j)
    none = np.zeros(len(need_j))
    dry = Batteries(capacity_j, start_j, none, none.copy(), none.copy())
    tl = run(arguments, dry, need_j)
    assert tl.charge is not None
    lost = start_j - tl.charge.level_j(tl.end_s)
    spent = np.bincount(tl.client, spent_by(tl, need_j), minlength=len(need_j))
    np.testing.assert_allclose(lost, spent, rtol=1e-6, atol=1e-6)


@settings(max_examples=200)
@given(case=powered())
def test_no_slot_stays_free_while_somebody_is_ready(
    case: tuple[dict[str, Any], Batteries, np.ndarray],
) -> None:
    """Whoever is idle while a slot is free is empty, at every start, step and arrival."""
    arguments, batteries, need_j = case
    policy = arguments["policy"] = dataclasses.replace(
        arguments["policy"], refill="arrival", discard_late=False
    )
    tl = run(arguments, batteries, need_j)
    slots = min(policy.concurrency, int(arguments["eligible"].sum()))
    for t in {*tl.start_s.tolist(), *tl.freed_s.tolist()}:
        if t < tl.end_s and tl.concurrency_at(t) < slots:
            busy = tl.client[(tl.start_s <= t) & (t < tl.freed_s)]
            idle = np.setdiff1d(np.flatnonzero(arguments["eligible"]), busy)
            assert tl.empty_at(t)[idle].all()


def test_clock_jumps_to_the_next_charge_and_ends_at_the_horizon() -> None:
    """Two devices with a participation each; one is charged from 100 s to 104 s of each day."""
    batteries = Batteries(
        capacity_j=np.array([5.0, 5.0]),
        start_j=np.array([5.0, 5.0]),
        charge_w=np.array([2.0, 0.0]),
        plug_s=np.array([100.0, 0.0]),
        plugged_s=np.array([4.0, DAY_S]),
    )
    pair = Participants(download_s=[0, 0], compute_s=[10, 20], upload_s=[0, 0], energy_j=[5.0, 4.0])
    for policy in (Policy.buffered(2, 1), Policy.synchronous(2)):
        tl = schedule(policy, pair, horizon_s=1000.0, seed=0, batteries=batteries)
        assert sorted(tl.start_s.tolist()) == [0.0, 0.0, 102.5]
        assert tl.client[2] == 0
        assert tl.end_s == 1000.0
        assert tl.empty_at(5.0).tolist() == [False, False]
        assert tl.empty_at(50.0).tolist() == [True, True]
        assert tl.empty_at(105.0).tolist() == [False, True]
        assert tl.empty_at(999.0).tolist() == [True, True]
    assert Policy.synchronous(2).buffer == 2
    assert tl.partial_steps.tolist() == [1]  # it did not wait for the other one


def test_a_fleet_that_is_empty_from_the_first_moment_does_nothing() -> None:
    none = np.zeros(2)
    dead = Batteries(np.ones(2), none, none.copy(), none.copy(), none.copy())
    pair = Participants(download_s=[0, 0], compute_s=[1, 2], upload_s=[0, 0], energy_j=[1.0, 1.0])
    tl = schedule(Policy.buffered(2, 1), pair, horizon_s=50.0, seed=0, batteries=dead)
    assert (len(tl), len(tl.step_s), tl.end_s) == (0, 0, 50.0)
    assert tl.empty_at(0.0).all()


def test_charge_explains_what_does_not_fit() -> None:
    alone = Participants(download_s=[0], compute_s=[1], upload_s=[0])
    with pytest.raises(ValueError, match="2 batteries for 1 clients; allowed: one for each"):
        schedule(Policy.buffered(1, 1), alone, horizon_s=5.0, seed=0, batteries=endless(2))
    with pytest.raises(ValueError, match="the timeline has no batteries; allowed: "):
        schedule(Policy.buffered(1, 1), alone, horizon_s=5.0, seed=0).empty_at(1.0)
    with pytest.raises(ValueError, match=r"energy_j holds .*; allowed: 1 finite numbers"):
        Participants(download_s=[0], compute_s=[1], upload_s=[0], energy_j=[-1.0]).need_j  # noqa: B018
