"""Training a cohort at once, against autograd and plain loops for each of its clients."""

import pytest
import torch
from torch import Tensor

from ftte_lab.models import MODELS, flatten_trained, from_rows, head, insert, make_plan
from ftte_lab.training import (
    FrozenFeatures,
    LocalSGD,
    StackedNet,
    logits_gradient,
    minus_one_hot,
    train_cohort,
)
from tests.oracles import autograd, data, make, plain_sgd, subsets, trained_part
from tests.training.plain import batches_of, draw_rows

NAMES = list(MODELS)
KINDS = ["full", "head", "last blocks", "biases", "half", "mixture"]


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
def test_stacked_net_has_the_gradients_of_its_clients(
    name: str, shape: tuple[int, ...] | None, kind: str, clients: int
) -> None:
    model, params = make(name, dtype=torch.float64, shape=shape)
    subset = subsets(model, params)[kind]
    plan = make_plan(model, subset)
    x, y = data(model, 5 * clients, torch.float64)
    at = torch.arange(5 * clients).view(clients, 5)
    inputs, net = FrozenFeatures(model, params, x, plan.start), StackedNet(model, plan, plan.start)
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


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_local_sgd_is_a_plain_loop_per_client(name: str, kind: str, momentum: float) -> None:
    """In chunks of two and one, with momentum and losses."""
    model, params = make(name)
    subset = subsets(model, params)[kind]
    x, y = data(model, 30)
    plan, rows = make_plan(model, subset), draw_rows(3)
    sgd = LocalSGD(plan, plan.start, 0.05, momentum, track_losses=True)
    inputs = FrozenFeatures(model, params, x, plan.start)
    updates = sgd.train(params, inputs, y, torch.as_tensor(rows), at_once=2)
    deltas = from_rows(model, subset, updates.rows)
    for c in range(3):
        batches = batches_of(x, y, rows[c])
        for k, batch in enumerate(batches):
            before = plain_sgd(model, params, subset, batches[:k], 0.05, momentum)
            loss, _ = autograd(model, before, *batch)
            assert float(updates.losses[c, k]) == pytest.approx(loss, rel=1e-4)
        want = plain_sgd(model, params, subset, batches, 0.05, momentum)
        for part, w in trained_part(model, subset, want).items():
            before = trained_part(model, subset, params)
            torch.testing.assert_close(before[part] + deltas[part][c], w, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "close"), [(torch.float32, 1e-4), (torch.float64, 1e-9)], ids=["32", "64"]
)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_train_cohort_stays_with_a_plain_loop_for_ten_steps(
    name: str, kind: str, dtype: torch.dtype, close: float
) -> None:
    model, params = make(name, dtype=dtype)
    subset = subsets(model, params)[kind]
    x, y = data(model, 30, dtype)
    rows = draw_rows(2, steps=10, seed=3)
    updates = train_cohort(make_plan(model, subset), params, x, y, torch.as_tensor(rows), rate=0.02)
    for c in range(2):
        want = plain_sgd(model, params, subset, batches_of(x, y, rows[c]), 0.02)
        got = insert(
            model,
            subset,
            params,
            from_rows(model, subset, flatten_trained(model, subset, params) + updates.rows[c]),
        )
        for part, value in want.items():
            torch.testing.assert_close(got[part], value, rtol=close, atol=close)


def test_train_cohort_step_variance_is_the_variance_of_the_mean_gradient() -> None:
    model, params = make("mlp", dtype=torch.float64)
    x, y = data(model, 30, torch.float64)
    rows = draw_rows(1, steps=4, seed=1)[0]
    plan = make_plan(model, head(model))
    updates = train_cohort(
        plan, params, x, y, torch.as_tensor(rows)[None], rate=0.1, track=("variance",)
    )
    steps, now = [], params
    for bx, by in batches_of(x, y, rows):
        _, g = autograd(model, now, bx, by)
        steps.append(torch.cat([g[part].flatten() for part in plan.subset.parts]))
        now = plain_sgd(model, now, plan.subset, [(bx, by)], 0.1)
    stacked = torch.stack(steps)
    want = (stacked - stacked.mean(0)).square().sum() / (4 * 3)
    assert float(updates.step_variance[0]) == pytest.approx(float(want), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rate": -0.1}, "rate = -0.1; allowed"),
        ({"rate": 0.1, "momentum": 1.0}, "momentum = 1.0; allowed"),
        ({"rate": 0.1, "track": ("loss",)}, "Did you mean 'losses'"),
        ({"rate": 0.1, "track": ("variance",), "momentum": 0.5}, "at least 2 local steps"),
        ({"rate": 0.1, "proximal": -1.0}, "proximal = -1.0; allowed"),
        (
            {"rate": 0.1, "proximal": 1.0, "offsets": torch.zeros(3, 1)},
            "one client correction at a time",
        ),
        ({"rate": 0.1, "offsets": torch.zeros(3, 7)}, r"offsets of shape \(3, 7\); allowed: \(3, "),
        ({"rate": 0.1, "offsets": torch.zeros(2, 1)}, r"offsets of shape \(2, 1\); allowed: \(3, "),
    ],
)
def test_train_cohort_explains_wrong_arguments(options: dict[str, object], text: str) -> None:
    model, params = make("mlp")
    x, y = data(model, 30)
    plan, rows = make_plan(model, head(model)), torch.as_tensor(draw_rows(3))
    with pytest.raises(ValueError, match=text):
        train_cohort(plan, params, x, y, rows, **options)  # type: ignore[arg-type]


def test_train_cohort_explains_wrong_inputs() -> None:
    model, params = make("mlp")
    x, y = data(model, 30)
    plan, rows = make_plan(model, subsets(model, params)["full"]), torch.as_tensor(draw_rows(3))
    with pytest.raises(ValueError, match=r"batches of shape \(3, 5\); allowed: \(clients"):
        train_cohort(plan, params, x, y, rows[0], rate=0.1)
    late = FrozenFeatures(model, params, x, start=4)
    with pytest.raises(ValueError, match="inputs of operation 4; allowed: 0 to 0"):
        train_cohort(plan, params, late, y, rows, rate=0.1)
