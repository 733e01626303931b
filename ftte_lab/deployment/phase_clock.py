"""Time the phases of a job, and make a fast machine as slow as the device that it plays."""

from __future__ import annotations

import time
from collections.abc import Callable

from ftte_lab.deployment.messages import Seconds

Pause = Callable[[float], None]
"""Waits so many seconds, or less if the job is void."""


class PhaseClock:
    """Time download, compute and upload, each at least as long as the pace asks for.

    Args:
        pace: seconds of each phase at least.
        pause: how to wait.

    Example:
        >>> clock = PhaseClock((0.0, 0.0, 0.0), time.sleep)
        >>> for _ in range(3):
        ...     clock.end_phase()
        >>> len(clock.seconds)
        3
    """

    def __init__(self, pace: Seconds, pause: Pause) -> None:
        self._left, self._pause = list(pace), pause
        self._took: list[float] = []
        self._begin = time.monotonic()

    def end_phase(self) -> None:
        """End a phase, when its time has come."""
        least = self._left.pop(0)
        rest = least - (time.monotonic() - self._begin)
        if rest > 0:
            self._pause(rest)
        now = time.monotonic()
        self._took.append(now - self._begin)
        self._begin = now

    @property
    def seconds(self) -> Seconds:
        """Return how long each phase took."""
        down, compute, up = self._took
        return down, compute, up
