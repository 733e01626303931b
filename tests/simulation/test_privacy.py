"""Runs with clip, noise and masks: against a plain loop; refused where a promise would break."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from ftte_lab.models import flatten_trained, frozen
from ftte_lab.server import (
    CORRECTIONS,
    KEY_BYTES,
    STEP,
    ClientCorrection,
    Fate,
    clip_rows,
    epsilon,
    masked_sum,
    noise_row,
)
from ftte_lab.simulation import Finished, Prepared, Scenario, Stepped, prepare, run, simulate
from ftte_lab.simulation import private_mean as private_mean_module
from ftte_lab.simulation.global_model import GlobalModel
from ftte_lab.simulation.private_mean import PrivateMean
from ftte_lab.simulation.stepped import BufferedUpdates
from tests.simulation.test_client_corrections import SMALL, PlainRun
from tests.tiny import TINY

PRIVATE = SMALL.as_method("fedbuff").replace(clip_norm=0.3, noise_multiplier=0.5, alpha=None)
MASKED = SMALL.replace(secure_aggregation=True, dropout=0.0, alpha=None)


def ends(scenario: Scenario | Prepared, processes: int = 1) -> tuple[list[Stepped], Finished]:
    events = list(simulate(scenario, processes=processes))
    assert isinstance(events[-1], Finished)
    return [e for e in events if isinstance(e, Stepped)], events[-1]


def trained(prepared: Prepared, end: Finished) -> Tensor:
    return flatten_trained(prepared.federation.model, prepared.tiers.union.subset, end.params)


class PlainPrivate(PlainRun):
    """Train with autograd; then clip, add noise and divide by K, with numpy."""

    def __init__(self, prepared: Prepared) -> None:
        super().__init__(prepared, "none")
        self.version = 0

    def step(self, arrived: list[tuple[int, Tensor, Tensor]]) -> None:
        s = self.s
        assert s.clip_norm is not None
        members = self.timeline.buffer_of(self.version)
        ages = self.version - self.timeline.version[members]
        updates = np.stack([row.double().numpy() for _, row, _ in arrived])
        reference = s.clip_norm**2 / updates.shape[1]
        w = (1.0 + ages) ** -s.age_exponent
        w = w * (1 + updates.var(1) / reference) ** -s.variance_exponent
        updates *= w[:, None]
        updates *= np.minimum(1, s.clip_norm / np.linalg.norm(updates, axis=1))[:, None]
        noise = noise_row(
            len(self.row), s.clip_norm, s.noise_multiplier, seed=s.seed, step=self.version
        )
        mean = (updates.sum(0) + noise) / self.timeline.policy.buffer
        self.row = self.row + torch.as_tensor(s.server_rate * mean, dtype=torch.float32)
        self.version += 1


# --- differential privacy


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"variance_exponent": 0.5, "clip_norm": 0.1},
        {"noise_multiplier": 0.0},
        {"refill": "step", "dropout": 0.3, "method": "ftte"},
    ],
)
def test_private_run_equals_a_plain_loop(changes: dict[str, Any]) -> None:
    prepared = prepare(PRIVATE.replace(**changes))
    assert len(prepared.timeline.step_s) >= 5
    plain = PlainPrivate(prepared)
    expected = plain.run()
    steps, end = ends(prepared)
    torch.testing.assert_close(trained(prepared, end), expected, rtol=1e-3, atol=2e-4)
    factors = np.concatenate([e.weights for e in steps]) * prepared.timeline.policy.buffer
    assert (factors <= 1).all()
    assert (factors < 0.99).any()


def test_noise_reaches_the_trained_entries_only_and_has_its_length() -> None:
    """One client cannot be seen: the step is that of the clipped sum, plus N(0, (zC/K)^2)."""
    s = PRIVATE.replace(noise_multiplier=2.0, payload_share=0.3, subset="search")
    quiet, loud = prepare(s.replace(noise_multiplier=0.0)), prepare(s)
    one, other = GlobalModel(quiet), GlobalModel(loud)
    members = loud.timeline.buffer_of(0)
    rows = torch.full((len(members), len(one.row)), 0.01)
    updates = BufferedUpdates(members, rows, np.zeros(len(members)), np.full(len(members), 40))
    one.step(0, updates)
    other.step(0, updates)
    k, z, c = loud.timeline.policy.buffer, s.noise_multiplier, s.clip_norm
    assert c is not None
    noise = (other.row - one.row).double().numpy() * k / (z * c)
    assert noise.std() == pytest.approx(1, rel=6 / np.sqrt(2 * len(noise)))
    model, still = loud.federation.model, frozen(loud.federation.model, loud.tiers.union.subset)
    assert still.entries(model) > 0
    before, after = (
        flatten_trained(model, still, p) for p in (loud.federation.params, other.params)
    )
    assert torch.equal(before, after)


def test_one_device_moves_a_step_by_at_most_the_clip() -> None:
    """Replace any one update by anything, or by zero: weights, reference and divisor stay."""
    s = PRIVATE.replace(
        noise_multiplier=0.0, variance_exponent=0.5, sample_exponent=1.0, server_rate=1.0
    )
    prepared = prepare(s)
    members = prepared.timeline.buffer_of(0)
    k, clip = len(members), s.clip_norm
    assert clip is not None
    rng = torch.Generator().manual_seed(0)
    d = len(GlobalModel(prepared).row)
    rows = torch.randn(k, d, generator=rng) * 0.05

    def stepped(changed: Tensor, samples: np.ndarray) -> Tensor:
        model = GlobalModel(prepared)
        start = model.row.double()
        model.step(0, BufferedUpdates(members, changed, np.zeros(k), samples))
        return (model.row.double() - start) * k

    plain = stepped(rows, np.full(k, 40))
    for place in range(k):
        for value in (0.0, 1e-4, 1.0, 1e6, float("nan")):
            changed, samples = rows.clone(), np.full(k, 40)
            changed[place], samples[place] = value, 4000
            moved = stepped(changed, samples) - plain
            least = 2 * clip if value else clip  # of another update; the unit is an update of zero
            assert float(moved.norm()) <= least * (1 + 1e-4)


def test_noise_comes_even_if_no_update_can_be_used() -> None:
    prepared = prepare(PRIVATE)
    model = GlobalModel(prepared)
    members = prepared.timeline.buffer_of(0)
    k, before = len(members), model.row
    nothing = torch.full((k, len(before)), float("nan"))
    event = model.step(0, BufferedUpdates(members, nothing, np.zeros(k), np.full(k, 40)))
    assert event.rejected == {"not finite": k}
    assert len(event.clients) == 0
    assert bool((model.row != before).any())


def test_loss_of_each_device_is_known_before_training() -> None:
    prepared = prepare(PRIVATE.replace(noise_multiplier=8.0))
    steps, end = ends(prepared)
    seen = np.zeros(prepared.scenario.clients, int)
    for event in steps:
        assert len(set(event.clients.tolist())) == len(event.clients)
        np.add.at(seen, event.clients, 1)
    np.testing.assert_array_equal(prepared.participations, seen)
    expected = epsilon(seen, 8.0, 1e-5)
    np.testing.assert_array_equal(prepared.epsilon(), expected)
    assert (prepared.epsilon("exact") <= expected).all()
    points, facts = end.history.points, end.history.facts
    assert points["epsilon"].iloc[0] == 0
    assert points["epsilon"].is_monotonic_increasing
    assert points["epsilon"].iloc[-1] == expected.max() == facts["epsilon"]["largest"]
    assert facts["noise_to_clip"] == prepared.noise_to_clip
    assert set(prepare(TINY).epsilon().tolist()) == {np.inf}


def test_participations_are_capped() -> None:
    s = PRIVATE.replace(noise_multiplier=8.0, horizon_s=2000.0)
    most = prepare(s).participations.max()
    capped = prepare(s.replace(max_participations=4))
    assert most > 8
    assert capped.participations.max() == 4
    assert capped.epsilon().max() == epsilon([4], 8.0, 1e-5)[0]
    history = run(capped)
    assert history.points["sim_seconds"].iloc[-1] == s.horizon_s
    assert "epsilon" not in run(TINY.replace(max_participations=2)).points


def test_average_and_momentum_cost_nothing_more() -> None:
    s = PRIVATE.replace(noise_multiplier=8.0)
    more = s.replace(server_average=0.9, server_momentum=0.5)
    np.testing.assert_array_equal(prepare(s).epsilon(), prepare(more).epsilon())


def test_adaptive_clip_follows_the_norms_and_costs_what_was_asked() -> None:
    s = PRIVATE.replace(adaptive_clip=True, noise_multiplier=0.0, clip_norm=50.0, horizon_s=600.0)
    prepared = prepare(s)
    mean = PrivateMean.of(prepared, GlobalModel(prepared)._rule)
    assert mean is not None
    rng = np.random.default_rng(0)
    k = prepared.timeline.policy.buffer
    rows = torch.as_tensor(rng.normal(size=(k, 100)), dtype=torch.float32)
    rows /= rows.norm(dim=1, keepdim=True)
    for version in range(60):
        mean.mean(version, rows * 2.0, np.zeros(k), np.zeros(k), np.full(k, 40))
    assert mean.clip_norm == pytest.approx(2.0, rel=0.25)
    loud = s.replace(noise_multiplier=8.0)
    fixed = prepare(loud.replace(adaptive_clip=False))
    np.testing.assert_array_equal(prepare(loud).epsilon(), fixed.epsilon())
    assert prepare(loud).noise_to_clip == pytest.approx(fixed.noise_to_clip / 0.95**0.5)


def test_workers_change_no_bit_of_a_private_run() -> None:
    for s in (PRIVATE, PRIVATE.replace(secure_aggregation=True, dropout=0.2)):
        prepared = prepare(s)
        (_, alone), (_, together) = ends(prepared, 1), ends(prepared, 2)
        pd.testing.assert_frame_equal(
            alone.history.points, together.history.points, check_exact=True
        )


# --- secure aggregation


@pytest.mark.parametrize(
    "changes",
    [
        {"variance_exponent": 0.0},
        {"variance_exponent": 0.0, "normalise": "count", "refill": "step"},
        {"clip_norm": 0.5, "normalise": "count", "variance_exponent": 0.5},
    ],
)
def test_masked_run_is_the_plain_one_but_for_the_steps_of_the_code(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replace the masks by a plain sum: each step of the server is off by K/2 steps at most."""
    prepared = prepare(MASKED.replace(**changes))
    calls: list[int] = []

    def compared(rows: np.ndarray, lost: Any = ()) -> Any:
        done = masked_sum(rows, lost)
        left = np.delete(rows, list(lost), axis=0)
        assert np.abs(done.total - left.sum(0)).max() <= len(left) * STEP / 2 + 1e-12
        calls.append(len(left))
        return done

    monkeypatch.setattr(private_mean_module, "masked_sum", compared)
    ends(prepared)
    assert len(calls) == len(prepared.timeline.step_s)

    def plain(rows: np.ndarray, lost: Any = ()) -> Any:
        total = np.delete(rows, list(lost), axis=0).sum(0)
        return type("Plain", (), {"total": total})

    members = prepared.timeline.buffer_of(0)
    k, models = len(members), []
    for way in (masked_sum, plain):
        monkeypatch.setattr(private_mean_module, "masked_sum", way)
        model = GlobalModel(prepared)
        rng = torch.Generator().manual_seed(0)
        rows = 0.01 * torch.randn(k, len(model.row), generator=rng)
        event = model.step(0, BufferedUpdates(members, rows, np.zeros(k), np.full(k, 40)))
        models.append(model.row)
    share = np.full(k, 1 / prepared.timeline.policy.buffer)
    least = (share if "clip_norm" in changes else event.weights).max()
    difference = (models[0] - models[1]).abs().max()
    assert 0 < difference <= k * STEP / 2 * least * prepared.scenario.server_rate * 1.01


