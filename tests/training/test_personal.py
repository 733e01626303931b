"""Personal models: against a plain loop, brute force and arithmetic; nobody needs to be hurt."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from torch import Tensor
from torch.nn.functional import cross_entropy

from ftte_lab.data import load, split
from ftte_lab.models import GroupNorm, Model, Params, build, frozen, full, head, make_plan
from ftte_lab.training import (
    ALPHAS,
    FineTuning,
    FrozenFeatures,
    accuracy_interval,
    choose_alpha,
    draw_batches,
    fine_tune,
    first_samples,
    gain_by,
    gain_summary,
    mixed_accuracies,
    own_accuracies,
    own_parts,
    personal_params,
    personal_part,
    personal_right,
    train_cohort,
)

HOW = FineTuning(steps=6, batch=4, rate=0.1)


def world(name: str = "mlp") -> tuple[Model, Params, Tensor, Tensor, list[np.ndarray]]:
    net = build(name, (1, 8, 8), 3)
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(60, 1, 8, 8, generator=rng)
    y = torch.arange(60) % 3
    return net, net.init(0), x, y, [np.arange(20 * k, 20 * k + 20) for k in range(3)]


@pytest.mark.parametrize("pull", [0.0, 0.5])
@pytest.mark.parametrize("name", ["mlp", "cnn"])
@pytest.mark.parametrize("part", ["head", "head+norms"])
def test_fine_tuning_equals_a_plain_loop(name: str, part: str, pull: float) -> None:
    """Ditto's gradient: that of the client's loss, plus lambda times the distance from x."""
    net, params, x, y, shards = world(name)
    plan = make_plan(net, personal_part(net, part))
    how = FineTuning(steps=6, batch=4, rate=0.1, pull=pull, seed=5)
    rows = fine_tune(plan, params, x, y, shards, how)
    for client, shard in enumerate(shards):
        drawn = draw_batches(20, 6, 4, seed=5, client=client, visit=2**32)
        mine = {n: p.clone().requires_grad_(n in plan.subset) for n, p in params.items()}
        for batch in drawn:
            at = torch.as_tensor(shard[batch])
            loss = cross_entropy(net.forward(mine, x[at]), y[at])
            names = list(plan.subset.parts)
            grads = torch.autograd.grad(loss, [mine[n] for n in names])
            for n, g in zip(names, grads, strict=True):
                step = g + pull * (mine[n] - params[n])
                mine[n] = (mine[n] - 0.1 * step).detach().requires_grad_()
        got = personal_params(plan, params, rows[client])
        for n in params:
            torch.testing.assert_close(got[n], mine[n].detach(), rtol=1e-4, atol=1e-5)


def test_parts_are_the_head_and_the_norms() -> None:
    net = build("mcunet-s", (3, 128), 8)
    norms = [op for op in net.ops if isinstance(op, GroupNorm)]
    small, large = personal_part(net, "head"), personal_part(net, "head+norms")
    assert set(small.parts) == set(head(net).parts)
    assert set(large.parts) == set(small.parts) | {n for op in norms for n in (op.gain, op.bias)}
    assert small.entries(net) < large.entries(net) < 0.15 * net.size
    with pytest.raises(ValueError, match=r"part = 'heads' is not known; .* 'head'\?"):
        personal_part(net, "heads")


def test_a_personal_model_leaves_the_rest_and_the_shared_model_alone() -> None:
    net, params, x, y, shards = world("cnn")
    plan = make_plan(net, personal_part(net, "head"))
    before = {n: p.clone() for n, p in params.items()}
    rows = fine_tune(plan, params, x, y, shards, HOW)
    mine = personal_params(plan, params, rows[1])
    assert all(torch.equal(params[n], p) for n, p in before.items())
    assert all(torch.equal(mine[n], params[n]) for n in frozen(net, plan.subset).parts)
    same = personal_params(plan, params, 0.0 * rows[1])
    assert all(torch.equal(same[n], params[n]) for n in params)
    assert bool((rows != 0).any(1).all())


def test_a_client_is_fine_tuned_on_its_own_samples_alone() -> None:
    net, params, x, y, shards = world()
    plan = make_plan(net, full(net))
    rows = fine_tune(plan, params, x, y, shards, HOW)
    other = x.clone()
    other[shards[0]] = 0.0
    changed = fine_tune(plan, params, other, y, shards, HOW)
    assert not torch.equal(changed[0], rows[0])
    torch.testing.assert_close(changed[1:], rows[1:])


def test_a_stronger_pull_stays_nearer_to_the_shared_model() -> None:
    net, params, x, y, shards = world()
    plan = make_plan(net, full(net))
    lengths = [
        fine_tune(plan, params, x, y, shards, FineTuning(40, 4, 0.1, pull)).norm(dim=1)
        for pull in (0.0, 0.3, 3.0)
    ]
    assert bool((lengths[0] > lengths[1]).all() and (lengths[1] > lengths[2]).all())


def test_frozen_features_give_the_same_rows() -> None:
    net, params, x, y, shards = world("cnn")
    plan = make_plan(net, personal_part(net, "head"))
    features = FrozenFeatures(net, params, x, plan.start)
    rows, again = (fine_tune(plan, params, each, y, shards, HOW) for each in (x, features))
    torch.testing.assert_close(rows, again, rtol=1e-4, atol=1e-6)
    assert (personal_right(plan, params, rows, features, y)).shape == (3, 60)


# --- the safe mix


def test_mix_is_the_best_on_the_own_validation_samples() -> None:
    net, params, x, y, shards = world()
    plan = make_plan(net, personal_part(net, "head"))
    train, own = own_parts(shards)
    rows = fine_tune(plan, params, x, y, train, FineTuning(60, 4, 0.5))
    chosen = choose_alpha(plan, params, rows, x, y, own)
    for client, part in enumerate(own):
        at = torch.as_tensor(part)
        losses = {
            a: float(
                cross_entropy(
                    net.forward(personal_params(plan, params, a * rows[client]), x[at]), y[at]
                )
            )
            for a in ALPHAS
        }
        assert losses[chosen[client]] <= min(losses.values()) + 1e-5
        assert losses[chosen[client]] <= losses[0.0] + 1e-5


def test_equal_losses_keep_the_shared_model() -> None:
    net, params, x, y, shards = world()
    plan = make_plan(net, personal_part(net, "head"))
    still = torch.zeros(3, plan.subset.entries(net))
    assert choose_alpha(plan, params, still, x, y, shards).tolist() == [0.0, 0.0, 0.0]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(2, 30), min_size=1, max_size=5), st.floats(0, 1), st.integers(0, 2**32))
def test_own_parts_divide_each_shard(sizes: list[int], share: float, seed: int) -> None:
    ends = np.cumsum([0, *sizes])
    shards = np.split(np.arange(ends[-1]), ends[1:-1])
    train, own = own_parts(shards, share, seed)
    for shard, one, other in zip(shards, train, own, strict=True):
        assert sorted([*one, *other]) == shard.tolist()
        assert len(one) > 0
        assert abs(len(other) - share * len(shard)) <= 1
        assert len(other) > 0


def test_a_newcomer_with_more_samples_keeps_the_first() -> None:
    shards = [np.arange(30), np.arange(30, 37)]
    few, more = first_samples(shards, 5), first_samples(shards, 20)
    assert [len(part) for part in few] == [5, 5]
    assert [len(part) for part in more] == [20, 7]
    assert all(a.tolist() == b[:5].tolist() for a, b in zip(few, more, strict=True))


def test_people_who_took_no_part_gain_by_a_few_samples_of_their_own() -> None:
    """Clients of few classes: an own head is right more often there, and forgets the others."""
    digits = load("digits")
    net = build("mlp", digits.shape, digits.n_classes)
    x, y = (torch.as_tensor(v) for v in (digits.x_train, digits.y_train))
    everything = make_plan(net, full(net))
    shared = net.init(0)
    batches = torch.as_tensor(draw_batches(len(y), 60, 8, seed=0, client=0, visit=0))[None]
    row = train_cohort(everything, shared, x, y, batches, rate=0.05).rows[0]
    shared = personal_params(everything, shared, row)
    shards = split(digits, 12, by="label", alpha=0.1, seed=1)
    plan = make_plan(net, personal_part(net, "head"))
    x_test, y_test = torch.as_tensor(digits.x_test), torch.as_tensor(digits.y_test)
    labels = digits.y_train
    mix = np.stack([np.bincount(labels[own], minlength=10) / len(own) for own in shards.train])
    nothing = torch.zeros(12, plan.subset.entries(net))
    before = personal_right(plan, shared, nothing, x_test, y_test)
    gains = {}
    for count in (5, 20):
        few = first_samples(shards.train, count)
        rows = fine_tune(plan, shared, x, y, few, FineTuning(40, 4, 0.1))
        right = personal_right(plan, shared, rows, x_test, y_test)
        pair = [mixed_accuracies(r, digits.y_test, mix).tolist() for r in (before, right)]
        gains[count] = gain_summary(*pair)
        assert right.mean() < before.mean()  # all classes together: it has forgotten
    assert gains[20].low > 0
    assert gains[20].mean > 0.05


# --- the judgement


def test_summary_is_that_of_plain_arithmetic() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.uniform(0, 1, 40), rng.uniform(0, 1, 40)
    found, gains = gain_summary(before.tolist(), after.tolist()), after - before
    assert found.median == np.median(gains)
    assert found.worst_tenth == pytest.approx(np.sort(gains)[:4].mean())
    assert found.share_hurt == np.mean(gains < 0)
    assert found.share_hurt + found.share_helped == 1
    assert found.low <= found.median <= found.high
    kinds = ["watch"] * 15 + ["phone"] * 25
    by = gain_by(before.tolist(), after.tolist(), kinds)
    assert [one.clients for one in by.values()] == [15, 25]
    assert by["phone"].mean == pytest.approx(gains[15:].mean())


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_interval_holds_the_median_of_all_people_mostly(seed: int) -> None:
    """Of 40 surveys of 50 clients, 95 % of the intervals should hold it; 30 is far below."""
    rng = np.random.default_rng(seed)
    held = 0
    for _ in range(40):
        after = np.clip(rng.normal(0.6, 0.1, 50), 0, 1)
        found = gain_summary([0.5] * 50, after.tolist())
        held += found.low <= 0.1 <= found.high
    assert held >= 30


def test_nobody_is_hurt_by_a_mix_of_nothing() -> None:
    found = gain_summary([0.25, 1.0], [0.25, 1.0])
    assert (found.share_hurt, found.share_helped, found.worst_tenth) == (0, 0, 0)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 400), st.data())
def test_interval_of_an_accuracy_is_that_of_wilson(total: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, total))
    low, high = accuracy_interval(right, total)
    exact = binomtest(right, total).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_label_mix_weighs_classes_and_own_samples_are_their_mean() -> None:
    right = np.array([[True, False, True, True], [False, False, True, False]])
    y = np.array([0, 0, 1, 2])
    mix = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    assert mixed_accuracies(right, y, mix).tolist() == [0.75, 1.0]
    own = own_accuracies(right, [np.array([0, 1]), np.array([2, 3])])
    assert own.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: gain_summary([], []), r"before of shape \(0,\); allowed"),
        (lambda: gain_summary([0.5], [1.5]), "after = 1.5; allowed: a number from 0 to 1"),
        (lambda: gain_summary([0.5], [0.5, 0.5]), "1 before, 2 after"),
        (lambda: gain_by([0.5], [0.5], []), "0 groups"),
        (lambda: own_parts([np.arange(1)]), "client 0 has 1 samples; allowed: at least 2"),
        (lambda: accuracy_interval(3, 2), "right = 3"),
        (lambda: FineTuning(steps=0), "steps = 0"),
        (lambda: FineTuning(rate=float("nan")), "rate = nan"),
        (
            lambda: mixed_accuracies(np.ones((1, 1)), np.array([0]), np.array([[0.5, 0.5]])),
            "no test sample of class 1",
        ),
        (
            lambda: mixed_accuracies(np.ones((1, 1)), np.array([0]), np.array([[0.5]])),
            "does not add up to 1",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=words):
        call()


def test_clients_without_samples_and_wild_rates_are_refused() -> None:
    net, params, x, y, shards = world()
    plan = make_plan(net, personal_part(net, "head"))
    with pytest.raises(ValueError, match="client 1 has no samples"):
        fine_tune(plan, params, x, y, [shards[0], shards[0][:0]], HOW)
    with pytest.raises(ValueError, match="no client"):
        fine_tune(plan, params, x, y, [], HOW)
    with pytest.raises(ValueError, match="diverged"):
        fine_tune(plan, params, x, y, shards, FineTuning(200, 4, 1e4, 1e4))
    rows = torch.zeros(3, plan.subset.entries(net))
    with pytest.raises(ValueError, match="client 0 has no validation samples"):
        choose_alpha(plan, params, rows, x, y, [shards[0][:0]] * 3)
