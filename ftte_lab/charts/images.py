"""Small pictures side by side: a sample, and what an update reveals of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ftte_lab._common import require
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Figure, template
from ftte_lab.charts.style import Theme, finish

_SIDE = 74  # pixels of one picture


def images(
    rows: Mapping[str, np.ndarray],
    *,
    title: str = "Pictures",
    descriptions: Mapping[str, str] | None = None,
) -> Figure:
    """Draw rows of grey pictures, each scaled to its own range.

    Args:
        rows: by name, pictures `(n, height, width)`, equally many in each row.
        title: above them.
        descriptions: by row name, what a reader who cannot see it should know.

    Raises:
        ValueError: no row, rows of unlike shape, or no picture.

    Example:
        >>> import numpy as np
        >>> images({"noise": np.zeros((3, 8, 8))}).alt_text
        'Rows of small grey pictures. noise: 3 pictures.'
    """
    require(bool(rows), "no picture to draw", "at least one row")
    shapes = {np.asarray(v).shape for v in rows.values()}
    shape = next(iter(shapes))
    fits = len(shapes) == 1 and len(shape) == 3 and min(shape) >= 1
    allowed = "equally many in each row, all of one size"
    require(fits, f"pictures of shapes {sorted(shapes)}", allowed)
    stack = np.stack([np.asarray(v, np.float64) for v in rows.values()])
    low, high = stack.min((2, 3), keepdims=True), stack.max((2, 3), keepdims=True)
    grey = (stack - low) / np.maximum(high - low, 1e-12)
    row, picture, y, x = np.indices(grey.shape).reshape(4, -1)
    names = np.array(list(rows))
    pixels = {"row": names[row], "picture": picture, "x": x, "y": y, "value": grey.ravel()}
    n, height, width = shape
    known = descriptions or {}
    text = "; ".join(f"{name}: {known.get(name, f'{n} pictures')}" for name in rows)
    drawing = template(_draw, tuple(rows), height / width, title)
    return Figure(drawing, {"pixels": pixels}, f"Rows of small grey pictures. {text}.")


def _draw(theme: Theme, names: tuple[str, ...], ratio: float, title: str) -> dict[str, Any]:
    grey = alt.Scale(scheme="greys", domain=[0, 1])
    pixels = alt.Chart(alt.NamedData("pixels")).mark_rect(stroke=None)
    pixels = pixels.encode(
        x=alt.X("x:O", axis=None, scale=alt.Scale(padding=0)),
        y=alt.Y("y:O", axis=None, scale=alt.Scale(padding=0)),
        color=alt.Color("value:Q", scale=grey, legend=None),
    ).properties(width=_SIDE, height=_SIDE * ratio)
    rows = alt.Header(
        title=None, labelAngle=0, labelAlign="left", labelFontSize=12, labelColor=theme.ink
    )
    grid = pixels.facet(
        row=alt.Row("row:N", sort=list(names), header=rows),
        column=alt.Column("picture:O", header=alt.Header(title=None, labels=False)),
        spacing=6,
    )
    return finish(grid, theme, title)
