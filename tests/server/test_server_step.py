"""The server rules against their formulas, written out by hand."""

from typing import Any

import numpy as np
import pytest
import torch

from ftte_lab.server import StepRule, combine, server_step

X = torch.randn(7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
ROWS = torch.randn(4, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
STARTS = X + torch.randn(4, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
C = np.array([0.1, 0.4, 0.3, 0.2])
BY_AGE = np.array([1.0, 0.5, 0.7, 0.2])
MARKS = torch.tensor([[1, 1, 1, 0, 0, 0, 0], [1] * 7, [0, 1, 0, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1, 0]])


def test_updates_are_combined_to_the_bit() -> None:
    covered = MARKS.double()
    for marks in (None, covered):
        got = server_step(X, ROWS, C, StepRule(server_rate=1.5), covered=marks)
        assert torch.equal(got, combine(X, ROWS, C, 1.5, marks))


def test_one_model_at_full_rate_replaces_the_servers() -> None:
    for rule in (StepRule("models"), StepRule("mixing")):
        got = server_step(X, ROWS[:1], [1.0], rule, by_age=[1.0], starts=STARTS[:1])
        torch.testing.assert_close(got, STARTS[0] + ROWS[0])


def test_models_average_models() -> None:
    got = server_step(X, ROWS, C, StepRule("models", server_rate=0.7), starts=STARTS)
    mean = sum(c * (start + row) for c, start, row in zip(C, STARTS, ROWS, strict=True))
    torch.testing.assert_close(got, X + 0.7 * (mean - X))


def test_models_pull_the_server_back_to_the_starts() -> None:
    updates = server_step(X, ROWS, C, StepRule(server_rate=0.7))
    models = server_step(X, ROWS, C, StepRule("models", server_rate=0.7), starts=STARTS)
    pull = 0.7 * sum(c * (start - X) for c, start in zip(C, STARTS, strict=True))
    torch.testing.assert_close(models - updates, pull)


def test_models_of_fresh_updates_are_updates_to_the_bit() -> None:
    starts = X.expand(4, 7)
    assert torch.equal(
        server_step(X, ROWS, C, StepRule("models"), starts=starts),
        server_step(X, ROWS, C, StepRule()),
    )


def test_mixing_is_fedasyncs_formula() -> None:
    """Xie et al. 2019, Algorithm 1: one model, alpha_t = alpha s(t - tau)."""
    rule = StepRule("mixing", server_rate=0.6)
    got = server_step(X, ROWS[:1], [1.0], rule, by_age=[0.5], starts=STARTS[:1])
    torch.testing.assert_close(got, (1 - 0.3) * X + 0.3 * (STARTS[0] + ROWS[0]))
    got = server_step(X, ROWS, C, rule, by_age=BY_AGE, starts=STARTS)
    share = 0.6 * BY_AGE.mean()
    mean = sum(c * (start + row) for c, start, row in zip(C, STARTS, ROWS, strict=True))
    torch.testing.assert_close(got, (1 - share) * X + share * mean)


@pytest.mark.parametrize("combination", ["models", "mixing"])
def test_models_of_tiers_are_averaged_over_who_trained_an_entry(combination: str) -> None:
    rule = StepRule(combination, server_rate=0.8)
    covered = MARKS.double()
    rows = ROWS * covered  # an update has zeros where its tier does not train
    got = server_step(X, rows, C, rule, by_age=BY_AGE, starts=STARTS, covered=covered)
    rate = 0.8 * (BY_AGE.mean() if combination == "mixing" else 1.0)
    for j in range(7):
        who = np.flatnonzero(MARKS[:, j])
        if len(who) == 0:
            assert got[j] == X[j]
            continue
        mean = np.average([float(STARTS[i, j] + ROWS[i, j]) for i in who], weights=C[who])
        assert float(got[j]) == pytest.approx((1 - rate) * float(X[j]) + rate * mean)


@pytest.mark.parametrize("combination", ["updates", "models", "mixing"])
def test_robust_means_keep_the_length_of_the_step(combination: str) -> None:
    """Equal coefficients that add up to .8, as stale updates have under normalise = "count"."""
    c = np.full(4, 0.2)
    rule = StepRule(combination, "median", server_rate=0.9)
    got = server_step(X, ROWS, c, rule, by_age=BY_AGE, starts=STARTS)
    ahead = ROWS if combination == "updates" else ROWS + STARTS - X
    length = 0.9 * 0.8 * (BY_AGE.mean() if combination == "mixing" else 1.0)
    expected = X.numpy() + length * np.median(ahead.numpy(), axis=0)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    trimmed = StepRule(combination, "trimmed", 0.25, 0.9)
    got = server_step(X, ROWS, c, trimmed, by_age=BY_AGE, starts=STARTS)
    middle = np.sort(ahead.numpy(), axis=0)[1:3].mean(0)
    np.testing.assert_allclose(got, X.numpy() + length * middle, atol=1e-6)


def test_step_without_any_weight_moves_nothing() -> None:
    for combination in ("updates", "models", "mixing"):
        for mean in ("weighted", "median", "trimmed"):
            rule = StepRule(combination, mean)
            got = server_step(X, ROWS, [0.0] * 4, rule, by_age=[0.0] * 4, starts=STARTS)
            assert torch.equal(got, X)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"combine": "model"}, "Did you mean 'models'"),
        ({"mean": "mode"}, "mean = 'mode'"),
        ({"trim": 0.5}, r"trim = 0\.5"),
        ({"server_rate": 0.0}, r"server_rate = 0\.0"),
        ({"combine": "mixing", "server_rate": 1.5}, "at most 1"),
    ],
)
def test_step_rule_explains_wrong_settings(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        StepRule(**arguments)


def test_server_step_explains_what_is_missing() -> None:
    with pytest.raises(ValueError, match=r"starts = None; allowed: \(4, 7\)"):
        server_step(X, ROWS, C, StepRule("models"))
    with pytest.raises(ValueError, match=r"starts = of shape \(1, 7\)"):
        server_step(X, ROWS, C, StepRule("models"), starts=STARTS[:1])
    with pytest.raises(ValueError, match="'mixing' without by_age"):
        server_step(X, ROWS, C, StepRule("mixing"), starts=STARTS)
