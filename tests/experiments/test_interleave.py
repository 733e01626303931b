"""Merge the events of several runs in the order of virtual time."""

from itertools import pairwise

import pytest

from ftte_lab.experiments import TimedEvent, interleave
from ftte_lab.simulation import Evaluated, Finished, Prepared, Ready, Stepped, prepare, run
from tests.tiny import TINY

METHODS = ("fedavg", "fedbuff", "fedasync", "ftte")


@pytest.fixture(scope="module")
def prepared() -> dict[str, Prepared]:
    return {name: prepare(TINY.as_method(name)) for name in METHODS}


@pytest.fixture(scope="module")
def events(prepared: dict[str, Prepared]) -> list[TimedEvent]:
    return list(interleave(prepared))


def test_interleave_gives_each_run_its_own_numbers(
    prepared: dict[str, Prepared], events: list[TimedEvent]
) -> None:
    finished = {h.name: h.event.history for h in events if isinstance(h.event, Finished)}
    assert set(finished) == set(METHODS)
    for name in METHODS:
        assert finished[name].to_json() == run(prepared[name], processes=1).to_json()


def test_interleave_orders_steps_and_evaluations(
    events: list[TimedEvent],
) -> None:
    steps = [h.event.sim_seconds for h in events if isinstance(h.event, Stepped)]
    assert steps == sorted(steps)
    assert len({h.name for h in events[:40]}) == len(METHODS)
    for before, after in pairwise(events):
        if not before.settled and isinstance(before.event, Stepped):
            assert after.name == before.name
            assert isinstance(after.event, Evaluated)
            assert after.event.point["version"] == before.event.version
        if isinstance(after.event, Evaluated) and after.event.point["version"] > 0:
            assert not before.settled


def test_interleave_can_be_closed_at_any_time(prepared: dict[str, Prepared]) -> None:
    runs = interleave(prepared)
    assert isinstance(next(runs).event, Ready)
    runs.close()
    with pytest.raises(ValueError, match="no run to interleave"):
        next(interleave({}))
