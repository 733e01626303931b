import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab.simulation import METHODS, Scenario


def test_json_and_back_is_the_same_scenario() -> None:
    s = Scenario(mix={"watch": 0.25, "phone": 0.75}, seed=7, alpha=0.3)
    again = Scenario.from_json(s.to_json())
    assert again == s
    assert again.digest() == s.digest()
    assert hash(again) == hash(s)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "clients": st.integers(30, 500),
            "alpha": st.none() | st.floats(0.01, 100),
            "straggler_share": st.floats(0, 1),
            "buffer": st.none() | st.integers(1, 50),
            "server_rate": st.floats(0.01, 10),
            "budget_kib": st.none() | st.floats(1, 1e6),
            "seed": st.integers(0, 2**32 - 1),
        },
    )
)
def test_any_valid_scenario_survives_json(changes: dict[str, Any]) -> None:
    s = Scenario(**changes)
    assert Scenario.from_json(s.to_json()) == s


def test_another_seed_is_another_digest() -> None:
    assert Scenario(seed=1).digest() != Scenario(seed=2).digest()


def test_methods_differ_only_in_server_and_subset() -> None:
    base = Scenario()
    server = {"method", *(key for settings in METHODS.values() for key in settings)}
    for name in METHODS:
        values = base.as_method(name).to_dict()
        assert values["method"] == name
        assert {k: v for k, v in values.items() if k not in server} == {
            k: v for k, v in base.to_dict().items() if k not in server
        }


def test_ftte_is_its_own_default() -> None:
    assert Scenario().as_method("ftte") == Scenario()


@pytest.mark.parametrize(
    ("field", "value", "names"),
    [
        ("data", "motions", ["motions", "digits", "Did you mean 'motion'?"]),
        ("clients", 1, ["clients = 1", "from 2"]),
        ("clients", 2.5, ["clients = 2.5", "whole number"]),
        ("alpha", 0, ["alpha = 0", "0.001"]),
        ("mix", {}, ["mix"]),
        ("mix", {"toaster": 1.0}, ["toaster", "sensor"]),
        ("mix", {"sensor": 0.6, "phone": 0.6}, ["1.2"]),
        ("straggler_share", 1.5, ["straggler_share = 1.5", "0 to 1"]),
        ("straggler_factor", 0.5, ["straggler_factor", "from 1"]),
        ("model", "resnet50", ["resnet50", "mcunet-s"]),
        ("batch", 0, ["batch = 0"]),
        ("client_rate", float("nan"), ["client_rate = nan"]),
        ("client_momentum", 1.0, ["client_momentum", "0.999"]),
        ("budget_kib", -3, ["budget_kib = -3"]),
        ("solver", "best", ["solver", "exact"]),
        ("concurrency", 101, ["concurrency = 101", "100"]),
        ("buffer", 0, ["buffer = 0", "None"]),
        ("refill", "never", ["arrival"]),
        ("over_select", 0.3, ["over_select", "step"]),
        ("max_staleness", -1, ["max_staleness"]),
        ("slow_class", 0, ["slow_class = 0 with alpha = None", "label skew"]),
        ("slow_class", -1, ["slow_class = -1", "from 0"]),
        ("exclude_small", "yes", ["exclude_small", "True or False"]),
        ("server_rate", 0, ["server_rate = 0"]),
        ("horizon_s", 0, ["horizon_s = 0"]),
        ("seed", -1, ["seed = -1"]),
    ],
)
def test_a_wrong_value_is_answered_with_what_why_and_how(
    field: str, value: Any, names: list[str]
) -> None:
    with pytest.raises(ValueError, match="allowed") as caught:
        Scenario(**{field: value})
    for part in names:
        assert part in str(caught.value)


def test_a_synchronous_buffer_cannot_exceed_the_concurrency() -> None:
    with pytest.raises(ValueError, match=r"buffer = 31; allowed: 1 to 30"):
        Scenario(refill="step", buffer=31)


def test_step_variance_needs_two_steps() -> None:
    with pytest.raises(ValueError, match="local_steps of at least 2"):
        Scenario(variance="steps", local_steps=1)


def test_unknown_fields_are_errors() -> None:
    with pytest.raises(ValueError, match="Did you mean 'buffer'"):
        Scenario().replace(bufer=3)
    with pytest.raises(ValueError, match="Did you mean 'clients'"):
        Scenario.from_json(json.dumps({"client": 3}))
    with pytest.raises(ValueError, match="no JSON"):
        Scenario.from_json("{")
    with pytest.raises(ValueError, match="a JSON object"):
        Scenario.from_json("[1]")
    with pytest.raises(ValueError, match="Did you mean 'fedavg'"):
        Scenario().as_method("fedavgg")
