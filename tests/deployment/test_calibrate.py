"""A kind of device fitted to a machine: the slope between two steps, in the catalogue."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab import Scenario, prepare
from ftte_lab.deployment import MeasuredStep, calibrate, fitted_kind, measure_step
from ftte_lab.devices import CATALOGUE
from ftte_lab.models import build, full, make_plan
from tests.tiny import TINY

MODEL = build("mlp", (1, 8, 8), 10)
BASE = CATALOGUE["pi4"]


@given(st.floats(1e3, 1e12), st.floats(0, 10), st.floats(1e3, 1e9), st.floats(1.5, 100))
def test_the_speed_is_found_whatever_a_step_costs_besides(
    speed: float, fixed_s: float, flops: float, larger: float
) -> None:
    steps = [MeasuredStep(n, fixed_s + n / speed) for n in (flops, larger * flops)]
    if steps[1].seconds - steps[0].seconds < 1e-9 * (1 + fixed_s):
        return  # lost in the rounding of the clock
    found = fitted_kind("mine", BASE, *steps).flops_per_s
    assert found == pytest.approx(speed, rel=1e-5)


@pytest.mark.parametrize(
    ("second", "text"),
    [
        (MeasuredStep(1e6, 2.0), "0 FLOP larger"),
        (MeasuredStep(2e6, 1.0), "took 0 s longer"),
        (MeasuredStep(2e6, float("nan")), "seconds"),
    ],
)
def test_steps_that_give_no_speed_are_refused_in_words(second: MeasuredStep, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        fitted_kind("mine", BASE, MeasuredStep(1e6, 1.0), second)


def test_a_step_counts_the_operations_of_its_plan() -> None:
    clock = itertools.count().__next__  # each look at it is a second later
    step = measure_step(MODEL, 4, repeats=3, clock=lambda: float(clock()))
    plan = make_plan(MODEL, full(MODEL))
    assert step == MeasuredStep(4 * (plan.forward_flops() + plan.backward_flops()), 1.0)


@pytest.fixture
def mine() -> Iterator[str]:
    yield "mine"
    CATALOGUE.pop("mine", None)


def test_a_scenario_may_name_the_fitted_kind(mine: str) -> None:
    kind = calibrate(mine, MODEL, base="pi4", batches=(1, 512), repeats=5)
    assert kind.flops_per_s > 0
    assert kind.ram_bytes == BASE.ram_bytes
    assert kind.sources["flops_per_s"].startswith("measured")
    scenario: Scenario = TINY.replace(mix={mine: 1.0}, straggler_share=0.0).as_method("fedbuff")
    prepared = prepare(scenario)
    flops = prepared.flops_per_update[0]
    assert prepared.times.compute_s[0] == pytest.approx(flops / kind.flops_per_s)
