"""Micro-batches and recomputation: the bill against the measured peak, and its laws."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.devices import (
    ACCOUNTINGS,
    Decision,
    LocalStep,
    decisions,
    inference_peak_bytes,
    measure_peak,
    memory_model,
    part_sizes,
    training_bill,
)
from ftte_lab.devices.segments import segments
from ftte_lab.models import MODELS, Builder, Fork, Join, Subset, build, full, head, make_plan
from tests.oracles import SHAPES, make, subsets

NAMES = list(MODELS)
# batch, micro-batch, fused, momentum, client correction
STEPS = [
    (8, 1, False, 0.0, False),
    (8, 3, True, 0.0, False),
    (5, 2, True, 0.9, True),
    (6, None, False, 0.0, False),
    (6, None, True, 0.9, True),
]


def own_net(b: Builder, classes: int) -> None:
    """A block that begins with a convolution and goes on, a pool before two linear maps."""
    b.conv("first", 4, 3, maxpool=True)
    b.conv("second.a", 6, 3)
    b.bottleneck("second.b", 6, 1, 2)
    b.conv("second.c", 5, 3, stride=2)
    b.pool()
    b.linear("hidden", 7, relu=True)
    b.linear("head", classes)


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("name", [*NAMES, "own"])
def test_training_bill_is_the_measured_peak(name: str, recompute: bool) -> None:
    MODELS["own"] = own_net
    try:
        model = build(name, SHAPES.get(name, (2, 12, 12)), 5)
    finally:
        del MODELS["own"]
    for kind, subset in subsets(model, model.init(0)).items():
        for batch, micro_batch, fused, momentum, correction in STEPS:
            how: dict[str, Any] = {"micro_batch": micro_batch, "recompute": recompute}
            accounting = "pytorch-fused" if fused else "pytorch"
            bill = training_bill(model, subset, batch, accounting, momentum, correction, **how)
            how |= {"fused": fused, "momentum": momentum, "correction": correction}
            measured = measure_peak(model, subset, batch, **how)
            case = kind, batch, micro_batch, fused, momentum
            assert bill.peak_bytes == pytest.approx(measured, rel=0.001), case
            assert (bill.micro_batch, bill.recompute) == (micro_batch, recompute)


@pytest.mark.parametrize("shape", [(3, 128), (1, 8, 8)], ids=str)
def test_training_bill_of_the_tasks_is_the_measured_peak(shape: tuple[int, ...]) -> None:
    model = build("mcunet-s", shape, 10)
    for micro_batch in (None, 4, 2, 1):
        for recompute in (False, True):
            how: dict[str, Any] = {"micro_batch": micro_batch, "recompute": recompute}
            bill = training_bill(model, full(model), 8, **how)
            measured = measure_peak(model, full(model), 8, **how)
            assert bill.peak_bytes == pytest.approx(measured, rel=0.001), how


@pytest.mark.parametrize("accounting", list(ACCOUNTINGS))
def test_training_bill_counts_accumulators_and_the_whole_batch(accounting: str) -> None:
    model, params = make("mcunet-s")
    for subset in subsets(model, params).values():
        bill = training_bill(model, subset, 8, accounting, micro_batch=2)
        whole = training_bill(model, subset, 8, accounting)
        assert bill.gradients_bytes >= 4 * subset.entries(model)
        assert bill.batch_bytes == whole.batch_bytes
        assert sum(bill.parts().values()) == bill.peak_bytes
        assert bill.inference_peak_bytes == inference_peak_bytes(model, 2, accounting)
        assert bill.inference_one_bytes == whole.inference_one_bytes
        assert bill.inference_one_bytes == inference_peak_bytes(model, 1, accounting)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_memory_falls_with_the_micro_batch_and_grows_with_the_subset(draw: st.DataObject) -> None:
    """Among true parts of the batch; the whole batch needs no accumulators beside its gradients."""
    model, _ = make(draw.draw(st.sampled_from(["cnn", "mcunet-s"])))
    accounting = draw.draw(st.sampled_from(list(ACCOUNTINGS)))
    recompute = draw.draw(st.booleans())
    names = draw.draw(st.sets(st.sampled_from(list(model.tensors)), min_size=1))
    more = names | draw.draw(st.sets(st.sampled_from(list(model.tensors))))
    peaks = []
    for micro_batch in (1, 2, 3, 4):
        table = memory_model(model, 8, accounting, micro_batch=micro_batch, recompute=recompute)
        peaks.append(table.peak_of(Subset(dict.fromkeys(sorted(names)))))
        assert peaks[-1] <= table.peak_of(Subset(dict.fromkeys(sorted(more))))
        assert peaks[-1] >= table.floor_bytes
    assert peaks == sorted(peaks)


@pytest.mark.parametrize("name", NAMES)
def test_a_segment_that_is_not_reached_costs_nothing(name: str) -> None:
    """Else the rows would not be constraints of the search: a decision of 0 must free all terms."""
    model, _ = make(name)
    table = memory_model(model, 4, recompute=True)
    low = table.decide(make_plan(model, head(model)))
    reached = decisions(make_plan(model, head(model)))
    for row, constant, terms in zip(table.rows, table.constant, table.matrix, strict=True):
        if not row.event.startswith("again"):
            continue
        end = max(t.decision.target for t in row.terms if t.decision and t.decision.kind == "reach")
        assert reached[Decision("reach", end)] == 0
        moving = [t for t in row.terms if t.category in ("stored", "transient")]
        alone = [t for t in moving if t.decision is None]
        assert [t.owner for t in alone] == ["loss"], row.event
        assert constant + terms @ low <= table.peak_bytes(low)


@pytest.mark.parametrize("name", NAMES)
def test_segments_are_all_operations_and_cut_no_residual_block(name: str) -> None:
    model, _ = make(name)
    cut = segments(model)
    assert [i for one in cut for i in one] == list(range(len(model.ops)))
    for one in cut:
        ops = [model.ops[i] for i in one]
        forks = sum(isinstance(op, Fork) for op in ops)
        assert forks == sum(isinstance(op, Join) for op in ops)
    owners = [{model.ops[i].name.split(".")[0] for i in one} - {"head"} for one in cut[:-1]]
    assert all(len(names) == 1 for names in owners)


@given(st.integers(1, 200), st.integers(1, 200))
def test_part_sizes_are_few_nearly_equal_and_rise(samples: int, micro_batch: int) -> None:
    sizes = part_sizes(samples, micro_batch)
    assert sum(sizes) == samples
    assert sizes == sorted(sizes)
    assert sizes[-1] - sizes[0] <= 1
    assert 1 <= sizes[0] <= sizes[-1] <= micro_batch
    assert (len(sizes) - 1) * micro_batch < samples  # fewer parts would not hold all


def test_wrong_micro_batches_are_explained() -> None:
    model, _ = make("mlp")
    for micro_batch, text in ((0, "micro_batch = 0"), (9, "from 1 to 8. A micro-batch is a part")):
        for call in (training_bill, measure_peak):
            with pytest.raises(ValueError, match=text):
                call(model, head(model), 8, micro_batch=micro_batch)
        with pytest.raises(ValueError, match=text):
            LocalStep(8, micro_batch)
