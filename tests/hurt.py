"""Hurt the workers of a run at random moments: the digits stay, and nobody waits for long.

`python -m tests.hurt` kills, stops, slows and garbles workers at 50 random moments, and prints how
many runs had the right digits and how long the longest pause between two events was.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ftte_lab.simulation import Finished, Prepared, Scenario, prepare, simulate
from ftte_lab.simulation.workers import pool
from ftte_lab.simulation.workers.worker import Worker

SCENARIO = Scenario(
    clients=30,
    samples_per_client=8,
    concurrency=20,
    buffer=7,
    batch=4,
    local_steps=2,
    horizon_s=400.0,
    evaluations=12,
    warm_start_steps=0,
)
LONGEST_PAUSE_S = 10.0
WORKERS = 2

Injury = Callable[[Worker, random.Random, threading.Event], None]


def kill(worker: Worker, _: random.Random, __: threading.Event) -> None:
    """End the process at once."""
    os.kill(worker.process.pid, signal.SIGKILL)


def stop(worker: Worker, _: random.Random, __: threading.Event) -> None:
    """Stop the process for good, without ending it."""
    os.kill(worker.process.pid, signal.SIGSTOP)


def slow(worker: Worker, _: random.Random, over: threading.Event) -> None:
    """Let the process run for one tenth of the time."""
    while not over.wait(0.02) and worker.process.poll() is None:
        os.kill(worker.process.pid, signal.SIGSTOP)
        over.wait(0.18)
        os.kill(worker.process.pid, signal.SIGCONT)


def garble_tasks(worker: Worker, rng: random.Random, _: threading.Event) -> None:
    """Send the worker bytes that are no task."""
    worker.channel.send(rng.randbytes(rng.randint(1, 4000)))


def garble_answers(worker: Worker, rng: random.Random, _: threading.Event) -> None:
    """Change what the worker sends from now on: bits, lost bytes, or bytes put in."""
    feed = worker._reader.feed

    def garbled(data: bytes) -> Iterator[tuple[int, bytes]]:
        changed, at = bytearray(data), rng.randrange(len(data))
        way = rng.randrange(3)
        if way == 0:
            changed[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            del changed[at : at + rng.randint(1, 50)]
        else:
            changed[at:at] = rng.randbytes(rng.randint(1, 50))
        return feed(bytes(changed))

    worker._reader.feed = garbled  # type: ignore[method-assign]


INJURIES: dict[str, Injury] = {
    "kill": kill,
    "stop": stop,
    "slow": slow,
    "garble tasks": garble_tasks,
    "garble answers": garble_answers,
}


@dataclass(frozen=True)
class Outcome:
    """What one hurt run did.

    Attributes:
        injury: what was done to its worker.
        equal: whether it gave the digits of a run without workers.
        pause_s: the longest time between two of its events (s).
        hurt: whether it was still under way then.
    """

    injury: str
    equal: bool
    pause_s: float
    hurt: bool


def digits(finished: Finished) -> str:
    """Return all numbers of a run, as text: its history and its last model."""
    model = {name: value.tolist() for name, value in finished.params.items()}
    return f"{finished.history.to_json()}{model}"


def reference(prepared: Prepared) -> tuple[str, int]:
    """Return the digits of a run in this process alone, and how many events it has."""
    *before, last = simulate(prepared, processes=1)
    assert isinstance(last, Finished)
    return digits(last), len(before)


def hurt(prepared: Prepared, right: tuple[str, int], injury: str, rng: random.Random) -> Outcome:
    """Run with workers, do something to one of them at a random moment, and compare."""
    over = threading.Event()
    events = simulate(prepared, processes=1 + WORKERS)
    at = rng.randint(2, int(0.8 * right[1]))
    harmed: list[threading.Thread] = []
    last_s, pause_s = time.monotonic(), 0.0
    ended = ""
    with _workers_of_runs() as running:
        for k, event in enumerate(events):
            now = time.monotonic()
            last_s, pause_s = now, max(pause_s, now - last_s)
            if k <= 2:
                _wait_until_loaded(running)
            if k == at and running and running[-1].workers:
                worker = rng.choice(running[-1].workers)
                delay_s = rng.random() * 0.03
                harmed.append(_later(delay_s, INJURIES[injury], worker, rng, over))
            if isinstance(event, Finished):
                ended = digits(event)
            last_s = time.monotonic() if k <= 2 else last_s
    over.set()
    for thread in harmed:
        thread.join()
    return Outcome(injury, ended == right[0], pause_s, bool(harmed))


def _later(
    delay_s: float, injury: Injury, worker: Worker, rng: random.Random, over: threading.Event
) -> threading.Thread:
    def act() -> None:
        time.sleep(delay_s)
        with contextlib.suppress(OSError):  # it has ended meanwhile
            injury(worker, rng, over)

    thread = threading.Thread(target=act)
    thread.start()
    return thread


@contextlib.contextmanager
def _workers_of_runs() -> Iterator[list[pool.WorkerPool]]:
    """Collect the pools that are made meanwhile."""
    made: list[pool.WorkerPool] = []
    begin = pool.WorkerPool.__init__

    def seen(self: pool.WorkerPool, count: int, setup: pool.WorkerSetup) -> None:
        begin(self, count, setup)
        made.append(self)

    pool.WorkerPool.__init__ = seen  # type: ignore[method-assign]
    try:
        yield made
    finally:
        pool.WorkerPool.__init__ = begin  # type: ignore[method-assign]


def _wait_until_loaded(running: list[pool.WorkerPool]) -> None:
    """Wait until the workers take part; otherwise a short run would be over before."""
    end = time.monotonic() + 60.0
    while running and time.monotonic() < end:
        if len(running[-1].free()) == len(running[-1].workers):
            return
        time.sleep(0.01)


def scenarios() -> list[Prepared]:
    """Return what is run: clients that wait for nobody, and rounds."""
    return [prepare(SCENARIO.as_method(name)) for name in ("ftte", "fedavg")]


def main() -> None:
    """Print one line per kind of injury, and the worst pause."""
    parser = argparse.ArgumentParser(prog="python -m tests.hurt", description=main.__doc__)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)  # noqa: S311  # no secret
    prepared = scenarios()
    right = [reference(one) for one in prepared]
    found: list[Outcome] = []
    for k in range(chosen.moments):
        injury = list(INJURIES)[k % len(INJURIES)]
        which = k // len(INJURIES) % len(prepared)
        found.append(hurt(prepared[which], right[which], injury, rng))
        print(f"{k + 1:4d} {found[-1]}", flush=True)
    for injury in INJURIES:
        mine = [one for one in found if one.injury == injury]
        equal, pause_s = sum(o.equal for o in mine), max((o.pause_s for o in mine), default=0.0)
        print(f"{injury}: {equal} of {len(mine)} equal, longest pause {pause_s:.1f} s")
    bad = [one for one in found if not one.equal or one.pause_s > LONGEST_PAUSE_S or not one.hurt]
    print(f"{len(found) - len(bad)} of {len(found)} as they should be")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
