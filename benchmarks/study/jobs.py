"""Run the study's jobs in processes, each once, and keep each result in a file of its own.

A study that was killed goes on where it was. It can also stop handing out jobs after some seconds:
what is done by then is kept.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

from benchmarks.study import central, draws
from ftte_lab._common import (
    configure_process,
    cores,
    progress_bar,
    read_json,
    require_writable,
    write_atomic,
    write_json,
    writing_to,
)
from ftte_lab.simulation import History, Scenario, run

_AHEAD = 1  # jobs submitted beyond those at work: no process waits for us, and a kill loses few


_PARTS = {"run": "history", "central": "level"}  # what the file of a job holds


def _content(text: bytes) -> dict[str, Any]:
    return read_json(text, "the result", "what the study writes", not_finite=True)


@dataclass(frozen=True)
class Job:
    """Name something to compute.

    Attributes:
        kind: "run" for a run, "central" for one net trained on everybody's samples together.
        scenario: what is run, or whose samples are trained on.
    """

    kind: str
    scenario: Scenario

    def path(self, folder: Path) -> Path:
        """Return the file of its result."""
        return folder / f"{self.kind}-{self.scenario.digest()}.json"

    def is_done(self, folder: Path) -> bool:
        """Whether the file of its result is there and whole; one that is cut off is made again."""
        try:
            content = _content(self.path(folder).read_bytes())
        except (OSError, ValueError):
            return False
        return _PARTS[self.kind] in content and "core_s" in content


@dataclass(frozen=True)
class Results:
    """Hold a folder of results, read when they are asked for."""

    folder: Path

    def has(self, scenario: Scenario, kind: str = "run") -> bool:
        """Whether a result is there, and whole."""
        return Job(kind, scenario).is_done(self.folder)

    def history(self, scenario: Scenario) -> History:
        """Read the record of a run."""
        return History.from_json(json.dumps(self._read("run", scenario)["history"]))

    def level(self, scenario: Scenario) -> Mapping[str, float]:
        """Read what one net reached on everybody's samples together."""
        return self._read("central", scenario)["level"]

    def core_s(self, scenario: Scenario, kind: str = "run") -> float:
        """Read the processor seconds that a job took."""
        return float(self._read(kind, scenario)["core_s"])

    def _read(self, kind: str, scenario: Scenario) -> Any:
        return _content(Job(kind, scenario).path(self.folder).read_bytes())


@dataclass(frozen=True)
class Outcome:
    """Say how a list of jobs went.

    Attributes:
        done: how many were computed now.
        left: how many were not handed out, because the time was over.
        failures: a line for each that raised.
    """

    done: int
    left: int
    failures: tuple[str, ...]


def run_jobs(
    jobs: Iterable[Job],
    folder: Path,
    processes: int | None = None,
    stop_after_s: float | None = None,
) -> Outcome:
    """Compute what is not in the folder yet.

    Args:
        jobs: in the order in which they are handed out; equal ones are computed once.
        folder: of the results; made if it does not exist.
        processes: how many compute at once; `None`: as many as there are cores.
        stop_after_s: seconds after which no further job is handed out; `None`: all are.

    Raises:
        FileTroubleError: the folder cannot be written, or is full; what is kept stays.
    """
    with _writing(folder):
        require_writable(folder)
    todo = [job for job in dict.fromkeys(jobs) if not job.is_done(folder)]
    if not todo:
        return Outcome(0, 0, ())
    workers = min(processes or cores(), len(todo))
    end = None if stop_after_s is None else time.monotonic() + stop_after_s
    failures: list[str] = []
    done = 0
    with (
        progress_bar(total=len(todo), unit="job") as bar,
        ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin) as pool,
    ):
        for job, text in _computed(pool, todo, workers, end):
            bar.update(1)
            if failure := _failure(job, text):
                failures.append(failure)
            else:
                with _writing(folder):
                    folder.mkdir(parents=True, exist_ok=True)
                    write_atomic(job.path(folder), text.encode())
                done += 1
    return Outcome(done, len(todo) - done - len(failures), tuple(failures))


def _writing(folder: Path) -> AbstractContextManager[None]:
    return writing_to(folder, "What is kept stays: make room, or choose another --folder")


def _computed(
    pool: Executor, todo: Sequence[Job], workers: int, end: float | None
) -> Iterator[tuple[Job, str]]:
    """Keep the processes busy until the end, and yield each job with its result."""
    waiting: dict[Future[str], Job] = {}
    queue = list(reversed(todo))
    while queue or waiting:
        if end is not None and time.monotonic() >= end:
            queue.clear()
            for future in [future for future in waiting if future.cancel()]:
                del waiting[future]
        while queue and len(waiting) < workers + _AHEAD:
            job = queue.pop()
            waiting[pool.submit(compute, job.kind, job.scenario.to_json())] = job
        for future in wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED).done:
            yield waiting.pop(future), future.result()


def _begin() -> None:
    """Prepare a worker; it ends when the process that started it is killed."""
    configure_process()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    signal.raise_signal(signal.SIGTERM)


def _failure(job: Job, text: str) -> str:
    """Write what a job raised; nothing if it did not."""
    error = json.loads(text).get("error", "")
    s = job.scenario
    return error and f"{job.kind} of {s.method} on {s.data}, seed {s.seed}: {error}"


def compute(kind: str, text: str) -> str:
    """Compute one job in a worker; return its result, or what it raised, as JSON.

    Args:
        kind: see `Job`.
        text: the scenario as JSON.
    """
    begin = time.process_time()
    try:
        draws.register()
        scenario = Scenario.from_json(text)
        found: dict[str, Any] = {}
        if kind == "run":
            found["history"] = json.loads(run(scenario, processes=1).to_json())
        else:
            found["level"] = central.level(scenario)
    except Exception as error:  # it is reported, and the other jobs go on
        return write_json({"error": f"{error!r}\n{traceback.format_exc()}"})
    return write_json(found | {"core_s": time.process_time() - begin})
