"""Run scenarios in worker processes: the one pool behind `run_all` and `sweep`.

Only text crosses between processes: a scenario one way, a history back. A worker computes the same
numbers as this process.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import connection
from typing import Any

from ftte_lab._common import cores, integer, require, write_json
from ftte_lab.simulation import Finished, History, Scenario, Stepped, simulate

_REPORTS = 200  # progress reports per run
_POLL_S = 0.1
_AHEAD = 2  # runs submitted per worker: no worker waits for us, and a kill loses few
_inbox: Any = None  # in a worker: the queue of progress reports

Report = Callable[[float], Any]


def run_scenario(scenario: Scenario, report: Report, processes: int | None) -> History:
    """Run a scenario to its end; report the virtual seconds that passed, now and then."""
    reported = 0.0
    for event in simulate(scenario, processes=processes):
        if isinstance(event, Stepped):
            passed = event.sim_seconds - reported
            if passed >= scenario.horizon_s / _REPORTS:
                report(passed)
                reported = event.sim_seconds
        elif isinstance(event, Finished):
            report(scenario.horizon_s - reported)
            return event.history
    raise RuntimeError("the run ended without a history")


def run_text(text: str) -> str:
    """Run, in a worker, a scenario given as JSON; return its history as JSON."""
    report = _inbox.put if _inbox is not None else _ignore
    return run_scenario(Scenario.from_json(text), report, 1).to_json()


def attempt(text: str) -> str:
    """Run as `run_text` does; an error comes back as text, which any executor carries."""
    try:
        return run_text(text)
    except Exception as error:  # any error is kept with its scenario
        return write_json(
            {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
        )


def _ignore(seconds: float) -> None:
    """Take a report that nobody reads."""


def worker_count(processes: int | None, jobs: int) -> int:
    """Return how many workers to start for some jobs; `None`: as many as there are cores.

    Raises:
        ValueError: fewer than one process.
    """
    if processes is not None:
        integer("processes", processes, 1)
    return min(processes or cores(), max(1, jobs))


def require_portable(scenarios: Iterable[Scenario]) -> None:
    """Require that another process knows every name that the scenarios use.

    Raises:
        ValueError: a name that was registered in this process only.
    """
    own = sorted({name for scenario in scenarios for name in scenario.own_names()})
    require(
        not own,
        f"{', '.join(own)} was registered in this process only, which other processes do not know",
        "names that the kit ships",
        "Use run, or run_all with processes=1",
    )


def start_pool(workers: int, reports: Any = None, lifeline: Any = None) -> ProcessPoolExecutor:
    """Start worker processes that end when this process does.

    A script needs `if __name__ == "__main__":`, because each worker imports it.

    Args:
        workers: how many.
        reports: a queue for progress reports, or `None`.
        lifeline: the reading end of a pipe, or `None`; they end when its other end is closed.
    """
    context = multiprocessing.get_context("spawn")
    given = (reports, lifeline)
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=given)


def _begin(reports: Any, lifeline: Any) -> None:
    """Prepare a worker: keep its queue, and end it with its parent or its lifeline."""
    global _inbox
    _inbox = reports
    parent = multiprocessing.parent_process()
    if parent is not None:
        ends = [parent.sentinel] if lifeline is None else [parent.sentinel, lifeline]
        threading.Thread(target=_end_with, args=(ends,), daemon=True).start()


def _end_with(ends: list[Any]) -> None:
    connection.wait(ends)
    os._exit(1)


def hand_out(
    scenarios: Iterable[Scenario],
    executor: Executor,
    workers: int,
    task: Callable[[str], str],
    take: Callable[[Scenario, Future[str]], None],
    poll: Callable[[], None] | None = None,
) -> None:
    """Keep every worker busy, and take each result as soon as it is there.

    Args:
        scenarios: what to run, in the order of submission.
        executor: of `concurrent.futures`, of this machine or of a cluster.
        workers: how many it has.
        task: run in a worker with a scenario as JSON, such as `run_text`.
        take: called in this thread with each scenario and its finished future.
        poll: called in this thread about ten times a second, to move a progress bar.
    """
    waiting: dict[Future[str], Scenario] = {}
    queue = iter(scenarios)
    while True:
        for scenario in queue:
            waiting[executor.submit(task, scenario.to_json())] = scenario
            if len(waiting) >= _AHEAD * workers:
                break
        if not waiting:
            return
        timeout = None if poll is None else _POLL_S
        done, _ = wait(waiting, timeout=timeout, return_when=FIRST_COMPLETED)
        if poll is not None:
            poll()
        for future in done:
            take(waiting.pop(future), future)
