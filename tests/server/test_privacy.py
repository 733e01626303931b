"""Clip, noise and account: against plain arithmetic, published formulas and another program."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import chi2, norm

from ftte_lab.server import (
    MovingQuantile,
    WeightRule,
    clip_rows,
    epsilon,
    noise_row,
    noise_to_clip,
    own_weights,
    split_noise,
    weights,
)

DELTA = 1e-5
# What dp-accounting 0.6.0 answers: noise multiplier, participations, epsilon by PLD.
STORED = [
    (8.0, 10, 1.5346798),
    (8.0, 37, 3.1962346),
    (8.0, 100, 5.6795866),
    (8.0, 150, 7.2258793),
    (4.0, 10, 3.3414095),
    (4.0, 37, 7.1680036),
    (2.0, 5, 4.9833064),
    (1.0, 1, 4.3771781),
    (0.5, 40, 133.0862763),
]
HAS_PLD = importlib.util.find_spec("dp_accounting") is not None


# --- the account


def test_closed_form_is_what_the_lesson_states() -> None:
    assert epsilon([37, 100, 150], 8.0, DELTA).round(3).tolist() == [3.938, 6.779, 8.518]
    assert epsilon([10, 37], 4.0, DELTA).round(3).tolist() == [4.106, 8.453]


@pytest.mark.parametrize(("z", "count", "pld"), STORED)
def test_exact_account_equals_another_program(z: float, count: int, pld: float) -> None:
    [exact] = epsilon([count], z, DELTA, how="exact")
    [bound] = epsilon([count], z, DELTA)
    assert exact == pytest.approx(pld, rel=2e-7)
    assert exact < bound < 1.3 * exact


@pytest.mark.skipif(not HAS_PLD, reason="dp-accounting is not installed (extra `privacy`)")
def test_other_program_still_answers_what_is_stored() -> None:
    assert epsilon([37], 8.0, DELTA, how="pld") == pytest.approx(3.1962346, rel=1e-6)
    assert epsilon([0, 10], 8.0, DELTA, how="pld") == pytest.approx([0, 1.5346798], rel=1e-6)


@pytest.mark.skipif(HAS_PLD, reason="dp-accounting is installed")
def test_other_program_is_missing_in_words() -> None:
    with pytest.raises(ValueError, match=r"without dp-accounting; .*ftte_lab\[privacy\]"):
        epsilon([3], 8.0, DELTA, how="pld")


@pytest.mark.parametrize("mu", [0.2, 1.0, 3.0])
def test_delta_of_the_exact_account_is_that_of_two_gaussians(mu: float) -> None:
    """Integrate max(p - e^eps q, 0) over N(mu, 1) and N(0, 1): the definition of delta."""
    [eps] = epsilon([1], 1 / mu, 1e-3, how="exact")

    def lost(x: float) -> float:
        return max(0.0, norm.pdf(x, mu) - math.exp(eps) * norm.pdf(x))

    crossing = eps / mu + mu / 2
    found, _ = quad(lost, crossing, crossing + 12)
    assert found == pytest.approx(1e-3, rel=1e-6)


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 2000),
    st.floats(0.05, 100),
    st.floats(1e-12, 0.1),
    st.sampled_from(["zcdp", "exact"]),
)
def test_loss_grows_with_participations_and_falls_with_noise_and_delta(
    count: int, z: float, delta: float, how: str
) -> None:
    [here] = epsilon([count], z, delta, how)
    assert here >= 0
    assert (here == 0) or count > 0
    slack = 1e-9 * (1 + here)
    assert epsilon([count + 1], z, delta, how)[0] >= here - slack
    assert epsilon([count], 1.5 * z, delta, how)[0] <= here + slack
    assert epsilon([count], z, delta / 2, how)[0] >= here - slack
    assert epsilon([count], z, delta, "exact")[0] <= epsilon([count], z, delta)[0] + slack


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 500), st.integers(1, 500), st.floats(0.5, 50))
def test_composition_adds_the_closed_form_up(one: int, other: int, z: float) -> None:
    """Rho of c participations is c times that of one, whatever the order (Bun, Steinke 2016)."""

    def rho(count: int) -> float:
        [eps] = epsilon([count], z, DELTA)
        root = math.sqrt(math.log(1 / DELTA))
        return (math.sqrt(eps + root**2) - root) ** 2

    assert rho(one) + rho(other) == pytest.approx(rho(one + other), rel=1e-6, abs=1e-9)


def test_without_noise_there_is_no_bound() -> None:
    assert epsilon([0, 1], 0.0, DELTA).tolist() == [0.0, math.inf]
    assert epsilon([0, 1], 0.0, DELTA, how="exact").tolist() == [0.0, math.inf]
    assert epsilon([], 8.0, DELTA, how="exact").tolist() == []


# --- the clip


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6), st.integers(1, 300))
def test_no_row_is_longer_than_the_clip_and_short_ones_stay(
    seed: int, clip_norm: float, entries: int
) -> None:
    rng = np.random.default_rng(seed)
    lengths = clip_norm * np.exp(rng.normal(0, 3, 6))
    rows = rng.normal(size=(6, entries))
    rows *= (lengths / np.linalg.norm(rows, axis=1))[:, None]
    given_rows = torch.as_tensor(rows, dtype=torch.float32)
    clipped, factors = clip_rows(given_rows, clip_norm)
    norms = np.linalg.norm(clipped.double().numpy(), axis=1)
    assert (norms <= clip_norm).all()
    before = np.linalg.norm(given_rows.double().numpy(), axis=1)
    short = before <= clip_norm
    assert torch.equal(clipped[short], given_rows[short])
    assert (factors[short] == 1).all()
    np.testing.assert_allclose(norms[~short], clip_norm, rtol=1e-6)
    np.testing.assert_allclose(factors[~short], clip_norm / before[~short], rtol=1e-6)


def test_clip_keeps_the_direction_of_enormous_updates() -> None:
    clipped, _ = clip_rows(torch.tensor([[3e38, 0.0], [-3e38, 3e38]]), 1.0)
    expected = torch.tensor([[1.0, 0.0], [-(0.5**0.5), 0.5**0.5]])
    torch.testing.assert_close(clipped, expected)
    with pytest.raises(ValueError, match="not finite"):
        clip_rows(torch.tensor([[math.nan]]), 1.0)


# --- weights that look at nobody else


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_own_weights_are_at_most_one_and_depend_on_nobody(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ages, samples = rng.integers(0, 9, 5), rng.integers(1, 99, 5)
    variances = rng.exponential(1.0, 5)
    rule = WeightRule(variance_exponent=0.7, sample_exponent=0.5)
    refs = {"variance_ref": 0.3, "samples_ref": 40.0}
    together = own_weights(ages, variances, samples, rule, **refs)
    alone = [
        own_weights(ages[[k]], variances[[k]], samples[[k]], rule, **refs)[0] for k in range(5)
    ]
    assert together.tolist() == alone
    assert ((together > 0) & (together <= 1)).all()


def test_own_weights_are_those_of_the_server_where_samples_do_not_count() -> None:
    ages, variances = [0, 2, 5], [0.5, 0.1, 3.0]
    rule = WeightRule(normalise="count")
    own = own_weights(ages, variances, [9, 9, 9], rule, variance_ref=0.4, samples_ref=9)
    np.testing.assert_allclose(
        own / 3, weights(ages, variances, [9, 9, 9], rule, variance_ref=0.4), rtol=1e-12
    )


# --- the noise


@pytest.mark.parametrize(("z", "clip_norm", "entries"), [(4.0, 0.5, 9936), (1.0, 2.0, 2484)])
def test_length_of_the_noise_is_that_of_a_gaussian_row(
    z: float, clip_norm: float, entries: int
) -> None:
    """|noise|^2 / (zC)^2 is chi-square: six of a billion rows lie outside of the interval."""
    low, high = chi2.ppf([3e-9, 1 - 3e-9], entries)
    for step in range(20):
        row = noise_row(entries, clip_norm, z, seed=3, step=step)
        assert low < (row @ row) / (z * clip_norm) ** 2 < high


def test_noise_has_a_stream_of_its_own() -> None:
    one = noise_row(50, 1.0, 1.0, seed=1, step=0)
    assert np.array_equal(one, noise_row(50, 1.0, 1.0, seed=1, step=0))
    for other in ({"seed": 1, "step": 1}, {"seed": 2, "step": 0}):
        assert not np.isin(one, noise_row(50, 1.0, 1.0, **other)).any()
    np.testing.assert_allclose(noise_row(50, 3.0, 2.0, seed=1, step=0), 6 * one)


def test_a_quarter_of_the_entries_halves_the_noise() -> None:
    whole, quarter = (noise_to_clip(4.0, d, 10) for d in (9936, 2484))
    assert quarter == pytest.approx(whole / 2)
    drawn = np.linalg.norm(noise_row(9936, 1.0, 4.0, seed=0, step=0)) / 10
    assert drawn == pytest.approx(whole, rel=0.03)


# --- the adaptive clip


@settings(deadline=None, max_examples=50)
@given(st.floats(0.1, 100), st.floats(0.001, 0.9))
def test_updates_and_count_together_cost_what_was_asked(z: float, share: float) -> None:
    of_updates, of_count = split_noise(z, share)
    assert (of_updates**-2 + (2 * of_count) ** -2) ** -0.5 == pytest.approx(z)
    assert (2 * of_count) ** -2 / z**-2 == pytest.approx(share)


@pytest.mark.parametrize("quantile", [0.2, 0.5, 0.8])
def test_moving_quantile_comes_to_the_quantile(quantile: float) -> None:
    rng = np.random.default_rng(0)
    moving = MovingQuantile(100.0, quantile, rate=0.1)
    seen = []
    for _ in range(600):
        moving.move(float((rng.lognormal(0.0, 1.0, 50) <= moving.value).mean()))
        seen.append(moving.value)
    expected = math.exp(norm.ppf(quantile))
    assert np.mean(seen[-200:]) == pytest.approx(expected, rel=0.1)


def test_moving_quantile_stays_a_number_whatever_the_noise() -> None:
    moving = MovingQuantile(1.0)
    for share in [1e6] * 50 + [-1e6] * 90:
        moving.move(share)
        assert 1e-12 <= moving.value <= 1e12
