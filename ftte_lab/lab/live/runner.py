"""One worker thread and one place for a request: the newest request wins, between two frames.

Callbacks of a page come on changing threads; all of them only leave a wish here and return. What the worker hands out
must not touch widget traits: the receiver sends messages.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

Frames = Iterator[Any]


class CancelledError(RuntimeError):
    """The run whose result was asked for was stopped before its end."""


class Runner:
    """Runs generators of frames.

    Args:
        start: makes the frames of a job, in the worker.
        on_frame: `(number, frame)` for each; numbers grow with every request, so late frames can be told.
        on_state: `(number, phase, error)`; phases are `running`, `stopped`, `done` and `failed`.
        is_step: which frames end a single step.
    """

    def __init__(
        self,
        start: Callable[[Any], Frames],
        on_frame: Callable[[int, Any], None],
        on_state: Callable[[int, str, BaseException | None], None],
        is_step: Callable[[Any], bool],
    ) -> None:
        self._start, self._on_frame, self._on_state, self._is_step = (
            start,
            on_frame,
            on_state,
            is_step,
        )
        self._changed = threading.Condition()
        self._number = 0
        self._job: Any = None
        self._fresh = False  # a job waits to be started
        self._pace = "stop"  # or "run", or "step": one step, then stop
        self._phase = "idle"
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def phase(self) -> str:
        """`idle`, `running`, `stopped`, `done` or `failed`."""
        return self._phase

    @property
    def number(self) -> int:
        """Of the newest request."""
        return self._number

    def submit(self, job: Any, pace: str = "run") -> int:
        """Start a job in the worker, in the place of whatever runs; returns its number at once."""
        with self._changed:
            self._number += 1
            self._job, self._fresh, self._pace, self._phase, self._error = (
                job,
                True,
                pace,
                "running",
                None,
            )
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="ftte-lab", daemon=True)
                self._thread.start()
                atexit.register(
                    self.close
                )  # a thread that computes must not meet the end of the interpreter
            self._changed.notify_all()
            return self._number

    def go(self, pace: str) -> bool:
        """Let a stopped job run on, or take one step; false if there is none to go on with."""
        with self._changed:
            if self._phase not in ("running", "stopped"):
                return False
            self._pace, self._phase = pace, "running"
            self._changed.notify_all()
            return True

    def stop(self) -> None:
        """Halt after the frame that is being computed."""
        with self._changed:
            self._pace = "stop"
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> None:
        """Block until the newest job has ended.

        Raises:
            CancelledError: if it was stopped.
            TimeoutError: if it takes longer.
            BaseException: whatever the job raised.
        """
        with self._changed:
            ended = self._changed.wait_for(lambda: self._phase != "running", timeout)
            phase, error = self._phase, self._error
        if not ended:
            raise TimeoutError(
                f"the run did not end within {timeout:g} s; allowed: more time, or a shorter horizon."
            )
        if error is not None:
            raise error
        if phase != "done":
            raise CancelledError(
                "the run was stopped before its end, so it has no result. Press Run, or call lab.run()."
            )

    def run_here(self, job: Any) -> int:
        """Batch: the same frames, in this thread, to the end.

        Raises:
            BaseException: whatever the job raises.
        """
        self._number += 1
        self._phase, self._error = "running", None
        try:
            for frame in self._start(job):
                self._on_frame(self._number, frame)
        except BaseException as error:
            self._phase, self._error = "failed", error
            raise
        self._phase = "done"
        self._on_state(self._number, "done", None)
        return self._number

    def close(self) -> None:
        """End the worker."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(10)
        atexit.unregister(self.close)

    def _work(self) -> None:
        number, frames = 0, None
        while True:
            with self._changed:
                if (
                    self._pace == "stop"
                    and frames is not None
                    and not self._fresh
                    and self._phase == "running"
                ):
                    self._settle(number, "stopped")
                self._changed.wait_for(
                    lambda: (
                        self._closed or self._fresh or (frames is not None and self._pace != "stop")  # noqa: B023
                    )
                )
                job, fresh, closed = self._job, self._fresh, self._closed
                if fresh:
                    number, self._fresh = self._number, False
            if fresh or closed:
                _close(frames)
                frames = None
            if closed:
                return
            if fresh:
                self._on_state(number, "running", None)
            frames = self._advance(number, job, frames)

    def _advance(self, number: int, job: Any, frames: Frames | None) -> Frames | None:
        """One frame; `None` when there are no more."""
        try:
            frames = self._start(job) if frames is None else frames
            frame = next(frames)
            self._on_frame(number, frame)
        except StopIteration:
            self._end(number, "done", None)
            return None
        except Exception as error:
            _close(frames)
            self._end(number, "failed", error)
            return None
        with self._changed:
            if self._pace == "step" and self._number == number and self._is_step(frame):
                self._pace = "stop"
        return frames

    def _end(self, number: int, phase: str, error: BaseException | None) -> None:
        with self._changed:
            if self._number == number:
                self._error = error
                self._settle(number, phase, error)

    def _settle(self, number: int, phase: str, error: BaseException | None = None) -> None:
        """Tell first, then wake who waits: the page knows before the next cell runs. Called with the lock held."""
        with contextlib.suppress(Exception):  # a page that went away must not kill the worker
            self._on_state(number, phase, error)
        self._phase = phase
        self._changed.notify_all()


def _close(frames: Frames | None) -> None:
    if frames is not None:
        with contextlib.suppress(Exception):
            frames.close()  # type: ignore[attr-defined]
