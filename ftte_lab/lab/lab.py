"""The Lab: knobs, and charts of the runs that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ftte_lab._common import require
from ftte_lab.experiments import Comparison, TimedEvent
from ftte_lab.lab.board import Board, ends_a_step
from ftte_lab.lab.computing import compute
from ftte_lab.lab.display import Display
from ftte_lab.lab.knob_panel import ControlPanel
from ftte_lab.lab.knobs import FIRST_KNOBS, MAIN_KNOBS
from ftte_lab.lab.live.life import LabBox, show, shown_in_this_cell
from ftte_lab.lab.live.mode import is_live
from ftte_lab.lab.live.runner import Runner
from ftte_lab.lab.live.subshell import forget_route
from ftte_lab.lab.page_actions import perform
from ftte_lab.lab.results import Results
from ftte_lab.lab.settings import Settings, settings_of
from ftte_lab.lab.tools.host import Host
from ftte_lab.lab.tools.story import Story
from ftte_lab.lab.tools.toolbox import TOOLS, Toolbox
from ftte_lab.simulation import Prepared, Scenario

_FIRST_CHARTS = ("fleet", "curves", "step")


class Lab(Results):
    """Show knobs and charts of the methods that run on one fleet.

    In a notebook a turned knob starts a new run, and the charts follow it. Elsewhere (`nbconvert`,
    a script) the run is completed first, then the charts are printed. Both give the same numbers;
    `result()` waits for them.

    Args:
        what: a scenario, a comparison such as `lesson("06")`, a preset's name, a share code, the
            text of a settings file, or `Settings`.
        show: the knobs to offer, names of `KNOBS`; by default the usual ones.
        charts: the charts to begin with, names of `PANELS`.
        methods: which methods to compare, instead of those of `what`.
        mode: `live`, `batch`, or `auto`, which asks the environment (see `is_live`).
        kiosk: for a stand at a fair: large print, no drawers, and a reset after a quiet while.
        story: a story that ships with the kit, or the path of a story file, to begin with.

    Raises:
        ValueError: an unknown name, a damaged code, or a value out of range.

    Example:
        >>> from ftte_lab import Scenario
        >>> lab = Lab(Scenario(data="digits", buffer=5), methods=["ftte"], mode="batch")
        >>> lab.settings.scenario.buffer, lab.settings.methods
        (5, ('ftte',))
    """

    def __init__(
        self,
        what: Scenario | Comparison | Settings | str = "lab",
        *,
        show: Sequence[str] | None = None,
        charts: Sequence[str] = _FIRST_CHARTS,
        methods: Sequence[str] | None = None,
        mode: str = "auto",
        kiosk: bool = False,
        story: str = "",
    ) -> None:
        opened = Story.load(story) if story else None
        what = opened.steps[0].settings if opened else what
        self._settings = self._first = settings_of(what, methods)
        self._live = is_live(mode)
        page = {"tools": [tool.name for tool in TOOLS], "kiosk": kiosk}
        self.display = Display(self._settings, charts, self._on_message, self._live, page)
        self.toolbox = Toolbox(Host(self.display, lambda: self._settings, self._apply))
        knobs = (MAIN_KNOBS if kiosk else FIRST_KNOBS) if show is None else show
        heard = (self._on_knob, self._on_refusal, self._live)
        self.controls = ControlPanel(knobs, self._settings, *heard)
        self._runner = Runner(self._frames, self.display.show_frame, self._show_phase, ends_a_step)
        self.widget = LabBox([self.controls.widget, self.display.stage], self._sentence, self.close)
        if self.controls.few:
            self.widget.add_class("ftte-few")
        if opened and self._live:
            self.toolbox.tool("story").begin(opened)

    # What a notebook calls

    @property
    def settings(self) -> Settings:
        """Return what the Lab is set to now."""
        return self._settings

    @property
    def code(self) -> str:
        """Return these settings as one short line: `Lab(code)` restores them."""
        return self._settings.code()

    def set(self, **fields: Any) -> Lab:
        """Change fields of the scenario, as a knob would.

        Raises:
            ValueError: an unknown field or a value out of range.
        """
        return self._apply(self._settings.set(**fields))

    def restore(self, text: str) -> Lab:
        """Restore all settings from a code, or from the text of a settings file.

        Raises:
            ValueError: text that is neither, or is damaged; nothing changes then.
        """
        return self._apply(Settings.restore(text))

    def run(self) -> Lab:
        """Run to the end: continue after a stop, else start from the beginning."""
        return self._start("run")

    def step(self) -> Lab:
        """Compute one server step, then stop (live only; batch always runs to the end)."""
        return self._start("step")

    def stop(self) -> Lab:
        """Stop after the step that is being computed."""
        self._runner.stop()
        return self

    def reset(self) -> Lab:
        """Return to the settings the Lab was opened with, nothing pinned."""
        self.display.pins.clear()
        return self._apply(self._first)

    def pin(self) -> Lab:
        """Keep the present curves behind the next ones; a second call drops them.

        Raises:
            ValueError: too many pinned runs.
        """
        self.display.pin()
        self.toolbox.run_changed()
        return self

    def close(self) -> None:
        """End the Lab: stop its run, take it off the page, and let its data go.

        Results that are there stay. A Lab is closed, too, when its widget is closed, and when its
        cell is run again or deleted.
        """
        if self._runner.closed:
            return
        self._runner.close()
        self.toolbox.close()
        self.widget.close()
        self.display.close()

    def __repr__(self) -> str:
        return f"Lab({self.code!r})"

    def _sentence(self) -> str:
        """Say what a saved notebook holds in the place of the widget."""
        return f"A Lab: run this cell again to see it, or open {self!r} in another notebook."

    def _ipython_display_(self) -> None:
        """Live: show the widget and start. Batch: run, then print the sentences and the charts."""
        self._require_open()
        if self._live:
            shown_in_this_cell(self)
            show(self.widget)
            self.display.still.show()
            forget_route(self.widget)
            if self._runner.phase == "idle":
                self.run()
            return
        self.results()
        self.display.print_out()

    # What knobs and page send

    def _on_knob(self, settings: Settings) -> None:
        """Run with the settings of a turned knob."""
        # What the curves show was chosen on the page, not on a knob.
        view = {key: getattr(self._settings, key) for key in ("over", "metric", "watch", "target")}
        before, now = self._settings, settings.replace(**view)
        self._settings = now
        if now.methods != before.methods or now.scenario.mix != before.scenario.mix:
            self.display.show_panels(now)
        self._begin("run", careful=True)

    def _on_refusal(self, error: ValueError) -> None:
        """Stop, and show why a knob's value is not possible."""
        self._runner.stop()
        self.display.show_error(error, fatal=True)

    def _on_message(self, content: Mapping[str, Any]) -> None:
        """Do what a button of the page asks for; what goes wrong is shown on the page."""
        try:
            perform(self, content)
            self.display.show_error(None)  # what was wrong before is right now, or is shown again
        except Exception as error:  # a page must not end what answers it
            self.display.show_error(error)

    def change_view(self, **changes: Any) -> None:
        """Show the same run with another axis, metric, schedule or target.

        Raises:
            ValueError: an unknown axis, or a target out of range.
        """
        self._settings = self._settings.replace(**changes)
        self.display.show_panels(self._settings)
        self.display.change_view(self.display.board.settings.replace(**changes))

    def _show_phase(self, number: int, phase: str, error: BaseException | None) -> None:
        self.display.show_phase(number, phase, error)
        if phase != "running":
            self.toolbox.run_changed()

    # How a run goes

    def _apply(self, settings: Settings) -> Lab:
        settings.runs()  # raises what is not possible, before anything changes
        self._settings = settings
        self.controls.show(settings)
        forget_route(self.controls.widget)
        self.display.show_panels(settings)
        return self._begin("run")

    def _start(self, pace: str) -> Lab:
        """Run on; what has run to its end with the same settings does not run again."""
        self._require_open()
        same = self._runner.phase == "done" and self._settings.same_runs(self.display.settings)
        resumed = self._live and (same or self._runner.resume(pace))
        return self if resumed else self._begin(pace)

    def _require_open(self) -> None:
        """Refuse what a closed Lab cannot do any more."""
        require(not self._runner.closed, "this Lab is closed", "an open one", f"Open {self!r}")

    def _begin(self, pace: str, careful: bool = False) -> Lab:
        self._require_open()
        board = Board(self._settings, self.display.pinned_points(), careful and self._live)
        self.toolbox.settings_changed()
        if self._live:
            self._runner.submit(board, pace)
        else:
            self._runner.run_to_end(board)
        return self

    def _frames(self, board: Board) -> Iterator[TimedEvent | None]:
        def first_charts(prepared: Mapping[str, Prepared]) -> None:
            self.display.draw_prepared()
            self.controls.mark(prepared)
            if board.waits:
                self._runner.stop(board)  # not the request that came meanwhile
            self.toolbox.run_changed()

        return compute(board, self.display, first_charts)
