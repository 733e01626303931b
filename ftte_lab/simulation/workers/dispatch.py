"""Send cohorts to the free workers of a run, and collect their updates before they are needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ftte_lab._common import MOST_HELPERS, cores
from ftte_lab.simulation.cohorts import Cohort
from ftte_lab.simulation.local_training import LocalTraining
from ftte_lab.simulation.prepared import Prepared
from ftte_lab.simulation.workers.pool import WorkerPool, WorkerSetup, workers_possible
from ftte_lab.simulation.workers.worker import Task, Worker
from ftte_lab.training import Updates

_WORTH_SECONDS = 2.0  # a shorter run is over before a worker has started
# Of one core in this work, and what an update costs besides: measured, rough on purpose.
_FLOPS_PER_S = 15e9
_UPDATE_S = 50e-6


def useful_processes(prepared: Prepared) -> int:
    """Return the cores, 8 at most, if a run would keep one core busy for two seconds, else 1."""
    return cores(MOST_HELPERS) if expected_seconds(prepared) > _WORTH_SECONDS else 1


def expected_seconds(prepared: Prepared) -> float:
    """Return roughly how long one core needs for a run (s): to compare runs, not to promise."""
    return float(_seconds(prepared)[prepared.timeline.applied].sum())


def _seconds(prepared: Prepared) -> np.ndarray:
    """Return how long one core is expected to take for each participation (s)."""
    seconds: np.ndarray = prepared.flops_per_update / _FLOPS_PER_S + _UPDATE_S
    return seconds


@dataclass(frozen=True, eq=False)
class Pending:
    """Hold clients that a worker trains, and the version at which the first update is needed."""

    cohort: Cohort
    needed: int
    task: Task


class Dispatcher:
    """Share the work of a run with worker processes, if there are any.

    Args:
        prepared: the prepared run.
        local: the training in this process, from which the workers copy data and optimisers.
        processes: how many may train, this one included; `None`: see `useful_processes`.
    """

    def __init__(self, prepared: Prepared, local: LocalTraining, processes: int | None) -> None:
        self.needed = prepared.timeline.step
        self.at_once = local.at_once
        self.pending: list[Pending] = []
        self.pool: WorkerPool | None = None
        count = (useful_processes(prepared) if processes is None else processes) - 1
        if count > 0 and workers_possible():
            self.expected_s = _seconds(prepared)
            # Without room for the data, or for a process, this one does all of the work.
            with contextlib.suppress(OSError):
                self.pool = WorkerPool(count, _setup(prepared, local))

    def dispatch(self, cohort: Cohort) -> Cohort:
        """Send clients to the free workers, latest-needed first; return those to train here.

        Sent are all whose updates are needed after the next step, and at least the share
        free / (free + 1). What is needed later than that comes back in time.
        """
        least = 1 if self.at_once[cohort.tier] == 1 else 2
        if self.pool is None or len(cohort) < 2 * least:
            return cohort
        needed = self.needed[cohort.participations]
        latest = np.argsort(needed, kind="stable")
        free = self.pool.free()
        share = len(cohort) * len(free) // (1 + len(free))
        not_soon = int((needed > cohort.start.version + 1).sum())
        count = min(max(not_soon, share), len(cohort) - least)
        here = np.arange(len(cohort))
        parts = np.array_split(latest[len(cohort) - count :], max(1, len(free)))
        for worker, part in zip(free, parts, strict=False):
            if len(part) >= least:
                positions = np.sort(part)
                self._send(worker, cohort.select(positions))
                here = np.setdiff1d(here, positions)
        return cohort.select(here)

    def _send(self, worker: Worker, cohort: Cohort) -> None:
        assert self.pool is not None  # noqa: S101
        task = self.pool.submit_training(
            worker,
            cohort.start.row,
            cohort.batches,
            cohort.tier,
            cohort.offsets,
            float(self.expected_s[cohort.participations].sum()),
        )
        needed = int(self.needed[cohort.participations].min())
        self.pending.append(Pending(cohort, needed, task))

    def collect(self, version: int) -> Iterator[tuple[Cohort, Updates | None]]:
        """Yield the cohorts that are done or needed at this version, each with its updates.

        Updates are `None` if the worker was given up: the cohort has to be trained here.
        """
        for one in [p for p in self.pending if p.needed <= version or p.task.answer]:
            self.pending.remove(one)
            yield one.cohort, self.updates(one)

    def updates(self, pending: Pending) -> Updates | None:
        """Wait for the updates of a cohort; `None` if the worker was given up."""
        answer = self.pool.result(pending.task) if self.pool else None
        if answer is None:
            return None
        rows = answer["rows"]
        return Updates(rows, rows.new_empty(len(rows), 0), answer["step_variance"])

    def submit_evaluation(self, row: Tensor, phase: int = 0) -> Task | None:
        """Have the test data evaluated under the trained entries `row`, if a worker is idle."""
        if self.pool is None:
            return None
        idle = [worker for worker in self.pool.free() if not worker.tasks]
        return self.pool.submit_evaluation(idle[0], row, phase) if idle else None

    def evaluation(self, task: Task) -> Tensor | None:
        """Wait for the logits of `submit_evaluation`; `None` if the worker was given up."""
        answer = self.pool.result(task) if self.pool else None
        return None if answer is None else answer["logits"]

    def close(self) -> None:
        """Release the workers."""
        if self.pool:
            self.pool.close()


def _setup(prepared: Prepared, local: LocalTraining) -> WorkerSetup:
    federation = prepared.federation
    dataset = federation.dataset
    return WorkerSetup(
        optimisers=local.optimisers,
        union=prepared.tiers.union,
        starts=prepared.tiers.starts,
        batch=prepared.scenario.batch,
        params=federation.params,
        data={"x": dataset.x_train, "y": local.y.numpy(), "x_test": dataset.x_test},
    )
