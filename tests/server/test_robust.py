"""The robust means against numpy and scipy, and what a wrong update can do to them."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import trim_mean

from ftte_lab.server import robust_mean

FINITE = st.floats(-1e6, 1e6)


def tables(entries: int = 3, most: int = 9) -> st.SearchStrategy[list[list[float]]]:
    row = st.lists(FINITE, min_size=entries, max_size=entries)
    return st.lists(row, min_size=1, max_size=most)


@settings(deadline=None)
@given(tables())
def test_equal_weights_give_numpys_median(rows: list[list[float]]) -> None:
    got = robust_mean(torch.tensor(rows, dtype=torch.float64), [0.3] * len(rows))
    np.testing.assert_allclose(got, np.median(rows, axis=0), atol=1e-3)


@settings(deadline=None)
@given(tables(most=4), st.data())
def test_a_weight_counts_as_that_many_updates(rows: list[list[float]], data: st.DataObject) -> None:
    """Integer weights: numpy's median and scipy's trimmed mean of as many copies."""
    weights = data.draw(st.lists(st.integers(1, 6), min_size=len(rows), max_size=len(rows)))
    x = torch.tensor(rows, dtype=torch.float64)
    copies = np.repeat(rows, weights, axis=0)
    np.testing.assert_allclose(robust_mean(x, weights), np.median(copies, axis=0), atol=1e-3)
    copies = np.repeat(copies, 4, axis=0)  # so that a quarter of them is a whole number
    got = robust_mean(x, weights, 0.25)
    np.testing.assert_allclose(got, trim_mean(copies, 0.25), atol=1e-6)


def test_equal_weights_give_scipys_trimmed_mean_and_nothing_cut_the_mean() -> None:
    rows = torch.randn(10, 40, dtype=torch.float64)
    for trim in (0.1, 0.2, 0.3, 0.4):
        got = robust_mean(rows, [0.1] * 10, trim)
        np.testing.assert_allclose(got, trim_mean(rows, trim), atol=1e-12)
    c = np.random.default_rng(0).random(10)
    by_hand = np.average(rows, axis=0, weights=c)
    np.testing.assert_allclose(robust_mean(rows, c, 0.0), by_hand, atol=1e-12)


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=4, max_size=9), st.integers(0, 2), st.floats(1, 3e38))
def test_wrong_updates_of_little_weight_have_no_influence(
    right: list[float], wrong: int, size: float
) -> None:
    """The result stays between the right values, whichever way and however far off the others."""
    assume(wrong / (len(right) + wrong) <= 0.2)
    for sign in (-1.0, 1.0):
        values = [*right, *[sign * size] * wrong]
        rows = torch.tensor(values, dtype=torch.float32)[:, None]
        for trim in (0.2, 0.5 - 1e-6):
            got = float(robust_mean(rows, [1 / len(values)] * len(values), trim))
            assert min(right) - 1e-6 <= got <= max(right) + 1e-6


@settings(deadline=None)
@given(st.permutations(range(5)))
def test_robust_mean_ignores_the_order_of_arrival(order: list[int]) -> None:
    rows, c = torch.randn(5, 4), np.array([0.3, 0.1, 0.2, 0.25, 0.15])
    for trim in (0.2, 0.5 - 1e-6):
        torch.testing.assert_close(
            robust_mean(rows[order], c[order], trim), robust_mean(rows, c, trim)
        )


def test_each_entry_is_averaged_over_the_updates_that_cover_it() -> None:
    rows = torch.randn(6, 5, dtype=torch.float64)
    marks = (torch.rand(6, 5, generator=torch.Generator().manual_seed(0)) < 0.6).double()
    marks[:, 4] = 0.0
    c = np.full(6, 1 / 6)
    got = robust_mean(rows * marks, c, covered=marks)
    for j in range(4):
        here = marks[:, j] > 0
        assert float(got[j]) == pytest.approx(float(np.median(rows[here, j])), abs=1e-6)
    assert float(got[4]) == 0.0


def test_robust_mean_of_no_weight_is_zero() -> None:
    assert robust_mean(torch.ones(2, 3), [0.0, 0.0]).tolist() == [0.0] * 3


def test_robust_mean_explains_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"trim = 0\.5"):
        robust_mean(torch.ones(2, 3), [0.5, 0.5], 0.5)
    with pytest.raises(ValueError, match="2 updates, 1 coefficients"):
        robust_mean(torch.ones(2, 3), [1.0])
