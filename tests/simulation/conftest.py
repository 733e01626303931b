"""Fixtures for tests of runs with worker processes."""

import time
from typing import Any

import pytest

from ftte_lab.simulation.workers.pool import WorkerPool
from ftte_lab.simulation.workers.worker import Task


@pytest.fixture
def loaded_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every run wait until its workers have its data: a short run would be over before."""
    begin = WorkerPool.__init__

    def patient(self: WorkerPool, *arguments: Any) -> None:
        begin(self, *arguments)
        while not all(worker.loaded_run == self.run for worker in self.workers):
            self.free()
            time.sleep(0.01)
            assert all(worker.alive for worker in self.workers)

    monkeypatch.setattr(WorkerPool, "__init__", patient)


@pytest.fixture
def sent_tasks(monkeypatch: pytest.MonkeyPatch, loaded_workers: None) -> list[Task]:
    """Collect the training tasks that are sent to workers."""
    submit = WorkerPool.submit_training
    sent: list[Task] = []

    def collected(*arguments: Any) -> Task:
        sent.append(submit(*arguments))
        return sent[-1]

    monkeypatch.setattr(WorkerPool, "submit_training", staticmethod(collected))
    return sent