def test_masked_weights_are_those_of_the_plain_server() -> None:
    """Without variance and samples both weigh by age alone."""
    s = MASKED.replace(variance_exponent=0.0)
    prepared = prepare(s)
    steps, _ = ends(prepared)
    assert max(e.ages.max() for e in steps) >= 2
    for event in steps:
        expected = (1.0 + event.ages) ** -0.5
        np.testing.assert_allclose(event.weights, expected / expected.sum(), rtol=1e-9)


def test_ordinary_variance_is_found_by_one_masked_bit_each() -> None:
    s = MASKED.replace(variance_exponent=1.0, horizon_s=200.0)
    prepared = prepare(s)
    model = GlobalModel(prepared)
    mean = model._private
    assert mean is not None
    rng = np.random.default_rng(1)
    k, seen = prepared.timeline.policy.buffer, []
    for version in range(min(40, len(prepared.timeline.step_s))):
        variances = rng.lognormal(-9.0, 1.0, k)
        rows = torch.zeros(k, len(model.row))
        _, weights = mean.mean(version, rows, np.zeros(k), variances, np.full(k, 40))
        if version == 0:  # nobody knows yet what is ordinary
            np.testing.assert_allclose(weights, 1 / k)
        else:
            assert (np.diff(weights[np.argsort(variances)]) < 0).all()
        assert mean._ordinary is not None
        seen.append(np.log(mean._ordinary.value))
    assert np.mean(seen[10:]) == pytest.approx(-9.0, abs=0.5)


