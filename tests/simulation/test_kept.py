"""What `prepare` keeps on disk is what it would have made, to the last bit."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from ftte_lab._common import DiskCache, InterruptedWorkError, interruptible
from ftte_lab.data import SOURCES, Source
from ftte_lab.simulation import Prepared, Scenario, kept, prepare, tiers
from ftte_lab.simulation.workers.run_messages import fingerprint
from tests.tiny import TINY

federation = importlib.import_module("ftte_lab.simulation.federation")
WARM = TINY.replace(
    data="motion", model="cnn", warm_start_steps=6, samples_per_client=8, budget_kib=200.0
).as_method("ftte")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(kept, "_cache", DiskCache(tmp_path, 64 << 20, worth_s=0.0))
    yield tmp_path
    forget()


def forget() -> None:
    """Forget what this process has prepared."""
    federation._starts.clear()
    federation._federations.clear()
    tiers._chosen.cache_clear()
    tiers._gains.cache_clear()


def _made(scenario: Scenario) -> Prepared:
    forget()
    return prepare(scenario)


def test_kept_parts_have_the_same_bits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _made(WARM)
    written = len(list(folder.iterdir()))
    assert written == 4  # data, warm start, gains, choice

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it is kept")

    for module, name in ((federation, "load"), (federation, "_warm_start"), (tiers, "measure")):
        monkeypatch.setattr(module, name, refuse)
    again = _made(WARM)
    assert again is not first
    assert again.choice == first.choice
    assert repr(again.choice) == repr(first.choice)
    assert fingerprint(again) == fingerprint(first)
    for name, value in first.federation.params.items():
        assert torch.equal(again.federation.params[name], value)
    assert list(again.federation.params) == list(first.federation.params)
    for name, array in vars(first.federation.dataset).items():
        other = getattr(again.federation.dataset, name)
        assert type(other) is type(array)
        if isinstance(array, np.ndarray):
            assert other.dtype == array.dtype
            assert np.array_equal(other, array)
        else:
            assert other == array
    assert len(list(folder.iterdir())) == written


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"warm_start_steps": 7}, {"client_rate": 0.02}, {"budget_kib": 190.0}]
)
def test_another_setting_has_another_file(change: dict[str, float], folder: Path) -> None:
    _made(WARM)
    before = set(folder.iterdir())
    kept_one = _made(WARM.replace(**change))
    assert set(folder.iterdir()) > before
    kept.forget_prepared()
    assert fingerprint(_made(WARM.replace(**change))) == fingerprint(kept_one)


def test_what_is_registered_here_is_not_kept(folder: Path) -> None:
    SOURCES["mine"] = Source("mine", SOURCES["digits"].load, offline=True)
    _made(TINY.replace(data="mine").as_method("ftte"))
    assert list(folder.iterdir()) == []


def test_nothing_is_kept_unless_it_was_asked_for(tmp_path: Path) -> None:
    assert kept.kept_in() is None
    kept.keep_prepared(tmp_path)
    assert kept.kept_in() == tmp_path
    kept.forget_prepared()
    assert kept.kept_in() is None


@pytest.mark.parametrize("questions", [5, 60])  # within the data, within the warm start
def test_a_slow_preparation_ends_when_nobody_wants_it(questions: int) -> None:
    forget()
    asked = 0

    def unwanted() -> bool:
        nonlocal asked
        asked += 1
        return asked >= questions

    with pytest.raises(InterruptedWorkError), interruptible(unwanted):
        prepare(WARM.replace(warm_start_steps=500))
    assert asked == questions
    forget()
