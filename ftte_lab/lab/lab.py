"""The Lab: move a knob, watch the fleet answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import pandas as pd
from IPython.display import display as show

from ftte_lab._common import choice, require
from ftte_lab.charts import Figure, fleet
from ftte_lab.experiments import Preset, TimedEvent, interleave
from ftte_lab.lab import export as _export
from ftte_lab.lab.board import PANELS, Board
from ftte_lab.lab.display import Display
from ftte_lab.lab.knob_panel import ControlPanel
from ftte_lab.lab.knobs import BUILDERS
from ftte_lab.lab.live.mode import is_live
from ftte_lab.lab.live.runner import Runner
from ftte_lab.lab.live.subshell import forget_route
from ftte_lab.lab.settings import Settings, settings_of
from ftte_lab.lab.summary import story
from ftte_lab.simulation import Evaluated, History, Prepared, Scenario, Stepped, prepare

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
        self._settings = self._first = settings_of(what, methods)
        self._live = is_live(mode)
        self.display = Display(self._settings, charts, self._pressed, self._live)
        knobs = list(BUILDERS) if show is None else show
        self.controls = ControlPanel(knobs, self._settings, self._turned, self._refused, self._live)
        self._runner = Runner(self._frames, self.display.frame, self.display.state, _ends_a_step)
        self.widget = widgets.Box(
            [self.controls.widget, self.display.stage],
            layout=widgets.Layout(flex_flow="row wrap", width="100%", grid_gap="8px 20px"),
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
        return self._apply(
            self._settings.replace(scenario=self._settings.scenario.replace(**fields))
        )

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
        self.display.pinned = None
        return self._apply(self._first)

    def pin(self) -> Lab:
        """Keep the present curves, dimmed, behind those to come; a second time without a change: let go of them."""
        self.display.pin()
        return self

    def result(self, timeout: float | None = None) -> dict[str, History]:
        """Wait for the newest run and return its histories by method (of several seeds the first; see `results`).

        Raises:
            CancelledError: if it was stopped.
            TimeoutError: if it takes longer than `timeout` seconds.
            ValueError: whatever was wrong with the settings.
        """
        return {name: seeds[0] for name, seeds in self.results(timeout).items()}

    def results(self, timeout: float | None = None) -> dict[str, list[History]]:
        """As `result`, with the histories of all seeds."""
        if self._runner.phase == "idle" or (self._runner.phase == "failed" and not self._live):
            self.run()  # in batch this raises again what was wrong
        if self._live:
            self._runner.wait(timeout)
        s, done = self.display.board.settings, self.display.board.histories
        return {name: [done[name, k] for k in range(s.seeds)] for name in s.methods}

    def table(self, timeout: float | None = None) -> pd.DataFrame:
        """All points of all runs, one row each, with columns `method` and `seed`; waits as `result` does."""
        self.results(timeout)
        return _export.points(self.display.board)

    def figure(self, name: str = "curves", *, at_s: float | None = None) -> Figure:
        """One chart as it stands, to show, or to `save` as PNG or SVG.

        Args:
            name: one of `PANELS`.
            at_s: for `fleet`, the virtual moment; by default late in the longest wait for a first step.

        Raises:
            ValueError: an unknown chart, a moment outside the run, or nothing to show yet.
        """
        choice("chart", name, PANELS)
        with self.display.lock:
            board = self.display.board
            moment = name == "fleet" and at_s is not None and board.prepared
            figure = fleet(board.prepared, float(at_s or 0.0)) if moment else board.figure(name)
        require(
            figure is not None,
            "nothing has run yet",
            "a Lab that runs or ran",
            "Call lab.run() first",
        )
        assert figure is not None  # noqa: S101  # for the type checker
        return figure

    def __repr__(self) -> str:
        return f"Lab({self.code!r})"

    def _ipython_display_(self) -> None:
        """Live: the widget, which begins to run. Batch: the sentence and the charts, when they are complete."""
        if self._live:
            show(self.widget)
            forget_route(self.widget)
            if self._runner.phase == "idle":
                self.run()
            return
        self.results()
        print(story(self.display.board.prepared))
        for name in self.display.shown:
            show(self.figure(name))

    # What the page says

    def _turned(self, settings: Settings) -> None:
        """A knob was turned."""
        # What the curves show was chosen on the page, not on a knob.
        view = {key: getattr(self._settings, key) for key in ("over", "metric", "watch")}
        kept = settings.replace(**view)
        methods_changed = (
            kept.methods != self._settings.methods
            or kept.scenario.mix != self._settings.scenario.mix
        )
        self._settings = kept
        if methods_changed:
            self.display.tell_panels(kept)
        self._begin("run")

    def _refused(self, error: ValueError) -> None:
        """A knob was turned to what cannot be."""
        self._runner.stop()
        self.display.complain(error)

    def _pressed(self, content: Mapping[str, Any]) -> None:
        """A button was pressed; whatever goes wrong is said on the page."""
        actions = {
            "run": self.run,
            "stop": self.stop,
            "step": self.step,
            "reset": self.reset,
            "pin": self.pin,
            "restore": lambda: self.restore(str(content.get("text", ""))),
            "export": lambda: self.display.export(
                str(content.get("form")), str(content.get("panel", "curves"))
            ),
            "view": lambda: self._view(content),
        }
        try:
            actions.get(str(content.get("press")), lambda: None)()
        except ValueError as error:
            self.display.complain(error)

    def _view(self, content: Mapping[str, Any]) -> None:
        """Other charts, another axis: nothing is computed anew."""
        if "shown" in content:
            self.display.look_at([str(name) for name in content["shown"]])
            return
        changes = {key: str(content[key]) for key in ("over", "metric", "watch") if key in content}
        self._settings = self._settings.replace(**changes)
        self.display.look_over(self.display.board.settings.replace(**changes))

    # How a run goes

    def _apply(self, settings: Settings) -> Lab:
        settings.runs()  # whatever cannot be is said now, and nothing changes
        self._settings = settings
        self.controls.show(settings)
        forget_route(self.controls.widget)
        self.display.tell_panels(settings)
        return self._begin("run")

    def _start(self, pace: str) -> Lab:
        return self if self._live and self._runner.go(pace) else self._begin(pace)

    def _begin(self, pace: str) -> Lab:
        pinned = self.display.pinned
        board = Board(self._settings, pinned=pinned.points if pinned else {})
        if self._live:
            self._runner.submit(board, pace)
        else:
            self._runner.run_here(board)
        return self

    def _frames(self, board: Board) -> Iterator[TimedEvent | None]:
        """All that happens for a board, seed by seed. A newer request can win at every `yield`."""
        display = self.display
        with display.lock:
            display.board = board
        for k in range(board.settings.seeds):
            prepared: dict[str, Prepared] = {}
            for name, scenario in board.settings.runs(k).items():
                prepared[name] = prepare(scenario)
                yield None
            with display.lock:
                board.begin_seed(prepared, board.settings.seeds - 1 - k)
            if k == 0:
                display.draw_instant()
                self.controls.mark(prepared)
            for timed in interleave(prepared):
                with display.lock:
                    board.take(k, timed, prepared[timed.name])
                yield timed


def _ends_a_step(timed: TimedEvent | None) -> bool:
    """An aggregation is over when it is made, and looked at if it is to be looked at."""
    if timed is None or not timed.settled:
        return False
    event = timed.event
    return isinstance(event, Stepped) or (
        isinstance(event, Evaluated) and event.point["version"] > 0
    )
