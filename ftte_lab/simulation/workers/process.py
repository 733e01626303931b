"""Run a worker process: read tasks from standard input, write answers to standard output."""

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
from ftte_lab.models import Model, Params, Subset, from_rows, insert, make_plan, pack, unpack
from ftte_lab.simulation.workers.protocol import LOADED, read_frame, write_frame
from ftte_lab.training import FrozenInputs, LocalSGD, clients_at_once, gather_batches


class WorkerState:
    """Hold model, data and optimisers of one run in a worker process.

    Args:
        setup: what `WorkerSetup.to_dict` returned, and the files with the run's data.
        params: the server's first parameters, of which frozen ones stay.
    """

    def __init__(self, setup: dict[str, Any], params: Params) -> None:
        self.model, self.params = Model.from_json(setup["model"]), params
        plans = [make_plan(self.model, Subset.from_json(text)) for text in setup["subsets"]]
        self.subset, starts = Subset.from_json(setup["union"]), setup["starts"]
        self.train = FrozenInputs(self.model, params, _shared(setup["x"]), starts)
        self.test = FrozenInputs(self.model, params, _shared(setup["x_test"]), starts)
        self.y = _shared(setup["y"])
        self.optimisers = [
            LocalSGD(
                plan,
                start,
                setup["rate"],
                setup["momentum"],
                proximal=setup["proximal"],
                track_variance=setup["track_variance"],
            )
            for plan, start in zip(plans, starts, strict=True)
        ]
        self.at_once = [clients_at_once(plan, setup["batch"]) for plan in plans]

    def _start(self, task: Params) -> Params:
        slices = from_rows(self.model, self.subset, task["row"])
        return insert(self.model, self.subset, self.params, slices)

    def answer(self, tasks: deque[Params]) -> Iterator[bytes]:
        """Do the next task, or the next few if they can be trained together; remove them."""
        if "batches" not in tasks[0]:
            task = tasks.popleft()
            yield pack({"logits": self.test.of(int(task["tier"])).logits(self._start(task))})
            return
        together = [tasks.popleft()]
        tier = int(together[0]["tier"])
        # With several tiers, what this one does not train has been changed by another one.
        most = self.at_once[tier] if len(self.optimisers) == 1 else 0
        while tasks and "batches" in tasks[0] and sum(len(t["batches"]) for t in together) < most:
            together.append(tasks.popleft())
        yield from self._train(tier, together)

    def _train(self, tier: int, tasks: list[Params]) -> Iterator[bytes]:
        """Train clients that start from several versions as one cohort.

        They can be trained together because their frozen tensors are the same in all versions.
        """
        sgd, at_once, inputs = self.optimisers[tier], self.at_once[tier], self.train.of(tier)
        starts = [self._start(task) for task in tasks]
        counts = [len(task["batches"]) for task in tasks]
        offsets = None
        if "offsets" in tasks[0]:
            offsets = torch.cat([task["offsets"] for task in tasks])
        if len(tasks) == 1:
            batches = tasks[0]["batches"]
            done = sgd.train(starts[0], inputs, self.y, batches, at_once, offsets)
        else:
            batches = torch.cat([task["batches"] for task in tasks])
            x, y = gather_batches(inputs, self.y, batches)
            done = sgd.train_stacked(starts, counts, x, y, offsets)
        parts = zip(done.rows.split(counts), done.step_variance.split(counts), strict=True)
        for rows, variance in parts:
            yield pack({"rows": rows, "step_variance": variance})


def _shared(path: str) -> Tensor:
    """Map an array from its file: it is in memory once for all processes.

    Pages are copied on write, but nobody writes.
    """
    return torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False).view(np.ndarray))


def serve(source: int, target: int) -> None:
    """Answer tasks in their order until the frames end."""
    state: WorkerState | None = None
    tasks: deque[Params] = deque()
    while True:
        while select.select([source], [], [], 0 if tasks else None)[0]:
            body = read_frame(source)
            if body is None:
                return
            if body.startswith(b"{"):
                setup, params = json.loads(body), read_frame(source)
                state = None
                tasks.clear()
                # A run that is over has removed its files.
                with contextlib.suppress(OSError):
                    state = WorkerState(setup, unpack(params or b""))
                    write_frame(target, LOADED + setup["run"].encode())
            elif state:
                tasks.append(unpack(body))
        if state:
            for body in state.answer(tasks):
                write_frame(target, body)


def main() -> None:
    """Serve on standard input and output."""
    configure_process()
    target = os.dup(sys.stdout.fileno())
    # Whatever prints must not disturb the frames.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        serve(sys.stdin.fileno(), target)
