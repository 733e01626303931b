"""What a Lab hands out: charts as PNG or SVG, all points as CSV, the settings as JSON."""

from __future__ import annotations

import pandas as pd

from ftte_lab._common import choice, require
from ftte_lab.lab.board import PANELS, Board

FORMS = ("png", "svg", "csv", "json")


def points(board: Board) -> pd.DataFrame:
    """The points of all runs, finished or not: one row each, `method` and `seed` first."""
    tables = []
    for name, seeds in board.points.items():
        for k, table in enumerate(seeds):
            frame = pd.DataFrame(table)
            frame.insert(0, "seed", board.settings.scenario.seed + k)
            frame.insert(0, "method", name)
            tables.append(frame)
    require(bool(tables), "nothing has run yet", "a Lab that runs or ran", "Press Run first")
    return pd.concat(tables, ignore_index=True)


def file(form: str, panel: str, board: Board) -> tuple[str, str, bytes]:
    """A file to save: its name, its MIME type and its content.

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
    figure = board.figure(panel)
    require(figure is not None, "nothing has run yet", "a Lab that runs or ran", "Press Run first")
    assert figure is not None  # noqa: S101  # for the type checker
    if form == "png":
        return f"{stem}-{panel}.png", "image/png", figure.png(2.0)
    return f"{stem}-{panel}.svg", "image/svg+xml", figure.svg().encode()
