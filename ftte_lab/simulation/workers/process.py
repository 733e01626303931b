"""A helper process: trains and evaluates what it is told on its standard input.

Frames are a length and a body. The body is JSON for a run's set-up, safetensors for everything else: nothing that could
be executed crosses the pipe.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import configure_process
from ftte_lab.models import Model, Params, Subset, from_rows, make_plan, pack, put, unpack
from ftte_lab.simulation.workers.protocol import read_frame, write_frame
from ftte_lab.training import FrozenFeatures, LocalSGD, clients_at_once, fetch


class WorkerState:
    """What a helper has on its desk for one run.

    Args:
        setup: model, subset, optimiser, batch, and the files with the run's data.
        params: the server's first parameters, of which frozen ones stay.
    """

    def __init__(self, setup: dict[str, Any], params: Params) -> None:
        self.model, self.params = Model.from_json(setup["model"]), params
        union = make_plan(self.model, Subset.from_json(setup["union"]))
        plans = [make_plan(self.model, Subset.from_json(text)) for text in setup["subsets"]]
        self.subset, start = union.subset, union.start
        self.train, self.test = (
            FrozenFeatures(self.model, params, _shared(setup[key]), start)
            for key in ("x", "x_test")
        )
        self.y = _shared(setup["y"])
        rates = setup["rate"], setup["momentum"]
        self.sgd = [
            LocalSGD(plan, start, *rates, track_variance=setup["track_variance"]) for plan in plans
        ]
        self.at_once = [clients_at_once(plan, setup["batch"]) for plan in plans]

    def _start(self, task: Params) -> Params:
        return put(
            self.model, self.subset, self.params, from_rows(self.model, self.subset, task["row"])
        )

    def answer(self, tasks: deque[Params]) -> Iterator[bytes]:
        """Do the next task, or the next few if they can be trained together; remove them."""
        if "batches" not in tasks[0]:
            yield pack({"logits": self.test.logits(self._start(tasks.popleft()))})
            return
        together = [tasks.popleft()]
        tier = int(together[0]["tier"])
        most = (
            self.at_once[tier] if len(self.sgd) == 1 else 0
        )  # what this tier does not train, another one has changed
        while tasks and "batches" in tasks[0] and sum(len(t["batches"]) for t in together) < most:
            together.append(tasks.popleft())
        yield from self._train(self.sgd[tier], self.at_once[tier], together)

    def _train(self, sgd: LocalSGD, at_once: int, tasks: list[Params]) -> Iterator[bytes]:
        """Clients that began from different versions are as good a cohort if frozen tensors are the same in all."""
        starts = [self._start(task) for task in tasks]
        counts = [len(task["batches"]) for task in tasks]
        if len(tasks) == 1:
            done = sgd.train(starts[0], self.train, self.y, tasks[0]["batches"], at_once)
        else:
            x, y = fetch(self.train, self.y, torch.cat([task["batches"] for task in tasks]))
            done = sgd.descend(starts, counts, x, y)
        for rows, variance in zip(
            done.rows.split(counts), done.step_variance.split(counts), strict=True
        ):
            yield pack({"rows": rows, "step_variance": variance})


def _shared(path: str) -> Tensor:
    """An array that lies in a file, in memory once for all processes (copy on write, but nobody writes)."""
    return torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False).view(np.ndarray))


def serve(source: int, target: int) -> None:
    """Answer tasks in their order until the frames end."""
    desk: WorkerState | None = None
    tasks: deque[Params] = deque()
    while True:
        while select.select([source], [], [], 0 if tasks else None)[0]:
            body = read_frame(source)
            if body is None:
                return
            if body.startswith(b"{"):
                setup, params = json.loads(body), read_frame(source)
                desk = None
                tasks.clear()
                with contextlib.suppress(OSError):  # a run that is over has taken its files away
                    desk = WorkerState(setup, unpack(params or b""))
                    write_frame(target, b"ready " + setup["run"].encode())
            elif desk:
                tasks.append(unpack(body))
        if desk:
            for body in desk.answer(tasks):
                write_frame(target, body)


def main() -> None:
    """Serve on standard input and output."""
    configure_process()
    target = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints must not disturb the frames
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        serve(sys.stdin.fileno(), target)
