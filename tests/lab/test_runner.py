"""One worker, the newest request wins, and every end is told: without any notebook."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ftte_lab.lab.live.runner import CancelledError, Runner


class WorkerState:
    """Jobs that count, and everything that was told of them. A frame takes as long as the gate is shut."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.closed: list[str] = []
        self.runner = Runner(
            self.frames,
            lambda n, f: self.told.append((n, f)),
            lambda n, p, e: self.told.append((n, p, str(e or ""))),
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
        while entry not in self.told:
            assert time.monotonic() < end, (entry, self.told[-5:])
            time.sleep(0.002)


@pytest.fixture
def desk() -> Iterator[WorkerState]:
    desk = WorkerState()
    yield desk
    desk.gate.set()
    desk.runner.close()


def test_a_job_runs_to_its_end(desk: WorkerState) -> None:
    assert desk.runner.phase == "idle"
    number = desk.runner.submit(("a", 5))
    desk.runner.wait(10)
    assert desk.told == [
        (number, "running", ""),
        *((number, k) for k in range(1, 6)),
        (number, "done", ""),
    ]
    assert desk.runner.phase == "done"


def test_the_newest_request_wins_and_late_frames_are_told_apart(desk: WorkerState) -> None:
    first = desk.runner.submit(("a", 10**9))
    desk.until(first, 20)
    second = desk.runner.submit(("b", 4))
    desk.runner.wait(10)
    assert desk.closed == ["a", "b"]
    at = desk.told.index((second, "running", ""))
    assert all(entry[0] == second for entry in desk.told[at:])
    assert (first, "done", "") not in desk.told
    assert second > first


def test_many_requests_from_many_threads_end_with_one(desk: WorkerState) -> None:
    threads = [threading.Thread(target=lambda: desk.runner.submit(("x", 3))) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.runner.wait(10)
    assert desk.told[-1] == (40, "done", "")
    assert (
        sum(1 for t in threading.enumerate() if t.name == "ftte-lab" and t is desk.runner._thread)
        == 1
    )


def test_stop_is_after_the_frame_and_run_goes_on(desk: WorkerState) -> None:
    number = desk.runner.submit(("a", 10**9))
    desk.until(number, 50)
    desk.gate.clear()
    time.sleep(0.05)
    seen = sum(1 for t in desk.told if len(t) == 2)
    desk.runner.stop()
    desk.gate.set()
    desk.until(number, "stopped", "")
    assert sum(1 for t in desk.told if len(t) == 2) <= seen + 1
    with pytest.raises(CancelledError, match="was stopped before its end"):
        desk.runner.wait(10)
    count = len(desk.told)
    assert desk.runner.go("run")
    desk.until(number, seen + 30)
    assert len(desk.told) > count
    desk.runner.stop()


def test_steps_are_taken_one_by_one(desk: WorkerState) -> None:
    number = desk.runner.submit(("a", 35), "step")
    desk.until(number, "stopped", "")
    assert desk.told[-2:] == [(number, 10), (number, "stopped", "")]
    for upto in (20, 30):
        assert desk.runner.go("step")
        desk.until(number, upto)
        desk.until(number, "stopped", "")
        time.sleep(0.02)
        assert max(t[1] for t in desk.told if len(t) == 2) == upto
    assert desk.runner.go("run")
    desk.runner.wait(10)
    assert desk.told[-1] == (number, "done", "")
    assert not desk.runner.go("step")


def test_an_error_is_told_raised_and_survived(desk: WorkerState) -> None:
    number = desk.runner.submit(("bad", 9))
    with pytest.raises(ValueError, match="k is 3"):
        desk.runner.wait(10)
    assert desk.told[-1] == (number, "failed", "k is 3")
    desk.runner.submit(("a", 2))
    desk.runner.wait(10)
    assert desk.runner.phase == "done"


def test_waiting_has_an_end(desk: WorkerState) -> None:
    desk.gate.clear()
    desk.runner.submit(("a", 2))
    with pytest.raises(TimeoutError, match=r"did not end within 0\.05 s"):
        desk.runner.wait(0.05)


def test_here_it_runs_in_this_thread(desk: WorkerState) -> None:
    desk.runner.run_here(("a", 3))
    assert [t[1] for t in desk.told] == [1, 2, 3, "done"]
    with pytest.raises(ValueError, match="k is 3"):
        desk.runner.run_here(("bad", 9))
    assert desk.runner.phase == "failed"
