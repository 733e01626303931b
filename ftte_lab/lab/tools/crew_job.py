"""One search or sweep of a page at a time: a thread that waits for worker processes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from ftte_lab._common import release_memory
from ftte_lab.experiments import Crew, StoppedError, runs_home, tidy


@contextlib.contextmanager
def crew_of_page() -> Iterator[Crew]:
    """Hold a crew that keeps its runs where a page does; end it afterwards."""
    crew = Crew(runs_home())
    try:
        yield crew
    finally:
        crew.close()
        tidy(runs_home())


class Job:
    """Run something in a thread with a crew of its own, until it ends or is cancelled.

    Args:
        work: does it; it must only send messages, and stop when the crew does.
        on_error: called with a sentence about what went wrong.
    """

    def __init__(self, work: Callable[[Job], None], on_error: Callable[[str], None]) -> None:
        self.crew = Crew(runs_home())
        self._work, self._on_error = work, on_error
        self.cancelled = False
        self._thread = threading.Thread(target=self._go, name="ftte search", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Return whether it has not ended yet."""
        return self._thread.is_alive() and not self.cancelled

    def cancel(self) -> None:
        """End it and its workers at once; what has run stays in the folder."""
        self.cancelled = True
        self.crew.cancel()

    def _go(self) -> None:
        try:
            self._work(self)
        except StoppedError:
            pass
        except Exception as error:  # a thread must not end in silence
            if not self.cancelled:
                text = str(error) if isinstance(error, ValueError) else f"It failed: {error}."
                self._on_error(text[:1].upper() + text[1:])
        finally:
            self.crew.close()
            tidy(runs_home())
            release_memory()
