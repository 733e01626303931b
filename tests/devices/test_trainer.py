"""The device's trainer and its backward rules, against autograd and a plain loop."""

import pytest
import torch

from ftte_lab.devices import DeviceTrainer
from ftte_lab.devices.backward import backward, forward
from ftte_lab.models import MODELS, Model, Params, Subset, from_rows, full, make_plan, to_rows
from tests.oracles import autograd, data, make, plain_sgd, subsets, trained_part
from tests.training.plain import batches_of, draw_rows, plain_corrected, trained_move

NAMES = list(MODELS)
KINDS = ["full", "head", "last blocks", "biases", "half", "mixture"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_backward_gives_the_gradients_of_autograd(name: str, kind: str) -> None:
    model, params = make(name, dtype=torch.float64)
    subset = subsets(model, params)[kind]
    x, y = data(model, 6, torch.float64)
    plan = make_plan(model, subset)
    got: Params = {}
    saved = forward(plan, params, x.clone())
    loss = backward(plan, params, saved, y, got.__setitem__)
    want_loss, grads = autograd(model, params, x, y)
    assert float(loss) == pytest.approx(want_loss, rel=1e-12)
    for part, g in trained_part(model, subset, grads).items():
        torch.testing.assert_close(got[part], g, rtol=1e-9, atol=1e-12)
    assert set(got) == set(subset.parts)


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_micro_batches_is_that_of_the_whole_batch(
    name: str, kind: str, recompute: bool
) -> None:
    """Parts that divide the batch, and parts that do not.

    In float32 within 1e-6, beyond the rounding of the whole batch's own gradient: torch takes
    another kernel for a single sample, and in a net of 60 operations that rounding is 1e-6 itself.
    """
    model, params = make(name)
    subset = subsets(model, params)[kind]
    x, y = data(model, 8)
    whole = summed(model, params, subset, x, y)
    exact = summed(model, doubled(params), subset, x.double(), y)
    rounding = distance(whole.double(), exact)
    assert rounding < 2e-6
    for micro_batch in (4, 3, 1):
        how = (micro_batch, recompute)
        row = summed(model, params, subset, x, y, *how)
        assert distance(row, whole) < 1e-6 + rounding, micro_batch
        row = summed(model, doubled(params), subset, x.double(), y, *how)
        assert distance(row, exact) < 1e-12, micro_batch


def doubled(params: Params) -> Params:
    return {name: value.double() for name, value in params.items()}


def distance(row: torch.Tensor, other: torch.Tensor) -> float:
    """Return the relative error of a gradient."""
    return float((row - other).norm() / other.norm())


def summed(
    model: Model,
    params: Params,
    subset: Subset,
    x: torch.Tensor,
    y: torch.Tensor,
    micro_batch: int | None = None,
    recompute: bool = False,
) -> torch.Tensor:
    """Return the gradient that the optimiser gets, as one row."""
    device = DeviceTrainer(
        model, params, subset, rate=0.1, micro_batch=micro_batch, recompute=recompute
    )
    got: Params = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device.sgd, "apply", got.__setitem__)
        device.step(x, y)
    return to_rows({part: got[part] for part in device.plan.subset.parts})


