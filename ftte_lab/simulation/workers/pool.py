"""Keep worker processes that train part of a run: clients whose updates are needed last go to them.

The timeline states when each update is needed, so a worker may take its time. One that is slow, or
still starting, is simply not given more, and the work of one that is given up is done in this
process. A client's update has the same bits wherever it is computed, so no result depends on it.

A general process pool was measured first: its threads in this process cost as much as a worker
gains. Sockets cost nothing, because a task is small (the data were handed over at the start).
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import select
import socket
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from ftte_lab.models import Params, Plan, pack
from ftte_lab.simulation.workers.protocol import LOADED
from ftte_lab.simulation.workers.worker import Task, Worker
from ftte_lab.training import LocalSGD

_MOST_TASKS = 4  # that a worker may have: it trains those that wait together
_ALIGNED = 64  # bytes: where an array begins in the file of a run


@dataclass(frozen=True, eq=False)
class WorkerSetup:
    """Describe what a worker needs for one run, before its first task.

    Attributes:
        optimisers: local optimiser of each tier.
        union: all that any tier trains.
        starts: the operation before which everything is frozen for each tier.
        batch: samples per step.
        params: the server's first parameters.
        data: arrays `x`, `y`, `x_test`.
    """

    optimisers: Sequence[LocalSGD]
    union: Plan
    starts: Sequence[int]
    batch: int
    params: Params
    data: Mapping[str, np.ndarray]

    def to_dict(self) -> dict[str, Any]:
        """Return all but the tensors and arrays, as JSON-able values."""
        first = self.optimisers[0]
        return {
            "model": self.union.model.to_json(),
            "union": self.union.subset.to_json(),
            "starts": list(self.starts),
            "subsets": [one.plan.subset.to_json() for one in self.optimisers],
            "rate": first.rate,
            "momentum": first.momentum,
            "proximal": first.proximal,
            "track_variance": first.track_variance,
            "batch": self.batch,
        }

    def write(self, file: IO[bytes]) -> tuple[int, int]:
        """Write everything to a file; return where the description begins, and its bytes.

        Raises:
            OSError: there is no room.
        """
        places: dict[str, Any] = {}
        for name, given in self.data.items():
            array = np.ascontiguousarray(given)
            file.write(b"\0" * (-file.tell() % _ALIGNED))
            places[name] = [file.tell(), array.dtype.str, list(array.shape)]
            file.write(array.reshape(-1).view(np.uint8).data)
        params = pack(self.params)
        places["params"] = [file.tell(), len(params)]
        file.write(params)
        begin = file.tell()
        text = json.dumps({**self.to_dict(), "places": places}).encode()
        file.write(text)
        file.flush()
        return begin, len(text)


_idle: list[Worker] = []  # between two runs: the next run of a slider finds its workers running
_busy: weakref.WeakSet[WorkerPool] = weakref.WeakSet()
_guard = threading.Lock()  # runs of several threads share the idle workers
_runs = itertools.count()


@atexit.register
def stop_idle() -> None:
    """End the workers that wait for another run."""
    while _idle:
        _idle.pop().stop()


def living() -> list[Worker]:
    """Return all workers of this process: of runs under way, and those that wait for one."""
    return [*_idle, *(worker for pool in _busy for worker in pool.workers)]


if hasattr(os, "register_at_fork"):
    # A fork of this process must not talk to its workers.
    os.register_at_fork(after_in_child=_idle.clear)


def workers_possible() -> bool:
    """Return whether this system has what worker processes need; Windows has not."""
    sockets = hasattr(socket, "send_fds") and hasattr(socket, "socketpair")
    return sys.platform != "win32" and sockets and hasattr(select, "poll")


class WorkerPool:
    """Hold the workers of one run.

    The data are in a file without a name: nothing is left of it, however this process ends.

    Args:
        count: how many processes, besides this one.
        setup: what they need before their first task.

    Raises:
        OSError: no room for the data, or no further process.
    """

    def __init__(self, count: int, setup: WorkerSetup) -> None:
        self.run = f"run {os.getpid()} {next(_runs)}"
        self._count = count
        self.workers: list[Worker] = []
        _busy.add(self)
        try:
            with tempfile.TemporaryFile() as file:
                begin, length = setup.write(file)
                for _ in range(count):
                    worker = _idle_or_new()
                    self.workers.append(worker)
                    message = {"run": self.run, "begin": begin, "length": length}
                    worker.send(LOADED, json.dumps(message).encode(), [file.fileno()])
        except BaseException:
            for worker in self.workers:
                worker.stop()
            raise

    def free(self) -> list[Worker]:
        """Return the workers that may be given another task, those with the fewest tasks first."""
        for worker in self.workers:
            worker.collect()
        able = [w for w in self.workers if w.alive and w.loaded_run == self.run]
        return sorted(
            (w for w in able if len(w.tasks) < _MOST_TASKS), key=lambda worker: len(worker.tasks)
        )

    @staticmethod
    def submit_training(
        worker: Worker,
        row: Tensor,
        batches: Tensor,
        tier: int = 0,
        offsets: Tensor | None = None,
        expected_s: float = 0.0,
    ) -> Task:
        """Have clients of a tier trained.

        Args:
            worker: who trains them.
            row: the server's trained entries, `(d,)`.
            batches: sample indices, `(C, steps, batch)`.
            tier: index into the optimisers of the setup.
            offsets: what each client adds to its gradients, `(C, d of the tier)`.
            expected_s: how long it is expected to take (s).
        """
        message = {"row": row, "batches": batches, "tier": _number(tier)}
        if offsets is not None:
            message["offsets"] = offsets
        return worker.submit(pack(message), expected_s)

    @staticmethod
    def submit_evaluation(
        worker: Worker, row: Tensor, tier: int = 0, expected_s: float = 0.0
    ) -> Task:
        """Have the test data evaluated under the trained entries `row`, as a tier takes them."""
        return worker.submit(pack({"row": row, "tier": _number(tier)}), expected_s)

    def result(self, task: Task) -> Params | None:
        """Wait for an answer; `None` if the worker was given up."""
        for worker in self.workers:
            if task in worker.tasks:
                began = time.monotonic()
                worker.wait_for(task)
                if not worker.alive:
                    self._give_up_silent(began)
        return task.answer

    def _give_up_silent(self, began: float) -> None:
        """Give up the others that sent nothing either: nobody waits for each of them in turn."""
        for worker in self.workers:
            worker.collect()
            waited_s = time.monotonic() - began
            if worker.alive and worker.tasks and worker.heard_s < began and waited_s > 2.0:
                worker.stop()

    def close(self) -> None:
        """Keep the workers without tasks for the next run, and stop the others."""
        for worker in self.workers:
            worker.collect()
            with _guard:
                keep = worker.alive and not worker.tasks and len(_idle) < self._count
                if keep:
                    _idle.append(worker)
            if worker.alive and not keep:
                worker.stop()
        self.workers = []


def _idle_or_new() -> Worker:
    while True:
        with _guard:
            worker = _idle.pop() if _idle else None
        if worker is None:
            return Worker.start()
        worker.collect()  # it ends by itself after a while
        if worker.alive:
            return worker


def _number(value: int) -> Tensor:
    return torch.tensor([value], dtype=torch.int64, device="cpu")
