"""State what decides who starts next and which updates a server step takes.

Two orders follow: `LockedOrder` keeps to the simulated timeline, `FreeOrder` to what really
arrives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ftte_lab.deployment.messages import Seconds
from ftte_lab.simulation import Prepared


@dataclass(frozen=True)
class Start:
    """Describe a participation that is to begin.

    Attributes:
        participation: its number in the run.
        client: who.
        visit: how many participations the client had before.
        version: the version that it starts from.
        tier: what it trains.
        together: whether the simulation trains it beside others.
        pace: real seconds of each phase at least.
        expected_s: real seconds that it is expected to take.
    """

    participation: int
    client: int
    visit: int
    version: int
    tier: int
    together: bool = False
    pace: Seconds = (0.0, 0.0, 0.0)
    expected_s: float = 0.0


class Order(Protocol):
    """Decide who starts, and which updates a server step takes."""

    @property
    def prepared(self) -> Prepared:
        """Return the run, with the timeline as far as it is known."""

    @property
    def oldest(self) -> int:
        """Return the oldest version from which somebody may still start."""

    def now_s(self) -> float:
        """Return the virtual time (s)."""

    def hold(self, paused: bool) -> None:
        """Let the clock stand still while a pause lasts and nobody is under way."""

    def start(self, idle: Iterable[int]) -> Start | None:
        """Start one of these idle clients; `None`: nobody may start now."""

    def arrived(self, participation: int, seconds: Seconds) -> str:
        """Note an update, with the real seconds of its phases; return what becomes of it."""

    def lost(self, participation: int) -> None:
        """Note that an update will not come."""

    def due(self) -> np.ndarray | None:
        """Return the participations of the next server step, if it is time for it."""

    def stepped(self, members: np.ndarray) -> list[int]:
        """Note a server step; return the participations that it calls off."""

    def evaluates(self) -> bool:
        """Return whether the newest version is to be evaluated; asked once after each step."""

    def ended(self) -> bool:
        """Return whether the run is over."""

    def end_s(self) -> float:
        """Return the virtual time of the last point (s); 0: the last evaluation is enough."""
