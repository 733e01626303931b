"""Name an event of one of several runs."""

from __future__ import annotations

from typing import NamedTuple

from ftte_lab.simulation import Event


class TimedEvent(NamedTuple):
    """Hold an event of one of the runs; `settled`: no evaluation of the same step follows."""

    name: str
    event: Event
    settled: bool
