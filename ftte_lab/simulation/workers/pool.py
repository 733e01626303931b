"""Processes that train along: the clients whose updates are needed last go to them, and come back in time.

The timeline says when each update is needed, so a helper may take its time. One that is slow, or still starting, is
simply not given more, and the work of one that dies is done here. A client's update has the same bits wherever it is
computed, so none of this can be seen in a result. A general pool was measured first: its threads in this process cost
as much as a helper gains. Pipes cost nothing, because a task is small (the data were handed over at the start).
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

import numpy as np
import torch
from torch import Tensor

from ftte_lab.models import Params, Plan, pack, unpack
from ftte_lab.simulation.workers.protocol import frame, read_frame
from ftte_lab.training import LocalSGD

_AHEAD = 4  # tasks a helper may have: it trains those that wait together


@dataclass(eq=False)
class Task:
    """Something that is computed elsewhere: `answer` is there once it is done."""

    answer: Params | None = None


@dataclass(eq=False)
class Worker:
    """One process and the tasks it has, oldest first; `ready` names the run whose data it has."""

    process: subprocess.Popen[bytes]
    tasks: deque[Task] = field(default_factory=deque)
    ready: str = ""
    alive: bool = True

    @classmethod
    def start(cls) -> Worker:
        """Start a process that finds the same package."""
        root = str(Path(__file__).parents[3])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        command, pipe = (
            [sys.executable, "-c", "from ftte_lab.simulation.workers.process import main; main()"],
            subprocess.PIPE,
        )
        process = subprocess.Popen(  # noqa: S603
            command, stdin=pipe, stdout=pipe, bufsize=0, env={**os.environ, "PYTHONPATH": path}
        )
        assert process.stdin is not None  # noqa: S101
        os.set_blocking(process.stdin.fileno(), False)
        return cls(process)

    def send(self, body: bytes) -> None:
        """Write a frame; a helper that is gone is noticed here or when its answer is read.

        Answers are taken meanwhile: a helper whose own pipe is full would never read ours.
        """
        assert self.process.stdin is not None  # noqa: S101
        assert self.process.stdout is not None  # noqa: S101
        target, source, view = (
            self.process.stdin.fileno(),
            self.process.stdout.fileno(),
            memoryview(frame(body)),
        )
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
        """Take the answers that are there, or with `wait` at least the next one."""
        assert self.process.stdout is not None  # noqa: S101
        file = self.process.stdout.fileno()
        while self.alive and (wait or select.select([file], [], [], 0)[0]):
            body = read_frame(file)
            if body is None:
                self.alive = False
            elif body.startswith(b"ready "):
                self.ready = body[6:].decode()
            else:
                self.tasks.popleft().answer = unpack(body)
            wait = False

    def stop(self) -> None:
        """End the process: its input ends."""
        self.alive = False
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()


_idle: list[Worker] = []  # between two runs: a slider's next run finds its helpers awake


@atexit.register
def _stop_all() -> None:
    while _idle:
        _idle.pop().stop()


class WorkerPool:
    """A run's helpers.

    Args:
        count: how many processes, besides this one.
        sgd: the optimiser they run, one per tier.
        union: all that any tier trains.
        batch: samples per step.
        params: the server's first parameters.
        data: arrays `x`, `y`, `x_test`.
    """

    def __init__(
        self,
        count: int,
        sgd: Sequence[LocalSGD],
        union: Plan,
        batch: int,
        params: Params,
        data: Mapping[str, np.ndarray],
    ) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="ftte_lab-")
        self.run = self.folder.name
        setup = {
            "run": self.run,
            "model": union.model.to_json(),
            "union": union.subset.to_json(),
            "subsets": [one.plan.subset.to_json() for one in sgd],
            "rate": sgd[0].rate,
            "momentum": sgd[0].momentum,
            "track_variance": sgd[0].track_variance,
            "batch": batch,
        }
        for name, array in data.items():
            path = Path(self.run) / f"{name}.npy"
            np.save(path, array, allow_pickle=False)
            setup[name] = str(path)
        self.all = [_idle.pop() if _idle else Worker.start() for _ in range(count)]
        for helper in self.all:
            helper.send(json.dumps(setup).encode())
            helper.send(pack(params))

    def free(self) -> list[Worker]:
        """The helpers that may be given another task, idlest first."""
        for helper in self.all:
            helper.collect()
        free = [h for h in self.all if h.alive and h.ready == self.run and len(h.tasks) < _AHEAD]
        return sorted(free, key=lambda h: len(h.tasks))

    @staticmethod
    def give(helper: Worker, row: Tensor, batches: Tensor | None = None, tier: int = 0) -> Task:
        """Have clients of a tier trained from the entries `row`, or without `batches` the test data evaluated."""
        task = Task()
        helper.tasks.append(task)
        helper.send(
            pack(
                {"row": row}
                if batches is None
                else {"row": row, "batches": batches, "tier": torch.tensor([tier])}
            )
        )
        return task

    def finish(self, task: Task) -> Params | None:
        """Wait for an answer; `None` if the helper died."""
        for helper in self.all:
            while helper.alive and task in helper.tasks:
                helper.collect(wait=True)
        return task.answer

    def close(self) -> None:
        """Keep the helpers that have nothing to do for the next run, and stop the others."""
        for helper in self.all:
            helper.collect()
            if helper.alive and not helper.tasks:
                _idle.append(helper)
            else:
                helper.stop()
        self.all = []
        self.folder.cleanup()
