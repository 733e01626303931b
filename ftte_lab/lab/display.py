"""When a Lab shows what: at once what is known before training, then ten frames a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ftte_lab._common import choice
from ftte_lab.experiments import TimedEvent
from ftte_lab.lab import export as _export
from ftte_lab.lab.board import KNOWN_BEFORE_TRAINING, PANELS, Board
from ftte_lab.lab.knob_panel import metrics
from ftte_lab.lab.live.fleet_message import fleet_message
from ftte_lab.lab.live.stage import Stage
from ftte_lab.lab.settings import Settings
from ftte_lab.lab.summary import differences, summary, verdict
from ftte_lab.simulation import Ready

_FRAME_S = 0.1  # what the eye follows, and a page can draw in time
_SLOW_FRAME_S = 0.5  # for charts that nobody follows point by point
_LONGEST_LAP_S = 1.0  # a longer pause between two frames is not computing time
_PHASE_NOTES = {"running": "preparing", "failed": "this run is not possible"}


class Display:
    """Send a board to the stage.

    The worker writes the board and callbacks of the page read it: both hold `lock`.

    Args:
        settings: what the Lab is opened with.
        shown: the charts to begin with, names of `PANELS`.
        on_message: called with what the page sends.
        live: whether there is a page.

    Raises:
        ValueError: an unknown chart.
    """

    def __init__(
        self,
        settings: Settings,
        shown: Sequence[str],
        on_message: Callable[[Mapping[str, Any]], None],
        live: bool,
    ) -> None:
        for name in shown:
            choice("chart", name, PANELS)
        self.board, self.shown, self.live = Board(settings), list(shown), live
        self.pinned: Board | None = None
        self.lock = threading.RLock()
        self._next_frame_s, self._next_slow_frame_s = 0.0, 0.0
        self._lap_s = time.monotonic()
        self._number = 0
        self.stage = Stage(self._panels(settings), on_message, live)

    def show_frame(self, number: int, timed: TimedEvent | None) -> None:
        """Show what has happened, if a frame is due; the worker calls this after each event."""
        now = time.monotonic()
        self.board.active_s += min(now - self._lap_s, _LONGEST_LAP_S)
        self._lap_s = now
        due = self.live and now >= self._next_frame_s
        if timed is None or isinstance(timed.event, Ready) or not due:
            return
        self._next_frame_s = now + _FRAME_S
        self.draw("curves")
        if now >= self._next_slow_frame_s:
            self._next_slow_frame_s = now + _SLOW_FRAME_S
            self.draw("weights")
        self._publish_state(number, "running", self.board.progress, self.board.note())

    def show_phase(self, number: int, phase: str, error: BaseException | None) -> None:
        """Show that a run began or ended; an error appears as text, and the charts stay."""
        self._number, board = number, self.board
        if not self.live:
            return
        if phase in ("done", "stopped"):
            self.draw("curves")
            self.draw("weights")
        if phase == "done":
            self.show_summary()
        self.show_error(error)
        note = _PHASE_NOTES.get(phase) or board.note(phase)
        self._publish_state(number, phase, 1.0 if phase == "done" else board.progress, note)

    def _publish_state(self, number: int, phase: str, progress: float, note: str) -> None:
        self.stage.publish("state", number=number, phase=phase, progress=progress, note=note)

    def draw(self, name: str) -> None:
        """Send one chart, if it is shown."""
        with self.lock:
            if not self.live or name not in self.shown or name == "fleet":
                return
            figure = self.board.figure(name)
        if figure is not None:
            self.stage.show(name, figure, self._number)

    def draw_prepared(self) -> None:
        """Draw all that is known before any training; the next frame comes without delay."""
        if not self.live:
            return
        self._next_frame_s = self._next_slow_frame_s = 0.0
        self.show_summary()
        content, buffers = fleet_message(self.board.prepared)
        self.stage.publish("fleet", buffers, **content)
        for name in KNOWN_BEFORE_TRAINING:
            self.draw(name)

    def pin(self) -> None:
        """Keep the present curves behind the next ones; drop them if nothing changed since."""
        with self.lock:
            self.pinned = None if self.pinned is self.board else self.board
            self.board.pinned = self.pinned.points if self.pinned else {}
        self.show_summary()
        self.draw("curves")

    def show_summary(self) -> None:
        """Show the sentences, and the code of the settings."""
        board = self.board
        text = (
            "\n".join(filter(None, (verdict(board), summary(board.prepared))))
            if board.prepared
            else ""
        )
        if self.pinned is board:
            text += "\nPinned: these curves stay, dimmed, behind the next ones."
        elif self.pinned is not None:
            text += f"\nDimmed: {differences(self.pinned.settings, board.settings)}"
        self.stage.publish("sentence", text=text, code=board.settings.code())

    def show_panels(self, settings: Settings) -> None:
        """Show which charts and menus there are."""
        self.stage.publish("panels", **self._panels(settings))

    def _panels(self, settings: Settings) -> dict[str, Any]:
        return {"all": dict(PANELS), "shown": self.shown, "choices": metrics(settings)}

    def show_error(self, error: BaseException | None) -> None:
        """Show what was wrong; `None` clears the message."""
        self.stage.publish("error", text=_sentence(error) if error else "")

    def select_charts(self, names: Sequence[str]) -> None:
        """Show these charts; draw those that were not drawn yet."""
        missing = [name for name in names if name in PANELS and name not in self.shown]
        self.shown = [name for name in names if name in PANELS]
        for name in missing:
            self.draw(name)

    def close(self) -> None:
        """Leave the page, and let go what only the page needed; results stay."""
        self.stage.close()
        self.pinned = None
        with self.lock:
            self.board.release()

    def change_view(self, settings: Settings) -> None:
        """Show the same run with another axis, metric, or method whose schedule is drawn."""
        with self.lock:
            self.board.settings = settings
        self.show_summary()
        for name in ("curves", "gantt", "weights"):
            self.draw(name)

    def export(self, form: str, panel: str) -> None:
        """Send a file to the page.

        Raises:
            ValueError: an unknown form or chart, or nothing to show yet.
        """
        with self.lock:
            name, mime, content = _export.file(form, panel, self.board)
        self.stage.send_file(name, mime, content)


def _sentence(error: BaseException) -> str:
    """Write an error for a reader; one that nobody foresaw is named as such."""
    if isinstance(error, ValueError):
        return str(error)[:1].upper() + str(error)[1:]
    return (
        f"This run failed unexpectedly ({type(error).__name__}: {error}). "
        "Please report it with the share code."
    )
