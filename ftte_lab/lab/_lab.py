"""The Lab: move a knob, watch the fleet answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import pandas as pd
from IPython.display import display

from ftte_lab._require import one_of, require
from ftte_lab.charts import Figure
from ftte_lab.engine import Evaluated, Stepped
from ftte_lab.history import History
from ftte_lab.lab import _export
from ftte_lab.lab._board import INSTANT, PANELS, Board
from ftte_lab.lab._controls import BUILDERS
from ftte_lab.lab._panel import ControlPanel, metrics
from ftte_lab.lab._settings import Settings, settings_of
from ftte_lab.lab._story import differences, story
from ftte_lab.live import Runner, Stage, fleet_message, forget_route, is_live
from ftte_lab.prepare import Prepared, prepare
from ftte_lab.presets import Preset
from ftte_lab.race import Happening, race
from ftte_lab.scenario import Scenario

_FRAME_S = 0.1  # what the eye follows, and a page can draw without falling behind
_SLOW_FRAME_S = 0.5  # for charts that are looked at, not watched
_FIRST_CHARTS = ("fleet", "curves", "memory")


class Lab:
    """Knobs, and what the fleet makes of them: live in a notebook, complete and printed everywhere else.

    The same settings give the same numbers in both: `result()` waits for the run and returns them.

    Args:
        what: a scenario, a preset's name, a share code, the text of a settings file, or `Settings`.
        show: the knobs to offer, names of `KNOBS`; all of them by default.
        charts: the charts to begin with, names of `PANELS`.
        methods: which to compare, instead of those of `what`.
        mode: `live`, `batch`, or `auto`, which asks the environment (see `live.is_live`).

    Raises:
        ValueError: an unknown name, a damaged code, or a value out of range.
    """

    def __init__(
        self,
        what: Scenario | Preset | Settings | str = "lab",
        *,
        show: Sequence[str] | None = None,
        charts: Sequence[str] = _FIRST_CHARTS,
        methods: Sequence[str] | None = None,
        mode: str = "auto",
    ) -> None:
        for name in charts:
            one_of("chart", name, PANELS)
        self._settings = self._first = settings_of(what, methods)
        self._live = is_live(mode)
        self._shown = list(charts)
        self._board, self._pinned = Board(self._settings), None
        self._lock = threading.RLock()  # the worker writes the board, callbacks of the page read it
        self._next, self._next_slow, self._lap = 0.0, 0.0, time.monotonic()
        self.stage = Stage(self._panels(), self._pressed, self._live)
        self.controls = ControlPanel(
            list(BUILDERS) if show is None else show, self._settings, self._turned, self._refused, self._live
        )
        self._runner = Runner(self._frames, self._frame, self._state, _ends_a_step)
        self.widget = widgets.Box(
            [self.controls.widget, self.stage], layout=widgets.Layout(flex_flow="row wrap", width="100%", grid_gap="8px 20px")
        )

    # What a notebook calls

    @property
    def settings(self) -> Settings:
        """What the Lab is set to now."""
        return self._settings

    @property
    def code(self) -> str:
        """These settings as one short line: `Lab(code)` is this Lab again."""
        return self._settings.code()

    def set(self, **fields: Any) -> Lab:
        """Change fields of the scenario, as a knob would.

        Raises:
            ValueError: an unknown field or a value out of range.
        """
        return self._apply(self._settings.replace(scenario=self._settings.scenario.replace(**fields)))

    def restore(self, text: str) -> Lab:
        """Set everything to a code, or to the text of a settings file.

        Raises:
            ValueError: text that is neither, or is damaged; nothing changes then.
        """
        return self._apply(Settings.restore(text))

    def run(self) -> Lab:
        """Run to the end: go on after a stop, else from the beginning."""
        return self._start("run")

    def step(self) -> Lab:
        """Compute one aggregation, then stop (live only; batch always runs to the end)."""
        return self._start("step")

    def stop(self) -> Lab:
        """Stop after the frame that is being computed."""
        self._runner.stop()
        return self

    def reset(self) -> Lab:
        """Back to the settings the Lab was opened with, nothing pinned."""
        self._pinned = None
        return self._apply(self._first)

    def pin(self) -> Lab:
        """Keep the present curves, dimmed, behind those to come; a second time without a change: let go of them."""
        with self._lock:
            self._pinned = None if self._pinned is self._board else self._board
            self._board.pinned = self._pinned.points if self._pinned else {}
        self._tell_settings()
        self._draw("curves")
        return self

    def result(self, timeout: float | None = None) -> dict[str, History]:
        """Wait for the newest run and return its histories by method (of several seeds the first; see `results`).

        Raises:
            Cancelled: if it was stopped.
            TimeoutError: if it takes longer than `timeout` seconds.
            ValueError: whatever was wrong with the settings.
        """
        return {name: seeds[0] for name, seeds in self.results(timeout).items()}

    def results(self, timeout: float | None = None) -> dict[str, list[History]]:
        """As `result`, with the histories of all seeds."""
        if self._runner.phase == "idle":
            self.run()
        if self._live:
            self._runner.wait(timeout)
        s, done = self._board.settings, self._board.histories
        return {name: [done[name, k] for k in range(s.seeds)] for name in s.methods}

    def table(self, timeout: float | None = None) -> pd.DataFrame:
        """All points of all runs, one row each, with columns `method` and `seed`; waits as `result` does."""
        self.results(timeout)
        return _export.points(self._board)

    def figure(self, name: str = "curves") -> Figure:
        """One chart as it stands, to show, or to `save` as PNG or SVG.

        Raises:
            ValueError: an unknown chart, or nothing to show yet.
        """
        one_of("chart", name, PANELS)
        with self._lock:
            figure = self._board.figure(name)
        require(figure is not None, "nothing has run yet", "a Lab that runs or ran", "Call lab.run() first")
        assert figure is not None  # noqa: S101  # for the type checker
        return figure

    def __repr__(self) -> str:
        return f"Lab({self.code!r})"

    def _ipython_display_(self) -> None:
        """Live: the widget, which begins to run. Batch: the sentence and the charts, when they are complete."""
        if self._live:
            display(self.widget)
            forget_route(self.widget)
            if self._runner.phase == "idle":
                self.run()
            return
        self.results()
        print(story(self._board.prepared))
        for name in self._shown:
            display(self.figure(name))

    # What the page says

    def _turned(self, settings: Settings) -> None:
        """A knob was turned."""
        # What the curves show was chosen on the page, not on a knob.
        view = {key: getattr(self._settings, key) for key in ("over", "metric", "watch")}
        kept = settings.replace(**view)
        methods_changed = kept.methods != self._settings.methods or kept.scenario.mix != self._settings.scenario.mix
        self._settings = kept
        if methods_changed:
            self._tell_panels()
        self._begin("run")

    def _refused(self, error: ValueError) -> None:
        """A knob was turned to what cannot be."""
        self._runner.stop()
        self.stage.say("error", text=_sentence(error))

    def _pressed(self, content: Mapping[str, Any]) -> None:
        """A button was pressed; whatever goes wrong is said on the page."""
        actions = {
            "run": self.run, "stop": self.stop, "step": self.step, "reset": self.reset, "pin": self.pin,
            "restore": lambda: self.restore(str(content.get("text", ""))),
            "export": lambda: self._export(str(content.get("form")), str(content.get("panel", "curves"))),
            "view": lambda: self._view(content),
        }  # fmt: skip
        try:
            actions.get(str(content.get("press")), lambda: None)()
        except ValueError as error:
            self.stage.say("error", text=_sentence(error))

    def _view(self, content: Mapping[str, Any]) -> None:
        """Other charts, another axis: nothing is computed anew."""
        if "shown" in content:
            fresh = [n for n in content["shown"] if n in PANELS and n not in self._shown]
            self._shown = [n for n in content["shown"] if n in PANELS]
            for name in fresh:
                self._draw(name)
            return
        changes = {key: str(content[key]) for key in ("over", "metric", "watch") if key in content}
        with self._lock:
            self._settings = self._board.settings = self._board.settings.replace(**changes)
        self._tell_settings()
        for name in ("gantt", "weights") if "watch" in changes else ("curves",):
            self._draw(name)

    def _export(self, form: str, panel: str) -> None:
        with self._lock:
            name, mime, content = _export.file(form, panel, self._board)
        self.stage.hand_over(name, mime, content)

    # How a run goes

    def _apply(self, settings: Settings) -> Lab:
        settings.runs()  # whatever cannot be is said now, and nothing changes
        self._settings = settings
        self.controls.show(settings)
        forget_route(self.controls.widget)
        self._tell_panels()
        return self._begin("run")

    def _start(self, pace: str) -> Lab:
        return self if self._live and self._runner.go(pace) else self._begin(pace)

    def _begin(self, pace: str) -> Lab:
        board = Board(self._settings, pinned=self._pinned.points if self._pinned else {})
        if self._live:
            self._runner.submit(board, pace)
        else:
            self._runner.run_here(board)
        return self

    def _frames(self, board: Board) -> Iterator[Happening | None]:
        """All that happens for a board, seed by seed. A newer request can win at every `yield`."""
        with self._lock:
            self._board = board
        for k in range(board.settings.seeds):
            prepared: dict[str, Prepared] = {}
            for name, scenario in board.settings.runs(k).items():
                prepared[name] = prepare(scenario)
                yield None
            with self._lock:
                board.begin_seed(prepared, board.settings.seeds - 1 - k)
            if k == 0:
                self._draw_instant()
            for happening in race(prepared):
                with self._lock:
                    board.take(k, happening, prepared[happening.name])
                yield happening

    def _frame(self, number: int, happening: Happening | None) -> None:
        """Show what has happened, at the pace of the eye."""
        now = time.monotonic()
        self._board.active_s += min(now - self._lap, 1.0)
        self._lap = now
        if happening is None or not self._live or now < self._next:
            return
        self._next = now + _FRAME_S
        self._draw("curves")
        if now >= self._next_slow:
            self._next_slow = now + _SLOW_FRAME_S
            self._draw("weights")
        self.stage.say("state", number=number, phase="running", progress=self._board.progress, note=self._board.note())

    def _state(self, number: int, phase: str, error: BaseException | None) -> None:
        board = self._board
        if not self._live:
            return
        if phase in ("done", "stopped"):
            self._draw("curves")
            self._draw("weights")
        self.stage.say("error", text=_sentence(error) if error else "")
        note = {"running": "preparing", "failed": "this run is not possible"}.get(phase) or board.note(phase)
        progress = 1.0 if phase == "done" else board.progress
        self.stage.say("state", number=number, phase=phase, progress=progress, note=note)

    def _draw(self, name: str) -> None:
        """Send one chart, if it is looked at."""
        with self._lock:
            if not self._live or name not in self._shown or name == "fleet":
                return
            figure = self._board.figure(name)
        if figure is not None:
            self.stage.show(name, figure, self._runner.number)

    def _draw_instant(self) -> None:
        """All that is known before any training."""
        if not self._live:
            return
        self._tell_settings()
        content, buffers = fleet_message(self._board.prepared)
        self.stage.say("fleet", buffers, **content)
        for name in INSTANT:
            self._draw(name)
        self.controls.mark(self._board.prepared)

    def _tell_settings(self) -> None:
        board = self._board
        told = story(board.prepared) if board.prepared else "Preparing: the server trains its first model."
        if self._pinned is not None and self._pinned is not board:
            told += "\nDimmed: " + differences(self._pinned.settings, board.settings)
        self.stage.say("sentence", text=told, code=self._settings.code())

    def _panels(self) -> dict[str, Any]:
        return {"all": dict(PANELS), "shown": self._shown, "choices": metrics(self._settings)}

    def _tell_panels(self) -> None:
        self.stage.say("panels", **self._panels())


def _ends_a_step(happening: Happening | None) -> bool:
    """An aggregation is over when it is made, and looked at if it is to be looked at."""
    if happening is None or not happening.settled:
        return False
    event = happening.event
    return isinstance(event, Stepped) or (isinstance(event, Evaluated) and event.point["version"] > 0)


def _sentence(error: BaseException) -> str:
    """An error as a reader understands it; an unforeseen one says so, and where."""
    if isinstance(error, ValueError):
        return str(error)[:1].upper() + str(error)[1:]
    return f"This run failed unexpectedly ({type(error).__name__}: {error}). Please report it with the share code."
