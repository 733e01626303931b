"""Let a room be the fleet: laptops join, the page shows them, whoever serves starts and pauses."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ftte_lab._common import number, require
from ftte_lab.deployment.board import Board
from ftte_lab.deployment.join_line import LOOPBACK
from ftte_lab.deployment.reception import Incident
from ftte_lab.deployment.records import Noticed, RealRun
from ftte_lab.deployment.room import Room
from ftte_lab.deployment.wall import Wall
from ftte_lab.simulation import Prepared, Scenario, prepare

_NO_QR = "<p>No picture of the line: <code>pip install segno</code></p>"


class _EndedError(Exception):
    """Whoever serves has asked to end."""


def qr_picture(text: str) -> str:
    """Return a text as a QR code, as an SVG element; where segno is missing, a line that says so.

    Args:
        text: for example a join line.
    """
    try:
        import segno  # part of the extra `real`: the line can be typed as well
    except ImportError:
        return _NO_QR
    out = io.BytesIO()
    code = segno.make(text, error="m")
    code.save(out, kind="svg", xmldecl=False, svgns=True, omitsize=True)  # as large as its place
    return out.getvalue().decode()


class Classroom:
    """Serve runs to whoever joins, and show them on a page of this machine.

    Args:
        scenario: the run; a client per seat.
        seconds: real seconds that its horizon takes.
        host: the address to listen on for nodes; the default is reached by this machine alone.
        port: to listen on for nodes; 0: any free one.
        word: what a node must know; `None`: a new one.
        tell: called with each line for the terminal.

    Attributes:
        room: the nodes.
        wall: the page.
        board: what it shows.
        runs: the records of the runs so far.

    Raises:
        ValueError: ZeroMQ is missing, a port is taken, or the scenario cannot be run so.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        seconds: float = 120.0,
        host: str = LOOPBACK,
        port: int = 0,
        word: str | None = None,
        tell: Callable[[str], None] = print,
    ) -> None:
        anywhere = host in ("0.0.0.0", "::", "*")  # noqa: S104
        fix = "Nodes need an address that they can reach"
        require(not anywhere, f"host = {host!r}", "an address of this machine", fix)
        self._seconds = number("seconds", seconds, 0.1, 1e6)
        self._prepared: Prepared = prepare(scenario)
        self._tell, self._running = tell, False
        self.board, self.runs = Board(), list[RealRun]()
        self.room = Room(scenario.clients, host=host, port=port, word=word)
        self._qr = qr_picture(self.room.line.text())
        self._shown = self._state()
        try:
            self.wall = Wall(lambda: self._shown)
        except ValueError:
            self.room.close()
            raise

    def serve(self) -> None:
        """Serve until whoever serves ends it."""
        self._tell(f"page for this machine:  {self.wall.address}")
        self._tell(f"join with:  ftte-lab join {self.room.line.text()}")
        with suppress(_EndedError):
            while True:
                for incident in self.room.idle():
                    self._meet(incident)
                if self._obey():
                    self._run()

    def close(self) -> None:
        """End page and nodes."""
        self.wall.close()
        self.room.close()

    def _run(self) -> None:
        self._running = True
        self.board.begin(sorted(self.room.reception.members.present))
        try:
            events = self.room.free(self._prepared, seconds=self._seconds, watch=self._watch)
            for event in events:
                self.board.take(event)
                self._shown = self._state()
                if isinstance(event, RealRun):
                    self.runs.append(event)
                elif isinstance(event, Noticed) and event.what not in ("sent", "arrived"):
                    self._tell(f"{event.node}: {event.what}")
        finally:
            self._running = self.room.reception.paused = False
            self._shown = self._state()

    def _meet(self, incident: Incident) -> None:
        """Note who comes and goes between two runs."""
        if incident.what == "update":  # of the run that has ended
            return
        self.board.take(Noticed(incident.what, incident.name, -1, 0.0))
        self._tell(f"{incident.name}: {incident.what}")

    def _watch(self) -> None:
        self._obey()

    def _obey(self) -> bool:
        """Do what was asked for on the page; return whether a run shall start."""
        starts = False
        while not self.wall.commands.empty():
            what, name = self.wall.commands.get()
            if what == "end":
                raise _EndedError
            if what == "kick":
                self.room.kick(name)
            elif what == "start":
                starts = not self._running
            elif self._running:
                self.room.reception.paused = what == "pause"
        self._shown = self._state()
        return starts

    def _state(self) -> dict[str, Any]:
        """Return all that the page shows."""
        reception = self.room.reception
        there, seats = len(reception.members), self.room.nodes
        status = f"{there} of {seats} seats taken"
        if self._running:
            status += ", paused: no new jobs" if reception.paused else ", a run is under way"
        return self.board.state() | {
            "line": self.room.line.text(),
            "qr": self._qr,
            "status": status,
            "running": self._running,
            "paused": reception.paused,
        }
