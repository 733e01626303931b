"""The right values at the extremes: huge, tiny, zero and underflowing numbers in sums."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ftte_lab.server import (
    ControlVariates,
    StepRule,
    WeightRule,
    combine,
    robust_mean,
    server_step,
    staleness_weight,
    variance_buffer,
    variance_entries,
    weights,
)


@pytest.mark.parametrize("size", [1e30, 1e-30, 3e38, 1.0])
def test_the_variance_of_huge_and_tiny_entries_is_their_mean_square(size: float) -> None:
    rows = torch.tensor([[size, -size], [size, size]])
    exact = float(np.float32(size)) ** 2
    assert variance_entries(rows).tolist() == pytest.approx([exact, 0.0], rel=1e-6)
    covered = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    assert variance_entries(rows, covered).tolist() == pytest.approx([exact, 0.0], rel=1e-6)


@pytest.mark.parametrize("small", [1e-6, 1e-15, 1e-20, 1e-300])
def test_the_dispersion_beside_a_heavy_update_is_that_to_the_others(small: float) -> None:
    rows = torch.tensor([[0.0], [4.0], [2.0]])
    found = variance_buffer(rows, [1.0, small, small])
    assert found[0] == pytest.approx(9.0)  # the others' mean is 3
    assert found[1:] == pytest.approx([16.0, 4.0], rel=1e-4)


def test_the_dispersion_without_any_weight_is_nothing() -> None:
    assert variance_buffer(torch.tensor([[0.0], [4.0]]), [0.0, 0.0]).tolist() == [0.0, 0.0]
    assert variance_buffer(torch.tensor([[0.0], [4.0]]), [1.0, 0.0]).tolist() == [0.0, 16.0]


def test_an_entry_that_only_a_light_update_trained_moves_by_its_full_length() -> None:
    rows = torch.tensor([[2.0, 3.0], [1.0, 0.0]])
    covered = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    for light in (1e-3, 1e-13, 1e-25, 1e-38, 1e-44):
        moved = combine(torch.zeros(2), rows, [light, 1.0], 1.0, covered)
        assert moved.tolist() == pytest.approx([1.0, 3.0], abs=4e-3)


def test_weights_of_extreme_variances_are_their_limits() -> None:
    assert weights([0, 0], [1e300, 1.0], [1, 1], variance_ref=1e-300).tolist() == [0.0, 1.0]
    assert weights([0, 0], [5e-324, 0.0], [1, 1]).tolist() == [0.5, 0.5]
    plain = WeightRule(variance_exponent=0.0)
    assert weights([0, 0], [1e300, 1.0], [1, 1], plain, variance_ref=1e-300).tolist() == [0.5, 0.5]


def test_weights_that_underflow_are_zero_and_move_nothing() -> None:
    old = staleness_weight([1e6, 2e6], "exponential", exponent=100.0)
    assert old.tolist() == [0.0, 0.0]
    w = weights([1e6, 2e6], [1.0, 1.0], [1, 1], WeightRule("exponential", age_exponent=100.0))
    x = torch.tensor([1.0])
    for rule in (StepRule(), StepRule(mean="median"), StepRule("models"), StepRule("mixing")):
        rows, starts = torch.tensor([[5.0], [6.0]]), torch.zeros(2, 1)
        assert server_step(x, rows, w, rule, by_age=old, starts=starts).tolist() == [1.0]


def test_weights_beyond_floats_are_refused_in_words() -> None:
    heavy = WeightRule(sample_exponent=400.0)
    with pytest.raises(ValueError, match=r"the weights add up to .*; allowed: a finite sum"):
        weights([0] * 100, [0] * 100, [10**6] + [1] * 99, heavy)


def test_an_infinite_value_that_is_cut_leaves_no_trace() -> None:
    rows = torch.tensor([[1.0], [2.0], [3.0], [torch.inf], [-torch.inf]])
    assert robust_mean(rows, [1, 1, 1, 1, 1]).tolist() == [2.0]
    assert robust_mean(rows, [1, 1, 1, 1, 1], trim=0.2).tolist() == [2.0]


def test_a_variate_that_would_not_be_finite_stays_as_it_was() -> None:
    variates = ControlVariates(clients=2, entries=1)
    rows = torch.tensor([[-0.2], [3e38]])
    variates.update([0, 1], rows, torch.zeros(2, 1), steps=1, rate=0.1)
    assert variates.clients.flatten().tolist() == pytest.approx([2.0, 0.0])
    assert variates.server.tolist() == pytest.approx([1.0])
