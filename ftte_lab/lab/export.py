"""Files that a Lab exports: charts as PNG or SVG, all points as CSV, the settings as JSON."""

from __future__ import annotations

import pandas as pd

from ftte_lab._common import choice, require
from ftte_lab.charts import Figure
from ftte_lab.lab.board import PANELS, Board

FORMS = ("png", "svg", "csv", "json")


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


def drawn(figure: Figure | None) -> Figure:
    """Return the figure.

    Raises:
        ValueError: if there is none yet.
    """
    if figure is None:
        raise ValueError(
            "nothing has run yet; allowed: a Lab that runs or ran. Press Run, or call lab.run()."
        )
    return figure


def file(form: str, panel: str, board: Board) -> tuple[str, str, bytes]:
    """Return a file to save: its name, its MIME type and its content.

    Raises:
        ValueError: an unknown form or chart, or nothing to show yet.
    """
    choice("form", form, FORMS)
    stem = f"ftte-{board.settings.scenario.digest()[:6]}"
    if form == "json":
        return f"{stem}.json", "application/json", board.settings.to_json().encode()
    if form == "csv":
        return f"{stem}.csv", "text/csv", points(board).to_csv(index=False).encode()
    choice("chart", panel, PANELS)
    figure = drawn(board.figure(panel))
    if form == "png":
        return f"{stem}-{panel}.png", "image/png", figure.png(2.0)
    return f"{stem}-{panel}.svg", "image/svg+xml", figure.svg().encode()
