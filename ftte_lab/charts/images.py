"""Small pictures side by side: a sample, and what an update gives away of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np

from ftte_lab._common import require
from ftte_lab.charts.figure import Figure, template
from ftte_lab.charts.style import Theme, finish

_SIDE = 74  # pixels of one picture


def images(
    rows: Mapping[str, np.ndarray],
    *,
    title: str = "Pictures",
    says: Mapping[str, str] | None = None,
) -> Figure:
    """Rows of grey pictures, each scaled to its own range.

    Args:
        rows: by name, pictures `(n, height, width)`, equally many in each row.
        title: above them.
        says: what to say of a row to whoever cannot see it.

    Raises:
        ValueError: no row, rows of unlike shape, or no picture.
    """
    require(bool(rows), "no picture to draw", "at least one row")
    shapes = {np.asarray(v).shape for v in rows.values()}
    fits = len(shapes) == 1 and len(next(iter(shapes))) == 3 and min(next(iter(shapes))) >= 1
    require(
        fits, f"pictures of shapes {sorted(shapes)}", "equally many in each row, all of one size"
    )
    n, height, width = next(iter(shapes))
    stack = np.stack([np.asarray(v, np.float64) for v in rows.values()])
    low, high = stack.min((2, 3), keepdims=True), stack.max((2, 3), keepdims=True)
    grey = (stack - low) / np.maximum(high - low, 1e-12)
    row, picture, y, x = np.indices(grey.shape).reshape(4, -1)
    names = np.array(list(rows))
    columns = {"row": names[row], "picture": picture, "x": x, "y": y, "value": grey.ravel()}
    told = "; ".join(f"{name}: {(says or {}).get(name, f'{n} pictures')}" for name in rows)
    drawn = template(_draw, tuple(rows), n, height, width, title)
    return Figure(drawn, {"pixels": columns}, f"Rows of small grey pictures. {told}.")


def _draw(
    theme: Theme, names: tuple[str, ...], n: int, height: int, width: int, title: str
) -> dict[str, Any]:
    pixels = (
        alt.Chart(alt.NamedData("pixels"))
        .mark_rect(stroke=None)
        .encode(
            x=alt.X("x:O", axis=None, scale=alt.Scale(padding=0)),
            y=alt.Y("y:O", axis=None, scale=alt.Scale(padding=0)),
            color=alt.Color("value:Q", scale=alt.Scale(scheme="greys", domain=[0, 1]), legend=None),
        )
        .properties(width=_SIDE, height=_SIDE * height // width)
    )
    head = alt.Header(title=None, labels=False)
    rows = alt.Header(
        title=None, labelAngle=0, labelAlign="left", labelFontSize=12, labelColor=theme.ink
    )
    grid = pixels.facet(
        row=alt.Row("row:N", sort=list(names), header=rows),
        column=alt.Column("picture:O", header=head),
        spacing=6,
    )
    return finish(grid, theme, title)
