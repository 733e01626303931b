"""Run a worker process: read tasks from a socket, and write answers to it."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import select
import socket
import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import configure_process, stand_back
from ftte_lab.models import Model, Params, Subset, from_rows, insert, make_plan, pack, unpack
from ftte_lab.simulation.workers.protocol import (
    ALIVE,
    LOADED,
    FrameReader,
    GarbledError,
    frame,
)
from ftte_lab.training import FrozenInputs, LocalSGD, clients_at_once, gather_batches

_BEAT_S = 1.0  # how often a worker that computes shows that it has not stopped
_IDLE_S = 300.0  # without a message a worker ends, and its memory is free
_MOST_BYTES = 1 << 20  # read at once
_MOST_FILES = 8  # that one message may bring


class WorkerState:
    """Hold model, data and optimisers of one run in a worker process.

    Args:
        file: what `WorkerSetup.write` wrote, open.
        begin: where its description begins.
        length: bytes of the description.
    """

    def __init__(self, file: int, begin: int, length: int) -> None:
        # In memory once for all processes. Pages are copied on write, but nobody writes.
        content = mmap.mmap(file, begin + length, access=mmap.ACCESS_COPY)
        setup = json.loads(content[begin : begin + length])
        places = setup["places"]
        at, size = places["params"]
        params = unpack(content[at : at + size])
        self.model, self.params = Model.from_json(setup["model"]), params
        plans = [make_plan(self.model, Subset.from_json(text)) for text in setup["subsets"]]
        self.subset, starts = Subset.from_json(setup["union"]), setup["starts"]
        self.train = FrozenInputs(self.model, params, _array(content, places["x"]), starts)
        self.test = FrozenInputs(self.model, params, _array(content, places["x_test"]), starts)
        self.y = _array(content, places["y"])
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


def _array(content: mmap.mmap, place: tuple[int, str, list[int]]) -> Tensor:
    """Return an array of the file, not copied."""
    at, kind, shape = place
    count = int(np.prod(shape))
    return torch.from_numpy(np.frombuffer(content, kind, count, at).reshape(shape))


class Channel:
    """Hold this end of the socket: frames and open files come, frames go."""

    def __init__(self, end: socket.socket) -> None:
        self._end, self._reader = end, FrameReader()
        self._writing = threading.Lock()
        self._files: deque[int] = deque()
        self.frames: deque[tuple[int, bytes]] = deque()
        self.computing = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def receive(self, timeout_s: float) -> bool:
        """Wait for messages and keep them in `frames`; return whether the stream goes on."""
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        while poll.poll(1000 * timeout_s):
            data, files, _, _ = socket.recv_fds(self._end, _MOST_BYTES, _MOST_FILES)
            self._files.extend(files)
            if not data:
                return False
            self.frames.extend(self._reader.feed(data))
            timeout_s = 0.0
        return True

    def file(self) -> int:
        """Return the next file that came with a message."""
        if not self._files:
            raise GarbledError("a message without its file")
        return self._files.popleft()

    def send(self, number: int, body: bytes = b"") -> None:
        """Write a frame."""
        with self._writing:
            self._end.sendall(frame(number, body))

    def _beat(self) -> None:
        """Show every second that a worker that computes has not stopped."""
        stopped = threading.Event()
        with contextlib.suppress(OSError):
            while not stopped.wait(_BEAT_S):
                if self.computing.is_set():
                    self.send(ALIVE)


def serve(channel: Channel) -> None:
    """Answer tasks in their order until the stream ends, or nothing comes for a while."""
    state: WorkerState | None = None
    tasks: deque[Params] = deque()
    numbers: deque[int] = deque()
    waited_s = 0.0
    parent = os.getppid()
    while True:
        if not channel.receive(0.0 if tasks else _BEAT_S):
            return
        waited_s = 0.0 if tasks or channel.frames else waited_s + _BEAT_S
        if waited_s >= _IDLE_S or os.getppid() != parent:
            return
        while channel.frames:
            number, body = channel.frames.popleft()
            if number == LOADED:
                tasks.clear()
                numbers.clear()
                state = _load(channel, json.loads(body))
            else:
                tasks.append(unpack(body))
                numbers.append(number)
        if state and tasks:
            channel.computing.set()
            for body in state.answer(tasks):
                channel.send(numbers.popleft(), body)
            channel.computing.clear()


def _load(channel: Channel, message: dict[str, Any]) -> WorkerState:
    file = channel.file()
    state = WorkerState(file, int(message["begin"]), int(message["length"]))
    os.close(file)
    channel.send(LOADED, str(message["run"]).encode())
    return state


def main() -> None:
    """Serve on the socket whose number is the last argument."""
    configure_process()
    stand_back()
    end = socket.socket(fileno=int(sys.argv[-1]))
    # Whoever started this process has ended, or sends what is no frame: nobody waits for answers.
    with contextlib.suppress(OSError, GarbledError):
        serve(Channel(end))
