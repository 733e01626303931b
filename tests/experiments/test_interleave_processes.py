"""Worker processes that compute whole runs: the same events to the last bit, whatever happens."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftte_lab.experiments import LostRunError, TimedEvent, interleave
from ftte_lab.server import STALENESS
from ftte_lab.simulation import Evaluated, Finished, Prepared, Ready, Stepped, prepare
from ftte_lab.simulation.workers import pool, run_pool, run_worker
from ftte_lab.simulation.workers.run_worker import AHEAD, RemoteRun, RunWorker
from tests.hurt import INJURIES
from tests.tiny import TINY

LONGER = TINY.replace(horizon_s=150.0, evaluations=40)
module = sys.modules["ftte_lab.experiments.interleave"]

pytestmark = pytest.mark.skipif(
    not pool.workers_possible(), reason="this system has no worker processes"
)


def words(timed: TimedEvent) -> tuple[Any, ...]:
    """Return all digits of an event."""
    event = timed.event
    what: tuple[Any, ...] = ()
    if isinstance(event, Evaluated):
        what = (repr(dict(event.point)), event.clients.tobytes())
    elif isinstance(event, Stepped):
        arrays = (event.clients, event.ages, event.variances, event.weights)
        bits = [(array.dtype.str, array.tobytes()) for array in arrays]
        what = (event.version, event.sim_seconds, dict(event.rejected), bits)
    elif isinstance(event, Finished):
        facts = repr(sorted(event.history.facts.items()))
        params = [(name, value.numpy().tobytes()) for name, value in event.params.items()]
        what = (event.history.to_json(), facts, event.history.points.to_csv(), params)
    return (timed.name, timed.settled, type(event).__name__, *what)


@pytest.fixture(scope="module")
def runs() -> dict[str, Prepared]:
    """Return three methods with two seeds each."""
    return {
        f"{name} {seed}": prepare(LONGER.replace(seed=seed).as_method(name))
        for seed in (0, 1)
        for name in ("fedavg", "fedbuff", "ftte")
    }


@pytest.fixture(scope="module")
def right(runs: dict[str, Prepared]) -> list[tuple[Any, ...]]:
    return [words(timed) for timed in interleave(runs)]


@pytest.fixture
def workers() -> list[RunWorker]:
    """Return two workers that have started."""
    run_pool.warm_up(2)
    end = time.monotonic() + 120
    while not all(worker.ready for worker in run_pool.run_workers()):
        assert time.monotonic() < end
        time.sleep(0.05)
        run_pool.warm_up(2)
    return run_pool.run_workers()


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use two workers, and never refuse to compute again, however busy the machine is."""
    monkeypatch.setattr(module, "_REDO_S", 1e9)
    monkeypatch.setattr(run_pool, "cores", lambda most=None: 2)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Collect the events that workers sent."""
    found: list[object] = []
    read = RemoteRun.next

    def seen(self: RemoteRun, version: int) -> object:
        event = read(self, version)
        if event is not None:
            found.append(event)
        return event

    monkeypatch.setattr(RemoteRun, "next", seen)
    return found


def test_workers_give_the_same_events_bit_by_bit(
    runs: dict[str, Prepared],
    right: list[tuple[Any, ...]],
    workers: list[RunWorker],
    sent: list[object],
) -> None:
    assert [words(timed) for timed in interleave(runs, processes=2)] == right
    assert len(sent) == len(right) - len(runs)  # all but what is known without them
    assert run_pool.run_workers() == workers  # kept for the next runs


def test_runs_move_to_workers_that_start_late(
    runs: dict[str, Prepared],
    right: list[tuple[Any, ...]],
    workers: list[RunWorker],
    sent: list[object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = iter(range(100))
    monkeypatch.setattr(RunWorker, "ready", property(lambda self: next(asked, 100) > 60))
    assert [words(timed) for timed in interleave(runs, processes=2)] == right
    assert 0 < len(sent) < len(right) - len(runs)


@pytest.mark.parametrize("injury", INJURIES)
def test_a_hurt_worker_changes_no_digit(
    injury: str, runs: dict[str, Prepared], right: list[tuple[Any, ...]], workers: list[RunWorker]
) -> None:
    """Nothing is timed here: a worker that hung would hang the test."""
    rng, over = random.Random(f"{injury} 2"), threading.Event()  # noqa: S311
    found, thread = [], None
    for k, timed in enumerate(interleave(runs, processes=2)):
        found.append(words(timed))
        if k == 20:
            thread = threading.Thread(target=_hurt, args=(injury, workers[0], rng, over))
            thread.start()
    over.set()
    assert thread is not None
    thread.join()
    assert found == right


def _hurt(injury: str, worker: RunWorker, rng: random.Random, over: threading.Event) -> None:
    with contextlib.suppress(OSError):  # it has ended meanwhile
        INJURIES[injury](worker, rng, over)


def test_a_run_lost_late_is_refused_in_words(
    runs: dict[str, Prepared], workers: list[RunWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REDO_S", -1.0)
    events = interleave(runs, processes=2)
    for _ in range(20):
        next(events)
    for worker in workers:
        os.kill(worker.process.pid, signal.SIGKILL)
    with pytest.raises(LostRunError, match=r"ended from outside .* Run again\."):
        list(events)


def test_a_worker_that_prepares_something_else_is_not_used(
    runs: dict[str, Prepared],
    right: list[tuple[Any, ...]],
    workers: list[RunWorker],
    sent: list[object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_worker, "fingerprint", lambda prepared: b"else")
    assert [words(timed) for timed in interleave(runs, processes=2)] == right
    assert not sent


def test_workers_are_not_far_ahead_and_end_at_once(
    runs: dict[str, Prepared], right: list[tuple[Any, ...]], workers: list[RunWorker]
) -> None:
    race = interleave(runs, processes=2)
    assert isinstance(next(race).event, Ready)
    remote = [run for worker in workers for run in worker.runs.values()]
    assert len(remote) == len(runs)
    before, found = -1, 0
    while found != before:  # until no more comes
        for _ in range(10):
            for worker in workers:
                worker.wait()
        before, found = found, sum(len(run._events) for run in remote)
    assert found > len(runs)
    assert all(len(run._events) <= AHEAD for run in remote)
    race.close()
    assert all(not worker.runs for worker in workers)
    assert list(race) == []
    assert [words(timed) for timed in interleave(runs, processes=2)] == right
    assert run_pool.run_workers() == workers


def test_names_of_this_process_are_computed_here(
    workers: list[RunWorker], sent: list[object]
) -> None:
    STALENESS["mine"] = lambda age, exponent, hinge_at: age * 0.0 + 1.0
    own = TINY.replace(staleness="mine")
    runs = {name: prepare(own.as_method(name)) for name in ("fedbuff", "ftte")}
    assert isinstance(list(interleave(runs, processes=2))[-1].event, Finished)
    assert not sent


def test_one_core_and_no_room_for_a_process_mean_this_process(
    runs: dict[str, Prepared],
    right: list[tuple[Any, ...]],
    sent: list[object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_pool.stop_run_workers()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("subprocess.Popen", refuse)
    assert [words(timed) for timed in interleave(runs, processes=2)] == right
    assert run_pool.run_workers() == []
    monkeypatch.setattr(module, "cores", lambda most=None: 1)
    assert [words(timed) for timed in interleave(runs, processes=None)] == right
    assert not sent


def test_interleave_explains_wrong_processes(runs: dict[str, Prepared]) -> None:
    with pytest.raises(ValueError, match="processes = 0"):
        interleave(runs, processes=0)


_PARENT = """
import sys, time
from ftte_lab.experiments import interleave
from ftte_lab.simulation import prepare
from ftte_lab.simulation.workers import run_pool
from tests.tiny import TINY
run_pool.cores = lambda most=None: 2
runs = {n: prepare(TINY.replace(horizon_s=1e5).as_method(n)) for n in ("fedbuff", "ftte")}
race = interleave(runs, processes=2)
for _ in range(10):
    next(race)
print(*[worker.process.pid for worker in run_pool.run_workers()], flush=True)
for _ in race:
    pass
"""


def _alive(pid: int) -> bool:
    """Report whether a process is there; one that has ended but was not waited for is not."""
    with contextlib.suppress(OSError):
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _PARENT],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    yield process
    process.kill()
    process.wait()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_no_worker_outlives_a_parent_that_was_killed(parent: subprocess.Popen[str]) -> None:
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(map(_alive, pids))
    parent.kill()
    end = time.monotonic() + 60
    while any(map(_alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(_alive, pids))
