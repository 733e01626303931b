"""Talk to a process that computes whole runs, and read the events of one run of it.

A worker that has ended, is silent or sends anything but events is given up: whoever reads computes
the rest of the run.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from dataclasses import dataclass, field
from typing import ClassVar

from ftte_lab._common import pause_point
from ftte_lab.simulation.events import Event, Finished
from ftte_lab.simulation.kept import kept_in
from ftte_lab.simulation.prepared import Prepared
from ftte_lab.simulation.stepped import Stepped
from ftte_lab.simulation.workers.event_bytes import event_from_bytes
from ftte_lab.simulation.workers.protocol import ALIVE, LOADED, GarbledError
from ftte_lab.simulation.workers.run_messages import (
    ADDRESS,
    BEGIN,
    COUNT,
    END,
    EVENT,
    FAILED,
    MORE,
    PREPARED,
    RACE,
    RunOrder,
    fingerprint,
)
from ftte_lab.simulation.workers.worker import SILENCE_S, Worker

AHEAD = 48
"""Events that a worker may be ahead of whoever reads: a few seconds, and little memory."""

_MORE = AHEAD // 4  # events that are read before more are asked for
_LOOK_MS = 100  # how long to wait at once: a request that came meanwhile takes over


@dataclass(eq=False)
class RunWorker(Worker):
    """Hold a process that computes whole runs, and the runs that it was asked for."""

    race: int = -1
    runs: dict[int, RemoteRun] = field(default_factory=dict)
    entry: ClassVar[str] = "run_process"

    @property
    def ready(self) -> bool:
        """Return whether the process has started and takes orders."""
        if self.alive and not self.loaded_run:
            self.collect()
        return self.alive and bool(self.loaded_run)

    def begin(
        self, race: int, number: int, prepared: Prepared, skip: int, processes: int
    ) -> RemoteRun:
        """Ask for a run, and return what its events can be read from."""
        if race != self.race:
            self.race, self.runs = race, {}
        run = self.runs[number] = RemoteRun(self, race, number, prepared)
        order = RunOrder(
            race,
            number,
            prepared.scenario.to_json(),
            skip,
            AHEAD,
            processes,
            str(kept_in() or ""),
            os.environ.get("FTTE_DATA_HOME", ""),
        )
        self.send(BEGIN, order.to_bytes())
        return run

    def end(self, race: int) -> None:
        """End all runs of a race at once; what still comes of them is thrown away."""
        self.race, self.runs = -1, {}
        if self.alive:
            self.send(END, RACE.pack(race))

    def wait(self) -> None:
        """Wait a moment for something to read, and read it."""
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        if poll.poll(_LOOK_MS):
            self.collect()

    def _take(self, number: int, body: bytes) -> None:
        if number == ALIVE:
            return
        if number == LOADED:
            self.loaded_run = "runs"
            return
        race, k = ADDRESS.unpack_from(body)
        if race == self.race and k in self.runs:
            self.runs[k].take(number, body[ADDRESS.size :])


@dataclass(eq=False)
class RemoteRun:
    """Read the events of a run that another process computes."""

    worker: RunWorker
    race: int
    number: int
    prepared: Prepared
    began_s: float = field(default_factory=time.monotonic)
    _events: deque[bytes] = field(default_factory=deque)
    _read: int = 0
    _failed: bool = False

    def take(self, number: int, body: bytes) -> None:
        """Take a frame that is about this run.

        Raises:
            GarbledError: no such frame is sent.
        """
        if number == EVENT:
            self._events.append(body)
        elif number == PREPARED:
            self._failed |= body != fingerprint(self.prepared)
        elif number == FAILED:
            self._failed = True
        else:
            raise GarbledError("a frame that is none of ours")

    def next(self, version: int) -> Event | None:
        """Wait for the next event; `None`: the worker, or this run of it, was given up.

        Args:
            version: how many server steps have been read: an event of another one is garbage.
        """
        began = time.monotonic()
        while not self._events and self.worker.alive and not self._failed:
            pause_point()
            self.worker.wait()
            if time.monotonic() - max(began, self.worker.heard_s) > SILENCE_S:
                self.worker.stop()
        if self._failed or not self._events:
            return None
        try:
            event = event_from_bytes(self._events.popleft())
            if isinstance(event, Stepped) and event.version != version + 1:
                raise GarbledError("a server step is missing")
        except GarbledError:
            self.worker.stop()
            return None
        self._read += 1
        if self._read % _MORE == 0 and not isinstance(event, Finished):
            self.worker.send(MORE, COUNT.pack(self.race, self.number, _MORE))
        return event
