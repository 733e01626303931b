"""Pictures of sweeps: a mark per cell, and nothing that was not reached looks like a number."""

import math
from itertools import pairwise

import pytest

from ftte_lab import charts
from ftte_lab.charts.sweep import Cell
from tests.charts.conftest import png_size

NEVER: Cell = (math.inf, 8.0, math.inf)
TEXTS = ["2", "5", "10"]
ROWS: dict[str, list[Cell]] = {
    "ftte": [(9.0, 8.0, 9.5), (7.0, 7.0, math.inf), NEVER],
    "fedavg": [(9.1, 9.0, 9.2), None, (7.1, 6.0, 8.0)],
}


def test_a_line_has_a_mark_for_each_cell_that_ran() -> None:
    figure = charts.sweep_lines("buffer", TEXTS, ROWS, "time, min")
    marks = {(row["arm"], row["x"]): row["y"] for row in figure.rows("cells")}
    assert marks == {
        ("FTTE", "2"): 9.0,
        ("FTTE", "5"): 7.0,
        ("FedAvg", "2"): 9.1,
        ("FedAvg", "10"): 7.1,
    }
    assert [(row["arm"], row["x"]) for row in figure.rows("crosses")] == [("FTTE", "10")]
    ends = figure.signals or {}
    for row in figure.rows("cells"):
        assert ends["low"] <= row["low"] <= row["y"] <= row["high"] <= ends["high"]
    assert "FTTE 9.00 at 2, 7.00 at 5, not reached at 10" in figure.alt_text
    assert png_size(figure)[0] > 900


def test_names_at_the_ends_of_lines_do_not_cover_each_other() -> None:
    rows: dict[str, list[Cell]] = {f"m{k}": [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)] for k in range(4)}
    figure = charts.sweep_lines("buffer", ["a", "b"], rows, "accuracy, %")
    heights = sorted(row["y"] for row in figure.rows("names"))
    ends = figure.signals or {}
    gap = (ends["high"] - ends["low"]) * 14 / 260
    assert all(b - a > gap for a, b in pairwise(heights))


@pytest.mark.parametrize("less", [True, False])
def test_the_best_cell_of_a_map_is_darkest(less: bool) -> None:
    cells: list[list[Cell]] = [[(9.0, 8.0, 9.0), None], [(7.0, 7.0, 7.0), NEVER]]
    axes = ("K", "budget"), (["2", "5"], ["64", "128"])
    figure = charts.sweep_map(*axes, cells, "a figure", less=less)
    good = {(row["x"], row["y"]): row["good"] for row in figure.rows("cells")}
    assert good == {("2", "64"): float(not less), ("5", "64"): float(less)}
    assert [(row["x"], row["y"], row["text"]) for row in figure.rows("rest")] == [
        ("5", "128", "not reached")
    ]
    assert f"best {7 if less else 9}.00" in figure.alt_text
    assert png_size(figure)[0] > 900


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="no method to draw"):
        charts.sweep_lines("buffer", TEXTS, {}, "time")
    with pytest.raises(ValueError, match="2 cells of ftte; allowed: 3"):
        charts.sweep_lines("buffer", TEXTS, {"ftte": [None, None]}, "time")
    with pytest.raises(ValueError, match="values 2, 2"):
        charts.sweep_lines("buffer", ["2", "2"], {"ftte": [None, None]}, "time")
