"""Micro-batches and recomputation in a run: who can hold the step, and what it costs."""

from typing import Any

import numpy as np
import pytest

from ftte_lab.devices import measure_peak, participation_times, recompute_flops
from ftte_lab.models import full
from ftte_lab.simulation import SETTINGS, Scenario, prepare, run
from tests.tiny import TINY

CNN = TINY.replace(model="cnn", budget_kib=None)
EVERYTHING = CNN.replace(subset="full")
NEED = {m: prepare(EVERYTHING.replace(micro_batch=m)).bill.peak_bytes for m in (None, 4, 2, 1)}


@pytest.mark.parametrize("micro_batch", [None, 3, 1])
@pytest.mark.parametrize("recompute", [False, True])
def test_bill_of_a_run_is_the_measured_peak(micro_batch: int | None, recompute: bool) -> None:
    s = EVERYTHING.replace(micro_batch=micro_batch, recompute=recompute, client_momentum=0.9)
    model, bill = prepare(s).federation.model, prepare(s).bill
    measured = measure_peak(
        model, full(model), s.batch, momentum=0.9, micro_batch=micro_batch, recompute=recompute
    )
    assert bill.peak_bytes == pytest.approx(measured, rel=0.001)
    assert (bill.micro_batch, bill.recompute) == (micro_batch, recompute)


def test_who_can_hold_the_step_follows_the_micro_batch() -> None:
    """A device kind between the two needs is left out only if it insists on the whole batch."""
    small = EVERYTHING.replace(mix={"sensor": 1.0}, accounting="pytorch", batch=32)
    whole = prepare(small)
    assert not whole.holds.any()
    assert prepare(small.replace(micro_batch=1)).holds.all()


def test_micro_batches_change_neither_the_clock_nor_the_training() -> None:
    plain, parts = (run(EVERYTHING.replace(micro_batch=m)) for m in (None, 1))
    assert plain.points.equals(parts.points)
    assert plain.facts["peak_memory_bytes"] > parts.facts["peak_memory_bytes"]
    assert parts.facts["micro_batch"] == 1


def test_recomputation_costs_time_and_energy() -> None:
    plain, again = prepare(EVERYTHING), prepare(EVERYTHING.replace(recompute=True))
    sample = again.plan.forward_flops() + again.plan.backward_flops() + recompute_flops(again.plan)
    flops = CNN.local_steps * CNN.batch * sample
    assert (again.flops_per_update == flops).all()
    size = again.traffic.upload
    by_hand = participation_times(
        again.federation.fleet, download_bytes=size, upload_bytes=size, flops=flops
    )
    np.testing.assert_allclose(again.times.total_s, by_hand.total_s)
    assert (again.energy_j > plain.energy_j).all()
    assert (again.times.compute_s > 1.3 * plain.times.compute_s).all()
    assert (again.slowest == plain.slowest).all()


def test_auto_takes_the_largest_micro_batch_for_everything() -> None:
    auto = EVERYTHING.replace(micro_batch="auto")
    for micro_batch, need in NEED.items():
        found = prepare(auto.replace(budget_kib=need / 1024)).bill
        assert (found.micro_batch, found.peak_bytes) == (micro_batch, need)
    assert prepare(auto.replace(budget_kib=1.0)).bill.micro_batch == 1
    weak = prepare(auto.replace(batch=32, mix={"sensor": 1.0}))
    assert weak.bill.micro_batch in range(1, 32)
    assert weak.holds.all()


def test_auto_decides_with_the_subset() -> None:
    """Within the same memory, more is trained; and the search alone is the first of the two."""
    tight = CNN.replace(budget_kib=NEED[1] / 1024)
    whole, auto = prepare(tight), prepare(tight.replace(micro_batch="auto"))
    assert whole.choice is not None
    assert auto.choice is not None
    assert whole.choice.micro_batch is None
    assert auto.choice.value > whole.choice.value
    assert auto.choice.micro_batch == auto.bill.micro_batch is not None
    assert auto.bill.peak_bytes == auto.choice.peak_bytes <= NEED[1]
    fixed = prepare(tight.replace(micro_batch=auto.choice.micro_batch))
    assert fixed.choice is not None
    assert fixed.choice.value == pytest.approx(auto.choice.value)


def test_auto_per_kind_fits_each_kind() -> None:
    s = CNN.replace(
        micro_batch="auto", subset_per="kind", batch=32, mix={"sensor": 0.5, "watch": 0.5}
    )
    prepared = prepare(s)
    assert prepared.holds.all()
    for tier in prepared.tiers.tiers:
        assert tier.choice is not None
        assert tier.bill.micro_batch == tier.choice.micro_batch


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"micro_batch": 9}, "micro_batch = 9 with batch = 8; allowed: 1 to 8, None or 'auto'"),
        ({"micro_batch": 0}, "micro_batch = 0; allowed: an integer from 1 to 4,096. None: the wh"),
        ({"micro_batch": "atuo"}, "micro_batch = 'atuo'; allowed: an integer .*'auto': the large"),
        ({"micro_batch": True}, "micro_batch = True; allowed"),
        ({"recompute": 2}, "recompute = 2; allowed: True or False"),
    ],
)
def test_wrong_values_are_explained(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Scenario(**changes)


def test_a_setting_of_numbers_and_a_word() -> None:
    one = SETTINGS["micro_batch"]
    assert (one.kind, one.optional) == ("int", True)
    for value in (None, 4, "auto"):
        s = Scenario(micro_batch=value)
        assert Scenario.from_json(s.to_json()) == s
        assert s.key("search") != Scenario(micro_batch=8).key("search")
    assert "or None: the whole batch at once, or 'auto': the largest" in str(
        Scenario.help("micro_batch")
    )
    assert Scenario(micro_batch="auto").digest() != Scenario().digest()
