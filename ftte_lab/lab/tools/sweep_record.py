"""What a sweep of a page has brought so far, and how the page gets it."""

from __future__ import annotations

import math
import threading
from typing import Any

import pandas as pd

from ftte_lab._common import choice, require
from ftte_lab.charts import Figure, label, method_styles, sweep_lines, sweep_map
from ftte_lab.experiments import (
    MEASURES_OF_RUNS,
    NUMERIC,
    Grid,
    Landed,
    Summary,
    figure_of,
    spell,
    summarise,
)
from ftte_lab.lab.settings import Settings
from ftte_lab.simulation import History, Scenario

_Place = tuple[int, str]  # number of the cell, method


class Record:
    """Hold the runs of a sweep by cell and method. The thread of the sweep adds, the page reads.

    Args:
        settings: what the Lab was set to when it began.
        grid: what is swept.
        target: test accuracy from 0 to 1, may be changed.
    """

    def __init__(self, settings: Settings, grid: Grid, target: float) -> None:
        self.settings, self.grid, self.target = settings, grid, target
        self._guard = threading.Lock()
        self._places: dict[Scenario, list[_Place]] = {}
        self._histories: dict[_Place, list[History]] = {}
        self._reasons: dict[_Place, str] = {}
        self._total = self._done = 0
        number = {cell: k for k, cell in enumerate(grid.cells)}
        for cell, method, _, scenario in grid.runs():
            place = number[cell], method
            if scenario is None:
                self._reasons[place] = "these values do not go together"
                continue
            self._places.setdefault(scenario, []).append(place)
            self._total += 1

    @property
    def scenarios(self) -> list[Scenario]:
        """Return what must run, in the order in which the picture fills evenly."""
        return list(self._places)

    def add(self, landed: Landed) -> None:
        """Add a run that has ended."""
        with self._guard:
            for place in self._places[landed.scenario]:
                self._done += 1
                if landed.history is not None:
                    self._histories.setdefault(place, []).append(landed.history)
                else:
                    small = landed.error.startswith("BudgetError")
                    self._reasons[place] = "no subset fits the memory" if small else landed.error

    def message(self) -> dict[str, Any]:
        """Return all of it as plain values for the page."""
        with self._guard:
            histories = {place: list(found) for place, found in self._histories.items()}
            reasons, done = dict(self._reasons), self._done
        styles = method_styles(list(self.grid.methods))
        return {
            "done": done,
            "total": self._total,
            "seeds": self.grid.seeds,
            "target": 100 * self.target,
            "axes": [
                {
                    "name": name,
                    "label": NUMERIC[name].label,
                    "values": list(values),
                    "texts": [spell(name, value) for value in values],
                }
                for name, values in self.grid.axes.items()
            ],
            "methods": [
                {
                    "name": name,
                    "label": label(name),
                    "colours": [styles[name].light, styles[name].dark],
                    "dash": list(styles[name].dash),
                    "reasons": [reasons.get((k, name), "") for k in range(len(self.grid.cells))],
                }
                for name in self.grid.methods
            ],
            "figures": [
                {
                    "name": name,
                    "label": one.label,
                    "less": one.less,
                    "cells": {m: self._column(histories, m, name) for m in self.grid.methods},
                }
                for name, one in MEASURES_OF_RUNS.items()
            ],
        }

    def figure(self, of: str = "time", method: str | None = None) -> Figure:
        """Return the picture of a figure: lines over one knob, or a map of a method over two.

        Args:
            of: one of `MEASURES_OF_RUNS`.
            method: whose map; `None`: that of the last method.

        Raises:
            ValueError: an unknown figure or method.
        """
        choice("figure", of, MEASURES_OF_RUNS)
        method = self.grid.methods[-1] if method is None else method
        choice("method", method, self.grid.methods)
        with self._guard:
            histories = {place: list(found) for place, found in self._histories.items()}
        knobs = [NUMERIC[name].label for name in self.grid.axes]
        texts = [[spell(name, v) for v in values] for name, values in self.grid.axes.items()]
        one, rows = MEASURES_OF_RUNS[of], {}
        for name in self.grid.methods:
            cells = [self._summary(histories.get((k, name), []), of) for k in range(self._cells)]
            rows[name] = [None if c is None else (c.median, c.low, c.high) for c in cells]
        if len(knobs) == 1:
            return sweep_lines(knobs[0], texts[0], rows, one.label)
        wide = len(texts[1])
        table = [rows[method][k : k + wide] for k in range(0, self._cells, wide)]
        pair = (knobs[0], knobs[1]), (texts[0], texts[1])
        return sweep_map(*pair, table, one.label, method, one.less)

    def table(self) -> pd.DataFrame:
        """Return a row per run: the knobs, method, seed, and every figure; infinite: not reached.

        Raises:
            ValueError: nothing has run.
        """
        with self._guard:
            found = [(p, h) for p, several in self._histories.items() for h in several]
        require(bool(found), "nothing has run", "a sweep with a run that has ended")
        rows = []
        for (k, method), history in found:
            row: dict[str, Any] = dict(zip(self.grid.axes, self.grid.cells[k], strict=True))
            row |= {"method": method, "seed": history.scenario["seed"]}
            row |= {one: figure_of(one, history, self.target) for one in MEASURES_OF_RUNS}
            rows.append(row)
        columns = [*self.grid.axes, "method", "seed"]
        return pd.DataFrame(rows).sort_values(columns, ignore_index=True)

    @property
    def _cells(self) -> int:
        return len(self.grid.cells)

    def _summary(self, found: list[History], of: str) -> Summary | None:
        """Return the middle of a cell's runs; `None` where none has run."""
        if not found:
            return None
        values = [figure_of(of, history, self.target) for history in found]
        return summarise(values, MEASURES_OF_RUNS[of].less)

    def _column(
        self, histories: dict[_Place, list[History]], method: str, figure: str
    ) -> list[list[float | None] | None]:
        """Return median, low, high and number of seeds of each cell; `None` where none has run."""
        column: list[list[float | None] | None] = []
        for k in range(self._cells):
            one = self._summary(histories.get((k, method), []), figure)
            if one is None:
                column.append(None)
            else:
                column.append([_plain(one.median), _plain(one.low), _plain(one.high), one.seeds])
        return column


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
