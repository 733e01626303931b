"""The weights against the published formulas, and their invariants."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab.server import (
    NORMALISATIONS,
    STALENESS,
    combine,
    rejections,
    staleness_weight,
    variance_buffer,
    variance_entries,
    weights,
)

AGES = st.lists(st.integers(0, 500), min_size=1, max_size=12)


def numbers(count: int, low: float = 0.0) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(low, 1e6), min_size=count, max_size=count)


@given(
    st.data(),
    AGES,
    st.sampled_from(list(STALENESS)),
    st.floats(0, 5),
    st.floats(0, 3),
    st.floats(0, 2),
)
def test_weights_are_shares(
    data: st.DataObject, ages: list[int], kind: str, a: float, b: float, p: float
) -> None:
    v, n = data.draw(numbers(len(ages))), data.draw(numbers(len(ages), 1.0))
    settings = {
        "staleness": kind,
        "age_exponent": min(a, 0.5),
        "variance_exponent": b,
        "sample_exponent": p,
    }
    w = weights(ages, v, n, normalise="sum", **settings)  # type: ignore[arg-type]
    assert w.sum() == pytest.approx(1)
    assert (w >= 0).all()
    assert np.isfinite(w).all()


@given(st.sampled_from(list(STALENESS)), st.floats(0, 5), st.floats(0, 20))
def test_age_never_raises_a_weight(kind: str, a: float, b: float) -> None:
    w = staleness_weight(np.arange(50), kind, a, b)
    assert w[0] == 1
    assert (np.diff(w) <= 0).all()


def test_published_formulas() -> None:
    ages = np.array([0.0, 1, 3, 8])
    np.testing.assert_allclose(staleness_weight(ages, "poly", 0.5), [1, 2**-0.5, 0.5, 1 / 3])
    np.testing.assert_allclose(staleness_weight(ages, "hinge", 2.0, 4.0), [1, 1, 1, 1 / 9])
    np.testing.assert_allclose(staleness_weight(ages, "exponential", 0.5), np.exp(-0.5 * ages))
    np.testing.assert_allclose(staleness_weight(ages, "constant"), 1)
    fedbuff = weights(ages, np.zeros(4), np.full(4, 9), variance_exponent=0.0, normalise="count")
    np.testing.assert_allclose(fedbuff, (1 + ages) ** -0.5 / 4)  # Nguyen et al. 2022
    fedavg = weights(
        np.zeros(3), np.zeros(3), [10, 20, 70], staleness="constant", sample_exponent=1.0
    )
    np.testing.assert_allclose(fedavg, [0.1, 0.2, 0.7])
    ftte = weights([0, 3], [1.0, 3.0], [5, 5], variance_ref=1.0)
    np.testing.assert_allclose(ftte, np.array([1 / 2, 1 / 2 / 4]) / (1 / 2 + 1 / 8))


def test_equal_updates_weigh_the_same_under_both_normalisations() -> None:
    for normalise in NORMALISATIONS:
        np.testing.assert_allclose(weights([0] * 4, [0.0] * 4, [3] * 4, normalise=normalise), 0.25)


@given(st.permutations(range(5)))
def test_the_order_of_arrival_does_not_matter(order: list[int]) -> None:
    ages, v, n = (
        np.array([0, 1, 2, 5, 9]),
        np.array([1.0, 0.2, 3, 2, 0.5]),
        np.array([5, 9, 1, 4, 2]),
    )
    np.testing.assert_allclose(weights(ages, v, n)[order], weights(ages[order], v[order], n[order]))


def test_variance_of_entries_is_that_of_numpy() -> None:
    rows = torch.randn(3, 17)
    np.testing.assert_allclose(variance_entries(rows), rows.numpy().astype(float).var(1), rtol=1e-5)


def test_variance_in_the_buffer_is_the_distance_to_the_others() -> None:
    rows = torch.randn(4, 6)
    by_age = np.array([1.0, 0.5, 0.7, 0.2])
    got = variance_buffer(rows, by_age)
    for i in range(4):
        others = [k for k in range(4) if k != i]
        mean = sum(by_age[k] * rows[k].numpy() for k in others) / by_age[others].sum()
        assert got[i] == pytest.approx(((rows[i].numpy() - mean) ** 2).sum(), rel=1e-5)
    assert variance_buffer(rows[:1], by_age[:1]).tolist() == [0.0]


def test_combine_is_the_weighted_sum_and_leaves_its_arguments_alone() -> None:
    x = torch.ones(3)
    rows = torch.tensor([[1.0] * 3, [2.0] * 3])
    out = combine(x, rows, [0.25, 0.75], 2.0)
    torch.testing.assert_close(out, torch.full((3,), 1 + 2 * (0.25 + 1.5)))
    assert torch.equal(x, torch.ones(3))


def test_what_must_not_be_averaged() -> None:
    nan, inf = float("nan"), float("inf")
    rows = torch.tensor([[1.0, 1], [1, nan], [inf, 0], [inf, -inf], [1e38, 3e38], [1, 1]])
    reasons = rejections(rows, 2, [3, 0, 3, 0, 0, 4], 3)
    assert reasons == [None, "not finite", "not finite", "not finite", None, "future version"]
    assert rejections(rows, 3, [0] * 6, 3) == ["wrong shape"] * 6


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"age": [-1, 0]}, "staleness from 0 upwards"),
        ({"age": [1]}, "equally many"),
        ({"variance": [-1.0, 0]}, "variance >= 0"),
        ({"variance_ref": 0.0}, "reference > 0"),
        ({"samples": [0, 1]}, "at least 1 each"),
        ({"staleness": "polly"}, "Did you mean 'poly'"),
        ({"normalise": "mean"}, "normalise = 'mean'"),
        ({"age_exponent": -0.5}, "age_exponent = -0.5"),
        ({"variance_exponent": float("nan")}, "variance_exponent = nan"),
    ],
)
def test_a_wrong_weighting_is_explained(arguments: dict[str, object], says: str) -> None:
    right = {"age": [0, 1], "variance": [0.0, 0.0], "samples": [1, 1]}
    with pytest.raises(ValueError, match=says):
        weights(**{**right, **arguments})  # type: ignore[arg-type]


def test_a_wrong_combination_is_explained() -> None:
    with pytest.raises(ValueError, match="server_rate = 0"):
        combine(torch.ones(2), torch.ones(1, 2), [1.0], 0)
    with pytest.raises(ValueError, match="1 updates, 2 coefficients"):
        combine(torch.ones(2), torch.ones(1, 2), [1.0, 2.0], 1.0)