def test_lost_devices_are_those_that_dropped_before_the_step() -> None:
    prepared = prepare(MASKED.replace(dropout=0.4))
    timeline = prepared.timeline
    lost = prepared.lost_when_ready
    assert lost.sum() > 0
    bounds = np.concatenate([[-np.inf], timeline.step_s])
    for j, count in enumerate(lost):
        at = timeline.arrival_s[timeline.fate == Fate.DROPPED]
        assert count == ((at > bounds[j]) & (at <= bounds[j + 1])).sum()
    twice = timeline.applied[prepared.attempts[timeline.applied] == 2]
    assert set(timeline.step[twice].tolist()) == set(np.flatnonzero(lost).tolist())
    assert (prepare(MASKED.replace(secure_aggregation=False)).attempts == 1).all()


def test_bytes_are_four_an_entry_and_the_keys() -> None:
    prepared = prepare(MASKED.replace(dropout=0.4))
    k, d = prepared.timeline.policy.buffer, len(GlobalModel(prepared).row)
    plain = prepare(MASKED.replace(secure_aggregation=False)).traffic
    assert prepared.traffic.upload == 4 * (d + 2) + KEY_BYTES
    assert prepared.traffic.download == plain.download + KEY_BYTES * k
    end = run(prepared)
    last, timeline = end.points.iloc[-1], prepared.timeline
    until = last["sim_seconds"]
    here = (timeline.arrival_s <= until) & (timeline.fate != Fate.DROPPED)
    here &= timeline.fate != Fate.RUNNING
    expected = (prepared.attempts[here] * prepared.traffic.upload).sum()
    assert last["upload_bytes"] == expected
    assert end.facts["mask_groups_repeated"] == (prepared.lost_when_ready > 0).sum() > 0


