"""Worker processes that run scenarios into a folder, one after the other, until they are cancelled.

`sweep` runs a list to its end. A crew is for a page: it reports each run as it ends, how far the
others are and how long it will take, and it stops at once.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftte_lab._common import read_json
from ftte_lab.experiments.pool import attempt, run_scenario, start_pool, worker_count
from ftte_lab.experiments.sweep_files import failure, keep_failure, keep_result, result
from ftte_lab.simulation import History, Scenario

_POLL_S = 0.2
_DIED = "the process that ran it died (killed, or out of memory)"


class StoppedError(Exception):
    """Say that a crew was cancelled."""


@dataclass(frozen=True)
class Landed:
    """A run that has ended.

    Attributes:
        scenario: what was run.
        history: its record, or `None` if it could not be run.
        error: why not, in one line.
    """

    scenario: Scenario
    history: History | None
    error: str = ""


class Crew:
    """Run scenarios in processes of this machine; whatever has run before is read from the folder.

    Args:
        folder: where results are kept; made if it does not exist.
        processes: how many run at once; `None`: as many as there are cores.
        executor: what runs them instead, such as threads.

    Raises:
        ValueError: processes below 1.
    """

    def __init__(
        self, folder: Path, *, processes: int | None = None, executor: Executor | None = None
    ) -> None:
        self._folder, self._executor = folder, executor
        self._workers = worker_count(processes, 1 << 20)
        self._reports: Any = None
        self._lifeline: Any = None
        self._stopped = threading.Event()
        self._begun_s: float | None = None
        self._asked_s = self._passed_s = 0.0

    def kept(self, scenario: Scenario) -> Landed | None:
        """Return what the folder holds of a run; `None` if it has not run.

        Raises:
            ValueError: a file that holds something else.
        """
        if scenario.own_names():
            return None  # a digest does not know what somebody's own name means
        if (history := result(self._folder, scenario)) is not None:
            return Landed(scenario, history)
        if (found := failure(self._folder, scenario)) is not None and found["error"] != _DIED:
            return Landed(scenario, None, found["error"])
        return None

    def gather(self, scenarios: Iterable[Scenario]) -> Iterator[Landed | None]:
        """Yield each run as it ends, first those that are kept; `None` now and then while waiting.

        Raises:
            StoppedError: it was cancelled.
            ValueError: the folder cannot be written, or workers die before they answer.
        """
        todo = []
        for scenario in dict.fromkeys(scenarios):
            found = self.kept(scenario)
            if found is None:
                todo.append(scenario)
            else:
                yield found
        yield from self._run(todo)

    def seconds_left(self, still_s: float) -> float | None:
        """Estimate the real seconds for some more virtual ones; `None`: nothing to go by yet.

        Args:
            still_s: virtual seconds of runs that were not asked for yet.
        """
        self._hear()
        if self._begun_s is None or self._passed_s <= 0:
            return None
        pace = (time.monotonic() - self._begun_s) / self._passed_s
        return pace * max(0.0, self._asked_s - self._passed_s + still_s)

    def cancel(self) -> None:
        """End all workers at once; may be called from any thread."""
        self._stopped.set()
        if self._lifeline is not None:
            with contextlib.suppress(OSError):
                self._lifeline.close()

    close = cancel

    def _run(self, todo: list[Scenario]) -> Iterator[Landed | None]:
        waiting: dict[Future[str], Scenario] = {}
        for scenario in todo:
            self._check()
            waiting[self._submit(scenario)] = scenario
            self._asked_s += scenario.horizon_s
        while waiting:
            done, _ = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            self._check()
            if not done:
                yield None
            for future in done:
                yield self._land(waiting.pop(future), future)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise StoppedError

    def _submit(self, scenario: Scenario) -> Future[str]:
        self._begun_s = self._begun_s or time.monotonic()
        if scenario.own_names():  # other processes do not know these names
            return ThreadPoolExecutor(1).submit(self._run_here, scenario)
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._reports = context.Queue()
            ending, self._lifeline = context.Pipe(duplex=False)
            self._executor = start_pool(self._workers, self._reports, ending)
        try:
            return self._executor.submit(attempt, scenario.to_json())
        except RuntimeError as error:  # the pool broke, or was shut down
            self._check()
            raise ValueError(_broken()) from error

    def _run_here(self, scenario: Scenario) -> str:
        def report(seconds: float) -> None:
            self._check()
            self._passed_s += seconds

        return run_scenario(scenario, report, 1).to_json()

    def _land(self, scenario: Scenario, future: Future[str]) -> Landed:
        """Keep and return what a worker sent back."""
        self._hear()
        try:
            text = future.result()
        except BrokenProcessPool as error:
            self._check()
            raise ValueError(_broken()) from error
        except ValueError as error:  # of a run in this process
            return Landed(scenario, None, f"{type(error).__name__}: {error}")
        content = read_json(text, "the result", "a history", not_finite=True)
        if "error" in content:
            keep_failure(self._folder, scenario, content["error"], content["traceback"])
            return Landed(scenario, None, content["error"])
        if not scenario.own_names():
            keep_result(self._folder, scenario, text)
        return Landed(scenario, History.from_json(text))

    def _hear(self) -> None:
        """Add up the virtual seconds that workers have reported."""
        if self._reports is not None:
            with contextlib.suppress(queue.Empty):
                while True:
                    self._passed_s += self._reports.get_nowait()


def _broken() -> str:
    return (
        "the worker processes ended before they answered (killed, or out of memory); allowed: runs "
        "that fit into this machine's memory. Ask for fewer devices, then try again."
    )
