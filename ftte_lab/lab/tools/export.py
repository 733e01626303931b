"""Files that a Lab exports: charts as PNG, SVG or slide, points as CSV, the settings as JSON."""

from __future__ import annotations

import hashlib

import pandas as pd

from ftte_lab._common import choice, require
from ftte_lab.charts import LONGEST_SENTENCE, Figure, fleet, slide
from ftte_lab.lab.board import Board
from ftte_lab.lab.difference import difference, value_text
from ftte_lab.lab.panels import PANELS, figure
from ftte_lab.lab.score_message import board_scores
from ftte_lab.lab.settings import Settings
from ftte_lab.lab.tools.model_file import model_file

FORMS = ("png", "svg", "slide", "csv", "json", "safetensors")


def points(board: Board) -> pd.DataFrame:
    """Return the points of all runs, finished or not: one row each, `method` and `seed` first.

    Raises:
        ValueError: nothing to export yet.
    """
    tables = []
    for name, seeds in board.points.items():
        for k, table in enumerate(seeds):
            frame = pd.DataFrame(table)
            frame.insert(0, "seed", board.settings.scenario.seed + k)
            frame.insert(0, "method", name)
            tables.append(frame)
    require(bool(tables), "nothing has run yet", "a Lab that runs or ran", "Press Run first")
    return pd.concat(tables, ignore_index=True)


def drawn(chart: Figure | None) -> Figure:
    """Return the figure.

    Raises:
        ValueError: if there is none yet.
    """
    if chart is None:
        raise ValueError(
            "nothing has run yet; allowed: a Lab that runs or ran. Press Run, or call lab.run()."
        )
    return chart


def chart_of(board: Board, panel: str, at_s: float | None = None) -> Figure:
    """Return one chart as it stands.

    Args:
        board: the record of a run.
        panel: one of `PANELS`.
        at_s: for `fleet`, the simulated moment (s); by default late in the longest wait for a
            first step.

    Raises:
        ValueError: an unknown chart, a moment outside the run, or nothing to show yet.
    """
    choice("chart", panel, PANELS)
    if panel == "fleet" and at_s is not None and board.prepared:
        return fleet(board.prepared, float(at_s))
    return drawn(figure(board, panel))


def slide_sentence(board: Board, panel: str, chart: Figure) -> str:
    """Return what a slide says: the verdict above curves, else the chart in words, or its name."""
    scores = board_scores(board)
    known = [chart.alt_text, PANELS[panel]]
    if panel == "curves" and scores is not None and len(scores.scores) > 1:
        known.insert(0, scores.verdict())
    return next(text for text in known if 0 < len(text) <= LONGEST_SENTENCE)


def csv(board: Board) -> str:
    """Return all points as CSV, after lines that say what the run was set to.

    The first lines begin with `#`: `pandas.read_csv(name, comment="#")` skips them.

    Raises:
        ValueError: nothing to export yet.
    """
    set_to = board.settings.scenario.to_dict()
    lines = [
        "# FTTE Lab, all points of a run",
        f"# share code: {board.settings.code()}",
        f"# differs from the defaults: {difference(Settings(), board.settings)}",
        *(f"# {name}: {value_text(name, value)}" for name, value in set_to.items()),
    ]
    return "\n".join([*lines, points(board).to_csv(index=False)])


def file(form: str, panel: str, board: Board, at_s: float | None = None) -> tuple[str, str, bytes]:
    """Return a file to save: its name, its MIME type and its content.

    Runs that are set to something else have files of other names.

    Args:
        form: one of `FORMS`.
        panel: the chart, for a picture; the method, for a trained model.
        board: the record of a run.
        at_s: the moment of the picture of a fleet.

    Raises:
        ValueError: an unknown form or chart, a moment outside the run, or nothing to show yet.
    """
    choice("form", form, FORMS)
    stem = f"ftte-{hashlib.sha256(board.settings.code().encode()).hexdigest()[:8]}"
    if form == "json":
        return f"{stem}.json", "application/json", board.settings.to_json().encode()
    if form == "csv":
        return f"{stem}.csv", "text/csv", csv(board).encode()
    if form == "safetensors":
        content = model_file(board, panel)
        return f"{stem}-{panel}.safetensors", "application/octet-stream", content
    chart = chart_of(board, panel, at_s)
    if panel == "fleet" and at_s is not None:
        panel += f"-{at_s:.0f}s"
    if form == "png":
        return f"{stem}-{panel}.png", "image/png", chart.png(2.0)
    if form == "slide":
        name = panel.split("-")[0]
        page = slide(chart, slide_sentence(board, name, chart))
        return f"{stem}-{panel}-slide.png", "image/png", page.png()
    return f"{stem}-{panel}.svg", "image/svg+xml", chart.svg().encode()
