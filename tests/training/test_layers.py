"""Taps of filters by brute force, and what a cohort records on its way."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from ftte_lab.models import Conv, build, full, head, make_plan
from ftte_lab.training import FrozenFeatures, LocalSGD, mixed_accuracies, train_cohort
from ftte_lab.training.taps import taps
from tests.oracles import autograd, data, make, plain_forward, plain_sgd, trained_part


def out_size(size: int, kernel: int, stride: int) -> int:
    return (size + 2 * (kernel // 2) - kernel) // stride + 1


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 7])
def test_taps_read_what_a_padded_convolution_reads(kernel: int, stride: int) -> None:
    for space in ((1,), (2,), (5,), (8,), (9,), (3, 8), (6, 2)):
        out = tuple(out_size(size, kernel, stride) for size in space)
        if min(out) < 1:
            continue
        taps.cache_clear()  # what another test has asked for is computed anew
        found = taps(Conv("c", (1, *space), (1, *out), kernel=kernel, stride=stride))
        pairs: set[tuple[int, tuple[int, ...], tuple[int, ...]]] = set()
        for tap in found:
            assert tap.source[:2] == tap.target[:2] == (slice(None), slice(None))
            reads = [range(n)[s] for n, s in zip(space, tap.source[2:], strict=True)]
            serves = [range(n)[s] for n, s in zip(out, tap.target[2:], strict=True)]
            assert [len(part) for part in reads] == [len(part) for part in serves]
            assert all(len(part) > 0 for part in reads)
            both = zip(product(*reads), product(*serves), strict=True)
            pairs |= {(tap.number, source, target) for source, target in both}
        wanted = set()
        for target in product(*map(range, out)):
            for entry in product(range(kernel), repeat=len(space)):
                source = tuple(
                    stride * o + k - kernel // 2 for o, k in zip(target, entry, strict=True)
                )
                if all(0 <= s < n for s, n in zip(source, space, strict=True)):
                    number = int(np.ravel_multi_index(entry, (kernel,) * len(space)))
                    wanted.add((number, source, target))
        assert pairs == wanted
        middle = kernel ** len(space) // 2
        far = [abs(tap.number - middle) for tap in found]
        assert far == sorted(far)


def test_a_cohort_of_signals_with_max_pools_has_the_gradients_of_its_clients() -> None:
    model, params = make("cnn-maxpool", dtype=torch.float64, shape=(3, 17))
    x, y = data(model, 12, torch.float64)
    plan = make_plan(model, full(model))
    batches = torch.arange(12).view(3, 1, 4)
    found = train_cohort(plan, params, x, y, batches, rate=1.0).rows
    for k in range(3):
        at = batches[k, 0]
        _, grads = autograd(model, params, x[at], y[at])
        cut = trained_part(model, plan.subset, grads)
        wanted = torch.cat([-part.flatten() for part in cut.values()])
        torch.testing.assert_close(found[k], wanted, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("clients", [1, 3])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_recorded_losses_are_those_of_a_plain_loop(clients: int, momentum: float) -> None:
    model, params = make("mlp", dtype=torch.float64)
    x, y = data(model, 20, torch.float64)
    plan = make_plan(model, head(model))
    batches = torch.arange(4 * 5 * clients).remainder(20).view(clients, 4, 5)
    done = train_cohort(plan, params, x, y, batches, rate=0.1, momentum=momentum, track=("losses",))
    assert done.losses.shape == (clients, 4)
    for k in range(clients):
        for s in range(4):
            pairs = [(x[at], y[at]) for at in batches[k, :s]]
            now = plain_sgd(model, params, plan.subset, pairs, 0.1, momentum)
            at = batches[k, s]
            loss = cross_entropy(plain_forward(model, now, x[at]), y[at])
            assert float(done.losses[k, s]) == pytest.approx(float(loss))
    silent = train_cohort(plan, params, x, y, batches, rate=0.1, momentum=momentum)
    assert silent.losses.shape == (clients, 0)
    assert torch.equal(silent.rows, done.rows)


def test_variance_of_steps_is_that_of_the_gradients_of_a_plain_loop() -> None:
    """Of the mean gradient: the unbiased variance of a step's gradient over their number."""
    model, params = make("mlp", dtype=torch.float64)
    x, y = data(model, 20, torch.float64)
    plan = make_plan(model, head(model))
    batches = torch.arange(40).remainder(20).view(2, 4, 5)
    track = ("losses", "variance")
    done = train_cohort(plan, params, x, y, batches, rate=0.1, track=track)
    for k in range(2):
        rows = []
        for s in range(4):
            pairs = [(x[at], y[at]) for at in batches[k, :s]]
            now = plain_sgd(model, params, plan.subset, pairs, 0.1)
            at = batches[k, s]
            grads = trained_part(model, plan.subset, autograd(model, now, x[at], y[at])[1])
            rows.append(torch.cat([part.flatten() for part in grads.values()]))
        steps = torch.stack(rows)
        wanted = float((steps - steps.mean(0)).square().sum() / (4 * 3))
        assert float(done.step_variance[k]) == pytest.approx(wanted)
    still = train_cohort(plan, params, x, y, batches, rate=0.0, track=track)
    assert bool(still.step_variance.isnan().all())
    assert not bool(still.rows.any())


def test_one_sample_is_enough_to_train() -> None:
    model, params = make("mlp")
    x, y = data(model, 1)
    plan = make_plan(model, head(model))
    found = train_cohort(plan, params, x, y, torch.zeros(1, 1, 1, dtype=torch.int64), rate=1.0)
    assert bool(found.rows.any())


def test_chunks_of_a_cohort_give_the_same_bits() -> None:
    model = build("cnn", (1, 8, 8), 3)
    params = model.init(0)
    x, y = data(model, 30)
    plan = make_plan(model, full(model))
    batches = torch.arange(60).remainder(30).view(6, 2, 5)
    features = FrozenFeatures(model, params, x, plan.start)
    sgd = LocalSGD(plan, plan.start, 0.1, track_losses=True, track_variance=True)
    whole = sgd.train(params, features, y, batches, at_once=6)
    cut = sgd.train(params, features, y, batches, at_once=3)
    assert torch.equal(whole.rows, cut.rows)
    assert torch.equal(whole.losses, cut.losses)
    assert torch.equal(whole.step_variance, cut.step_variance)


def test_a_class_that_nobody_meets_needs_no_sample() -> None:
    right, labels = np.array([[True, False]]), np.array([0, 0])
    assert mixed_accuracies(right, labels, np.array([[1.0, 0.0]])).tolist() == [0.5]
