"""The weights against the published formulas, and their invariants."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.server import (
    NORMALISATIONS,
    STALENESS,
    WeightRule,
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
def test_weights_add_up_to_one(
    data: st.DataObject, ages: list[int], kind: str, a: float, b: float, p: float
) -> None:
    v, n = data.draw(numbers(len(ages))), data.draw(numbers(len(ages), 1.0))
    rule = WeightRule(kind, min(a, 0.5), variance_exponent=b, sample_exponent=p)
    w = weights(ages, v, n, rule)
    assert w.sum() == pytest.approx(1)
    assert (w >= 0).all()
    assert np.isfinite(w).all()


@given(st.sampled_from(list(STALENESS)), st.floats(0, 5), st.floats(0, 20))
def test_staleness_weight_never_rises_with_age(kind: str, a: float, b: float) -> None:
    w = staleness_weight(np.arange(50), kind, a, b)
    assert w[0] == 1
    assert (np.diff(w) <= 0).all()


def test_weights_match_published_formulas() -> None:
    ages = np.array([0.0, 1, 3, 8])
    np.testing.assert_allclose(staleness_weight(ages, "poly", 0.5), [1, 2**-0.5, 0.5, 1 / 3])
    np.testing.assert_allclose(staleness_weight(ages, "hinge", 2.0, 4.0), [1, 1, 1, 1 / 9])
    np.testing.assert_allclose(staleness_weight(ages, "exponential", 0.5), np.exp(-0.5 * ages))
    np.testing.assert_allclose(staleness_weight(ages, "constant"), 1)
    rule = WeightRule(variance_exponent=0.0, normalise="count")
    fedbuff = weights(ages, np.zeros(4), np.full(4, 9), rule)
    np.testing.assert_allclose(fedbuff, (1 + ages) ** -0.5 / 4)  # Nguyen et al. 2022
    rule = WeightRule("constant", sample_exponent=1.0)
    fedavg = weights(np.zeros(3), np.zeros(3), [10, 20, 70], rule)
    np.testing.assert_allclose(fedavg, [0.1, 0.2, 0.7])
    rule = WeightRule(variance_exponent=1.0)
    ftte = weights([0, 3], [1.0, 3.0], [5, 5], rule, variance_ref=1.0)
    np.testing.assert_allclose(ftte, np.array([1 / 2, 1 / 2 / 4]) / (1 / 2 + 1 / 8))


def test_weights_of_equal_updates_are_equal_under_both_normalisations() -> None:
    for normalise in NORMALISATIONS:
        rule = WeightRule(normalise=normalise)
        np.testing.assert_allclose(weights([0] * 4, [0.0] * 4, [3] * 4, rule), 0.25)


@given(st.permutations(range(5)))
def test_weights_ignore_the_order_of_arrival(order: list[int]) -> None:
    ages, v, n = (
        np.array([0, 1, 2, 5, 9]),
        np.array([1.0, 0.2, 3, 2, 0.5]),
        np.array([5, 9, 1, 4, 2]),
    )
    np.testing.assert_allclose(weights(ages, v, n)[order], weights(ages[order], v[order], n[order]))


def test_variance_entries_matches_numpy() -> None:
    rows = torch.randn(3, 17)
    np.testing.assert_allclose(variance_entries(rows), rows.numpy().astype(float).var(1), rtol=1e-5)


def test_variance_buffer_is_the_distance_to_the_others() -> None:
    rows = torch.randn(4, 6)
    by_age = np.array([1.0, 0.5, 0.7, 0.2])
    got = variance_buffer(rows, by_age)
    for i in range(4):
        others = [k for k in range(4) if k != i]
        mean = sum(by_age[k] * rows[k].numpy() for k in others) / by_age[others].sum()
        assert got[i] == pytest.approx(((rows[i].numpy() - mean) ** 2).sum(), rel=1e-5)
    assert variance_buffer(rows[:1], by_age[:1]).tolist() == [0.0]


def test_combine_is_the_weighted_sum_and_keeps_its_arguments() -> None:
    x = torch.ones(3)
    rows = torch.tensor([[1.0] * 3, [2.0] * 3])
    out = combine(x, rows, [0.25, 0.75], 2.0)
    torch.testing.assert_close(out, torch.full((3,), 1 + 2 * (0.25 + 1.5)))
    assert torch.equal(x, torch.ones(3))


@settings(deadline=None)
@given(
    rows=st.lists(st.lists(st.floats(-3, 3), min_size=4, max_size=4), min_size=1, max_size=5),
    marks=st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=5, max_size=5),
    scale=st.floats(0.1, 2),
)
def test_combine_averages_each_entry_over_the_updates_that_cover_it(
    rows: list[list[float]], marks: list[list[bool]], scale: float
) -> None:
    d = torch.tensor(rows, dtype=torch.float64)
    m = torch.tensor(marks[: len(rows)], dtype=torch.float64)
    x, c = torch.arange(4, dtype=torch.float64), scale * np.arange(1, len(rows) + 1) / len(rows)
    got = combine(x, d, c, 0.5, m)
    for j in range(4):
        who = [i for i in range(len(rows)) if m[i, j]]
        mean = sum(c[i] * d[i, j] for i in who) / sum(c[i] for i in who) if who else 0.0
        assert float(got[j]) == pytest.approx(float(x[j] + 0.5 * c.sum() * mean), abs=1e-9)
    everywhere = torch.ones_like(m)
    torch.testing.assert_close(combine(x, d, c, 0.5, everywhere), combine(x, d, c, 0.5))


def test_variance_entries_ignores_what_is_not_covered() -> None:
    rows = torch.tensor([[1.0, 3.0, 0.0], [0.0, 2.0, 4.0]])
    marks = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    assert variance_entries(rows, marks).tolist() == [1.0, 1.0]


def test_rejections_cover_shape_version_and_nonfinite() -> None:
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
    ],
)
def test_weights_explain_wrong_arguments(arguments: dict[str, object], says: str) -> None:
    right = {"age": [0, 1], "variance": [0.0, 0.0], "samples": [1, 1]}
    with pytest.raises(ValueError, match=says):
        weights(**{**right, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"staleness": "polly"}, "Did you mean 'poly'"),
        ({"normalise": "mean"}, "normalise = 'mean'"),
        ({"age_exponent": -0.5}, "age_exponent = -0.5"),
        ({"hinge_at": -1.0}, "hinge_at = -1"),
        ({"variance_exponent": float("nan")}, "variance_exponent = nan"),
        ({"sample_exponent": -1}, "sample_exponent = -1"),
    ],
)
def test_weight_rule_explains_wrong_settings(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        WeightRule(**arguments)


def test_weights_of_nothing_are_zero() -> None:
    """Weights that all underflow must not become nan: the step then moves nothing."""
    rule = WeightRule("exponential", age_exponent=100.0)
    assert weights([50, 90], [0.0, 0.0], [1, 1], rule).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda age, a, b: age[:1], r"'mine' returned shape \(1,\); allowed: .* shape \(3,\)"),
        (lambda age, a, b: 1.0, r"'mine' returned shape \(\)"),
        (lambda age, a, b: -age, r"'mine' returned \[-2\.\]"),
        (lambda age, a, b: age * np.nan, "'mine' returned .*nan"),
        (lambda age, a, b: None, "'mine' returned"),
        (lambda age, a, b: "much", "'mine' returned str"),
    ],
)
def test_staleness_function_of_your_own_is_checked(function: Any, says: str) -> None:
    STALENESS["mine"] = function
    try:
        with pytest.raises(ValueError, match=says):
            weights([0, 2, 3], [0.0] * 3, [1] * 3, WeightRule("mine"))
    finally:
        del STALENESS["mine"]


def test_staleness_function_of_your_own_is_used() -> None:
    STALENESS["mine"] = lambda age, exponent, hinge_at: 1 / (1 + exponent * age)
    try:
        assert staleness_weight([0, 4], "mine", 0.5).tolist() == [1, 1 / 3]
    finally:
        del STALENESS["mine"]
    with pytest.raises(ValueError, match="shipped"):
        STALENESS["poly"] = lambda age, exponent, hinge_at: age
    with pytest.raises(ValueError, match="a function"):
        STALENESS["mine"] = 3.0  # type: ignore[assignment]


def test_combine_explains_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="server_rate = 0"):
        combine(torch.ones(2), torch.ones(1, 2), [1.0], 0)
    with pytest.raises(ValueError, match="1 updates, 2 coefficients"):
        combine(torch.ones(2), torch.ones(1, 2), [1.0, 2.0], 1.0)
