"""Many runs, on as many processors as there are: each result kept as it comes, so that nothing is computed twice.

A sweep is a folder. Every scenario has a file there under its digest, written whole or not at all; a sweep that was
killed goes on where it was, and a longer list of scenarios only computes what is new. Work is handed to any executor of
`concurrent.futures`: processes of this machine by default, or a cluster's (`distributed.Client().get_executor()`).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm.auto import tqdm

from ftte_lab._common import integer, require, write_atomic
from ftte_lab.simulation import History, Scenario, run

_KINDS = ("json", "failed")
_TRIES = 2  # a scenario under which a worker dies this often, alone, has failed
_AHEAD = 2  # runs handed out per worker: none waits for us, and few are lost with a kill


@dataclass(frozen=True)
class Failure:
    """A run that raised: what, in one line, and where."""

    scenario: Scenario
    error: str
    traceback: str


@dataclass(frozen=True)
class Sweep:
    """The runs of a list of scenarios, read from their folder when they are asked for."""

    folder: Path
    scenarios: tuple[Scenario, ...]

    def history(self, scenario: Scenario) -> History:
        """The record of one run.

        Raises:
            ValueError: if it failed or has not run.
        """
        return History.load(_place(self.folder, scenario))

    def __iter__(self) -> Iterator[tuple[Scenario, History]]:
        """Scenario and record of every run that succeeded, in the order of the list."""
        for scenario in self.scenarios:
            if _place(self.folder, scenario).exists():
                yield scenario, self.history(scenario)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The runs that raised."""
        kept = ((s, _place(self.folder, s, "failed")) for s in self.scenarios)
        return tuple(Failure(s, **_read(path)) for s, path in kept if path.exists())

    @property
    def missing(self) -> tuple[Scenario, ...]:
        """The scenarios that have neither run nor failed."""
        return tuple(_still_missing(self.folder, self.scenarios))

    def table(self, **columns: Any) -> pd.DataFrame:
        """One row per run that succeeded: the fields in which the scenarios differ, then one column per argument.

        Args:
            columns: by name, a function of the `History`.
        """
        plain = [s.to_dict() for s in self.scenarios]
        differing = [name for name in plain[0] if any(p[name] != plain[0][name] for p in plain[1:])]
        rows = [
            {name: scenario.to_dict()[name] for name in differing}
            | {n: of(history) for n, of in columns.items()}
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
        folder: where results are kept, made if it does not exist.
        executor: who runs them; `None`: processes of this machine (a script then needs `if __name__ == "__main__":`).
        processes: of this machine, or how many the executor has; `None`: as many as there are cores.
        retry: whether to run again what failed before.
        progress: show a bar.

    Raises:
        ValueError: no scenario, or a wrong number of processes.
        OSError: if the folder cannot be written.
    """
    listed = tuple({s.digest(): s for s in scenarios}.values())
    require(bool(listed), "no scenario to run", "at least one")
    if processes is not None:
        integer("processes", processes, 1)
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    result = Sweep(home, listed)
    if retry:
        for failure in result.failures:
            _place(home, failure.scenario, "failed").unlink()
    todo = result.missing
    workers = min(processes or os.cpu_count() or 1, max(1, len(todo)))
    with tqdm(
        total=len(listed), initial=len(listed) - len(todo), disable=not progress, unit="run"
    ) as bar:
        if executor is not None:
            _hand_out(todo, home, executor, workers, bar)
        else:
            _on_this_machine(todo, home, workers, bar)
    return result


def _on_this_machine(todo: Iterable[Scenario], home: Path, workers: int, bar: Any) -> None:
    """A worker that dies (killed, out of memory) takes its pool with it; those it may have been busy with run alone."""
    left = list(todo)
    while left:
        try:
            _in_a_pool(left, home, workers, bar)
        except BrokenProcessPool:
            _check_that_workers_start()
            for suspect in _still_missing(home, left)[: _AHEAD * workers]:
                _alone(suspect, home, bar)
        left = _still_missing(home, left)


def _check_that_workers_start() -> None:
    """Else every run would be taken for one that kills its worker.

    Raises:
        RuntimeError: if a worker dies before it has anything to do.
    """
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            pool.submit(os.getpid).result()
    except BrokenProcessPool as error:
        raise RuntimeError(
            "worker processes cannot start; allowed: a call from a script's `if __name__ == '__main__':`, from a "
            "notebook or from a test. A worker imports the script that started it, so an unguarded call calls itself."
        ) from error


def _alone(scenario: Scenario, home: Path, bar: Any) -> None:
    for _ in range(_TRIES):
        try:
            return _in_a_pool([scenario], home, 1, bar)
        except BrokenProcessPool:
            continue
    _keep_failure(home, scenario, "the process that ran it died (killed, or out of memory)", "")
    bar.update(1)
    return None


def _in_a_pool(todo: Iterable[Scenario], home: Path, workers: int, bar: Any) -> None:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_with_parent)
    try:
        _hand_out(todo, home, pool, workers, bar)
    except BaseException:
        pool.shutdown(
            wait=False, cancel_futures=True
        )  # an interrupt does not wait for runs that nobody will keep
        raise
    pool.shutdown()


def _leave_with_parent() -> None:
    """In a worker: end when the sweep is killed, instead of waiting for ever for work."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(
            target=lambda: (connection.wait([parent.sentinel]), os._exit(1)), daemon=True
        ).start()


def _still_missing(home: Path, scenarios: Iterable[Scenario]) -> list[Scenario]:
    return [s for s in scenarios if not any(_place(home, s, kind).exists() for kind in _KINDS)]


def _hand_out(
    todo: Iterable[Scenario], home: Path, executor: Executor, workers: int, bar: Any
) -> None:
    """Keep every worker busy, and write what comes back at once."""
    waiting: dict[Future[str], Scenario] = {}
    queue = iter(todo)
    while True:
        for scenario in queue:
            waiting[executor.submit(_task, scenario.to_json())] = scenario
            if len(waiting) >= _AHEAD * workers:
                break
        if not waiting:
            return
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            _keep(home, waiting.pop(future), future)
            bar.update(1)


def _work(text: str) -> str:
    """In a worker: run one scenario. An error comes back as text, so that it survives any way of travelling."""
    try:
        return run(Scenario.from_json(text), processes=1).to_json()
    except Exception as error:  # whatever it is, it is kept with the scenario
        return json.dumps(
            {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
        )


_task = _work  # what is handed out; a test hands out something that dies


def _keep(home: Path, scenario: Scenario, future: Future[str]) -> None:
    text = future.result()
    content = json.loads(text)
    if "error" in content:
        _keep_failure(home, scenario, content["error"], content["traceback"])
    else:
        write_atomic(_place(home, scenario), text.encode())


def _keep_failure(home: Path, scenario: Scenario, error: str, told: str) -> None:
    content = {"error": error, "traceback": told}
    write_atomic(_place(home, scenario, "failed"), json.dumps(content).encode())


def _place(home: Path, scenario: Scenario, kind: str = "json") -> Path:
    return home / f"{scenario.digest()}.{kind}"


def _read(path: Path) -> Mapping[str, str]:
    content = json.loads(path.read_text())
    return {key: str(content[key]) for key in ("error", "traceback")}
