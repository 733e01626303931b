"""Attacks read what algebra predicts, and nothing under masks."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab.experiments import area_under_curve, label_guess, membership, server_views
from ftte_lab.models import from_rows
from ftte_lab.server import STEP
from ftte_lab.simulation import prepare
from ftte_lab.training import train_cohort
from tests.tiny import TINY

PARTS = ("train", "test")
SCORES = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=9)


@given(SCORES, SCORES)
def test_area_counts_pairs(members: list[float], others: list[float]) -> None:
    pairs = [(a > b) + (a == b) / 2 for a in members for b in others]
    assert area_under_curve(members, others) == pytest.approx(np.mean(pairs))


@given(SCORES, SCORES)
def test_area_of_the_other_side_is_the_rest(members: list[float], others: list[float]) -> None:
    both = area_under_curve(members, others) + area_under_curve(others, members)
    assert both == pytest.approx(1.0)


def test_one_sample_names_its_label() -> None:
    prepared = prepare(TINY.replace(subset="full"))
    federation, plan = prepared.federation, prepared.plan
    x, y = (torch.as_tensor(a) for a in (federation.dataset.x_train, federation.dataset.y_train))
    batches = torch.arange(30).view(30, 1, 1)
    rows = train_cohort(plan, federation.params, x, y, batches, rate=0.1).rows
    bias = from_rows(federation.model, plan.subset, rows)["head.bias"]
    assert label_guess(bias.numpy()).tolist() == y[:30].tolist()


def test_a_mask_hides_an_update_and_leaves_the_sum() -> None:
    rows = torch.randn(5, 400, generator=torch.Generator().manual_seed(1))
    seen = server_views(rows, clip_norm=1e3, noise_multiplier=0.0)
    assert np.array_equal(seen.update, rows[0].double().numpy())
    assert np.abs(seen.mean - rows.double().mean(0).numpy()).max() <= STEP / 2
    assert np.abs(seen.private - rows.double().mean(0).numpy()).max() < 1e-6
    assert abs(np.corrcoef(seen.masked, seen.update)[0, 1]) < 0.3  # six standard deviations
    assert np.abs(seen.masked).max() > 1e3  # it fills the ring


def test_the_private_view_is_clipped_and_noisy() -> None:
    rows = torch.ones(4, 2500)
    quiet, loud = (
        server_views(rows, clip_norm=2.0, noise_multiplier=z, seed=3).private for z in (0.0, 1.0)
    )
    assert np.linalg.norm(quiet) == pytest.approx(2.0, rel=1e-5)
    assert np.linalg.norm(loud - quiet) == pytest.approx(2.0 * 50 / 4, rel=0.1)


def test_a_model_that_knows_its_members_by_heart_shows_them() -> None:
    """The shipped model of a run is near chance; one that was trained on the members is not."""
    prepared = prepare(TINY.replace(subset="full", samples_per_client=20))
    federation, plan = prepared.federation, prepared.plan
    x, y = (torch.as_tensor(a) for a in (federation.dataset.x_train, federation.dataset.y_train))
    own = np.concatenate(federation.shards.train)
    rng = np.random.default_rng(0)
    batches = torch.as_tensor(np.stack([rng.choice(own, 32) for _ in range(600)]))[None]
    row = train_cohort(plan, federation.params, x, y, batches, rate=0.3).rows[0]
    trained = from_rows(federation.model, plan.subset, row)
    knows = {name: federation.params[name] + trained[name] for name in federation.model.tensors}
    first = membership(prepared, federation.params)
    learned = membership(prepared, knows)
    assert abs(first.auc - 0.5) < 0.05
    assert learned.auc > first.auc + 0.05
    assert len(first.by_device) == int((prepared.participations > 0).sum())


def test_who_learned_random_labels_by_heart_shows_all_its_members_and_no_one_else() -> None:
    """Nothing but memory gives the labels. So the area is 1, and 0.5 on devices it never saw."""
    prepared = prepare(TINY.replace(subset="full", samples_per_client=40, horizon_s=200.0))
    federation, plan = prepared.federation, prepared.plan
    rng = np.random.default_rng(0)
    data = federation.dataset
    guessed: dict[str, Any] = {
        f"y_{p}": rng.integers(0, 10, len(getattr(data, f"y_{p}"))) for p in PARTS
    }
    start = replace(federation.start, dataset=replace(data, **guessed))
    noisy = replace(prepared, federation=replace(federation, start=start))
    assert (noisy.participations > 0).all()
    seen = np.concatenate(federation.shards.train[:6])
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(guessed["y_train"])
    batches = torch.as_tensor(np.stack([rng.permutation(seen)[:60] for _ in range(1500)]))[None]
    row = train_cohort(plan, federation.params, x, y, batches, rate=0.3).rows[0]
    trained = from_rows(federation.model, plan.subset, row)
    knows = {name: federation.params[name] + trained[name] for name in federation.model.tensors}
    found = membership(noisy, knows).by_device
    assert found[:6].min() > 0.95
    assert abs(found[6:].mean() - 0.5) < 0.1


def test_attacks_refuse_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="at least one of each"):
        area_under_curve([], [1.0])
    with pytest.raises(ValueError, match="at least one of each"):
        area_under_curve([float("nan")], [1.0])
    with pytest.raises(ValueError, match=r"\(clients, classes\)"):
        label_guess([1.0, 2.0])
    with pytest.raises(ValueError, match="2 to 100"):
        server_views(torch.ones(1, 3), clip_norm=1.0, noise_multiplier=0.0)
