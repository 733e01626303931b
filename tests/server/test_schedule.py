"""Check schedules that can be computed by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ftte_lab.server import Fate, Policy, Timeline
from ftte_lab.server.timeline import clock as _clock
from tests.server.schedules import computing


def rows(tl: Timeline) -> list[tuple[int, float, float, int, str, int]]:
    """List (client, start, freed, version, fate, step) by participation: by start, then client."""
    columns = zip(tl.client, tl.start_s, tl.freed_s, tl.version, tl.fate, tl.step, strict=True)
    named = [
        (int(c), float(s), float(f), int(v), Fate(k).name, int(j)) for c, s, f, v, k, j in columns
    ]
    return sorted(named, key=lambda row: (row[1], row[0]))


def test_schedule_fedavg_waits_for_the_slowest() -> None:
    tl = computing(Policy.synchronous(2), [1, 3], horizon_s=6)
    assert tl.step_s.tolist() == [3, 6]
    assert rows(tl) == [
        (0, 0, 1, 0, "APPLIED", 0),
        (1, 0, 3, 0, "APPLIED", 0),
        (0, 3, 4, 1, "APPLIED", 1),
        (1, 3, 6, 1, "APPLIED", 1),
    ]
    assert tl.client[tl.buffer_of(1)].tolist() == [0, 1]
    assert tl.order[tl.buffer_of(1)].tolist() == [0, 1]
    assert tl.visit[tl.buffer_of(1)].tolist() == [1, 1]
    assert tl.staleness.tolist() == [0, 0, 0, 0]


def test_schedule_fedasync_ages_the_slow_client() -> None:
    tl = computing(Policy.buffered(2, 1), [2, 5], horizon_s=6)
    assert rows(tl) == [
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


def test_schedule_discards_stale_updates_and_refills_their_slots() -> None:
    tl = computing(Policy.buffered(2, 1, max_staleness=1), [2, 5], horizon_s=7)
    assert rows(tl) == [
        (0, 0, 2, 0, "APPLIED", 0),
        (1, 0, 5, 0, "STALE", -1),
        (0, 2, 4, 1, "APPLIED", 1),
        (0, 4, 6, 2, "APPLIED", 2),
        (1, 5, 10, 2, "RUNNING", -1),
        (0, 6, 8, 3, "RUNNING", -1),
    ]


def test_schedule_fedbuff_waits_for_its_buffer() -> None:
    tl = computing(Policy.buffered(2, 3), [2, 5], horizon_s=7)
    assert rows(tl) == [
        (0, 0, 2, 0, "APPLIED", 0),
        (1, 0, 5, 0, "APPLIED", 0),
        (0, 2, 4, 0, "APPLIED", 0),
        (0, 4, 6, 0, "BUFFERED", -1),
        (1, 5, 10, 1, "RUNNING", -1),
        (0, 6, 8, 1, "RUNNING", -1),
    ]
    assert tl.client[tl.buffer_of(0)].tolist() == [0, 0, 1]


def test_schedule_over_selection_calls_off_late_clients() -> None:
    tl = computing(Policy.synchronous(2, over_select=0.5), [1, 2, 9], horizon_s=3)
    assert rows(tl) == [
        (0, 0, 1, 0, "APPLIED", 0),
        (1, 0, 2, 0, "APPLIED", 0),
        (2, 0, 2, 0, "ABORTED", -1),
        (0, 2, 3, 1, "BUFFERED", -1),
        (1, 2, 4, 1, "RUNNING", -1),
        (2, 2, 11, 1, "RUNNING", -1),
    ]
    assert tl.visit.tolist() == [0, 0, 0, 1, 1, 1]
    assert tl.concurrency_at([0, 1, 1.5, 2, 3]).tolist() == [3, 2, 2, 3, 2]


def test_schedule_refill_at_the_step_keeps_late_clients() -> None:
    tl = computing(Policy(2, 1, "step"), [1, 3], horizon_s=3)
    assert tl.step_s.tolist() == [1, 2, 3, 3]
    assert rows(tl) == [
        (0, 0, 1, 0, "APPLIED", 0),
        (1, 0, 3, 0, "APPLIED", 2),  # at 3 it goes first, because it started first
        (0, 1, 2, 1, "APPLIED", 1),
        (0, 2, 3, 2, "APPLIED", 3),
    ]
    assert tl.staleness.tolist() == [0, 0, 2, 1]


def test_schedule_steps_on_what_arrived_of_a_cohort() -> None:
    tl = computing(Policy.synchronous(2), [5, 1], dropout=np.array([1.0, 0.0]), horizon_s=6)
    assert rows(tl) == [
        (0, 0, 5, 0, "DROPPED", -1),
        (1, 0, 1, 0, "APPLIED", 0),
        (0, 5, 10, 1, "RUNNING", -1),
        (1, 5, 6, 1, "BUFFERED", -1),
    ]
    assert tl.step_s.tolist() == [5]
    assert tl.partial_steps.tolist() == [0]


def test_schedule_restarts_a_lost_cohort_without_a_step() -> None:
    tl = computing(Policy.synchronous(2), [2, 3], dropout=np.ones(2), horizon_s=7)
    assert len(tl.step_s) == 0
    assert tl.start_s.tolist() == [0, 0, 3, 3, 6, 6]
    assert tl.version.tolist() == [0] * 6
    assert tl.cohorts() == {}


def test_schedule_with_fewer_clients_than_slots_and_buffer() -> None:
    clients = np.array([True, False, True])
    sync = computing(Policy.synchronous(5), [1, 1, 2], eligible=clients, horizon_s=4)
    assert sync.step_s.tolist() == [2, 4]
    assert sync.partial_steps.tolist() == [0, 1]
    buffered = computing(Policy.buffered(5, 4), [1, 1, 2], eligible=clients, horizon_s=4)
    assert buffered.step_s.tolist() == [3]  # 1: first, 2: both, 3: the fourth; at 4 two more wait
    assert buffered.counts()["buffered"] == 2


def test_schedule_first_download_is_the_full_model() -> None:
    tl = computing(
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


def test_schedule_max_steps_ends_the_run_at_the_step() -> None:
    tl = computing(Policy.buffered(2, 1), [2, 5], max_steps=2)
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


def test_schedule_last_step_of_over_selection_calls_off_late_clients() -> None:
    tl = computing(Policy.synchronous(1, over_select=1), [1, 2], max_steps=1)
    assert tl.counts()["aborted"] == 1
    assert tl.counts()["running"] == 0


def test_schedule_counts_events_at_the_horizon_and_starts_none_there() -> None:
    tl = computing(Policy.buffered(1, 1), [2], horizon_s=4)
    assert tl.step_s.tolist() == [2, 4]
    assert tl.start_s.tolist() == [0, 2]
    assert tl.end_s == 4


def test_schedule_orders_equal_times_by_participation_number() -> None:
    tl = computing(Policy.buffered(4, 2), [1, 1, 1, 1], horizon_s=1)
    assert tl.applied.tolist() == [0, 1, 2, 3]
    assert [tl.buffer_of(j).tolist() for j in (0, 1)] == [[0, 1], [2, 3]]
    assert tl.staleness.tolist() == [0, 0, 1, 1]


def test_schedule_of_a_full_cohort_without_jitter_ignores_the_seed() -> None:
    a, b = (computing(Policy.synchronous(3), [1, 2, 3], seed=s, horizon_s=50) for s in (0, 1))
    assert rows(a) == rows(b)
    c, d = (
        computing(Policy.synchronous(3), [1, 2, 3], seed=s, horizon_s=50, jitter_sigma=0.5)
        for s in (0, 1)
    )
    assert rows(c) != rows(d)


def test_schedule_jitter_and_dropout_keep_the_draw_of_clients() -> None:
    plain, shaken = (
        computing(Policy.synchronous(5), np.ones(50), jitter_sigma=s) for s in (0.0, 0.8)
    )
    n = min(len(plain), len(shaken))
    assert plain.client[:5].tolist() == shaken.client[:5].tolist()
    dropping = computing(Policy.synchronous(5), np.ones(50), dropout=np.full(50, 0.2))
    assert plain.client[:5].tolist() == dropping.client[:5].tolist()
    assert n > 5


def test_timeline_arrays_are_read_only() -> None:
    tl = computing(Policy.buffered(1, 1), [1])
    with pytest.raises(ValueError, match="read-only"):
        tl.step_s[0] = 3


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
def test_schedule_explains_wrong_arguments(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        computing(Policy.buffered(1, 1), [1, 1], **change)


def test_timeline_buffer_of_explains_a_missing_step() -> None:
    tl = computing(Policy.buffered(1, 1), [4])
    for j in (-1, 2):
        with pytest.raises(ValueError, match=f"step {j} of 2; allowed: 0 to 1"):
            tl.buffer_of(j)


def test_schedule_refuses_too_many_participations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_clock, "MAX_PARTICIPATIONS", 5000)
    with pytest.raises(
        ValueError, match=r"participations; allowed: a shorter run\. Lower horizon_s"
    ):
        computing(Policy.buffered(1, 1), [1e-3], horizon_s=1e9)
