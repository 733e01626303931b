"""Comparison: the one way to derive runs; what a user set is kept or refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab import Comparison, Scenario
from ftte_lab.simulation import METHODS, SETTINGS, Method

CHANGES: dict[str, Any] = {
    "staleness": "exponential",
    "age_exponent": 2.0,
    "sample_exponent": 0.7,
    "normalise": "count",
    "server_rate": 3.0,
    "server_momentum": 0.3,
    "server_average": 0.9,
    "subset": "full",
    "buffer": 7,
    "variance_exponent": 0.25,
    "max_staleness": 4,
    "local_steps": 9,
    "seed": 5,
    "correction": "proximal",
}


@given(st.sets(st.sampled_from(sorted(CHANGES))), st.sampled_from(sorted(METHODS)))
def test_run_keeps_every_set_field_that_the_method_has(names: set[str], method: str) -> None:
    changes = {name: CHANGES[name] for name in names}
    comparison = Comparison(Scenario(**changes), rates=dict.fromkeys(METHODS, 0.3))
    if method == "scaffold" and "correction" in names:
        with pytest.raises(ValueError, match="contradicts SCAFFOLD"):
            comparison.run(method)
        return
    values = comparison.run(method).to_dict()
    for name in names - set(METHODS[method].without):
        assert values[name] == changes[name], name


@given(st.sampled_from(sorted(METHODS)), st.sampled_from(sorted(METHODS)))
def test_as_method_forgets_what_the_first_method_gave(first: str, second: str) -> None:
    shared = Scenario(horizon_s=500.0)
    assert shared.as_method(first).as_method(second) == shared.as_method(second)


def test_run_takes_rates_unless_the_scenario_sets_one() -> None:
    tuned = Comparison(Scenario(), rates={"ftte": 1.5})
    assert tuned.run("ftte").server_rate == 1.5
    assert tuned.run("fedavg").server_rate == 1.0
    assert tuned.set(server_rate=1.0).run("ftte").server_rate == 1.0
    assert Comparison(Scenario(server_rate=3.0), rates={"ftte": 1.5}).run("ftte").server_rate == 3


def test_own_fields_reach_one_method_alone() -> None:
    comparison = Comparison(Scenario(), own={"fedbuff": {"subset": "search", "buffer": 4}})
    runs = comparison.runs(seed=9)
    assert (runs["fedbuff"].subset, runs["fedbuff"].buffer) == ("search", 4)
    assert (runs["ftte"].buffer, runs["ftte"].seed) == (10, 9)
    with pytest.raises(ValueError, match="refill = 'step' contradicts FedBuff"):
        Comparison(Scenario(), own={"fedbuff": {"refill": "step"}}).run("fedbuff")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"methods": ()}, "no method is chosen"),
        ({"methods": ("fedavgg",)}, "Did you mean 'fedavg'"),
        ({"rates": {"ftte": 0.0}}, "server rate of ftte = 0"),
        ({"own": {"fttee": {}}}, "Did you mean 'ftte'"),
    ],
)
def test_comparison_explains_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Comparison(Scenario(), **arguments)


def test_unknown_own_field_is_refused_when_the_run_is_derived() -> None:
    with pytest.raises(ValueError, match="Did you mean 'buffer'"):
        Comparison(Scenario(), own={"ftte": {"bufer": 3}}).run("ftte")


def test_student_method_runs_in_a_comparison() -> None:
    METHODS["hasty"] = Method("hasty", "Hasty", "a test", fixes={"buffer": 1, "refill": "arrival"})
    try:
        runs = Comparison(Scenario(), ("ftte", "hasty")).runs()
        assert runs["hasty"].buffer == 1
        with pytest.raises(ValueError, match="buffer = 5 contradicts Hasty; allowed: 1"):
            Comparison(Scenario(buffer=5), ("hasty",)).runs()
    finally:
        del METHODS["hasty"]
    with pytest.raises(ValueError, match="a Method whose name is 'other'"):
        METHODS["other"] = Method("mine", "Mine", "a test")


def test_method_fields_are_settings() -> None:
    for method in METHODS.values():
        for name, value in method.given.items():
            SETTINGS[name].check(value)


def test_what_is_set_for_all_replaces_a_methods_own_value() -> None:
    comparison = Comparison(Scenario(), own={"ftte": {"server_average": 0.9, "buffer": 4}})
    changed = comparison.set(server_average=0.5)
    assert changed.run("ftte").server_average == changed.run("fedbuff").server_average == 0.5
    assert changed.run("ftte").buffer == 4
