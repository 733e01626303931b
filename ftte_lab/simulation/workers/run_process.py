"""Run a worker process that computes whole runs, and sends their events as they are asked for.

It computes the run that is least far on the virtual clock, and no further than it may be ahead of
whoever reads. A thread of its own reads the orders, so that a run ends at once.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ftte_lab._common import InterruptedWorkError, configure_process, interruptible, stand_back
from ftte_lab.simulation.engine import simulate
from ftte_lab.simulation.events import Event, Finished, Ready
from ftte_lab.simulation.kept import forget_prepared, keep_prepared
from ftte_lab.simulation.prepare import prepare
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.simulation.stepped import Stepped
from ftte_lab.simulation.workers.event_bytes import event_to_bytes
from ftte_lab.simulation.workers.process import Channel
from ftte_lab.simulation.workers.protocol import LOADED, GarbledError
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

_LOOK_S = 1.0  # how often to see whether the parent is still there
_IDLE_S = 900.0  # without work a worker ends, and its memory is free


@dataclass(eq=False)
class _Run:
    """One run: what was asked for, its events, and the virtual time of its next server step."""

    order: RunOrder
    allowed: int
    events: Iterator[Event] | None = None
    step_s: np.ndarray | None = None
    passed: int = 0
    steps: int = 0

    @property
    def next_s(self) -> float:
        """Return the virtual time of the next server step; before the run is prepared, 0."""
        if self.step_s is None or not self.passed:
            return -1.0
        return float(self.step_s[self.steps]) if self.steps < len(self.step_s) else math.inf


class Orders:
    """Hold the runs that are asked for; one thread puts orders here, another one computes."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._runs: dict[tuple[int, int], _Run] = {}
        self.over = -1  # the newest race that has ended

    def take(self, number: int, body: bytes) -> None:
        """Take one frame.

        Raises:
            GarbledError: it is none of ours.
        """
        with self._changed:
            if number == BEGIN:
                order = RunOrder.from_bytes(body)
                self._runs[order.race, order.run] = _Run(order, order.ahead)
            elif number == MORE:
                race, run, count = COUNT.unpack(body)
                if (race, run) in self._runs:
                    self._runs[race, run].allowed += count
            elif number == END:
                (race,) = RACE.unpack(body)
                self.over = max(self.over, race)
                self._runs = {key: one for key, one in self._runs.items() if key[0] > self.over}
            else:
                raise GarbledError("a frame that is none of ours")
            self._changed.notify_all()

    def next(self) -> _Run | None:
        """Wait for a run that may go on; return the least far, or `None` after a long time."""
        with self._changed:
            if not self._changed.wait_for(lambda: any(self._able()), _IDLE_S):
                return None
            return min(self._able(), key=lambda run: (run.next_s, run.order.run))

    def _able(self) -> Iterator[_Run]:
        return (run for run in self._runs.values() if run.allowed > 0)

    def sent(self, run: _Run) -> None:
        """Count an event that was sent."""
        with self._changed:
            run.allowed -= 1

    def remove(self, run: _Run) -> None:
        """Forget a run that has ended."""
        with self._changed:
            self._runs.pop((run.order.race, run.order.run), None)


def compute(channel: Channel, orders: Orders) -> None:
    """Compute run after run, event by event, until nothing is asked for during a long time."""
    while (run := orders.next()) is not None:
        order = run.order
        address = ADDRESS.pack(order.race, order.run)
        channel.computing.set()
        try:
            with interruptible(lambda race=order.race: race <= orders.over):  # type: ignore[misc]
                if run.events is None:
                    channel.send(PREPARED, address + _begin(run))
                else:
                    _advance(run, channel, orders, address)
        except InterruptedWorkError:
            orders.remove(run)
        except OSError:
            return  # nobody reads any more
        except Exception as error:  # the other process computes it, and reports what is wrong
            orders.remove(run)
            channel.send(FAILED, address + f"{type(error).__name__}: {error}".encode())
        finally:
            channel.computing.clear()


def _begin(run: _Run) -> bytes:
    """Prepare a run, and return its fingerprint; its events after `Ready` are still to come."""
    order = run.order
    os.environ.pop("FTTE_DATA_HOME", None)
    if order.data_home:
        os.environ["FTTE_DATA_HOME"] = order.data_home
    if order.folder:
        keep_prepared(Path(order.folder))
    else:
        forget_prepared()
    prepared = prepare(Scenario.from_json(order.scenario))
    events = simulate(prepared, processes=order.processes)
    if not isinstance(next(events), Ready):
        raise RuntimeError("a run begins with Ready")
    run.events, run.step_s = events, prepared.timeline.step_s
    return fingerprint(prepared)


def _advance(run: _Run, channel: Channel, orders: Orders, address: bytes) -> None:
    """Compute the next event, and send it if it is not known already."""
    if run.events is None:
        raise RuntimeError("the run has not begun")
    event = next(run.events)
    run.passed += 1
    if isinstance(event, Stepped):
        run.steps = event.version
    if run.passed > run.order.skip:
        channel.send(EVENT, address + event_to_bytes(event))
        orders.sent(run)
    if isinstance(event, Finished):
        orders.remove(run)


def _listen(channel: Channel, orders: Orders) -> None:
    """Take what comes; end the process when whoever started it has ended, or sends garbage."""
    parent = os.getppid()
    with contextlib.suppress(OSError, GarbledError, ValueError, KeyError, TypeError):
        while channel.receive(_LOOK_S) and os.getppid() == parent:
            while channel.frames:
                orders.take(*channel.frames.popleft())
    os._exit(1)


def main() -> None:
    """Serve on the socket whose number is the last argument."""
    configure_process()
    stand_back()
    end = socket.socket(fileno=int(sys.argv[-1]))
    channel, orders = Channel(end), Orders()
    threading.Thread(target=_listen, args=(channel, orders), daemon=True).start()
    channel.send(LOADED, json.dumps(os.getpid()).encode())
    compute(channel, orders)
    os._exit(0)
