"""Values pinned where a small change of the code went unnoticed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ftte_lab.models import build
from ftte_lab.server import (
    Neglect,
    Participants,
    Policy,
    StepRule,
    WeightRule,
    own_weights,
    robust_mean,
    schedule,
    server_step,
    snapshot,
    variance_entries,
    weights,
)
from tests.server.gains import made_up


def test_samples_count_against_their_mean() -> None:
    rule = WeightRule("constant", variance_exponent=0, sample_exponent=1, normalise="count")
    assert weights([0, 0], [0, 0], [1, 3], rule).tolist() == [0.25, 0.75]
    root = WeightRule("constant", variance_exponent=0, sample_exponent=0.5, normalise="count")
    wanted = [0.5**0.5 / 2, 1.5**0.5 / 2]
    assert weights([0, 0], [0, 0], [1, 3], root).tolist() == pytest.approx(wanted)


def test_variances_of_one_entry_and_of_no_update() -> None:
    assert variance_entries(torch.tensor([[3.0], [-2.0]])).tolist() == [0.0, 0.0]
    assert variance_entries(torch.empty(0, 3)).shape == (0,)


def test_own_weights_know_the_hinge() -> None:
    rule = WeightRule("hinge", age_exponent=1.0, hinge_at=2.0, variance_exponent=0)
    found = own_weights([0, 2, 5], [0] * 3, [1] * 3, rule, variance_ref=1, samples_ref=1)
    assert found.tolist() == [1.0, 1.0, 0.25]


def test_a_robust_step_averages_over_those_who_trained_an_entry() -> None:
    rows = torch.tensor([[1.0, 0.0], [2.0, 0.0], [9.0, 4.0]])
    covered = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    c = np.full(3, 1 / 3)
    moved = server_step(torch.zeros(2), rows, c, StepRule(mean="median"), covered=covered)
    assert moved.tolist() == pytest.approx([2.0, 4.0])
    assert torch.equal(robust_mean(rows, c, covered=covered), moved)


def test_a_moment_counts_the_step_that_is_made_in_it() -> None:
    pair = Participants(download_s=[1, 1], compute_s=[2, 8], upload_s=[1, 1])
    timeline = schedule(Policy.buffered(2, 2), pair, horizon_s=30.0, seed=0)
    assert [snapshot(timeline, 2, t).version for t in (0.0, *timeline.step_s)] == list(
        range(len(timeline.step_s) + 1)
    )
    for t in np.arange(0.0, 30.0, 0.5):
        now = snapshot(timeline, 2, float(t))
        started = [int(timeline.version[p]) for p in now.buffer]
        assert now.ages.tolist() == [now.version - version for version in started]
    old = snapshot(timeline, 2, 10.0)
    assert old.version >= 1
    assert (old.ages <= old.version).all()


def test_neglect_keeps_the_name_of_the_measure() -> None:
    model = build("mlp", (1, 8, 8), 10)
    gains = made_up(model, 0)
    assert Neglect.none(model).reweighted(gains, 2).measure == gains.measure
