"""Run many scenarios and keep each result in a folder, so that nothing is computed twice.

Every scenario has a file under its digest, written completely or not at all. A sweep that was
killed continues where it was, and a longer list of scenarios only computes what is new. A result
that is cut off is computed again; one of a newer kit, or of another scenario, is refused. Any
executor of `concurrent.futures` does the work: processes of this machine by default, or a cluster's
(`distributed.Client().get_executor()`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ftte_lab._common import progress_bar, require, require_writable
from ftte_lab.experiments.pool import (
    attempt,
    hand_out,
    require_portable,
    start_pool,
    worker_count,
)
from ftte_lab.experiments.sweep_files import (
    FAILED,
    failure,
    keep_failure,
    keep_result,
    path_of,
    result,
    writing,
)
from ftte_lab.simulation import History, Scenario

_TRIES = 2  # a scenario under which a worker dies this often, alone, has failed
_SUSPECTS = 2  # scenarios per worker that may have killed it


@dataclass(frozen=True)
class Failure:
    """A run that raised.

    Attributes:
        scenario: what was run.
        error: what it raised, in one line.
        traceback: where.
    """

    scenario: Scenario
    error: str
    traceback: str


@dataclass(frozen=True)
class Sweep:
    """The runs of a list of scenarios, read from their folder when they are asked for.

    Attributes:
        folder: where the results are.
        scenarios: the list, each once.
    """

    folder: Path
    scenarios: tuple[Scenario, ...]

    def history(self, scenario: Scenario) -> History:
        """Read the record of one run.

        Raises:
            ValueError: it failed or has not run.
        """
        return History.load(path_of(self.folder, scenario))

    def __iter__(self) -> Iterator[tuple[Scenario, History]]:
        """Yield scenario and record of every run that succeeded, in the order of the list."""
        for scenario in self.scenarios:
            if (history := result(self.folder, scenario)) is not None:
                yield scenario, history

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Return the runs that raised."""
        kept = ((s, failure(self.folder, s)) for s in self.scenarios)
        return tuple(Failure(s, **found) for s, found in kept if found is not None)

    @property
    def missing(self) -> tuple[Scenario, ...]:
        """Return the scenarios that have neither run nor failed."""
        return tuple(_missing(self.folder, self.scenarios))

    def table(self, **columns: Any) -> pd.DataFrame:
        """Return one row per run that succeeded.

        First come the fields in which the scenarios differ, then one column per argument.

        Args:
            columns: by name, a function of the `History`.
        """
        plain = [s.to_dict() for s in self.scenarios]
        differing = [name for name in plain[0] if any(p[name] != plain[0][name] for p in plain[1:])]
        rows = [
            {name: scenario.to_dict()[name] for name in differing}
            | {name: figure(history) for name, figure in columns.items()}
            for scenario, history in self
        ]
        return pd.DataFrame(rows)


def sweep(
    scenarios: Iterable[Scenario],
    folder: str | Path,
    *,
    executor: Executor | None = None,
    processes: int | None = None,
    retry: bool = False,
    progress: bool = True,
) -> Sweep:
    """Run what has not run yet, and return all of it.

    Args:
        scenarios: what to run; equal ones run once.
        folder: where results are kept; made if it does not exist.
        executor: what runs them; `None`: processes of this machine (a script then needs
            `if __name__ == "__main__":`).
        processes: of this machine, or how many the executor has; `None`: as many as cores.
        retry: whether to run again what failed before.
        progress: show a bar.

    Raises:
        ValueError: no scenario, a name that other processes do not know, processes below 1, a
            folder that cannot be written or is full (what was kept stays), or a file in it that
            holds something else under the name of a result.
    """
    listed = tuple({s.digest(): s for s in scenarios}.values())
    require(bool(listed), "no scenario to run", "at least one")
    require_portable(listed)
    workers = worker_count(processes, len(listed))
    home = Path(folder)
    done = Sweep(home, listed)
    with writing(home):
        require_writable(home)
        if retry:
            for found in done.failures:
                path_of(home, found.scenario, FAILED).unlink(missing_ok=True)
    todo = done.missing
    with progress_bar(
        total=len(listed), initial=len(listed) - len(todo), disable=not progress, unit="run"
    ) as bar:
        if executor is not None:
            _run_on(executor, todo, home, workers, bar)
        else:
            _on_this_machine(todo, home, min(workers, max(1, len(todo))), bar)
    return done


def _on_this_machine(todo: Iterable[Scenario], home: Path, workers: int, bar: Any) -> None:
    """Run in processes of this machine.

    A worker that dies (killed, out of memory) takes its pool with it. The scenarios that it may
    have been running then run alone, each in a pool of one worker.
    """
    left = list(todo)
    while left:
        try:
            _in_a_pool(left, home, workers, bar)
        except BrokenProcessPool:
            _require_that_workers_start()
            for suspect in _missing(home, left)[: _SUSPECTS * workers]:
                _alone(suspect, home, bar)
        left = _missing(home, left)


def _require_that_workers_start() -> None:
    """Require that a worker starts at all; else every run would count as one that kills its worker.

    Raises:
        RuntimeError: a worker dies before it has anything to do.
    """
    try:
        with start_pool(1) as pool:
            pool.submit(os.getpid).result()
    except BrokenProcessPool as error:
        raise RuntimeError(
            "worker processes cannot start; allowed: a call from a script's "
            "`if __name__ == '__main__':`, from a notebook or from a test. A worker imports the "
            "script that started it, so an unguarded call calls itself."
        ) from error


def _alone(scenario: Scenario, home: Path, bar: Any) -> None:
    for _ in range(_TRIES):
        try:
            return _in_a_pool([scenario], home, 1, bar)
        except BrokenProcessPool:
            continue
    keep_failure(home, scenario, "the process that ran it died (killed, or out of memory)", "")
    bar.update(1)
    return None


def _in_a_pool(todo: Iterable[Scenario], home: Path, workers: int, bar: Any) -> None:
    pool = start_pool(workers)
    try:
        _run_on(pool, todo, home, workers, bar)
    except BaseException:
        # An interrupt does not wait for runs whose results are not kept.
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _run_on(
    executor: Executor, todo: Iterable[Scenario], home: Path, workers: int, bar: Any
) -> None:
    def take(scenario: Scenario, future: Future[str]) -> None:
        _keep(home, scenario, future)
        bar.update(1)

    hand_out(todo, executor, workers, _task, take)


_task = attempt  # a test submits a task that dies


def _missing(home: Path, scenarios: Iterable[Scenario]) -> list[Scenario]:
    return [s for s in scenarios if result(home, s) is None and failure(home, s) is None]


def _keep(home: Path, scenario: Scenario, future: Future[str]) -> None:
    text = future.result()
    content = json.loads(text)
    if "error" in content:
        keep_failure(home, scenario, content["error"], content["traceback"])
    else:
        keep_result(home, scenario, text)
