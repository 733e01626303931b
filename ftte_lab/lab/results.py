"""What a notebook reads from a Lab: histories, points and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ftte_lab._common import number
from ftte_lab.charts import Figure
from ftte_lab.experiments import Finding, Grid, Question, find
from ftte_lab.lab.display import Display
from ftte_lab.lab.live.runner import Runner
from ftte_lab.lab.settings import Settings
from ftte_lab.lab.tools import export as _export
from ftte_lab.lab.tools.compare import kept_runs, table
from ftte_lab.lab.tools.crew_job import crew_of_page
from ftte_lab.lab.tools.sweep_record import Record
from ftte_lab.lab.tools.toolbox import Toolbox
from ftte_lab.simulation import History


class Results:
    """Wait for the newest run of a Lab, and return what it gave."""

    display: Display
    toolbox: Toolbox

    @property
    def settings(self) -> Settings:
        """Return what the Lab is set to now."""
        raise NotImplementedError

    _runner: Runner
    _live: bool

    def run(self) -> Any:
        """Run to the end."""
        raise NotImplementedError

    def result(self, timeout: float | None = None) -> dict[str, History]:
        """Wait for the newest run and return its histories by method, of the first seed.

        Args:
            timeout: real seconds to wait at most; `None`: as long as it takes.

        Raises:
            CancelledError: if it was stopped.
            TimeoutError: if it takes longer than `timeout` seconds.
            ValueError: whatever was wrong with the settings.
        """
        return {name: seeds[0] for name, seeds in self.results(timeout).items()}

    def results(self, timeout: float | None = None) -> dict[str, list[History]]:
        """Wait as `result` does, and return the histories of all seeds by method."""
        if self._runner.phase == "idle" or (self._runner.phase == "failed" and not self._live):
            self.run()  # in batch this raises again what was wrong
        if self._live:
            self._runner.wait(timeout)
        settings, histories = self.display.board.settings, self.display.board.histories
        return {
            name: [histories[name, k] for k in range(settings.seeds)] for name in settings.methods
        }

    def table(self, timeout: float | None = None) -> pd.DataFrame:
        """Wait as `result` does, and return all points, one row each, with `method` and `seed`."""
        self.results(timeout)
        return _export.points(self.display.board)

    def compare(self) -> pd.DataFrame:
        """Return the pinned runs as a table: a row per run and method, what differs, the scores.

        It is the table of the drawer Compare; names that were given there count.

        Raises:
            ValueError: nothing is pinned.
        """
        tool = self.toolbox.tool("compare")
        with self.display.lock:
            return table(kept_runs(self.display.pins), tool.names if tool else None)

    def sweep(
        self,
        axes: Mapping[str, Sequence[float]],
        methods: Sequence[str] | None = None,
        *,
        seeds: int = 3,
        target: float = 0.9,
    ) -> Record:
        """Run values of one knob, or of two, on all cores; return the runs to draw or to count.

        The Lab stays as it is. What the page or an earlier sweep has run is not run again.

        Args:
            axes: values by knob, such as `{"buffer": (3, 5, 10)}`.
            methods: whose runs; `None`: all methods of the Lab.
            seeds: how many runs of each method in each cell.
            target: test accuracy from 0 to 1, to which runs are timed.

        Returns:
            The record: `figure("time").save("sweep.png")` is its picture, `table()` its runs.

        Raises:
            ValueError: an unknown knob or method, or a number out of range.
        """
        names = self.settings.methods if methods is None else tuple(methods)
        given = {name: tuple(values) for name, values in axes.items()}
        grid = Grid(self.settings.comparison, given, names, seeds)
        record = Record(self.settings, grid, number("target", target, 0, 1))
        with crew_of_page() as crew:
            for landed in crew.gather(record.scenarios):
                if landed is not None:
                    record.add(landed)
        return record

    def find(self, knob: str, want: str = "smallest", target: float = 0.9, **more: Any) -> Finding:
        """Search the value of a knob with which a method reaches an accuracy, on the Lab's fleet.

        Args:
            knob: which setting may change.
            want: its "smallest" or "largest" value that does, or the "cheapest".
            target: test accuracy from 0 to 1.
            more: other attributes of `Question`, such as `method`, `within` and `seeds`.

        Returns:
            What was tried, and `answer`; `ftte_lab.experiments.in_words` writes it as a sentence.

        Raises:
            ValueError: an unknown name, a number out of range, or a knob that does nothing here.
        """
        question = Question(self.settings.comparison, knob, want, target, **more)
        with crew_of_page() as crew:
            *_, finding = find(question, crew)
        return finding

    def figure(self, name: str = "curves", *, at_s: float | None = None) -> Figure:
        """Return one chart as it stands, to show, or to `save` as PNG or SVG.

        Args:
            name: one of `PANELS`.
            at_s: for `fleet`, the simulated moment (s); by default late in the longest wait for a
                first step.

        Raises:
            ValueError: an unknown chart, a moment outside the run, or nothing to show yet.
        """
        if name == "personal":
            self.display.gains.fill(self.display.board)
        with self.display.lock:
            return _export.chart_of(self.display.board, name, at_s)
