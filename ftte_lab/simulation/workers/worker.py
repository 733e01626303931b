"""Talk to one worker process over a socket, without ever waiting for one that has gone silent.

A worker that computes shows every second that it is alive. One that is silent, too slow by far, or
sends anything but frames is given up: it is killed, and its work is done in this process.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from ftte_lab.models import Params, unpack
from ftte_lab.simulation.workers.protocol import (
    ALIVE,
    FIRST_TASK,
    LOADED,
    FrameReader,
    GarbledError,
    frame,
)

SILENCE_S = 4.0
"""How long a worker that computes may stay without a sign of life; it gives one each second."""
PATIENCE_S = 6.0
"""How long to wait for an answer at least; more where its computing is expected to take longer."""

_PATIENCE = 4.0  # times the expected seconds
_MOST_BYTES = 1 << 20  # read at once
_START = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "from ftte_lab.simulation.workers.{} import main; main()"
)


@dataclass(eq=False)
class Task:
    """Hold something that a worker computes: `answer` is there once it is done.

    Attributes:
        number: its number among the tasks of its worker.
        expected_s: how long it is expected to take (s).
        answer: what the worker sent back.
    """

    number: int
    expected_s: float = 0.0
    answer: Params | None = None


@dataclass(eq=False)
class Worker:
    """Hold one process and its tasks, oldest first; `loaded_run` is the run whose data it has.

    Attributes:
        process: what was started.
        channel: our end of the socket to it.
        tasks: not answered yet.
        loaded_run: name of the run whose data it has.
        alive: whether it may be given tasks.
        heard_s: when it last sent anything, on the monotonic clock (s).
        entry: the module of this folder whose `main` the process runs.
    """

    process: subprocess.Popen[bytes]
    channel: socket.socket
    tasks: deque[Task] = field(default_factory=deque)
    loaded_run: str = ""
    alive: bool = True
    heard_s: float = field(default_factory=time.monotonic)
    _reader: FrameReader = field(default_factory=FrameReader)
    _next: int = FIRST_TASK
    entry: ClassVar[str] = "process"

    @classmethod
    def start(cls) -> Self:
        """Start a process that finds the same package.

        Its standard streams are not used: whatever prints there disturbs nothing.

        Raises:
            OSError: no further process or socket is allowed.
        """
        ours, theirs = (_above_standard(end) for end in socket.socketpair())
        root = str(Path(__file__).parents[3])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        with theirs:
            try:
                process = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-P", "-c", _START.format(cls.entry), str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=None if _has_stderr() else subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env={**os.environ, "PYTHONPATH": path},
                )
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        return cls(process, ours)

    def submit(self, body: bytes, expected_s: float = 0.0) -> Task:
        """Send a task."""
        task = Task(self._next, expected_s)
        self._next += 1
        self.tasks.append(task)
        self.send(task.number, body)
        return task

    def send(self, number: int, body: bytes, files: Sequence[int] = ()) -> None:
        """Send a frame, with open files; a worker that does not read it is given up.

        Answers are collected meanwhile: a worker whose own socket is full would never read ours.
        """
        view, rest = memoryview(frame(number, body)), list(files)
        began = time.monotonic()
        while view and self.alive:
            readable, writable = self._wait(write=True)
            if readable:
                self.collect()
            if writable and self.alive:
                try:
                    view = view[socket.send_fds(self.channel, [view], rest) :]
                    rest, began = [], time.monotonic()
                except BlockingIOError:
                    continue
                except OSError:
                    self.stop()
            elif time.monotonic() - max(began, self.heard_s) > SILENCE_S:
                self.stop()

    def collect(self) -> None:
        """Read the answers that are there, without waiting."""
        while self.alive:
            try:
                data = self.channel.recv(_MOST_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.stop()
                return
            self.heard_s = time.monotonic()
            try:
                for number, body in self._reader.feed(data):
                    self._take(number, body)
            except Exception:  # garbage of any kind: its work is done in this process
                self.stop()

    def wait_for(self, task: Task) -> None:
        """Wait until a task is answered or the worker is given up."""
        began = time.monotonic()
        patience_s = PATIENCE_S + _PATIENCE * sum(one.expected_s for one in self.tasks)
        while self.alive and task in self.tasks:
            if self._wait()[0]:
                self.collect()
            now = time.monotonic()
            if now - max(began, self.heard_s) > SILENCE_S or now - began > patience_s:
                self.stop()

    def stop(self) -> None:
        """End the process, also one that is computing or stopped, and leave nothing of it."""
        self.alive = False
        self.channel.close()
        self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)

    def _take(self, number: int, body: bytes) -> None:
        if number == LOADED:
            self.loaded_run = body.decode()
        elif number != ALIVE:
            if not self.tasks or self.tasks[0].number != number:
                raise GarbledError("this is not the answer that is due")
            answer = unpack(body)
            self.tasks.popleft().answer = answer

    def _wait(self, write: bool = False) -> tuple[bool, bool]:
        """Wait up to half a second; return whether there is something to read, and may be sent."""
        poll = select.poll()
        poll.register(self.channel, select.POLLIN | (select.POLLOUT if write else 0))
        found = dict(poll.poll(500)).get(self.channel.fileno(), 0)
        return bool(found & ~select.POLLOUT), bool(found & select.POLLOUT)


def _above_standard(end: socket.socket) -> socket.socket:
    """Move a socket off the numbers of the standard streams, which may be closed here."""
    taken = [end]
    while taken[-1].fileno() <= 2:
        taken.append(taken[-1].dup())
    for low in taken[:-1]:
        low.close()
    return taken[-1]


def _has_stderr() -> bool:
    """Return whether descriptor 2 is standard error; without one it may be any other file."""
    try:
        os.fstat(2)
    except OSError:
        return False
    return sys.__stderr__ is not None
