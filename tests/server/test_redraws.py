"""Check schedules whose trained subset is redrawn, against a replay of what each device has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.server import Fate, Participants, Policy, Redraws, Timeline, schedule
from tests.server.schedules import PER_CLIENT, made
from tests.server.test_schedule_invariants import schedules

DURATIONS = ("download_s", "first_download_s", "compute_s", "upload_s")
NEW = ("redrawn", "oldest", "indexed")


def numbers(n: int, low: float, seed: int) -> np.ndarray:
    """Draw seconds per client, some of them equal."""
    return np.random.default_rng(seed).integers(round(4 * low), 16, n) / 4


@st.composite
def redrawn(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the arguments of a schedule, and other durations for two or three later phases."""
    arguments = draw(schedules())
    n, later, seed = len(arguments["download_s"]), draw(st.integers(1, 3)), draw(st.integers(0, 99))
    at = sorted(draw(st.sets(st.floats(0.01, 0.99), min_size=later, max_size=later)))
    columns = [
        {name: numbers(n, 0.25, seed + 10 * k + j) for j, name in enumerate(DURATIONS)}
        for k in range(later)
    ]
    pairs = [(i, k) for k in range(1, later + 1) for i in range(k)]
    arguments["redraws"] = Redraws(
        tuple(at),
        [Participants(**one) for one in columns],
        {pair: numbers(n, 0, seed + 100 + j) for j, pair in enumerate(pairs)},
        np.stack([numbers(n, 0, seed + 200 + k) for k in range(later + 1)]),
    )
    return arguments


def by_phase(arguments: dict[str, Any], name: str) -> list[np.ndarray]:
    """Return a column of durations for each phase."""
    later = [np.asarray(getattr(one, name)) for one in arguments["redraws"].participants]
    return [arguments[name], *later]


def changed_since(tl: Timeline, seen: int, version: int) -> set[int]:
    """Return the phases of which an update was applied between two versions, step by step."""
    return {int(tl.phase_at(tl.version[p])) for j in range(seen, version) for p in tl.buffer_of(j)}


@settings(max_examples=200, deadline=None)
@given(arguments=redrawn())
def test_devices_download_what_has_changed_and_each_index_once(arguments: dict[str, Any]) -> None:
    tl, redraws = made(arguments), arguments["redraws"]
    first, own, compute, upload = (
        by_phase(arguments, name)
        for name in ("first_download_s", "download_s", "compute_s", "upload_s")
    )
    seen, known = dict[int, int](), dict[int, set[int]]()
    for p in range(len(tl)):
        c, version, phase = int(tl.client[p]), int(tl.version[p]), int(tl.phase[p])
        if c not in seen:
            oldest, new, seconds = phase, {phase}, first[phase][c]
        else:
            oldest = min({phase} | changed_since(tl, seen[c], version))
            new = set(range(oldest, phase + 1)) - known[c]
            whole = own[phase] if oldest == phase else redraws.catch_up_s[oldest, phase]
            seconds = whole[c] + sum(redraws.index_s[k][c] for k in new)
        assert tl.oldest[p] == oldest
        assert {k for k in range(20) if tl.indexed[p] >> k & 1} == new
        seen[c], known[c] = version, known.get(c, set()) | new
        computing = tl.computed_s[p] - tl.downloaded_s[p]
        factor = computing / compute[phase][c]
        taken_s = [tl.downloaded_s[p] - tl.start_s[p], tl.arrival_s[p] - tl.computed_s[p]]
        expected_s = [seconds * factor, upload[phase][c] * factor]
        np.testing.assert_allclose(taken_s, expected_s, rtol=1e-6, atol=1e-9)
        if not arguments["jitter_sigma"]:
            assert factor == pytest.approx(1)


@settings(max_examples=200, deadline=None)
@given(arguments=redrawn())
def test_phases_begin_with_the_first_step_that_has_come_so_far(arguments: dict[str, Any]) -> None:
    tl, at = made(arguments), arguments["redraws"].at
    steps = arguments["max_steps"]
    shares = [
        max(t / arguments["horizon_s"], 0 if steps is None else (j + 1) / steps)
        for j, t in enumerate(tl.step_s)
    ]
    due = [next((j + 1 for j, share in enumerate(shares) if share >= a), None) for a in at]
    assert tl.redrawn.tolist() == [version for version in due if version is not None]
    assert (np.diff(tl.redrawn) >= 0).all()


