"""The device's trainer and its backward rules, against autograd and a plain loop."""

import pytest
import torch

from ftte_lab.devices import DeviceTrainer
from ftte_lab.devices.backward import backward, forward
from ftte_lab.models import MODELS, Params, from_rows, full, make_plan
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


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_device_trainer_is_a_plain_loop(name: str, kind: str, momentum: float) -> None:
    """Fused or not; what is frozen stays as it was."""
    model, params = make(name)
    subset = subsets(model, params)[kind]
    x, y = data(model, 30)
    for c, rows in enumerate(draw_rows(2)):
        batches = batches_of(x, y, rows)
        device = DeviceTrainer(
            model, params, subset, rate=0.05, momentum=momentum, fused=c % 2 == 0
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
