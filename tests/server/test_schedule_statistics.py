"""Check distributions: fixed seeds, tolerances of at least four standard errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ftte_lab.server import Fate, Policy
from tests.server.schedules import computing


def staleness(n: int, M: int, K: int, horizon_s: float) -> tuple[float, float, float, float]:
    durations = np.where(np.arange(n) < round(0.1 * n), 1.0, 10.0)
    tl = computing(Policy.buffered(M, K), durations, jitter_sigma=0.2, horizon_s=horizon_s)
    fast = tl.client[tl.applied] < round(0.1 * n)
    tau = tl.staleness
    return float(tau.mean()), float(tau[fast].mean()), float(tau[~fast].mean()), float(fast.mean())


def test_staleness_is_concurrency_over_buffer() -> None:
    """Reproduce reference figures: 90 % stragglers at 10x, M 50, K 10, about 60 clients (11 idle).

    With 100 clients the fast ones come up less often.
    """
    mean, fast, slow, share = staleness(61, 50, 10, 3000)
    assert mean == pytest.approx(4.88, abs=0.1)
    assert fast == pytest.approx(0.66, abs=0.1)
    assert slow == pytest.approx(6.9, abs=0.2)
    assert share == pytest.approx(0.33, abs=0.02)


@pytest.mark.parametrize(
    ("n", "M", "K"), [(100, 50, 10), (100, 20, 10), (200, 60, 5), (61, 50, 10)]
)
def test_staleness_is_proportional_to_the_duration_of_a_device(n: int, M: int, K: int) -> None:
    """Compare with tau = M d / (K E[d]); the share of fast updates is in closed form.

    It follows from the balance of idle clients.
    """
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


def test_dropout_has_the_given_frequency() -> None:
    chance = np.repeat([0.0, 0.1, 0.5], 20)
    tl = computing(Policy.buffered(30, 5), np.ones(60), dropout=chance, horizon_s=400)
    over = tl.fate != Fate.RUNNING
    for p in (0.0, 0.1, 0.5):
        group = over & (chance[tl.client] == p)
        error = 4 * math.sqrt(p * (1 - p) / group.sum())
        assert (tl.fate[group] == Fate.DROPPED).mean() == pytest.approx(p, abs=error)


def test_jitter_has_mean_one_and_the_given_spread() -> None:
    tl = computing(Policy.buffered(10, 5), np.ones(40), jitter_sigma=0.5, horizon_s=2000)
    factor = np.sort(tl.arrival_s - tl.start_s)
    assert len(factor) > 15_000
    assert factor.mean() == pytest.approx(1, abs=4 * 0.54 / math.sqrt(len(factor)))
    assert np.log(factor).std() == pytest.approx(0.5, rel=0.03)
    assert np.median(factor) == pytest.approx(math.exp(-0.125), rel=0.02)


def test_schedule_draws_idle_clients_uniformly() -> None:
    tl = computing(Policy.synchronous(4), np.ones(20), horizon_s=2000)
    counts = np.bincount(tl.client, minlength=20)
    expected = counts.sum() / 20
    assert np.abs(counts - expected).max() < 4.5 * math.sqrt(expected * 0.8)


def test_schedule_first_draw_is_uniform_over_seeds() -> None:
    first = [
        computing(Policy.buffered(1, 1), np.ones(4), horizon_s=0.5, seed=s).client[0]
        for s in range(1000)
    ]
    shares = np.bincount(first, minlength=4) / len(first)
    np.testing.assert_allclose(shares, 0.25, atol=4 * math.sqrt(0.25 * 0.75 / len(first)))


def test_over_selection_favours_fast_clients() -> None:
    durations = np.where(np.arange(100) < 50, 1.0, 10.0)
    plain = computing(Policy.synchronous(10), durations, horizon_s=2000)
    over = computing(Policy.synchronous(10, over_select=0.3), durations, horizon_s=2000)
    assert (plain.client[plain.applied] < 50).mean() == pytest.approx(0.5, abs=0.05)
    assert (over.client[over.applied] < 50).mean() > 0.55
    assert len(over.step_s) > len(plain.step_s)
