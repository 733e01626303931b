"""Nets, the hand-written backward rules, the device's trainer and cohort training, against autograd and plain loops."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ftte_lab.devices import DeviceTrainer
from ftte_lab.devices import backward as device_pass
from ftte_lab.models import (
    MODELS,
    Params,
    Subset,
    at_ratio,
    build,
    check,
    from_rows,
    full,
    head,
    index_bytes,
    last_blocks,
    make_plan,
    pack,
    put,
    row_of,
    take,
    to_rows,
    unpack,
)
from ftte_lab.training import (
    FrozenFeatures,
    Net,
    draw_batches,
    draw_many,
    logits_gradient,
    minus_one_hot,
    train_cohort,
)
from tests.oracles import autograd, data, make, plain_forward, plain_sgd, subsets, trained_part

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
    got: Params = {}
    kept = device_pass.forward(plan, params, x.clone())
    loss = device_pass.backward(plan, params, kept, y, got.__setitem__)
    want_loss, grads = autograd(model, params, x, y)
    assert float(loss) == pytest.approx(want_loss, rel=1e-12)
    for part, g in trained_part(model, subset, grads).items():
        torch.testing.assert_close(got[part], g, rtol=1e-9, atol=1e-12)
    assert set(got) == set(subset.parts)


class Gradients(dict[str, Tensor]):
    """A sink that keeps what it gets."""

    def grad(self, name: str, grad: Tensor, client_axis: int = 0) -> None:
        self[name] = grad

    def product(self, name: str, a: Tensor, b: Tensor) -> None:
        self[name] = a @ b


@pytest.mark.parametrize("clients", [1, 4])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [None, (1, 8, 8)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_cohort_has_the_gradients_of_its_members(
    name: str, shape: tuple[int, ...] | None, kind: str, clients: int
) -> None:
    model, params = make(name, dtype=torch.float64, shape=shape)
    subset = subsets(model, params)[kind]
    plan = make_plan(model, subset)
    x, y = data(model, 5 * clients, torch.float64)
    at = torch.arange(5 * clients).view(clients, 5)
    inputs, net = FrozenFeatures(model, params, x, plan.start), Net(model, plan, plan.start)
    stacked, got = net.stack([params], [clients]), Gradients()
    logits = net.forward(inputs.gather(at), stacked)
    net.backward(
        logits_gradient(logits, minus_one_hot(y[at], model.classes, x.dtype)), stacked, got
    )
    assert set(got) == set(subset.parts)
    # A step by hand, so that `result` may undo the layers' own forms.
    for part, g in got.items():
        channels = plan.index.get(part)
        moved = torch.zeros_like(stacked[part])
        stacked[part] = moved.add_(g) if channels is None else moved.index_add_(-1, channels, g)
    result = net.result(stacked)
    for k in range(clients):
        wanted = trained_part(model, subset, autograd(model, params, x[at[k]], y[at[k]])[1])
        for part, g in wanted.items():
            torch.testing.assert_close(result[part][k], g, rtol=1e-9, atol=1e-11)


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
    updates = train_cohort(
        plan,
        params,
        x,
        y,
        torch.as_tensor(rows),
        rate=0.05,
        momentum=momentum,
        at_once=2,
        track_losses=True,
    )
    deltas = from_rows(model, subset, updates.rows)
    for c in range(3):
        want = plain_sgd(model, params, subset, batches_of(x, y, rows[c]), 0.05, momentum)
        device = DeviceTrainer(
            model, params, subset, rate=0.05, momentum=momentum, fused=c % 2 == 0
        )
        for step, (bx, by) in enumerate(batches_of(x, y, rows[c])):
            assert device.step(bx, by) == pytest.approx(float(updates.losses[c, step]), rel=1e-4)
        for part, w in trained_part(model, subset, want).items():
            before = trained_part(model, subset, params)[part]
            torch.testing.assert_close(before + deltas[part][c], w, rtol=1e-4, atol=1e-5)
        for part, w in want.items():
            torch.testing.assert_close(device.result()[part], w, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "close"), [(torch.float32, 1e-4), (torch.float64, 1e-9)], ids=["32", "64"]
)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_ten_steps_of_a_cohort_are_ten_steps_of_a_plain_loop(
    name: str, kind: str, dtype: torch.dtype, close: float
) -> None:
    model, params = make(name, dtype=dtype)
    subset = subsets(model, params)[kind]
    x, y = data(model, 30, dtype)
    rows = np.stack([draw_batches(30, 10, 5, seed=3, client=c, visit=0) for c in range(2)])
    updates = train_cohort(make_plan(model, subset), params, x, y, torch.as_tensor(rows), rate=0.02)
    for c in range(2):
        want = plain_sgd(model, params, subset, batches_of(x, y, rows[c]), 0.02)
        got = put(
            model,
            subset,
            params,
            from_rows(model, subset, row_of(model, subset, params) + updates.rows[c]),
        )
        for part, value in want.items():
            torch.testing.assert_close(got[part], value, rtol=close, atol=close)


def test_step_variance_is_the_variance_of_the_mean_gradient() -> None:
    model, params = make("mlp", dtype=torch.float64)
    x, y = data(model, 24, torch.float64)
    rows = draw_batches(24, 4, 6, seed=1, client=0, visit=0)
    plan = make_plan(model, head(model))
    updates = train_cohort(
        plan, params, x, y, torch.as_tensor(rows)[None], rate=0.1, track_variance=True
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
def test_batches_pass_over_the_data_before_they_repeat(
    samples: int, steps: int, batch: int, seed: int
) -> None:
    rows = draw_batches(samples, steps, batch, seed=seed, client=3, visit=1)
    assert rows.shape == (steps, batch)
    flat = rows.ravel()
    counts = np.bincount(flat, minlength=samples)
    assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(
        rows, draw_batches(samples, steps, batch, seed=seed, client=3, visit=1)
    )


def test_many_draws_are_single_draws() -> None:
    samples, clients, visits = [7, 40, 7, 1], [0, 5, 9, 2], [0, 3, 1, 0]
    many = draw_many(samples, 3, 4, seed=2, client=clients, visit=visits)
    for row, n, c, v in zip(many, samples, clients, visits, strict=True):
        np.testing.assert_array_equal(row, draw_batches(n, 3, 4, seed=2, client=c, visit=v))


def test_draws_are_uniform_and_differ() -> None:
    rows = draw_many(
        np.full(4000, 10), 1, 10, seed=0, client=np.arange(4000), visit=np.zeros(4000, int)
    )[:, 0]
    counts = np.stack([np.bincount(rows[:, k], minlength=10) for k in range(10)])
    assert ((counts - 400) ** 2 / 400).sum() < 150  # chi-squared with 81 degrees of freedom: 1e-5
    assert len({tuple(row) for row in rows}) > 3990
    other = draw_many(
        np.full(4000, 10), 1, 10, seed=0, client=np.arange(4000), visit=np.ones(4000, int)
    )[:, 0]
    assert (rows == other).mean() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_the_same_whether_kept_or_not(name: str) -> None:
    model, params = make(name, dtype=torch.float64)
    x, _ = data(model, 300, torch.float64)
    for kind, subset in subsets(model, params).items():
        start = make_plan(model, subset).start
        kept, anew = (
            FrozenFeatures(model, params, x, start),
            FrozenFeatures(model, params, x, start, cap_bytes=0),
        )
        assert kept.kept is not None, kind
        assert anew.kept is None
        at = torch.tensor([[3, 299, 3], [0, 1, 150]])
        torch.testing.assert_close(kept.gather(at), anew.gather(at))
        want = plain_forward(model, params, x)
        for inputs in (kept, anew):
            torch.testing.assert_close(inputs.logits(params), want, rtol=1e-9, atol=1e-11)


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
    assert all(
        torch.equal(v, slices[k]) for k, v in from_rows(model, subset, to_rows(slices)).items()
    )
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
