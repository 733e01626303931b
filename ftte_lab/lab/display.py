"""When a Lab shows what: at once what is known before training, then ten frames a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ftte_lab._common import choice, say
from ftte_lab.charts import label
from ftte_lab.experiments import TimedEvent
from ftte_lab.lab.as_python import as_python
from ftte_lab.lab.board import Board, Points
from ftte_lab.lab.difference import difference
from ftte_lab.lab.error_text import error_text
from ftte_lab.lab.knob_panel import metrics
from ftte_lab.lab.live.fleet_message import fleet_message
from ftte_lab.lab.live.life import show
from ftte_lab.lab.live.stage import Stage
from ftte_lab.lab.live.still import Content, Still
from ftte_lab.lab.panels import GROWING, KNOWN_BEFORE_TRAINING, PANELS, figure
from ftte_lab.lab.personal import PersonalGains
from ftte_lab.lab.pins import pin, pinned_letter
from ftte_lab.lab.score_message import board_scores, score_message
from ftte_lab.lab.settings import Settings
from ftte_lab.lab.summary import summary
from ftte_lab.lab.tools import export as _export
from ftte_lab.simulation import Ready

_FRAME_S = 0.1  # what the eye follows, and a page can draw in time
_SLOW_FRAME_S = 0.5  # for charts that nobody follows point by point
_LONGEST_LAP_S = 1.0  # a longer pause between two frames is not computing time


class Display:
    """Send a board to the stage.

    The worker writes the board and callbacks of the page read it: both hold `lock`.

    Args:
        settings: what the Lab is opened with.
        shown: the charts to begin with, names of `PANELS`.
        on_message: called with what the page sends.
        live: whether there is a page.
        page: what the page gets besides charts and menus, such as the names of its tools.

    Raises:
        ValueError: an unknown chart.
    """

    def __init__(
        self,
        settings: Settings,
        shown: Sequence[str],
        on_message: Callable[[Mapping[str, Any]], None],
        live: bool,
        page: Mapping[str, Any] | None = None,
    ) -> None:
        for name in shown:
            choice("chart", name, PANELS)
        self.board, self.shown, self.live = Board(settings), list(shown), live
        self.pins: dict[str, Board] = {}
        self._page = dict(page or {})
        self.lock = threading.RLock()
        self._next_frame_s, self._next_slow_frame_s = 0.0, 0.0
        self._lap_s = time.monotonic()
        self._number, self._running = 0, False
        self._impossible, self._error = "", ("", False)
        self._menus = settings
        self.stage = Stage(self._panels(settings), on_message, live)
        self.still = Still(self._picture, self.stage.publish)
        self.gains = PersonalGains(self.lock, lambda: self.draw("personal"))

    @property
    def settings(self) -> Settings:
        """Return the settings of the newest run."""
        return self.board.settings

    def print_out(self) -> None:
        """Print the scoreboard, the sentences and the charts, where there is no page."""
        scores = board_scores(self.board)
        if scores is not None and len(scores.scores) > 1:
            say(scores.verdict())
            show(scores.table())
        say(summary(self.board.prepared))
        if "personal" in self.shown:
            self.gains.fill(self.board)
        for name in self.shown:
            show(_export.drawn(figure(self.board, name)))

    def _picture(self) -> Content | None:
        """Return what a notebook shows without a kernel."""
        with self.lock:
            board = self.board
            scores, curves = board_scores(board), figure(board, "curves")
        if scores is None or curves is None:
            return None
        verdict = scores.verdict() if len(scores.scores) > 1 else ""
        return Content(board.settings.code(), verdict, scores.table(), curves.png(1.5))

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
            self._draw_followed()
        self._publish_state(number, "running", self.board.progress, self.board.note())

    def show_phase(self, number: int, phase: str, error: BaseException | None) -> None:
        """Show that a run began or ended; an error appears as text, and the charts stay."""
        fresh, board = number != self._number, self.board
        self._number = number
        if not self.live:
            return
        self._running = phase == "running"
        (self.still.cancel if self._running else self.still.renew)()
        self._follow_gains(phase)
        if phase in ("done", "stopped"):
            self.draw("curves")
            self._draw_followed()
        if phase != "stopped":  # a refused knob stops the run, and says why
            self.show_error(error, fatal=True)
        begins = phase == "running" and (fresh or not board.prepared)
        note = "preparing" if begins else board.note(phase)
        progress = 0.0 if begins else 1.0 if phase == "done" else board.progress
        self._publish_state(number, phase, progress, note)

    def _follow_gains(self, phase: str) -> None:
        """Compute personal gains where a run has ended and they are shown; else do not."""
        if phase == "done" and "personal" in self.shown:
            self.draw("personal")
            self.gains.begin(self.board)
        else:
            self.gains.cancel()

    def _draw_followed(self) -> None:
        """Draw what grows with the run, but that nobody follows point by point."""
        for name in GROWING:
            self.draw(name)
        self.show_scores()

    def _publish_state(self, number: int, phase: str, progress: float, note: str) -> None:
        self.stage.publish("state", number=number, phase=phase, progress=progress, note=note)

    def draw(self, name: str) -> None:
        """Send one chart, if it is shown."""
        with self.lock:
            if not self.live or name not in self.shown or name == "fleet":
                return
            drawn = figure(self.board, name)
        if drawn is not None:
            self.stage.show(name, drawn, self._number)

    def draw_prepared(self) -> None:
        """Draw all that is known before any training; the next frame comes without delay."""
        if not self.live:
            return
        self._next_frame_s = self._next_slow_frame_s = 0.0
        self.show_summary()
        self.show_scores()
        content, buffers = fleet_message(self.board.prepared)
        self.stage.publish("fleet", buffers, **content)
        for name in KNOWN_BEFORE_TRAINING:
            self.draw(name)

    def pin(self) -> None:
        """Keep the present curves behind the next ones; drop them if they are kept already.

        Raises:
            ValueError: too many pinned runs.
        """
        with self.lock:
            pin(self.pins, self.board)
        self._pins_changed()

    def unpin(self, letter: str) -> None:
        """Drop a pinned run; nothing happens if there is none of that letter."""
        with self.lock:
            self.pins.pop(letter, None)
        self._pins_changed()

    def pinned_points(self) -> dict[str, dict[str, list[Points]]]:
        """Return the points of the pinned runs, by letter and method."""
        return {letter: board.points for letter, board in self.pins.items()}

    def _pins_changed(self) -> None:
        self.board.pinned = self.pinned_points()
        self.show_summary()
        self.show_scores()
        self.draw("curves")

    def show_scores(self) -> None:
        """Show the scoreboard of what has run so far."""
        if not self.live:
            return
        with self.lock:
            message = score_message(self.board, self.pins)
        self.stage.publish("scores", **message)

    def show_summary(self) -> None:
        """Show the sentences, and the code of the settings."""
        board = self.board
        text = summary(board.prepared) if board.prepared else ""
        pins = [
            (letter, "this run" if b is board else difference(board.settings, b.settings))
            for letter, b in self.pins.items()
        ]
        pinned = pinned_letter(self.pins, board)
        share: dict[str, Any] = {"code": board.settings.code(), "python": as_python(board.settings)}
        methods = [(name, label(name)) for name in board.settings.methods]
        self.stage.publish(
            "sentence", text=text, pins=pins, pinned=pinned, methods=methods, **share
        )

    def show_panels(self, settings: Settings) -> None:
        """Show in all views which charts and menus there are, and what they are set to."""
        self._menus = settings
        self.stage.publish("panels", **self._panels(settings))

    def _panels(self, settings: Settings) -> dict[str, Any]:
        choices = metrics(settings)
        return {"all": dict(PANELS), "shown": self.shown, "choices": choices, **self._page}

    def show_error(self, error: BaseException | None, *, fatal: bool = False) -> None:
        """Show what was wrong; `None` clears the message.

        Args:
            error: what to show.
            fatal: whether it is about the run that is asked for, which is not possible; the page is
                then greyed until another run begins.
        """
        text = error_text(error) if error else ""
        if fatal:
            self._impossible = text
        shown = (text or self._impossible, bool(self._impossible))
        if shown != self._error:
            self._error = shown
            self.stage.publish("error", text=shown[0], fatal=shown[1])

    def select_charts(self, names: Sequence[str]) -> None:
        """Show these charts in all views of the page; draw those that were not drawn yet."""
        missing = [name for name in names if name in PANELS and name not in self.shown]
        self.shown = [name for name in names if name in PANELS]
        self.show_panels(self._menus)
        for name in missing:
            self.draw(name)
        done = len(self.board.histories) == self.settings.seeds * len(self.board.prepared) > 0
        self._follow_gains("done" if done else "")

    def close(self) -> None:
        """Leave the page, and let go what only the page needed; results stay."""
        self.stage.close()
        self.still.close()
        self.gains.close()
        with self.lock:
            self.pins.clear()
            self.board.release()

    def change_view(self, settings: Settings) -> None:
        """Show the same run with another axis, metric, or method whose schedule is drawn."""
        with self.lock:
            self.board.settings = settings
        self.show_summary()
        self.show_scores()
        for name in ("curves", "gantt", "weights"):
            self.draw(name)
        if not self._running:
            self.still.renew()

    def export(self, form: str, panel: str, at_s: float | None = None) -> None:
        """Send a file to the page.

        Args:
            form: `png`, `svg`, `csv` or `json`.
            panel: the chart.
            at_s: the moment that the page's fleet shows.

        Raises:
            ValueError: an unknown form or chart, a moment out of range, or nothing to show yet.
        """
        with self.lock:
            name, mime, content = _export.file(form, panel, self.board, at_s)
        self.stage.send_file(name, mime, content)
