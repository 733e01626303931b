"""What each device gains by a part of its own, computed when a run has ended and somebody looks.

It takes seconds, so a live Lab computes it in a thread of its own. A new run ends it at the next
pause point.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
import weakref
from collections.abc import Callable

from ftte_lab._common import InterruptedWorkError, interruptible, release_memory
from ftte_lab.experiments import personalise
from ftte_lab.lab.board import Board
from ftte_lab.training import FineTuning

_HOW = FineTuning(micro_batch=1)  # the same step in the least memory, for every method
_CLOSE_S = 5.0  # to wait for the thread at most when it is closed


class PersonalGains:
    """Fill the personal gains of one board at a time.

    Args:
        lock: held while a board is read or written.
        on_change: called when a result was added; in the thread.
    """

    def __init__(self, lock: threading.RLock, on_change: Callable[[], None]) -> None:
        self._lock, self._on_change = lock, on_change
        self._board: Board | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        _all.add(self)

    @property
    def running(self) -> bool:
        """Return whether it computes."""
        thread = self._thread
        return thread is not None and thread.is_alive() and not self._ended.is_set()

    def begin(self, board: Board) -> None:
        """Fill the gains of a board whose run has ended; return at once."""
        if self.running and self._board is board:
            return
        self.cancel()
        self._board, self._ended = board, threading.Event()
        arguments = (board, self._ended)
        self._thread = threading.Thread(
            target=self._go, args=arguments, name="ftte personal", daemon=True
        )
        self._thread.start()

    def cancel(self) -> None:
        """End it at the next pause point; results that are there stay."""
        self._ended.set()

    def close(self) -> None:
        """End it, and wait until it has ended."""
        self.cancel()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSE_S)
        self._board = None

    def fill(self, board: Board) -> None:
        """Compute the gains of all methods that have ended, in this thread."""
        with self._lock:
            ended = {name: board.models[name] for name in board.prepared if name in board.models}
            runs = {name: board.prepared[name] for name in ended if name not in board.personal}
            part = board.settings.scenario.private or "head"
        for name, prepared in runs.items():
            try:
                found = personalise(prepared, ended[name], part, _HOW)
            except ValueError as error:  # too little memory, or it diverged
                found = str(error).partition("; allowed")[0]  # type: ignore[assignment]
            with self._lock:
                board.personal[name] = found
            self._on_change()

    def _go(self, board: Board, ended: threading.Event) -> None:
        with contextlib.suppress(InterruptedWorkError), interruptible(ended.is_set):
            self.fill(board)
        release_memory()


_all: weakref.WeakSet[PersonalGains] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End all threads: none must compute while the interpreter shuts down."""
    for one in list(_all):
        one.close()