def test_what_has_no_code_is_not_sent_and_nobody_is_alone() -> None:
    prepared = prepare(MASKED)
    members = prepared.timeline.buffer_of(0)
    k = len(members)
    beside = np.zeros(k), np.full(k, 40)
    model = GlobalModel(prepared)
    rows = torch.full((k, len(model.row)), 0.01)
    rows[1, 0] = 1e6
    event = model.step(0, BufferedUpdates(members, rows, *beside))
    assert event.rejected == {"no code": 1}
    assert len(event.clients) == k - 1
    model, rows[2, 0] = GlobalModel(prepared), float("nan")
    before = model.row
    event = model.step(0, BufferedUpdates(members, rows, *beside))
    assert event.rejected == {"no code": 1, "not finite": 1, "alone": 1}
    assert len(event.clients) == 0
    assert torch.equal(model.row, before)


def test_masks_and_clip_together_stay_within_the_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is summed under masks is rounded, and no row is longer than C after that."""
    s = PRIVATE.replace(secure_aggregation=True, clip_norm=0.05)
    longest = []

    def kept(rows: np.ndarray, lost: Any = ()) -> Any:
        coded = np.rint(rows[:, :-1] / STEP) * STEP
        longest.append(np.linalg.norm(coded, axis=1).max())
        return masked_sum(rows, lost)

    monkeypatch.setattr(private_mean_module, "masked_sum", kept)
    ends(s)
    assert max(longest) <= 0.05
    assert max(longest) > 0.04
    with pytest.raises(ValueError, match=r"clip_norm = 0.0001 under masks; allowed: at least"):
        prepare(s.replace(clip_norm=1e-4))


# --- refusals


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"normalise": "sum"}, "clip_norm = 0.3 with normalise = 'sum'"),
    ({"combine": "models"}, "clip_norm = 0.3 with combine = 'models'"),
    ({"combine": "mixing"}, "clip_norm = 0.3 with combine = 'mixing'"),
    ({"mean": "median"}, "clip_norm = 0.3 with mean = 'median'"),
    ({"mean": "trimmed"}, "clip_norm = 0.3 with mean = 'trimmed'"),
    ({"subset": "search", "subset_per": "kind"}, "clip_norm = 0.3 with subset_per = 'kind'"),
    (
        {"variance": "buffer", "variance_exponent": 0.5},
        "clip_norm with variance = 'buffer'",
    ),
    ({"correction": "control_variates"}, "clip_norm with correction = 'control_variates'"),
    ({"buffer": 13}, "clip_norm with 13 updates per server step; allowed: at most 12"),
    ({"clip_norm": None}, "noise_multiplier = 0.5 with clip_norm = None"),
    (
        {"clip_norm": None, "noise_multiplier": 0.0, "adaptive_clip": True},
        "adaptive_clip with clip_norm = None",
    ),
]


@pytest.mark.parametrize(("changes", "words"), REFUSED)
def test_what_breaks_the_guarantee_is_refused_in_one_sentence(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match="allowed") as refused:
        PRIVATE.replace(**changes)
    text = str(refused.value)
    assert text.startswith(words)
    assert "; allowed: " in text
    assert "\n" not in text


UNMASKED: list[tuple[dict[str, Any], str]] = [
    ({"combine": "models"}, "secure_aggregation with combine = 'models'"),
    ({"combine": "mixing"}, "secure_aggregation with combine = 'mixing'"),
    ({"mean": "median"}, "secure_aggregation with mean = 'median'"),
    ({"mean": "trimmed"}, "secure_aggregation with mean = 'trimmed'"),
    ({"subset_per": "kind"}, "secure_aggregation with subset_per = 'kind'"),
    ({"phases": 2}, "secure_aggregation with phases = 2"),
    ({"payload_bits": 8}, "secure_aggregation with payload_bits = 8"),
    ({"payload_bits": 16}, "secure_aggregation with payload_bits = 16"),
    ({"variance": "buffer"}, "secure_aggregation with variance = 'buffer'"),
    (
        {"correction": "control_variates"},
        "secure_aggregation with correction = 'control_variates'",
    ),
    ({"buffer": 1}, "secure_aggregation with 1 updates per server step; allowed: 2 to 100"),
    (
        {"clients": 300, "concurrency": 200, "buffer": 150},
        "secure_aggregation with 150 updates per server step",
    ),
    ({"buffer": 13}, "secure_aggregation with 13 updates per server step; allowed: at most 12"),
    (
        {"buffer": None, "concurrency": 2, "refill": "step", "over_select": 1.0},
        "secure_aggregation with 1 updates per server step",
    ),
]


@pytest.mark.parametrize(("changes", "words"), UNMASKED)
def test_what_needs_single_updates_is_refused_under_masks(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match="allowed") as refused:
        MASKED.replace(**changes)
    text = str(refused.value)
    assert text.startswith(words)
    assert "; allowed: " in text
    assert "\n" not in text


def test_an_own_correction_that_keeps_state_is_refused_too() -> None:
    state = CORRECTIONS["control_variates"].state
    CORRECTIONS["mine"] = ClientCorrection("mine", "a test", state=state)
    CORRECTIONS["chatty"] = ClientCorrection("chatty", "a test", messages=2)
    try:
        for name in ("mine", "chatty"):
            for base in (PRIVATE, MASKED):
                with pytest.raises(ValueError, match=f"correction = '{name}'"):
                    base.replace(correction=name)
    finally:
        del CORRECTIONS["mine"], CORRECTIONS["chatty"]


def test_a_buffer_that_never_fills_is_refused_before_training() -> None:
    s = PRIVATE.replace(
        exclude_small=True, mix={"sensor": 0.5, "phone": 0.5}, buffer=12, subset="full", batch=256
    )
    with pytest.raises(ValueError, match=r"buffer = 12 with \d devices that take part; allowed"):
        prepare(s)


@pytest.mark.parametrize("allowed", ["server_average", "server_momentum", "phases", "proximal"])
def test_what_keeps_the_guarantee_is_allowed(allowed: str) -> None:
    value = {"server_average": 0.9, "server_momentum": 0.5, "phases": 2, "proximal": 0.1}[allowed]
    base = PRIVATE.replace(subset="search", payload_share=0.4)
    s = base.replace(**{allowed: value})
    assert run(s).points["accuracy"].notna().all()


def test_phases_get_noise_in_what_they_train_only() -> None:
    s = PRIVATE.replace(
        subset="search", payload_share=0.2, phases=3, noise_multiplier=1.0, horizon_s=200.0
    )
    prepared = prepare(s)
    model = GlobalModel(prepared)
    for version in range(3):
        members = prepared.timeline.buffer_of(version)
        k, before = len(members), model.row
        rows = torch.zeros(k, len(before))
        model.step(version, BufferedUpdates(members, rows, np.zeros(k), np.full(k, 40)))
        moved = (model.row != before).nonzero().flatten().tolist()
        assert set(moved) == set(prepared.tiers.columns[0].tolist())


# --- nothing changes while all is off


def test_settings_that_are_off_change_no_digest_and_no_bit() -> None:
    off = {"delta": 1e-3, "clip_quantile": 0.9}
    assert Scenario().digest() == Scenario(secure_aggregation=False, clip_norm=None).digest()
    one, other = run(TINY), run(TINY.replace(**off))
    pd.testing.assert_frame_equal(one.points, other.points, check_exact=True)
    assert not {"epsilon"} & set(one.points)
    assert not {"epsilon", "noise_to_clip", "mask_groups_repeated"} & set(one.facts)
    assert PrivateMean.of(prepare(TINY), GlobalModel(prepare(TINY))._rule) is None


def test_clip_of_the_plain_arguments_is_that_of_the_run() -> None:
    rows, factors = clip_rows(torch.ones(2, 4), 1.0)
    assert factors.round(6).tolist() == [0.5, 0.5]
    assert rows.norm(dim=1).tolist() == pytest.approx([1, 1])
