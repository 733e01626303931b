"""Keep worker processes that train part of a run: clients whose updates are needed last go to them.

The timeline states when each update is needed, so a worker may take its time. One that is slow, or
still starting, is simply not given more, and the work of one that dies is done in this process. A
client's update has the same bits wherever it is computed, so no result depends on it.

A general process pool was measured first: its threads in this process cost as much as a worker
gains. Pipes cost nothing, because a task is small (the data were handed over at the start).
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftte_lab.models import Params, Plan, pack, unpack
from ftte_lab.simulation.workers.protocol import LOADED, frame, read_frame
from ftte_lab.training import LocalSGD

_MOST_TASKS = 4  # that a worker may have: it trains those that wait together


@dataclass(eq=False)
class Task:
    """Hold something that a worker computes: `answer` is there once it is done."""

    answer: Params | None = None


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


@dataclass(eq=False)
class Worker:
    """Hold one process and its tasks, oldest first; `loaded_run` is the run whose data it has."""

    process: subprocess.Popen[bytes]
    tasks: deque[Task] = field(default_factory=deque)
    loaded_run: str = ""
    alive: bool = True

    @classmethod
    def start(cls) -> Worker:
        """Start a process that finds the same package."""
        root = str(Path(__file__).parents[3])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        code = "from ftte_lab.simulation.workers.process import main; main()"
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": path},
        )
        worker = cls(process)
        os.set_blocking(worker._input, False)
        return worker

    @property
    def _input(self) -> int:
        assert self.process.stdin is not None  # noqa: S101
        return self.process.stdin.fileno()

    @property
    def _output(self) -> int:
        assert self.process.stdout is not None  # noqa: S101
        return self.process.stdout.fileno()

    def send(self, body: bytes) -> None:
        """Write a frame; a worker that died is noticed here or when its answer is read.

        Answers are collected meanwhile: a worker whose own pipe is full would never read ours.
        """
        target, source = self._input, self._output
        view = memoryview(frame(body))
        try:
            while view and self.alive:
                readable, writable, _ = select.select([source], [target], [])
                if readable:
                    self.collect()
                if writable:
                    with contextlib.suppress(BlockingIOError):
                        view = view[os.write(target, view) :]
        except OSError:
            self.alive = False

    def collect(self, *, wait: bool = False) -> None:
        """Read the answers that are there, or with `wait` at least the next one."""
        source = self._output
        while self.alive and (wait or select.select([source], [], [], 0)[0]):
            body = read_frame(source)
            if body is None:
                self.alive = False
            elif body.startswith(LOADED):
                self.loaded_run = body.removeprefix(LOADED).decode()
            else:
                self.tasks.popleft().answer = unpack(body)
            wait = False

    def stop(self) -> None:
        """End the process by ending its input."""
        self.alive = False
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()


_idle: list[Worker] = []  # between two runs: the next run of a slider finds its workers running


@atexit.register
def _stop_all() -> None:
    while _idle:
        _idle.pop().stop()


class WorkerPool:
    """Hold the workers of one run.

    Args:
        count: how many processes, besides this one.
        setup: what they need before their first task.
    """

    def __init__(self, count: int, setup: WorkerSetup) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ftte_lab-")
        self.run = self._folder.name
        message = {"run": self.run, **setup.to_dict()}
        for name, array in setup.data.items():
            path = Path(self.run) / f"{name}.npy"
            np.save(path, array, allow_pickle=False)
            message[name] = str(path)
        self.workers = [_idle.pop() if _idle else Worker.start() for _ in range(count)]
        for worker in self.workers:
            worker.send(json.dumps(message).encode())
            worker.send(pack(setup.params))

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
        worker: Worker, row: Tensor, batches: Tensor, tier: int = 0, offsets: Tensor | None = None
    ) -> Task:
        """Have clients of a tier trained.

        Args:
            worker: who trains them.
            row: the server's trained entries, `(d,)`.
            batches: sample indices, `(C, steps, batch)`.
            tier: index into the optimisers of the setup.
            offsets: what each client adds to its gradients, `(C, d of the tier)`.
        """
        message = {"row": row, "batches": batches, "tier": torch.tensor([tier])}
        if offsets is not None:
            message["offsets"] = offsets
        return _submit(worker, message)

    @staticmethod
    def submit_evaluation(worker: Worker, row: Tensor, tier: int = 0) -> Task:
        """Have the test data evaluated under the trained entries `row`, as a tier takes them."""
        return _submit(worker, {"row": row, "tier": torch.tensor([tier])})

    def result(self, task: Task) -> Params | None:
        """Wait for an answer; `None` if the worker died."""
        for worker in self.workers:
            while worker.alive and task in worker.tasks:
                worker.collect(wait=True)
        return task.answer

    def close(self) -> None:
        """Keep the workers without tasks for the next run, and stop the others."""
        for worker in self.workers:
            worker.collect()
            if worker.alive and not worker.tasks:
                _idle.append(worker)
            else:
                worker.stop()
        self.workers = []
        self._folder.cleanup()


def _submit(worker: Worker, message: Params) -> Task:
    task = Task()
    worker.tasks.append(task)
    worker.send(pack(message))
    return task
