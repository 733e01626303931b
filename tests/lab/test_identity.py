"""Equal comparisons and settings of a Lab are one, in whatever order and kind they are given."""

from __future__ import annotations

import copy
import pickle  # the standard way to copy between processes; the kit itself reads no pickle
import random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.experiments import Comparison
from ftte_lab.lab import Settings
from ftte_lab.simulation import AXES, METHODS, SETTINGS
from tests.fuzz.draws import draw_value, valid_scenario
from tests.simulation.test_identity import disguised


def some_parts(rng: random.Random) -> dict[str, Any]:
    """Draw what a comparison and the settings of a Lab are made of."""
    names = list(METHODS)
    own = {
        method: {
            name: draw_value(SETTINGS[name], rng, small=False)
            for name in rng.sample(sorted(SETTINGS), 3)
        }
        for method in rng.sample(names, 2)
    }
    return {
        "methods": tuple(rng.sample(names, rng.randint(1, len(names)))),
        "rates": {name: rng.choice([1.0, 0.25, 2.5]) for name in rng.sample(names, 3)},
        "own": own,
        "seeds": rng.randint(1, 10),
        "over": rng.choice(AXES),
    }


def shuffled(mapping: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Return a mapping in another order, with its values in disguise."""
    names = list(mapping)
    rng.shuffle(names)
    return {np.str_(name): disguised(mapping[name], rng) for name in names}


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_settings_in_disguise_are_the_same(rng: random.Random) -> None:
    scenario, parts = valid_scenario(rng).replace(seed=rng.randint(0, 99)), some_parts(rng)
    plain = Settings(
        Comparison(scenario, parts["methods"], parts["rates"], parts["own"]),
        seeds=parts["seeds"],
        over=parts["over"],
    )
    own: dict[Any, Any] = {
        np.str_(name): shuffled(parts["own"][name], rng) for name in reversed(list(parts["own"]))
    }
    seeds: Any = np.int64(parts["seeds"])
    other = Settings(
        Comparison(
            type(scenario)(**shuffled(scenario.to_dict(), rng)),
            tuple(map(np.str_, reversed(parts["methods"]))),
            shuffled(parts["rates"], rng),
            own,
        ),
        seeds=seeds,
        over=np.str_(parts["over"]),
    )
    again = [
        other,
        copy.copy(plain),
        copy.deepcopy(plain),
        pickle.loads(pickle.dumps(plain)),  # noqa: S301 - just made
        Settings.restore(plain.code()),
        Settings.restore(plain.to_json()),
    ]
    for one in again:
        assert one == plain
        assert hash(one) == hash(plain)
        assert one.code() == plain.code()
        assert one.to_json() == plain.to_json()
        assert repr(one.comparison.rates) == repr(plain.comparison.rates)
