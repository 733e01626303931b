"""Hold the study's results against the bar: what was to be reached, and whether it was."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from benchmarks.study import tables
from benchmarks.study.matrix import CENTRE
from benchmarks.study.tables import RIVAL, Rows
from benchmarks.study.words import middle, percent, points, times, typical


class Line(NamedTuple):
    """One line of the bar.

    Attributes:
        figure: what is measured.
        bar: what was to be reached, in words.
        ours: the measured value in words.
        met: whether it was reached.
    """

    figure: str
    bar: str
    ours: str
    met: bool


def bar(table: pd.DataFrame) -> list[Line]:
    """Return the lines of the bar, over all runs with 90 % stragglers on both tasks.

    Without such runs there are none.
    """
    part = tables.hard(table)
    ftte = part[part["arm"] == "ftte"]
    if ftte.empty:
        return []
    return [*_against_fedavg(ftte), *_growth(ftte), *_against_buffered(part)]


def _against_fedavg(ftte: pd.DataFrame) -> list[Line]:
    final = ftte["final_against_fedavg"]
    return [
        _at_most("time to target, of FedAvg's", 0.15, ftte["time_share"], typical),
        Line(
            "final accuracy, points over FedAvg's",
            "0 or more",
            middle(final, points),
            typical(final) >= 0,
        ),
        _at_most(
            "training overhead, of the whole-batch step's", 0.20, ftte["micro_overhead_share"], max
        ),
        _at_most("upload per update, of FedAvg's", 0.31, ftte["upload_of_fedavg"], max),
        _at_most(
            "all that is sent, up and down, first download included",
            0.40,
            ftte["sent_of_fedavg"],
            max,
        ),
        _at_most("energy to target, of FedAvg's", 0.50, ftte["energy_share"], typical),
    ]


def _at_most(figure: str, most: float, values: pd.Series, of: Callable[[pd.Series], float]) -> Line:
    """Hold the median, or the largest, of some shares against a bound, to a percent."""
    value = float(of(values))
    ours = middle(values, percent) if of is typical else f"{percent(value)}, the largest"
    met = math.isfinite(value) and round(value, 2) <= most
    return Line(figure, f"at most {percent(most)}", ours, met)


def _growth(ftte: pd.DataFrame) -> list[Line]:
    """Compare few devices with many, at the same label skew."""
    here = ftte[ftte["alpha"] == CENTRE[0]]
    by_size = [typical(own) for _, own in here.groupby("clients")["time_share"]]
    if len(by_size) < 2:
        return []
    words = " → ".join(map(percent, by_size))
    return [Line("time, from 100 to 500 devices", "falls", words, by_size[-1] < by_size[0])]


def _against_buffered(part: pd.DataFrame) -> list[Line]:
    plain, rival = (tables.pairs(part, "ftte", other) for other in ("fedbuff", RIVAL))
    lines = []
    if len(plain):
        final = plain["final"]
        lines.append(
            Line(
                "final accuracy, points over FedBuff's",
                "-0.5 or more",
                middle(final, points),
                typical(final) >= -0.5,
            )
        )
    if len(rival):
        time, sent = rival["time"], rival["bytes"]
        against = "of FedBuff's with micro-batches and average"
        lines += [
            Line(
                f"time to target, {against}", "at most 1", middle(time, times), typical(time) <= 1
            ),
            Line(
                f"bytes to target, {against}",
                "at most 45 %",
                middle(sent, percent),
                typical(sent) <= 0.45,
            ),
        ]
    return lines


def rows(table: pd.DataFrame) -> Rows:
    """Return the bar as rows: the figure, the bar, ours, passed or missed."""
    return [
        {
            "figure": line.figure,
            "bar": line.bar,
            "ours": line.ours,
            "": "passed" if line.met else "**missed**",
        }
        for line in bar(table)
    ]
