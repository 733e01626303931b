"""Nets, the hand-written backward rules, the device's trainer and cohort training, against autograd and plain loops."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ftte_lab import tape
from ftte_lab.local import draw_batches, train_cohort
from ftte_lab.models import MODELS, build
from ftte_lab.ondevice import DeviceTrainer
from ftte_lab.ops import Params
from ftte_lab.payload import index_bytes, pack, unpack
from ftte_lab.plan import make_plan
from ftte_lab.trainable import Subset, at_ratio, check, full, head, last_blocks, put, take
from tests.nets import autograd, data, make, plain_forward, plain_sgd, subsets, trained_part

NAMES = list(MODELS)
KINDS = ["full", "head", "last blocks", "biases", "half", "mixture"]


@pytest.mark.parametrize("name", NAMES)
def test_forward_is_the_plain_net(name: str) -> None:
    model, params = make(name, dtype=torch.float64)
    x, _ = data(model, 7, torch.float64)
    torch.testing.assert_close(model.forward(params, x.clone()), plain_forward(model, params, x))


@pytest.mark.parametrize("name", NAMES)
def test_a_net_can_be_cut_anywhere_outside_a_residual(name: str) -> None:
    model, params = make(name)
    x, _ = data(model, 3)
    whole = model.forward(params, x.clone())
    depth = 0
    for k, op in enumerate(model.ops):
        if depth == 0:
            first = model.forward(params, x.clone(), 0, k) if k else x.clone()
            torch.testing.assert_close(model.forward(params, first, k), whole)
        depth += {"Fork": 1, "Join": -1}.get(type(op).__name__, 0)


@pytest.mark.parametrize("name", ["mcunet-s", "mcunet-m"])
def test_the_deep_nets_are_deep(name: str) -> None:
    model = build(name, (3, 32, 32), 10)
    assert sum(t.kind == "weight" for t in model.tensors.values()) >= 15
    assert model.size == sum(p.numel() for p in model.init(0).values())


def test_flops_of_a_convolution_are_counted() -> None:
    model = build("cnn", (3, 32, 32), 10)
    first = model.ops[0]
    out = first.out_shape
    assert first.flops() == 2 * out[0] * out[1] * out[2] * 3 * 9


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("resnet", (3, 32), 5), "resnet"),
        (("cnn", (3, 32), 1), "classes = 1"),
        (("cnn", (32,), 5), "input_shape"),
        (("cnn", (3, 4), 5), "Use model 'mlp'"),
    ],
)
def test_a_wrong_net_is_explained(arguments: tuple[str, tuple[int, ...], int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(*arguments)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_autograd(name: str, kind: str) -> None:
    model, params = make(name, dtype=torch.float64)
    subset = subsets(model, params)[kind]
    x, y = data(model, 6, torch.float64)
    plan = make_plan(model, subset)
    stacked = {k: p.unsqueeze(0) for k, p in params.items()}
    got: Params = {}
    kept = tape.forward(plan, stacked, x.unsqueeze(1).clone())
    loss = tape.backward(plan, stacked, kept, y.unsqueeze(1), got.__setitem__)
    want_loss, grads = autograd(model, params, x, y)
    assert float(loss) == pytest.approx(want_loss, rel=1e-12)
    for part, g in trained_part(model, subset, grads).items():
        torch.testing.assert_close(got[part][0], g, rtol=1e-9, atol=1e-12)
    assert set(got) == set(subset.parts)


@pytest.mark.parametrize("name", NAMES)
def test_a_cohort_has_the_gradients_of_its_members(name: str) -> None:
    model, _ = make(name)
    members = [model.init(seed, torch.float64) for seed in range(4)]
    stacked = {k: torch.stack([m[k] for m in members]) for k in members[0]}
    xs, ys = zip(*(data(model, 5, torch.float64, seed) for seed in range(4)), strict=True)
    plan = make_plan(model, full(model))
    got: Params = {}
    kept = tape.forward(plan, stacked, torch.stack(xs, 1))
    tape.backward(plan, stacked, kept, torch.stack(ys, 1), got.__setitem__)
    for k, (p, x, y) in enumerate(zip(members, xs, ys, strict=True)):
        for part, g in autograd(model, p, x, y)[1].items():
            torch.testing.assert_close(got[part][k], g, rtol=1e-8, atol=1e-11)


def batches_of(x: Tensor, y: Tensor, rows: np.ndarray) -> list[tuple[Tensor, Tensor]]:
    return [(x[torch.as_tensor(r)], y[torch.as_tensor(r)]) for r in rows]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_cohort_device_and_plain_loop_agree(name: str, kind: str, momentum: float) -> None:
    model, params = make(name)
    subset = subsets(model, params)[kind]
    x, y = data(model, 30)
    plan = make_plan(model, subset)
    rows = np.stack([draw_batches(30, 3, 5, seed=0, client=c, visit=0) for c in range(3)])
    frozen = x if plan.start == 0 else model.forward(params, x.clone(), 0, plan.start)
    updates = train_cohort(
        plan, params, frozen, y, torch.as_tensor(rows), rate=0.05, momentum=momentum, start=plan.start, chunk=2
    )
    for c in range(3):
        want = plain_sgd(model, params, subset, batches_of(x, y, rows[c]), 0.05, momentum)
        device = DeviceTrainer(model, params, subset, rate=0.05, momentum=momentum, fused=c % 2 == 0)
        for bx, by in batches_of(x, y, rows[c]):
            device.step(bx, by)
        for part, w in trained_part(model, subset, want).items():
            before = trained_part(model, subset, params)[part]
            torch.testing.assert_close(before + updates.deltas[part][c], w, rtol=1e-4, atol=1e-5)
        for part, w in want.items():
            torch.testing.assert_close(device.result()[part], w, rtol=1e-4, atol=1e-5)


def test_step_variance_is_the_variance_of_the_mean_gradient() -> None:
    model, params = make("mlp", dtype=torch.float64)
    x, y = data(model, 24, torch.float64)
    rows = draw_batches(24, 4, 6, seed=1, client=0, visit=0)
    plan = make_plan(model, head(model))
    f = model.forward(params, x.clone(), 0, plan.start)
    updates = train_cohort(
        plan, params, f, y, torch.as_tensor(rows)[None], rate=0.1, start=plan.start, track_variance=True
    )
    steps, now = [], params
    for bx, by in batches_of(x, y, rows):
        _, g = autograd(model, now, bx, by)
        steps.append(torch.cat([g[part].flatten() for part in plan.subset.parts]))
        now = plain_sgd(model, now, plan.subset, [(bx, by)], 0.1)
    stacked = torch.stack(steps)
    want = (stacked - stacked.mean(0)).square().sum() / (4 * 3)
    assert float(updates.step_variance[0]) == pytest.approx(float(want), rel=1e-6)


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 12), st.integers(0, 99))
def test_batches_pass_over_the_data_before_they_repeat(samples: int, steps: int, batch: int, seed: int) -> None:
    rows = draw_batches(samples, steps, batch, seed=seed, client=3, visit=1)
    assert rows.shape == (steps, batch)
    flat = rows.ravel()
    counts = np.bincount(flat, minlength=samples)
    assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(rows, draw_batches(samples, steps, batch, seed=seed, client=3, visit=1))


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(NAMES), st.data())
def test_take_and_put_touch_the_subset_alone(name: str, draw: st.DataObject) -> None:
    model, params = make(name)
    weights = [t.name for t in model.tensors.values() if t.kind == "weight"]
    chosen = draw.draw(st.dictionaries(st.sampled_from(weights), st.floats(0.05, 1.0), min_size=1))
    subset = at_ratio(model, params, chosen)
    slices = take(model, subset, params)
    assert sum(s.numel() for s in slices.values()) == subset.entries(model)
    for part, s in trained_part(model, subset, params).items():
        assert torch.equal(slices[part], s)
    changed = put(model, subset, params, {k: v + 1 for k, v in slices.items()})
    moved = sum(int((changed[k] != params[k]).sum()) for k in params)
    assert moved == subset.entries(model)
    same = unpack(pack(slices))
    assert all(torch.equal(same[k], v) for k, v in slices.items())
    assert Subset.from_json(subset.to_json()) == subset
    assert index_bytes(subset) == len(subset.to_json())


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({}, "empty"),
        ({"head.wieght": None}, "Did you mean 'head.weight'"),
        ({"head.weight": ()}, "channels of head.weight"),
        ({"head.weight": (3, 1)}, "sorted"),
        ({"head.weight": (0, 32)}, "0 to 31"),
        ({"head.bias": (0,)}, "None, the whole tensor"),
    ],
)
def test_a_wrong_subset_is_explained(parts: dict[str, tuple[int, ...] | None], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check(build("mlp", (1, 8, 8), 5), Subset(parts))


def test_wrong_texts_and_messages_are_explained() -> None:
    with pytest.raises(ValueError, match="not a subset index"):
        Subset.from_json("[1]")
    with pytest.raises(ValueError, match="unreadable"):
        unpack(pack({"a": torch.ones(3)})[:-1])
    with pytest.raises(ValueError, match="count = 9"):
        last_blocks(build("mlp", (1, 8, 8), 5), 9)
    model, params = make("mlp")
    with pytest.raises(ValueError, match="2 inputs and 1 labels"):
        DeviceTrainer(model, params, full(model), rate=0.1).step(
            torch.ones(2, 1, 8, 8), torch.zeros(1, dtype=torch.long)
        )
