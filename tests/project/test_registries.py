"""Open registries: a student's entry reaches Scenario, Lab, charts and workers, or is refused."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ftte_lab import Scenario, run, run_all
from ftte_lab._common import Registry
from ftte_lab.data import SOURCES, Source, load
from ftte_lab.devices import CATALOGUE
from ftte_lab.experiments import sweep
from ftte_lab.lab import Lab
from ftte_lab.models import MODELS
from ftte_lab.server import CORRECTIONS, MEASURES, SOLVERS, STALENESS
from ftte_lab.simulation import METHODS, Method
from tests.tiny import TINY

OWN = "mine"


def digits_again(people: int | None, samples: int | None, seed: int) -> Any:
    loaded = load("digits", people=people, samples_per_person=samples, seed=seed)
    return dataclasses.replace(loaded, name=OWN)


def smallest_first(problem: Any, seed: int) -> dict[str, int]:
    counts = dict(problem.required)
    for name, channels, _ in problem.options:
        wider = {**counts, name: channels}
        if name not in counts and problem.fits(wider):
            counts = wider
    return counts


def size_as_gain(model: Any, params: Any, x: Any, y: Any) -> dict[str, Any]:
    return {
        name: np.ones(info.channels if info.kind == "weight" else 1)
        for name, info in model.tensors.items()
    }


def two_layers(b: Any, classes: int) -> None:
    b.linear("hidden", 16, relu=True)
    b.linear("head", classes)


ENTRIES: dict[str, tuple[Registry[Any], Any, dict[str, Any]]] = {
    "staleness": (STALENESS, lambda age, a, b: 1 / (1 + a * age), {"staleness": OWN}),
    "solver": (SOLVERS, smallest_first, {"solver": OWN}),
    "measure": (MEASURES, size_as_gain, {"contribution": OWN}),
    "data": (SOURCES, Source("digits again", digits_again), {"data": OWN}),
    "model": (MODELS, two_layers, {"model": OWN}),
    "kind": (
        CATALOGUE,
        dataclasses.replace(CATALOGUE["pi4"], name=OWN, ram_bytes=256 * 1024),
        {"mix": {"sensor": 0.5, OWN: 0.5}},
    ),
    "method": (METHODS, Method(OWN, "Mine", "a test", without={"buffer": 2}), {"method": OWN}),
}


@pytest.fixture(params=sorted(ENTRIES))
def own(request: pytest.FixtureRequest) -> Iterator[Scenario]:
    registry, entry, changes = ENTRIES[request.param]
    registry[OWN] = entry
    scenario = TINY.as_method(OWN) if request.param == "method" else TINY.replace(**changes)
    yield scenario
    del registry[OWN]


def test_own_entry_runs_with_and_without_workers(own: Scenario) -> None:
    alone = run(own, processes=1)
    assert run(own, processes=2).to_json() == alone.to_json()
    assert alone.points["accuracy"].iloc[-1] > 0.1
    assert Scenario.from_json(own.to_json()) == own
    assert own.own_names()


def test_own_entry_reaches_the_lab_and_its_charts(own: Scenario) -> None:
    lab = Lab(own, methods=[own.method], mode="batch", charts=[])
    assert list(lab.result()) == [own.method]
    for chart in ("fleet", "curves", "memory", "subset", "bytes", "gantt", "staleness", "weights"):
        assert lab.figure(chart).png()[:4] == b"\x89PNG"
    assert Lab(lab.code, mode="batch").settings == lab.settings


def test_own_entry_is_refused_in_other_processes(own: Scenario, tmp_path: Any) -> None:
    two = {"a": own, "b": own.replace(seed=1)}
    with pytest.raises(ValueError, match=r"registered in this process only.*processes=1"):
        run_all(two, processes=2)
    assert list(run_all(two)) == ["a", "b"]
    with pytest.raises(ValueError, match="registered in this process only"):
        sweep(two.values(), tmp_path, progress=False)


def test_entry_set_again_is_noticed_by_every_cache() -> None:
    SOLVERS[OWN] = smallest_first
    try:
        first = run(TINY.replace(solver=OWN)).facts["trained_parameters"]
        SOLVERS[OWN] = lambda problem, seed: dict(problem.required)
        second = run(TINY.replace(solver=OWN)).facts["trained_parameters"]
    finally:
        del SOLVERS[OWN]
    assert second < first
    MODELS[OWN] = two_layers
    try:
        first = run(TINY.replace(model=OWN)).facts["parameters"]
        MODELS[OWN] = lambda b, classes: b.linear("head", classes)
        second = run(TINY.replace(model=OWN)).facts["parameters"]
    finally:
        del MODELS[OWN]
    assert second < first


def test_removed_entry_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="staleness = 'mine' is not known"):
        TINY.replace(staleness=OWN)


@pytest.mark.parametrize(
    "registry", [STALENESS, SOLVERS, MEASURES, SOURCES, MODELS, CATALOGUE, METHODS, CORRECTIONS]
)
def test_shipped_entries_stay(registry: Registry[Any]) -> None:
    name = next(iter(registry))
    with pytest.raises(ValueError, match="is shipped; allowed: a name of your own"):
        registry[name] = registry[name]
    with pytest.raises(ValueError, match="is shipped"):
        del registry[name]
    with pytest.raises(ValueError, match="allowed"):
        registry[OWN] = 3
    assert OWN not in registry
