"""Equal scenarios are one scenario, in whatever disguise a user's loop brings them."""

from __future__ import annotations

import copy
import json
import os
import pickle  # the standard way to copy between processes; the kit itself reads no pickle
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.devices import CATALOGUE, sample_fleet
from ftte_lab.simulation import SETTINGS, Scenario, run
from tests.fuzz.books import record_of
from tests.fuzz.draws import SMALL, valid_scenario

SCENARIOS = st.randoms(use_true_random=False).map(valid_scenario)
PLAIN = (int, float, bool, str, type(None))


def disguised(value: Any, rng: random.Random) -> Any:
    """Return an equal value as numpy, pandas, torch or another kind of number would hold it."""
    if isinstance(value, bool):
        return rng.choice([value, np.bool_(value), int(value), np.int8(value), np.array(value)])
    if isinstance(value, int):
        forms: list[Any] = [value, np.int64(value), np.array(value), torch.tensor(value)]
        forms += [float(value), np.float64(value)] if value < 2**53 else []
        forms += [np.uint8(value)] if value < 256 else []
        return rng.choice([*forms, pd.Series([value]).iloc[0], pd.Series([value, None]).iloc[0]])
    if isinstance(value, float):
        forms = [value, np.float64(value), np.array(value), pd.Series([value]).iloc[0]]
        forms += [np.float32(value)] if float(np.float32(value)) == value else []
        forms += [int(value), np.int64(value)] if value.is_integer() and value < 2**53 else []
        return rng.choice([*forms, -0.0] if value == 0 else forms)
    if isinstance(value, str):
        return rng.choice([value, np.str_(value), pd.Series([value]).iloc[0]])
    if isinstance(value, dict):
        names = list(value)
        rng.shuffle(names)
        mapping = {disguised(name, rng): disguised(value[name], rng) for name in names}
        return rng.choice([mapping, pd.Series(mapping)])
    return value


def copies(s: Scenario) -> list[Scenario]:
    """Return a scenario as it comes back from whatever copies, sends or saves it."""
    return [
        copy.copy(s),
        copy.deepcopy(s),
        pickle.loads(pickle.dumps(s)),  # noqa: S301 - just made
        Scenario.from_json(s.to_json()),
        Scenario.from_dict(s.to_dict()),
        Scenario.from_dict(json.loads(json.dumps(s.changes()))),
        s.replace(),
    ]


def assert_one(a: Scenario, b: Scenario) -> None:
    """Both are one scenario: for dictionaries, caches, files, and in what they look like."""
    assert a == b
    assert hash(a) == hash(b)
    assert a.digest() == b.digest()
    assert a.to_json() == b.to_json()
    assert repr(a) == repr(b)
    for part in ("start", "federation", "gains", "search"):
        assert a.key(part) == b.key(part)


@settings(deadline=None)
@given(SCENARIOS, st.randoms(use_true_random=False))
def test_a_scenario_in_disguise_is_the_same(s: Scenario, rng: random.Random) -> None:
    names = list(SETTINGS)
    rng.shuffle(names)
    values = s.to_dict()
    other = Scenario(**{name: disguised(values[name], rng) for name in names})
    assert_one(s, other)
    for name in SETTINGS:
        kept = getattr(other, name)
        members = [*kept, *kept.values()] if name == "mix" else [kept]
        assert all(type(member) in PLAIN for member in members), name


@settings(deadline=None)
@given(SCENARIOS)
def test_a_scenario_that_is_copied_or_sent_is_the_same(s: Scenario) -> None:
    for other in copies(s):
        assert_one(s, other)


@settings(deadline=None)
@given(SCENARIOS, SCENARIOS)
def test_scenarios_share_a_digest_only_if_they_are_equal(a: Scenario, b: Scenario) -> None:
    assert (a == b) == (a.digest() == b.digest())


def test_the_order_of_a_mix_is_that_of_the_catalogue_then_by_name() -> None:
    mine = dict.fromkeys(("zebra", "ant"), CATALOGUE["pi4"])
    order = list(CATALOGUE.ordered({"zebra": 1, "phone": 1, "ant": 1, "sensor": 1}))
    assert order == ["sensor", "phone", "ant", "zebra"]
    fleets = [
        sample_fleet(mix, 9, catalogue={**CATALOGUE, **mine}, seed=3).kind
        for mix in (
            {"zebra": 0.5, "ant": 0.25, "watch": 0.25},
            {"watch": 0.25, "ant": 0.25, "zebra": 0.5},
        )
    ]
    assert fleets[0] == fleets[1]


CHILD = """
import sys
from ftte_lab.simulation import Scenario, run
for line in sys.stdin:
    history = run(Scenario.from_json(line), processes=1)
    print(history.to_json())
"""


def test_a_disguise_and_another_process_give_the_same_run() -> None:
    """The fleet is dealt, and the run goes, as the scenario says, however it is written."""
    mix = {"phone": 0.3, "watch": 0.3, "esp32": 0.4}
    plain = Scenario(**SMALL).replace(mix=mix, jitter=0.5, seed=4)
    turned = plain.replace(
        mix=pd.Series(dict(reversed(mix.items()))), jitter=np.float64(0.5), seed=np.uint32(4)
    )
    assert run(plain, processes=1).to_json() == run(turned, processes=1).to_json()
    shuffled = json.dumps(dict(sorted(turned.to_dict().items(), key=lambda item: item[0][::-1])))
    done = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", CHILD],
        input=f"{shuffled}\n{plain.to_json()}\n",
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    here = run(plain, processes=1).to_json()
    assert done.stdout.splitlines() == [here, here]
    assert len(record_of(run(plain, processes=1))) == 64


@pytest.mark.parametrize("name", [n for n, one in SETTINGS.items() if one.kind == "bool"])
@pytest.mark.parametrize("value", ["True", 2, 0.5, None, [True]])
def test_what_only_looks_true_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name} = .*allowed: True or False"):
        Scenario(**{name: value})


STRANGE: dict[str, Any] = {
    "very many digits": 10**5000,
    "beyond floats": 10**400,
    "nan": float("nan"),
    "pandas' NA": pd.NA,
    "an array": np.array([1.0, 2.0]),
    "a long text": "x" * 10**6,
    "a list": [1],
    "bytes": b"1",
    "complex": 1j,
}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_value_of_any_kind_is_refused_in_one_short_sentence(kind: str) -> None:
    for name in SETTINGS:
        with pytest.raises(ValueError, match="allowed") as caught:
            Scenario(**{name: STRANGE[kind]})
        assert len(str(caught.value)) < 500
