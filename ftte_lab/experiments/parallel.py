"""Run several scenarios side by side, with one progress bar."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from ftte_lab._common import progress_bar, require
from ftte_lab.experiments.pool import (
    Report,
    hand_out,
    require_portable,
    run_scenario,
    run_text,
    start_pool,
    worker_count,
)
from ftte_lab.simulation import History, Scenario


def run_all(
    scenarios: Mapping[str, Scenario], *, processes: int | None = 1, progress: bool = False
) -> dict[str, History]:
    """Run scenarios, by name, and return their histories in the same order.

    Args:
        scenarios: by name.
        processes: how many run at once; `None`: as many as there are cores, or one if a scenario
            uses a name that was registered in this process only. More than one asks a script for
            the usual `if __name__ == "__main__":`, because each worker imports it.
        progress: show one bar of virtual time for all of them, on standard error.

    Raises:
        BudgetError: no subset fits the weakest device.
        ValueError: no scenario, processes below 1, a name that other processes do not know, or
            data that are not there.

    Example:
        >>> few = Scenario(clients=10, concurrency=4, horizon_s=50, warm_start_steps=0)
        >>> runs = run_all({"K = 2": few.replace(buffer=2), "K = 4": few.replace(buffer=4)})
        >>> list(runs)
        ['K = 2', 'K = 4']
    """
    require(bool(scenarios), "no scenario to run", "at least one")
    local = any(scenario.own_names() for scenario in scenarios.values())
    workers = 1 if local and processes is None else worker_count(processes, len(scenarios))
    if workers > 1:
        require_portable(scenarios.values())
    total = sum(scenario.horizon_s for scenario in scenarios.values())
    form = "{l_bar}{bar}| {n:.0f}/{total:.0f} virtual s [{elapsed}<{remaining}]"
    label = ", ".join(scenarios) if len(scenarios) < 4 else f"{len(scenarios)} runs"
    with progress_bar(
        total=total, desc=label, disable=not progress, bar_format=form, mininterval=0.5
    ) as bar:
        if workers == 1:
            done = {n: run_scenario(s, bar.update, processes) for n, s in scenarios.items()}
        else:
            done = _in_processes(scenarios, workers, bar.update)
        bar.update(total - bar.n)  # sums of seconds end a rounding error short of the total
        return done


def _in_processes(
    scenarios: Mapping[str, Scenario], workers: int, report: Report
) -> dict[str, History]:
    """Run in worker processes; the bar moves in this thread, as a notebook's bar needs it."""
    reports: Any = multiprocessing.get_context("spawn").Queue()
    texts: dict[Scenario, str] = {}

    def take(scenario: Scenario, future: Future[str]) -> None:
        texts[scenario] = future.result()

    def poll() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                report(reports.get_nowait())

    # Asynchronous runs take longest: they go first. Equal scenarios run once.
    order = sorted(dict.fromkeys(scenarios.values()), key=lambda s: s.refill == "step")
    with start_pool(workers, reports) as pool:
        hand_out(order, pool, workers, run_text, take, poll)
    return {name: History.from_json(texts[scenario]) for name, scenario in scenarios.items()}
