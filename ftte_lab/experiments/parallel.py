"""Several runs side by side: one process each, told by one progress bar.

Only text crosses between the kit's own processes (a scenario there, a history back; besides it the seconds for the bar,
and an error if there is one), and the numbers are those of a run in this process.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from tqdm.auto import tqdm

from ftte_lab._common import integer, require
from ftte_lab.simulation import Finished, History, Scenario, Stepped, simulate

_REPORTS = 200  # how often a run tells how far it is
_inbox: Any = None  # in a worker: where to tell it


def run_all(
    scenarios: Mapping[str, Scenario], *, processes: int | None = 1, progress: bool = False
) -> dict[str, History]:
    """Run scenarios, by name, in the order given.

    Args:
        scenarios: by name.
        processes: how many run at once; `None`: as many as there are cores. More than one asks a script for the
            usual `if __name__ == "__main__":`, because each worker imports it.
        progress: show one bar of virtual time for all of them, on standard error.

    Raises:
        BudgetError: if no subset fits the weakest device.
        ValueError: no scenario, processes below 1, or data that are not there.
    """
    require(bool(scenarios), "no scenario to run", "at least one")
    if processes is not None:
        integer("processes", processes, 1)
    workers = min(processes or os.cpu_count() or 1, len(scenarios))
    total = sum(s.horizon_s for s in scenarios.values())
    form = "{l_bar}{bar}| {n:.0f}/{total:.0f} virtual s [{elapsed}<{remaining}]"
    label = ", ".join(scenarios) if len(scenarios) < 4 else f"{len(scenarios)} runs"
    with tqdm(
        total=total, desc=label, disable=not progress, bar_format=form, mininterval=0.5
    ) as bar:
        if workers == 1:
            done = {name: _run(s, bar.update, processes) for name, s in scenarios.items()}
        else:
            done = _in_processes(scenarios, workers, bar.update)
        bar.update(
            total - bar.n
        )  # sums of seconds end a rounding error short, and a bar that is short is drawn red
        return done


def _run(scenario: Scenario, tell: Callable[[float], Any], processes: int | None) -> History:
    """Run to the end; tell the virtual seconds that passed, now and then."""
    told = 0.0
    for event in simulate(scenario, processes=processes):
        if isinstance(event, Stepped) and event.sim_seconds - told >= scenario.horizon_s / _REPORTS:
            tell(event.sim_seconds - told)
            told = event.sim_seconds
        elif isinstance(event, Finished):
            tell(scenario.horizon_s - told)
            return event.history
    raise RuntimeError("the run ended without a history")


def _in_processes(
    scenarios: Mapping[str, Scenario], workers: int, tell: Callable[[float], Any]
) -> dict[str, History]:
    """The bar is moved here, in the caller's thread, while the workers report: a notebook's bar wants it so."""
    context = multiprocessing.get_context("spawn")
    reports = context.Queue()
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start, initargs=(reports,)
    ) as pool:
        # Asynchronous runs take longest: they go first.
        first = sorted(scenarios, key=lambda name: scenarios[name].refill == "step")
        futures = {name: pool.submit(_work, scenarios[name].to_json()) for name in first}
        while not all(future.done() for future in futures.values()):
            with contextlib.suppress(queue.Empty):
                tell(reports.get(timeout=0.1))
        while not reports.empty():
            tell(reports.get())
        return {name: History.from_json(futures[name].result()) for name in scenarios}


def _start(reports: Any) -> None:
    global _inbox
    _inbox = reports


def _work(text: str) -> str:
    return _run(Scenario.from_json(text), _inbox.put, 1).to_json()
