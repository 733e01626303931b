"""Share codes and settings: round trips, and damage."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab.experiments import PRESETS, Comparison
from ftte_lab.lab import Settings
from ftte_lab.lab import share_code as share
from ftte_lab.lab.settings import settings_of
from ftte_lab.simulation import METHODS, Scenario

ALPHABET = string.ascii_letters + string.digits + "-_"


def some_settings() -> st.SearchStrategy[Settings]:
    scenarios = st.builds(
        Scenario,
        seed=st.integers(0, 2**32 - 11),
        buffer=st.integers(1, 50),
        budget_kib=st.none() | st.floats(64, 2048),
        alpha=st.none() | st.floats(0.01, 100),
        straggler_share=st.floats(0, 1),
        horizon_s=st.floats(1, 1e5),
        mix=st.sampled_from(
            [{"sensor": 0.5, "watch": 0.5}, {"phone": 1.0}, {"pi4": 0.07, "jetson": 0.93}]
        ),
    )
    methods = st.lists(st.sampled_from(list(METHODS)), min_size=1, unique=True).map(tuple)
    comparisons = st.builds(
        Comparison,
        scenario=scenarios,
        methods=methods,
        rates=st.dictionaries(st.sampled_from(list(METHODS)), st.floats(0.01, 10)),
        own=st.sampled_from([{}, {"ftte": {"subset_per": "kind", "server_average": 0.9}}]),
    )
    return st.builds(
        Settings,
        comparison=comparisons,
        seeds=st.integers(1, 10),
        over=st.just("updates"),
    )


@given(some_settings())
def test_settings_round_trip_through_code_and_file(settings: Settings) -> None:
    for text in (settings.code(), settings.to_json(), f"  {settings.code()}\n"):
        again = Settings.restore(text)
        assert again == settings
        assert {n: s.digest() for n, s in again.runs().items()} == {
            n: s.digest() for n, s in settings.runs().items()
        }


def test_code_is_short() -> None:
    assert len(Settings().code()) < 40
    mix = {"watch": 0.3, "phone": 0.7}
    changed = PRESETS["lab"].set(seed=7, buffer=5, budget_kib=300.0, mix=mix)
    assert len(Settings(changed).code()) < 90


def test_code_of_the_first_version_is_still_read() -> None:
    first = "ftte1-G02zqyZkHtQQbHGNNVGgeAfsEpA_dZB8Z4DiOwNU3yE5DTk5GpkYGOgZ1CI8Y4BIY2DttQA"
    opened = Settings.restore(first)
    assert opened.scenario == Scenario(horizon_s=2400.0, variance_exponent=1.0)
    assert Settings.restore(opened.code()) == opened


def test_file_of_the_first_edition_has_its_defaults() -> None:
    written = json.loads(Settings().set(horizon_s=50.0).to_json())
    later = Settings.restore(json.dumps(written))
    first = Settings.restore(json.dumps({**written, "format": "ftte_lab settings 1"}))
    exponents = (later.scenario.variance_exponent, first.scenario.variance_exponent)
    assert exponents == (0.25, 1.0)


@given(st.data())
def test_code_with_a_typing_error_is_refused(data: st.DataObject) -> None:
    code = Settings().code()
    at = data.draw(
        st.integers(len(share.PREFIX), len(code) - 2)
    )  # the last one carries bits that are not used
    other = data.draw(st.sampled_from([c for c in ALPHABET if c != code[at]]))
    with pytest.raises(ValueError, match="cut off or mistyped"):
        share.decode(code[:at] + other + code[at + 1 :])


@pytest.mark.parametrize(
    "damage",
    ["", "x", "ftte1-", "ftte2-%%%", "ftte3-abc", "FTTE2-abc", Settings().code()[:-3]],
)
def test_damaged_code_is_refused_in_words(damage: str) -> None:
    with pytest.raises(ValueError, match=r"allowed: .*\. Copy it again"):
        share.decode(damage)


def test_code_of_too_much_content_is_refused() -> None:
    with pytest.raises(ValueError, match="cut off or mistyped"):
        share.decode(share.encode({"x": "a" * 200_000}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"scenarios": {}}, "setting = 'scenarios' is not known"),
        ({"scenario": {"bufer": 3}}, "Did you mean 'buffer'"),
        ({"scenario": 3}, "the scenario is not an object"),
        ({"methods": "ftte"}, "methods = 'ftte'"),
        ({"methods": ["fttee"]}, "Did you mean 'ftte'"),
        ({"methods": []}, "no method is chosen"),
        ({"seeds": 0}, "seeds = 0"),
        ({"over": "time"}, "over = 'time'"),
        ({"rates": {"ftte": "fast"}}, "a number per method"),
        ({"metric": 4}, "metric = 4"),
        ({"scenario": {"seed": 2**32 - 1}, "seeds": 2}, "the last seed"),
    ],
)
def test_restore_explains_wrong_content(content: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings.restore(share.encode(content))


def test_restore_refuses_foreign_files() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        Settings.restore("{")
    with pytest.raises(ValueError, match="no settings of a Lab"):
        Settings.restore(json.dumps({"a": 1}))


def test_settings_of_accepts_all_descriptions() -> None:
    assert settings_of("lab").scenario == PRESETS["lab"].scenario
    assert settings_of(PRESETS["digits"]).comparison == PRESETS["digits"]
    assert settings_of(Scenario(seed=3), ["ftte"]).methods == ("ftte",)
    assert settings_of(Settings(seeds=2).code()).seeds == 2
    with pytest.raises(ValueError, match="Did you mean 'default'"):
        settings_of("defualt")
    with pytest.raises(ValueError, match="a Lab of int"):
        settings_of(3)  # type: ignore[arg-type]


def test_runs_give_each_method_its_own_fields() -> None:
    comparison = Comparison(Scenario(), rates={"ftte": 1.5})
    settings = Settings(comparison).set(
        age_exponent=2.0, variance_exponent=0.5, buffer=7, budget_kib=300.0
    )
    runs = settings.replace(methods=tuple(METHODS)).runs(3)
    assert {s.seed for s in runs.values()} == {3}
    assert [runs[n].buffer for n in ("fedavg", "fedasync", "fedbuff", "ftte")] == [None, 1, 7, 7]
    assert [runs[n].age_exponent for n in ("fedasync", "fedbuff", "ftte")] == [2.0] * 3
    assert [runs[n].variance_exponent for n in ("fedbuff", "ftte")] == [0.0, 0.5]
    assert runs["ftte"].server_rate == 1.5
