"""Keep the processes that compute whole runs: started once, used by one race after the other."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import threading
from collections.abc import Mapping, Sequence

from ftte_lab._common import MOST_HELPERS, cores
from ftte_lab.simulation.prepared import Prepared
from ftte_lab.simulation.workers.pool import workers_possible
from ftte_lab.simulation.workers.run_worker import RemoteRun, RunWorker

_idle: list[RunWorker] = []
_lent: list[RunWorker] = []
_guard = threading.Lock()  # several Labs share the workers
_races = itertools.count()


@atexit.register
def stop_run_workers() -> None:
    """End all workers that wait for runs."""
    with _guard:
        workers, _idle[:] = list(_idle), []
    for worker in workers:
        worker.stop()


if hasattr(os, "register_at_fork"):
    # A fork of this process must not talk to its workers.
    os.register_at_fork(after_in_child=_idle.clear)


def run_workers() -> list[RunWorker]:
    """Return all workers of this process."""
    with _guard:
        return [*_idle, *_lent]


def warm_up(most: int | None = None) -> None:
    """Start workers that are not there yet; they import what they need in the background.

    Args:
        most: how many workers at most; `None`: as many as there are cores, 8 at most.
    """
    wanted = min(most or MOST_HELPERS, cores(MOST_HELPERS))
    if wanted < 2 or not workers_possible():
        return
    with _guard:
        for worker in [one for one in _idle if not _usable(one)]:
            _idle.remove(worker)
        # Without room for a process, this one does all of the work.
        with contextlib.suppress(OSError):
            while len(_idle) + len(_lent) < wanted:
                _idle.append(RunWorker.start())


def _usable(worker: RunWorker) -> bool:
    """Return whether a worker lives; one without work ends by itself after a long time."""
    worker.collect()
    return worker.alive


class Race:
    """Hold the workers that compute some runs at the same time, each of them several runs.

    Args:
        loads: the expected seconds of each run; longer runs are given out first.
        most: how many workers at most.
    """

    def __init__(self, loads: Mapping[int, float], most: int) -> None:
        self.number = next(_races)
        warm_up(most)
        with _guard:
            self.workers = [_idle.pop(0) for _ in range(min(most, len(loads), len(_idle)))]
            _lent.extend(self.workers)
        self._worker_of = _assigned(loads, self.workers)

    def begin(
        self, number: int, prepared: Prepared, skip: int, processes: int = 1
    ) -> RemoteRun | None:
        """Have a run computed, if its worker takes orders already; else return `None`.

        Args:
            number: of the run.
            prepared: the run.
            skip: how many of its events after `Ready` are known.
            processes: how many may train, as for `simulate`.
        """
        worker = self._worker_of.get(number)
        if worker is None or not worker.ready:
            return None
        return worker.begin(self.number, number, prepared, skip, processes)

    def hopeless(self, number: int) -> bool:
        """Return whether a run has no worker, or one that was given up."""
        worker = self._worker_of.get(number)
        return worker is None or not worker.alive

    def close(self) -> None:
        """End the runs, and let the next race have the workers."""
        for worker in self.workers:
            worker.end(self.number)
        with _guard:
            for worker in self.workers:
                _lent.remove(worker)
                if worker.alive:
                    _idle.append(worker)
        self.workers = []


def _assigned(loads: Mapping[int, float], workers: Sequence[RunWorker]) -> dict[int, RunWorker]:
    """Give each run to the worker that has the least to do, longest runs first."""
    if not workers:
        return {}
    busy_s = [0.0] * len(workers)
    found = {}
    for number, seconds in sorted(loads.items(), key=lambda item: -item[1]):
        k = busy_s.index(min(busy_s))
        busy_s[k] += seconds
        found[number] = workers[k]
    return found