@pytest.mark.parametrize("kind", ["full", "mixture"])
@pytest.mark.parametrize("name", NAMES)
def test_recomputation_changes_no_bit(name: str, kind: str) -> None:
    """The same operations on the same numbers, some of them twice."""
    model, params = make(name)
    subset = subsets(model, params)[kind]
    x, y = data(model, 8)
    moved = []
    for recompute in (False, True):
        device = DeviceTrainer(model, params, subset, rate=0.1, recompute=recompute)
        losses = [device.step(x, y) for _ in range(3)]
        moved.append((losses, to_rows(device.result())))
    assert moved[0][0] == moved[1][0]
    assert torch.equal(moved[0][1], moved[1][1])


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_device_trainer_is_a_plain_loop(name: str, kind: str, momentum: float) -> None:
    """Fused or not, in parts or not; what is frozen stays as it was."""
    model, params = make(name)
    subset = subsets(model, params)[kind]
    x, y = data(model, 30)
    for c, rows in enumerate(draw_rows(2)):
        batches = batches_of(x, y, rows)
        device = DeviceTrainer(
            model,
            params,
            subset,
            rate=0.05,
            momentum=momentum,
            fused=c % 2 == 0,
            micro_batch=3 if c else None,
            recompute=c > 0,
        )
        for k, batch in enumerate(batches):
            before = plain_sgd(model, params, subset, batches[:k], 0.05, momentum)
            loss, _ = autograd(model, before, *batch)
            assert device.step(*batch) == pytest.approx(loss, rel=1e-4)
        want = plain_sgd(model, params, subset, batches, 0.05, momentum)
        for part, w in want.items():
            torch.testing.assert_close(device.result()[part], w, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("correction", ["proximal", "offset"])
@pytest.mark.parametrize("kind", ["full", "head", "half", "mixture"])
@pytest.mark.parametrize("name", NAMES)
def test_device_trainer_corrects_its_gradients(
    name: str, kind: str, correction: str, momentum: float
) -> None:
    """FedProx and SCAFFOLD: the plain loop, within rounding."""
    for dtype, close in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        model, params = make(name, dtype=dtype)
        subset = subsets(model, params)[kind]
        x, y = data(model, 30, dtype)
        noise = torch.Generator().manual_seed(5)
        row = 0.1 * torch.randn(subset.entries(model), generator=noise, dtype=dtype)
        proximal, offset = (3.0, None) if correction == "proximal" else (0.0, row)
        for c, rows in enumerate(draw_rows(2)):
            batches = batches_of(x, y, rows)
            want = plain_corrected(
                model, params, subset, batches, momentum=momentum, proximal=proximal, offset=offset
            )
            device = DeviceTrainer(
                model,
                params,
                subset,
                rate=0.05,
                momentum=momentum,
                fused=c % 2 == 0,
                proximal=proximal,
                offset=None if offset is None else from_rows(model, subset, offset),
            )
            for batch in batches:
                device.step(*batch)
            moved = trained_move(model, subset, params, device.result())
            torch.testing.assert_close(moved, want, rtol=0, atol=close)
            if proximal:
                drift = torch.cat([device.sgd.drift[part].flatten() for part in subset.parts])
                torch.testing.assert_close(drift, want, rtol=0, atol=close)


@pytest.mark.parametrize("name", NAMES)
def test_device_trainer_with_neutral_corrections_is_plain_to_the_bit(name: str) -> None:
    model, params = make(name)
    subset = subsets(model, params)["mixture"]
    x, y = data(model, 30)
    zeros = from_rows(model, subset, torch.zeros(subset.entries(model)))
    devices = [
        DeviceTrainer(model, params, subset, rate=0.05),
        DeviceTrainer(model, params, subset, rate=0.05, proximal=0.0),
        DeviceTrainer(model, params, subset, rate=0.05, offset=zeros),
    ]
    for batch in batches_of(x, y, draw_rows(1)[0]):
        for device in devices:
            device.step(*batch)
    first, *others = (trained_move(model, subset, params, device.result()) for device in devices)
    assert all(torch.equal(first, other) for other in others)


def test_device_trainer_explains_wrong_arguments() -> None:
    model, params = make("mlp")
    zeros = {name: torch.zeros_like(value) for name, value in params.items()}
    wrong = [
        ({"rate": -1.0}, "rate = -1.0; allowed"),
        ({"rate": 0.1, "momentum": 1.0}, "momentum = 1.0; allowed"),
        ({"rate": 0.1, "proximal": -1.0}, "proximal = -1.0; allowed"),
        ({"rate": 0.1, "micro_batch": 0}, "micro_batch = 0; allowed"),
        ({"rate": 0.1, "offset": {}}, "offsets of shapes {}; allowed"),
        ({"rate": 0.1, "offset": zeros, "proximal": 1.0}, "one client correction at a time"),
    ]
    for options, text in wrong:
        with pytest.raises(ValueError, match=text):
            DeviceTrainer(model, params, full(model), **options)  # type: ignore[arg-type]
    device = DeviceTrainer(model, params, full(model), rate=0.1)
    with pytest.raises(ValueError, match="2 inputs and 1 labels"):
        device.step(torch.ones(2, 1, 8, 8), torch.zeros(1, dtype=torch.long))


def test_device_trainer_copies_what_it_is_given() -> None:
    model, params = make("mlp")
    kept = {name: value.clone() for name, value in params.items()}
    x, y = data(model, 4)
    DeviceTrainer(model, params, full(model), rate=0.1, fused=True).step(x, y)
    assert all(torch.equal(params[name], kept[name]) for name in kept)
