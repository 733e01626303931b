"""The runner without a notebook: one worker, the newest request replaces what runs."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ftte_lab._common import pause_point
from ftte_lab.lab.live.runner import CancelledError, Runner


class WorkerState:
    """Jobs that count, and a log of all calls. A frame takes as long as the gate is shut."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.closed: list[str] = []
        self.runner = Runner(
            self.frames,
            lambda n, f: self.log.append((n, f)),
            lambda n, p, e: self.log.append((n, p, str(e or ""))),
            lambda frame: isinstance(frame, int) and frame % 10 == 0,
        )

    def frames(self, job: tuple[str, int]) -> Iterator[int]:
        name, count = job
        try:
            for k in range(1, count + 1):
                self.gate.wait(10)
                if name == "bad" and k == 3:
                    raise ValueError("k is 3")
                yield k
        finally:
            self.closed.append(name)

    def until(self, *entry: Any) -> None:
        end = time.monotonic() + 10
        while entry not in self.log:
            assert time.monotonic() < end, (entry, self.log[-5:])
            time.sleep(0.002)


@pytest.fixture
def worker() -> Iterator[WorkerState]:
    worker = WorkerState()
    yield worker
    worker.gate.set()
    worker.runner.close()


def test_runner_runs_a_job_to_its_end(worker: WorkerState) -> None:
    assert worker.runner.phase == "idle"
    number = worker.runner.submit(("a", 5))
    worker.runner.wait(10)
    assert worker.log == [
        (number, "running", ""),
        *((number, k) for k in range(1, 6)),
        (number, "done", ""),
    ]
    assert worker.runner.phase == "done"


def test_runner_replaces_a_job_by_the_newest_request(worker: WorkerState) -> None:
    first = worker.runner.submit(("a", 10**9))
    worker.until(first, 20)
    second = worker.runner.submit(("b", 4))
    worker.runner.wait(10)
    assert worker.closed == ["a", "b"]
    at = worker.log.index((second, "running", ""))
    assert all(entry[0] == second for entry in worker.log[at:])
    assert (first, "done", "") not in worker.log
    assert second > first


def test_runner_keeps_one_worker_for_many_threads(worker: WorkerState) -> None:
    threads = [threading.Thread(target=lambda: worker.runner.submit(("x", 3))) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worker.runner.wait(10)
    assert worker.log[-1] == (40, "done", "")
    assert (
        sum(1 for t in threading.enumerate() if t.name == "ftte-lab" and t is worker.runner._thread)
        == 1
    )


def test_runner_stops_after_a_frame_and_resumes(worker: WorkerState) -> None:
    number = worker.runner.submit(("a", 10**9))
    worker.until(number, 50)
    worker.gate.clear()
    time.sleep(0.05)
    before = sum(1 for t in worker.log if len(t) == 2)
    worker.runner.stop()
    worker.gate.set()
    worker.until(number, "stopped", "")
    assert sum(1 for t in worker.log if len(t) == 2) <= before + 1
    with pytest.raises(CancelledError, match="was stopped before its end"):
        worker.runner.wait(10)
    count = len(worker.log)
    assert worker.runner.resume("run")
    worker.until(number, before + 30)
    assert len(worker.log) > count
    worker.runner.stop()


def test_a_job_that_stops_itself_does_not_stop_a_newer_one(worker: WorkerState) -> None:
    old, new = ("a", 10**9), ("b", 4)
    first = worker.runner.submit(old)
    worker.until(first, 1)
    second = worker.runner.submit(new)
    worker.runner.stop(old)  # too late
    worker.runner.wait(10)
    assert worker.log[-1] == (second, "done", "")
    third = worker.runner.submit(old)
    worker.until(third, 1)
    worker.runner.stop(old)
    worker.until(third, "stopped", "")


def test_runner_takes_single_steps(worker: WorkerState) -> None:
    number = worker.runner.submit(("a", 35), "step")
    worker.until(number, "stopped", "")
    assert worker.log[-2:] == [(number, 10), (number, "stopped", "")]
    for upto in (20, 30):
        assert worker.runner.resume("step")
        worker.until(number, upto)
        worker.until(number, "stopped", "")
        time.sleep(0.02)
        assert max(t[1] for t in worker.log if len(t) == 2) == upto
    assert worker.runner.resume("run")
    worker.runner.wait(10)
    assert worker.log[-1] == (number, "done", "")
    assert not worker.runner.resume("step")


def test_runner_reports_and_raises_an_error_and_works_on(worker: WorkerState) -> None:
    number = worker.runner.submit(("bad", 9))
    with pytest.raises(ValueError, match="k is 3"):
        worker.runner.wait(10)
    assert worker.log[-1] == (number, "failed", "k is 3")
    worker.runner.submit(("a", 2))
    worker.runner.wait(10)
    assert worker.runner.phase == "done"


def test_wait_raises_after_its_timeout(worker: WorkerState) -> None:
    worker.gate.clear()
    worker.runner.submit(("a", 2))
    with pytest.raises(TimeoutError, match=r"did not end within 0\.05 s"):
        worker.runner.wait(0.05)


def test_run_to_end_runs_in_this_thread(worker: WorkerState) -> None:
    worker.runner.run_to_end(("a", 3))
    assert [t[1] for t in worker.log] == [1, 2, 3, "done"]
    with pytest.raises(ValueError, match="k is 3"):
        worker.runner.run_to_end(("bad", 9))
    assert worker.runner.phase == "failed"


class SlowState(WorkerState):
    """Jobs whose first frame takes for ever, unless nobody wants it; `show` lets one through."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.wanted = threading.Event()
        super().__init__()

    def frames(self, job: tuple[str, int]) -> Iterator[int | None]:  # type: ignore[override]
        name, count = job
        self.begun.append(name)
        try:
            yield None
            while name == "slow" and not self.wanted.is_set():
                pause_point()
                time.sleep(0.001)
            yield from range(1, count + 1)
        finally:
            self.closed.append(name)

    def until_begun(self, count: int) -> None:
        end = time.monotonic() + 10
        while len(self.begun) < count:
            assert time.monotonic() < end
            time.sleep(0.002)


@pytest.fixture
def slow() -> Iterator[SlowState]:
    state = SlowState()
    yield state
    state.wanted.set()
    state.runner.close()


def test_a_newer_request_does_not_wait_for_a_slow_preparation(slow: SlowState) -> None:
    slow.runner.submit(("slow", 3))
    slow.until_begun(1)
    number = slow.runner.submit(("quick", 3))
    slow.runner.wait(10)
    assert slow.begun == ["slow", "quick"]
    assert slow.closed == ["slow", "quick"]
    assert slow.log[-1] == (number, "done", "")
    assert not [entry for entry in slow.log if "failed" in entry]


def test_a_slow_preparation_is_stopped_at_once_and_begins_again(slow: SlowState) -> None:
    number = slow.runner.submit(("slow", 3))
    slow.until_begun(1)
    slow.runner.stop()
    slow.until(number, "stopped", "")
    assert slow.closed == ["slow"]
    slow.wanted.set()
    assert slow.runner.resume("run")
    slow.runner.wait(10)
    assert slow.begun == ["slow", "slow"]
    assert [frame for n, frame, *rest in slow.log if not rest and frame is not None] == [1, 2, 3]
    assert slow.runner.phase == "done"


def test_closing_ends_a_slow_preparation(slow: SlowState) -> None:
    slow.runner.submit(("slow", 3))
    slow.until_begun(1)
    slow.runner.close()
    assert slow.closed == ["slow"]
