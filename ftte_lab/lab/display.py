"""What a Lab shows of its board, and when: at once what is known before training, then at the pace of the eye."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ftte_lab._common import choice
from ftte_lab.experiments import TimedEvent
from ftte_lab.lab import export as _export
from ftte_lab.lab.board import INSTANT, PANELS, Board
from ftte_lab.lab.knob_panel import metrics
from ftte_lab.lab.live.fleet_message import fleet_message
from ftte_lab.lab.live.stage import Stage
from ftte_lab.lab.settings import Settings
from ftte_lab.lab.summary import differences, story
from ftte_lab.simulation import Ready

_FRAME_S = 0.1  # what the eye follows, and a page can draw without falling behind
_SLOW_FRAME_S = 0.5  # for charts that are looked at, not watched


class Display:
    """The stage and what it is told. The worker writes the board, callbacks of the page read it: both hold `lock`.

    Args:
        settings: what the Lab is opened with.
        shown: the charts to begin with, names of `PANELS`.
        pressed: hears what the page sends.
        live: whether there is a page.

    Raises:
        ValueError: an unknown chart.
    """

    def __init__(
        self,
        settings: Settings,
        shown: Sequence[str],
        pressed: Callable[[Mapping[str, Any]], None],
        live: bool,
    ) -> None:
        for name in shown:
            choice("chart", name, PANELS)
        self.board, self.shown, self.live = Board(settings), list(shown), live
        self.pinned: Board | None = None
        self.lock = threading.RLock()
        self._next, self._next_slow, self._lap = 0.0, 0.0, time.monotonic()
        self._number = 0
        self.stage = Stage(self._panels(settings), pressed, live)

    def frame(self, number: int, timed: TimedEvent | None) -> None:
        """Show what has happened, ten times a second at most; called by the worker after each event."""
        now = time.monotonic()
        self.board.active_s += min(now - self._lap, 1.0)
        self._lap = now
        if timed is None or isinstance(timed.event, Ready) or not self.live or now < self._next:
            return
        self._next = now + _FRAME_S
        self.draw("curves")
        if now >= self._next_slow:
            self._next_slow = now + _SLOW_FRAME_S
            self.draw("weights")
        self.stage.say(
            "state",
            number=number,
            phase="running",
            progress=self.board.progress,
            note=self.board.note(),
        )

    def state(self, number: int, phase: str, error: BaseException | None) -> None:
        """Say that a run began or ended; an error appears as text, and the charts stay."""
        self._number, board = number, self.board
        if not self.live:
            return
        if phase in ("done", "stopped"):
            self.draw("curves")
            self.draw("weights")
        self.complain(error)
        note = {"running": "preparing", "failed": "this run is not possible"}.get(
            phase
        ) or board.note(phase)
        progress = 1.0 if phase == "done" else board.progress
        self.stage.say("state", number=number, phase=phase, progress=progress, note=note)

    def draw(self, name: str) -> None:
        """Send one chart, if it is looked at."""
        with self.lock:
            if not self.live or name not in self.shown or name == "fleet":
                return
            figure = self.board.figure(name)
        if figure is not None:
            self.stage.show(name, figure, self._number)

    def draw_instant(self) -> None:
        """All that is known before any training; what comes next is drawn without delay."""
        if not self.live:
            return
        self._next = self._next_slow = 0.0
        self.tell_settings()
        content, buffers = fleet_message(self.board.prepared)
        self.stage.say("fleet", buffers, **content)
        for name in INSTANT:
            self.draw(name)

    def pin(self) -> None:
        """Keep the present curves behind those to come; let go of them if nothing has changed since."""
        with self.lock:
            self.pinned = None if self.pinned is self.board else self.board
            self.board.pinned = self.pinned.points if self.pinned else {}
        self.tell_settings()
        self.draw("curves")

    def tell_settings(self) -> None:
        """The sentences, and the code of the settings."""
        board = self.board
        told = story(board.prepared) if board.prepared else ""
        if self.pinned is not None and self.pinned is not board:
            told += "\nDimmed: " + differences(self.pinned.settings, board.settings)
        elif self.pinned is board:
            told += "\nPinned: these curves stay, dimmed, behind the next ones."
        self.stage.say("sentence", text=told, code=board.settings.code())

    def tell_panels(self, settings: Settings) -> None:
        """Which charts and menus there are."""
        self.stage.say("panels", **self._panels(settings))

    def _panels(self, settings: Settings) -> dict[str, Any]:
        return {"all": dict(PANELS), "shown": self.shown, "choices": metrics(settings)}

    def complain(self, error: BaseException | None) -> None:
        """Say what was wrong, or that all is well."""
        self.stage.say("error", text=_sentence(error) if error else "")

    def look_at(self, names: Sequence[str]) -> None:
        """Show these charts; those that were not drawn yet are drawn now."""
        fresh = [name for name in names if name in PANELS and name not in self.shown]
        self.shown = [name for name in names if name in PANELS]
        for name in fresh:
            self.draw(name)

    def look_over(self, settings: Settings) -> None:
        """The same run under another axis, metric, or method to watch."""
        with self.lock:
            self.board.settings = settings
        self.tell_settings()
        for name in ("curves", "gantt", "weights"):
            self.draw(name)

    def export(self, form: str, panel: str) -> None:
        """Hand the page a file.

        Raises:
            ValueError: an unknown form or chart, or nothing to show yet.
        """
        with self.lock:
            name, mime, content = _export.file(form, panel, self.board)
        self.stage.hand_over(name, mime, content)


def _sentence(error: BaseException) -> str:
    """An error as a reader understands it; an unforeseen one says so."""
    if isinstance(error, ValueError):
        return str(error)[:1].upper() + str(error)[1:]
    return f"This run failed unexpectedly ({type(error).__name__}: {error}). Please report it with the share code."