@settings(max_examples=200, deadline=None)
@given(arguments=redrawn())
def test_until_the_first_redrawing_nothing_differs(arguments: dict[str, Any]) -> None:
    static = {name: value for name, value in arguments.items() if name != "redraws"}
    a, b = made(arguments), made(static)
    steps = int(a.redrawn[0]) if len(a.redrawn) else len(a.step_s)
    count = int((a.version < steps).sum()) if len(a.redrawn) else len(a)
    for name, column in vars(a).items():
        if name not in (*NEW, "policy", "end_s", "charge", "step_s", "step_end", "applied"):
            mine, theirs = column[:count], vars(b)[name][:count]
            if name in ("fate", "step", "order"):  # what became of it may be decided later
                early = (mine == Fate.APPLIED) if name == "fate" else (mine >= 0)
                early &= a.step[:count] < steps
                mine, theirs = mine[early], theirs[early]
            assert np.array_equal(mine, theirs), name
    assert np.array_equal(a.step_s[:steps], b.step_s[:steps])
    assert (a.oldest[:count] == 0).all()
    assert np.array_equal(a.indexed[:count], a.visit[:count] == 0)


@settings(max_examples=100, deadline=None)
@given(arguments=schedules(), at=st.floats(0.01, 0.99))
def test_redrawing_the_same_subset_changes_no_time(arguments: dict[str, Any], at: float) -> None:
    columns = {name: arguments[name] for name in PER_CLIENT if name in arguments}
    same, n = Participants(**columns), len(arguments["download_s"])
    redraws = Redraws((at,), [same], {(0, 1): columns["download_s"]}, np.zeros((2, n)))
    a, b = made(arguments | {"redraws": redraws}), made(arguments)
    for name, column in vars(a).items():
        if name not in NEW and isinstance(column, np.ndarray):
            assert np.array_equal(column, vars(b)[name]), name


def test_a_late_update_makes_devices_download_the_old_phase_again() -> None:
    """Two fast clients and a slow one; the subset is redrawn with the second step, at 4 s."""
    three = Participants(download_s=[0, 0, 0], compute_s=[2, 2, 7], upload_s=[0, 0, 0])
    redraws = Redraws((0.3,), [three], {(0, 1): [0.5, 0.5, 0.5]}, np.zeros((2, 3)))
    tl = schedule(Policy.buffered(3, 2), three, horizon_s=13.0, seed=0, redraws=redraws)
    assert tl.redrawn.tolist() == [2]
    assert tl.step[tl.client == 2].tolist() == [3, -1]  # the slow one's first update comes late
    fast = tl.client == 0
    columns = (tl.start_s, tl.version, tl.phase, tl.oldest, tl.indexed)
    assert list(zip(*(column[fast].tolist() for column in columns), strict=True)) == [
        (0.0, 0, 0, 0, 1),  # everything, and the index of phase 0
        (2.0, 0, 0, 0, 0),
        (4.0, 1, 0, 0, 0),
        (6.0, 2, 1, 0, 2),  # what phase 0 has changed, and the index of phase 1
        (8.5, 4, 1, 0, 0),  # step 3 has applied the late update
        (11.0, 5, 1, 1, 0),
    ]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"at": (0.5, 0.4)}, "rising"),
        ({"at": (0.0, 0.4)}, "rising"),
        ({"at": (0.5,)}, "equally many"),
        ({"catch_up_s": {}}, "one per pair"),
        ({"index_s": np.zeros((2, 1))}, "equally many"),
    ],
)
def test_redraws_explain_what_does_not_fit(changes: dict[str, Any], says: str) -> None:
    one = Participants(download_s=[1], compute_s=[1], upload_s=[1])
    pairs = {(0, 1): [1], (0, 2): [1], (1, 2): [1]}
    arguments: dict[str, Any] = {
        "at": (0.4, 0.6),
        "participants": [one, one],
        "catch_up_s": pairs,
        "index_s": np.zeros((3, 1)),
    }
    with pytest.raises(ValueError, match=says):
        Redraws(**arguments | changes)
