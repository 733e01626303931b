"""What is kept between runs is bounded in bytes: turning a knob does not fill the memory."""

import gc
import importlib
import weakref

import pytest

from ftte_lab._common import SizedCache
from ftte_lab.simulation import prepare
from tests.tiny import TINY

module = importlib.import_module("ftte_lab.simulation.federation")


def test_old_data_sets_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepare(TINY.as_method("ftte")).federation.start
    most = int(2.5 * module._start_bytes(first))
    assert most > 10_000
    size = module._start_bytes
    monkeypatch.setattr(module, "_starts", SizedCache(most, size))
    monkeypatch.setattr(module, "_federations", SizedCache(most, lambda f: size(f.start)))
    del first
    known = [
        weakref.ref(prepare(TINY.replace(seed=k).as_method("ftte")).federation.start)
        for k in range(8)
    ]
    gc.unfreeze()
    gc.collect()
    assert [k for k, ref in enumerate(known) if ref() is not None] == [6, 7]


def test_methods_still_share_one_federation() -> None:
    runs = [prepare(TINY.as_method(name)) for name in ("ftte", "fedavg", "fedbuff")]
    assert len({id(run.federation) for run in runs}) == 1
