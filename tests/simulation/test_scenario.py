import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab.simulation import FIRST_EDITION, GROUPS, METHODS, SETTINGS, Scenario, settings_page


def test_scenario_round_trips_through_json() -> None:
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
def test_valid_scenario_round_trips_through_json(changes: dict[str, Any]) -> None:
    s = Scenario(**changes)
    assert Scenario.from_json(s.to_json()) == s


def test_digest_depends_on_the_seed() -> None:
    assert Scenario(seed=1).digest() != Scenario(seed=2).digest()


def test_as_method_changes_only_what_the_method_gives() -> None:
    base = Scenario()
    for name in METHODS:
        values = base.as_method(name).to_dict()
        assert values["method"] == name
        changed = {k for k, v in values.items() if v != base.to_dict()[k]}
        assert changed <= {"method", *METHODS[name].given}


def test_default_scenario_is_ftte() -> None:
    assert Scenario().as_method("ftte") == Scenario()


@pytest.mark.parametrize(
    ("field", "value", "names"),
    [
        ("data", "motions", ["motions", "digits", "Did you mean 'motion'?"]),
        ("clients", 1, ["clients = 1", "from 2"]),
        ("clients", 2.5, ["clients = 2.5", "an integer from 2 to 1,000,000"]),
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
def test_wrong_value_is_explained(field: str, value: Any, names: list[str]) -> None:
    with pytest.raises(ValueError, match="allowed") as caught:
        Scenario(**{field: value})
    for part in names:
        assert part in str(caught.value)


def test_synchronous_buffer_is_at_most_the_concurrency() -> None:
    with pytest.raises(ValueError, match=r"buffer = 31; allowed: 1 to 30"):
        Scenario(refill="step", buffer=31)


def test_step_variance_needs_two_steps() -> None:
    with pytest.raises(ValueError, match="local_steps of at least 2"):
        Scenario(variance="steps", local_steps=1)


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="Did you mean 'buffer'"):
        Scenario().replace(bufer=3)
    with pytest.raises(ValueError, match="Did you mean 'clients'"):
        Scenario.from_json(json.dumps({"client": 3}))
    with pytest.raises(ValueError, match="not JSON"):
        Scenario.from_json("{")
    with pytest.raises(ValueError, match="a JSON object"):
        Scenario.from_json("[1]")
    with pytest.raises(ValueError, match="Did you mean 'fedavg'"):
        Scenario().as_method("fedavgg")


def test_every_setting_is_described_and_its_default_is_allowed() -> None:
    for name, one in SETTINGS.items():
        assert one.doc.endswith("."), name
        assert one.label, name
        assert one.group in GROUPS, name
        assert bool(one.none) == one.optional, name
        one.check(one.default)
        assert str(one.allowed()) in str(Scenario.help(name))


@given(st.sampled_from(sorted(SETTINGS)), st.floats(0, 1))
def test_numbers_are_checked_at_their_bounds(name: str, share: float) -> None:
    one = SETTINGS[name]
    if one.kind not in ("int", "float") or one.choices is not None:
        return
    low, high = one.low or 0, one.high if one.high is not None else 1e12
    inside = low + share * (high - low)
    one.check(round(inside) if one.kind == "int" else inside)
    for outside in (low - 1, high * 2 + 1, float("nan"), "3", True):
        with pytest.raises(ValueError, match=f"^{name} = "):
            one.check(outside)


def test_settings_of_a_later_edition_keep_earlier_digests() -> None:
    later = [name for name, one in SETTINGS.items() if one.edition > 1]
    assert later
    assert Scenario(**FIRST_EDITION).digest() == "c5fe9d3926c9e40f"
    assert Scenario(correction="proximal").digest() != Scenario().digest()


def test_key_covers_the_fields_that_affect_a_part() -> None:
    s = Scenario()
    for name, one in SETTINGS.items():
        if one.kind not in ("int", "float") or one.choices is not None or not one.affects:
            continue
        inside = one.low or 0
        value = int(inside) + 5 if one.kind == "int" else inside + 0.5
        changes: dict[str, Any] = {"alpha": 0.4, "concurrency": 4, name: value}
        other = Scenario(**changes)
        base = Scenario(alpha=0.4, concurrency=4)
        for part in ("start", "federation", "gains", "search"):
            same = other.key(part) == base.key(part)
            changed = other.to_dict()[name] != base.to_dict()[name]
            assert same == (part not in one.affects or not changed), (name, part)
    assert s.key("start") == s.replace(buffer=3, alpha=0.1).key("start")


def test_help_lists_groups_and_refuses_unknown_names() -> None:
    text = str(Scenario.help())
    for heading in GROUPS.values():
        assert heading in text
    for name in SETTINGS:
        assert name in text
    with pytest.raises(ValueError, match="Did you mean 'buffer'"):
        Scenario.help("bufer")


def test_html_shows_only_what_differs() -> None:
    html = Scenario(buffer=3, data="digits")._repr_html_()
    assert "buffer = 3" in html
    assert "data = &#x27;digits&#x27;" in html
    assert "concurrency" not in html


def test_settings_page_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "scenario.md"
    assert page.read_text(encoding="utf-8") == settings_page(), "run `make docs`"
