"""Keep what a class sees on the wall: who is connected, what each has given, how good the model is.

The board hears the events of runs. It knows nothing of networks or pages.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from ftte_lab.deployment.records import Noticed, RealRun
from ftte_lab.deployment.served_run import RunEvent
from ftte_lab.simulation import Evaluated, Stepped

_MOST_LINES = 8  # of the news
_MOST_POINTS = 400
_STATES = {"joined": "waits", "sent": "trains", "arrived": "waits", "left": "left", "lost": "lost"}


@dataclass
class Row:
    """Hold what the board shows of a node.

    Attributes:
        name: of the node.
        state: "waits", "trains", "left" or "lost".
        jobs: how many it got.
        updates: how many of its updates arrived.
        real_s: when it was heard of last, in real seconds since the run began.
    """

    name: str
    state: str = "waits"
    jobs: int = 0
    updates: int = 0
    real_s: float = 0.0


class Board:
    """Follow the events of a class's runs.

    Example:
        >>> board = Board()
        >>> board.take(Noticed("joined", "ada", -1, 0.5))
        >>> board.state()["nodes"][0]["name"]
        'ada'
    """

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.version, self.points = 0, list[tuple[float, float]]()
        self.news: deque[str] = deque(maxlen=_MOST_LINES)

    def begin(self, present: list[str]) -> None:
        """Begin a run with the nodes that are there."""
        self.version, self.points = 0, []
        self.rows = {name: Row(name) for name in present}

    def take(self, event: RunEvent) -> None:
        """Note an event."""
        if isinstance(event, Noticed):
            self._notice(event)
        elif isinstance(event, Stepped):
            self.version = event.version
        elif isinstance(event, Evaluated):
            point = (float(event.point["sim_seconds"]), float(event.point["accuracy"]))
            self.points = [*self.points, point][-_MOST_POINTS:]
        elif isinstance(event, RealRun):
            for row in self.rows.values():  # what was still under way is void
                row.state = "waits" if row.state == "trains" else row.state
            self.news.appendleft(f"the run has ended after {event.real_s:.0f} s")

    def state(self) -> dict[str, Any]:
        """Return all that the page shows, as plain values; who gave most comes first."""
        rows = sorted(self.rows.values(), key=lambda row: (-row.updates, row.name))
        return {
            "nodes": [asdict(row) for row in rows],
            "version": self.version,
            "points": [list(point) for point in self.points],
            "news": list(self.news),
        }

    def _notice(self, event: Noticed) -> None:
        if event.node != "?" and event.what in _STATES:
            row = self.rows.setdefault(event.node, Row(event.node))
            row.state, row.real_s = _STATES[event.what], event.real_s
            row.jobs += event.what == "sent"
            row.updates += event.what == "arrived"
        if event.what not in ("sent", "arrived"):
            self.news.appendleft(f"{event.node}: {event.what}")
