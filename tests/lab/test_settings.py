"""Settings: what a Lab runs, and what it keeps of what a user set."""

from typing import Any

import pytest

from ftte_lab import Scenario, preset
from ftte_lab.lab import KNOBS, Lab, Settings
from ftte_lab.lab.settings import settings_of
from ftte_lab.simulation import SETTINGS


def test_settings_default_to_the_lab_preset() -> None:
    runs = Settings().runs()
    assert set(runs) == {"fedavg", "fedbuff", "fedbuff_average", "ftte"}
    assert runs["ftte"].server_rate == preset("lab").rates["ftte"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("staleness", "exponential"),
        ("subset", "full"),
        ("server_rate", 3.0),
        ("sample_exponent", 1.0),
        ("normalise", "count"),
        ("variance_exponent", 0.25),
        ("age_exponent", 2.0),
        ("max_staleness", 3),
        ("server_average", 0.9),
        ("correction", "proximal"),
    ],
)
def test_lab_keeps_what_a_user_set(field: str, value: Any) -> None:
    lab = Lab(Scenario(**{field: value}), mode="batch")
    assert getattr(lab.settings.runs()["ftte"], field) == value
    restored = Settings.restore(lab.code)
    assert getattr(restored.runs()["ftte"], field) == value


def test_lab_refuses_a_contradiction_in_words() -> None:
    synchronous = Scenario(refill="step", over_select=0.3)
    with pytest.raises(ValueError, match="refill = 'step' contradicts FTTE; allowed: 'arrival'"):
        settings_of(synchronous, ["ftte"]).runs()
    kept = settings_of(synchronous, ["fedavg"]).runs()["fedavg"]
    assert (kept.refill, kept.over_select) == ("step", 0.3)


def test_lab_keeps_a_presets_own_fields_of_one_method() -> None:
    lab = Lab("tiers", mode="batch")
    assert lab.settings.runs()["ftte"] == preset("tiers").run("ftte")
    assert lab.settings.runs()["ftte"].subset_per == "kind"
    assert Settings.restore(lab.code).runs() == lab.settings.runs()


def test_server_rate_set_by_hand_replaces_the_tuned_rates() -> None:
    settings = Settings().set(server_rate=1.0)
    assert {run.server_rate for run in settings.runs().values()} == {1.0}


def test_every_scenario_field_can_be_a_knob() -> None:
    assert set(KNOBS) == {*SETTINGS, "methods", "seeds"} - {"method"}
    lab = Lab(Scenario(), show=KNOBS, mode="batch")
    assert list(lab.controls.knobs) == list(KNOBS)
    for name, control in lab.controls.knobs.items():
        if name not in ("mix", "methods", "seeds"):
            assert control.widget.tooltip == SETTINGS[name].doc
            assert control.widget.description == SETTINGS[name].label
