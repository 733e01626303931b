"""One worker thread and one place for a request: the newest request replaces what runs.

A job is replaced, stopped or resumed between two frames. One that is replaced, or stopped before it
has shown anything, ends within a frame, too, at the pause points of the work. Callbacks of a page
come on changing threads; all of them only leave a request here and return. What the worker shows
must not touch widget traits: it sends messages.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from ftte_lab._common import InterruptedWorkError, interruptible, release_memory

Frames = Iterator[Any]

_CLOSE_S = 10.0  # to wait for the worker at most when it is closed
_LINGER_S = 2.0  # without work a worker ends; the next request starts another one


class CancelledError(RuntimeError):
    """The run whose result was asked for was stopped before its end."""


_all: weakref.WeakSet[Runner] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End all workers: none must compute while the interpreter shuts down."""
    for runner in list(_all):
        runner.close()


class Runner:
    """Run generators of frames.

    Args:
        start: returns the frames of a job; called in the worker.
        on_frame: called with `(number, frame)` for each; numbers grow with every request, so that
            late frames can be recognised.
        on_phase: called with `(number, phase, error)`; phases are `running`, `stopped`, `done` and
            `failed`.
        ends_a_step: whether a frame completes a single step.
    """

    def __init__(
        self,
        start: Callable[[Any], Frames],
        on_frame: Callable[[int, Any], None],
        on_phase: Callable[[int, str, BaseException | None], None],
        ends_a_step: Callable[[Any], bool],
    ) -> None:
        self._start, self._ends_a_step = start, ends_a_step
        self._on_frame, self._on_phase = on_frame, on_phase
        self._changed = threading.Condition()
        self._number = 0
        self._job: Any = None
        self._pending = False  # a job waits to be started
        self._pace = "stop"  # or "run", or "step": one step, then stop
        self._phase = "idle"
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._frames: Frames | None = None  # of the job under way, and the number of its request
        self._under_way = 0
        self._shown = False  # the job under way has come to its first frame
        self._again = False  # it was stopped before, and begins again when it is resumed
        self._closed = False
        _all.add(self)

    @property
    def phase(self) -> str:
        """Return `idle`, `running`, `stopped`, `done` or `failed`."""
        return self._phase

    @property
    def closed(self) -> bool:
        """Return whether it takes no more requests."""
        return self._closed

    @property
    def number(self) -> int:
        """Return the number of the newest request."""
        return self._number

    def submit(self, job: Any, pace: str = "run") -> int:
        """Start a job in the worker, in place of whatever runs; return its number at once."""
        with self._changed:
            if self._closed:
                return self._number
            self._number += 1
            self._job, self._pending = job, True
            self._pace, self._phase = pace, "running"
            self._error = None
            self._wake()
            return self._number

    def resume(self, pace: str) -> bool:
        """Let a stopped job run on, or take one step; return whether there is one."""
        with self._changed:
            if self._phase not in ("running", "stopped"):
                return False
            if self._phase == "stopped":
                with contextlib.suppress(Exception):  # a page that went away
                    self._on_phase(self._number, "running", None)
            self._pace, self._phase = pace, "running"
            self._wake()
            return True

    def _wake(self) -> None:
        """Have a worker look for work. Called with the lock held."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ftte-lab", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def stop(self, job: Any = None) -> None:
        """Stop after the frame that is being computed.

        Args:
            job: stop only if it is the newest one that was asked for; `None`: whatever runs.
        """
        with self._changed:
            if job is not None and job is not self._job:
                return
            self._pace = "stop"
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> None:
        """Block until the newest job has ended.

        Args:
            timeout: seconds to wait at most; `None`: as long as it takes.

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
                f"the run did not end within {timeout:g} s; "
                "allowed: a longer timeout, or a shorter horizon."
            )
        if error is not None:
            raise error
        if phase != "done":
            raise CancelledError(
                "the run was stopped before its end, so it has no result. "
                "Press Run, or call lab.run()."
            )

    def run_to_end(self, job: Any) -> int:
        """Run a job in this thread to its end, and return its number.

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
        self._on_phase(self._number, "done", None)
        return self._number

    def close(self) -> None:
        """End the worker; what it was computing is dropped, and nothing more is taken."""
        with self._changed:
            self._closed = True
            thread = self._thread
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSE_S)
        with self._changed:
            if self._thread is None:
                self._drop()
            if self._phase == "running":
                self._phase = "stopped"
            self._job = None
            self._changed.notify_all()

    def _work(self) -> None:
        """Compute until there is nothing to compute for a while, and give the memory back."""
        while self._advance_or_end():
            pass
        release_memory()

    def _advance_or_end(self) -> bool:
        """Compute a frame once there is one to compute; return whether to go on."""
        with self._changed:
            begun = self._frames is not None or self._again
            stopping = self._pace == "stop" and begun and not self._pending
            if stopping and self._phase == "running":
                self._set_phase(self._under_way, "stopped")
            found = self._changed.wait_for(self._has_work, _LINGER_S)
            job, pending, closed = self._job, self._pending, self._closed
            if closed or not found:
                self._thread = None
                if closed:
                    self._drop()
                return False
            if pending:
                self._drop()
                self._under_way, self._pending = self._number, False
                self._shown = False
            self._again = False
            number = self._under_way
        if pending:
            with contextlib.suppress(Exception):  # a page that went away
                self._on_phase(number, "running", None)
        self._frames = self._advance(number, job, self._frames)
        return True

    def _drop(self) -> None:
        """Forget the job under way."""
        _close(self._frames)
        self._frames = None

    def _has_work(self) -> bool:
        under_way = (self._frames is not None or self._again) and self._pace != "stop"
        return self._closed or self._pending or under_way

    def _advance(self, number: int, job: Any, frames: Frames | None) -> Frames | None:
        """Compute one frame; return `None` when there are no more."""
        try:
            with interruptible(self._unwanted):
                frames = self._start(job) if frames is None else frames
                frame = next(frames)
            self._shown = self._shown or frame is not None
            self._on_frame(number, frame)
        except InterruptedWorkError:
            _close(frames)
            self._again = True
            return None
        except StopIteration:
            self._end(number, "done", None)
            return None
        except Exception as error:
            _close(frames)
            self._end(number, "failed", error)
            return None
        with self._changed:
            if self._pace == "step" and self._number == number and self._ends_a_step(frame):
                self._pace = "stop"
        return frames

    def _unwanted(self) -> bool:
        """Return whether the frame that is being computed will not be shown."""
        early_stop = self._pace == "stop" and not self._shown
        return self._pending or self._closed or early_stop

    def _end(self, number: int, phase: str, error: BaseException | None) -> None:
        with self._changed:
            if self._number == number:
                self._error = error
                self._set_phase(number, phase, error)

    def _set_phase(self, number: int, phase: str, error: BaseException | None = None) -> None:
        """Report a phase, then wake whoever waits: the page is informed before the next cell runs.

        Called with the lock held.
        """
        with contextlib.suppress(Exception):  # a page that went away must not end the worker
            self._on_phase(number, phase, error)
        self._phase = phase
        self._changed.notify_all()


def _close(frames: Frames | None) -> None:
    if frames is not None:
        with contextlib.suppress(Exception):
            frames.close()  # type: ignore[attr-defined]
