"""The analytic bill against the measured peak of a real training step, and its laws."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.devices import (
    ACCOUNTINGS,
    DeviceTrainer,
    inference_peak_bytes,
    measure_inference_peak,
    measure_peak,
    measure_trainer_peak,
    memory_model,
    training_bill,
)
from ftte_lab.models import MODELS, Subset, build, from_rows, full, head, last_blocks
from tests.oracles import make, subsets

# fused, momentum, client correction
OPTIMISERS = [
    (False, 0.0, False),
    (True, 0.0, False),
    (False, 0.9, False),
    (False, 0.0, True),
    (True, 0.9, True),
]
INPUTS = [(3, 128), (1, 8, 8), (3, 32, 32)]


@pytest.mark.parametrize("shape", INPUTS, ids=str)
@pytest.mark.parametrize("name", list(MODELS))
def test_training_bill_is_the_measured_peak(name: str, shape: tuple[int, ...]) -> None:
    model = build(name, shape, 6)
    for kind, subset in subsets(model, model.init(0)).items():
        for batch in (1, 16):
            for fused, momentum, correction in OPTIMISERS:
                accounting = "pytorch-fused" if fused else "pytorch"
                bill = training_bill(model, subset, batch, accounting, momentum, correction)
                measured = measure_peak(
                    model, subset, batch, fused=fused, momentum=momentum, correction=correction
                )
                case = kind, batch, fused, momentum, correction
                assert bill.peak_bytes == pytest.approx(measured, rel=0.001), case
    for batch in (1, 16):
        assert inference_peak_bytes(model, batch) == measure_inference_peak(model, batch)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("name", list(MODELS))
def test_training_bill_is_the_measured_peak_with_offsets(name: str, fused: bool) -> None:
    """SCAFFOLD keeps another vector than FedProx, and as much of it."""
    model = build(name, (3, 32, 32), 6)
    params = model.init(0)
    for subset in subsets(model, params).values():
        offset = from_rows(model, subset, torch.zeros(subset.entries(model)))
        trainer = DeviceTrainer(model, params, subset, rate=0.1, fused=fused, offset=offset)
        accounting = "pytorch-fused" if fused else "pytorch"
        bill = training_bill(model, subset, 4, accounting, correction=True)
        measured = measure_trainer_peak(trainer, 4)
        assert bill.peak_bytes == pytest.approx(measured, rel=0.001)


@pytest.mark.parametrize("accounting", list(ACCOUNTINGS))
def test_training_bill_charges_a_correction_like_a_velocity(accounting: str) -> None:
    model, params = make("mcunet-s")
    for subset in subsets(model, params).values():
        plain = training_bill(model, subset, 8, accounting)
        bill = training_bill(model, subset, 8, accounting, 0.9, correction=True)
        assert plain.correction_bytes == 0
        assert "client correction" not in plain.parts()
        assert bill.parts()["client correction"] == bill.correction_bytes
        assert bill.correction_bytes == bill.optimiser_bytes == 4 * subset.entries(model)
        assert bill.peak_bytes == plain.peak_bytes + 2 * bill.correction_bytes


@pytest.mark.parametrize("accounting", list(ACCOUNTINGS))
def test_training_bill_parts_and_layers_add_up(accounting: str) -> None:
    model, params = make("mcunet-s")
    for subset in subsets(model, params).values():
        bill = training_bill(model, subset, 8, accounting, 0.9, correction=True)
        assert sum(bill.parts().values()) == bill.peak_bytes
        moving = bill.stored_bytes + bill.gradients_bytes + bill.transient_bytes
        layers = sum(sum(row.values()) for row in bill.layers.values())
        assert layers == pytest.approx(moving, abs=len(bill.layers) * 3)
        assert bill.overhead_bytes == bill.peak_bytes - bill.inference_peak_bytes >= 0


def test_training_bill_is_smaller_in_tiny_accounting() -> None:
    model, _ = make("mcunet-s")
    assert (
        training_bill(model, full(model), 8, "tiny").peak_bytes
        < training_bill(model, full(model), 8).peak_bytes / 2
    )


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_memory_model_never_needs_less_for_more_tensors(draw: st.DataObject) -> None:
    model, _ = make("mcunet-s")
    table = memory_model(model, 4)
    names = draw.draw(st.sets(st.sampled_from(list(model.tensors)), min_size=1))
    more = names | draw.draw(st.sets(st.sampled_from(list(model.tensors))))
    small = table.peak_of(Subset(dict.fromkeys(sorted(names))))
    assert table.floor_bytes <= small <= table.peak_of(Subset(dict.fromkeys(sorted(more))))
    assert small == training_bill(model, Subset(dict.fromkeys(sorted(names))), 4).peak_bytes


def test_training_bill_grows_with_earlier_layers() -> None:
    model, _ = make("mcunet-s")
    peaks = [training_bill(model, last_blocks(model, k), 8).peak_bytes for k in range(1, 7)]
    assert peaks == sorted(peaks)
    assert peaks[0] < peaks[-1]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0,), "batch = 0"),
        ((8, "pytroch"), "Did you mean 'pytorch'"),
        ((8, "pytorch", 1.0), "momentum = 1.0"),
    ],
)
def test_training_bill_explains_wrong_arguments(arguments: tuple[object, ...], text: str) -> None:
    model, _ = make("mlp")
    with pytest.raises(ValueError, match=text):
        training_bill(model, head(model), *arguments)  # type: ignore[arg-type]


def test_measure_peak_explains_wrong_arguments() -> None:
    model, _ = make("mlp")
    with pytest.raises(ValueError, match="batch = 0"):
        measure_peak(model, head(model), 0)
    with pytest.raises(ValueError, match="steps = 0"):
        measure_peak(model, head(model), 1, steps=0)
