"""Who holds which classes: the picture behind the words "non-IID"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ftte_lab._common import integer, require
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Figure, template
from ftte_lab.charts.style import WIDTH, Theme, finish


def label_map(counts: np.ndarray, classes: Sequence[str], *, clients: int = 40) -> Figure:
    """Draw what share of each client's samples is of which class, one column per client.

    Args:
        counts: training samples per client and class, `(clients, classes)`.
        classes: names of the classes.
        clients: how many clients are shown at most, the first ones.

    Raises:
        ValueError: a table that does not fit the classes, an empty one, or `clients` below 1.

    Example:
        >>> import numpy as np
        >>> figure = label_map(np.array([[8, 2], [0, 5]]), ["walking", "sitting"])
        >>> [row["share"] for row in figure.rows("cells")]
        [0.8, 0.2, 0.0, 1.0]
    """
    integer("clients", clients, 1)
    counts = np.asarray(counts)
    fits = counts.ndim == 2 and len(counts) > 0 and counts.shape[1] == len(classes)
    wrong = f"a table of shape {counts.shape} for {len(classes)} classes"
    require(fits, wrong, "one row per client")
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    shown = shares[:clients]
    cells = {
        "client": np.repeat(np.arange(len(shown)), len(classes)),
        "class": list(classes) * len(shown),
        "share": shown.ravel(),
        "samples": counts[:clients].ravel(),
    }
    overall = counts.sum(0) / max(1, counts.sum())
    gap = 0.5 * np.abs(shares - overall).sum(1)
    text = (
        f"Heat map of classes over the first {len(shown)} of {len(counts)} clients; on average "
        f"a client's largest class holds {100 * shares.max(1).mean():.0f} % of its samples, and "
        f"{100 * gap.mean():.0f} % would have to change class to match all clients together."
    )
    return Figure(template(_draw, tuple(classes), len(shown)), {"cells": cells}, text)


def _draw(theme: Theme, classes: tuple[str, ...], clients: int) -> dict[str, Any]:
    x_axis = alt.Axis(labelAngle=0, labelOverlap=True, ticks=False)
    y_axis, y_scale = alt.Axis(ticks=False), alt.Scale(domain=list(classes))
    colours = alt.Scale(domain=[0, 1], range=[theme.grid, theme.line])
    legend = alt.Legend(
        title="share of the client's samples",
        format="%",
        gradientLength=180,
        titleColor=theme.ink,
        titleFontWeight="normal",
        titleLimit=400,
        tickCount=3,
    )
    tooltip = [
        alt.Tooltip("client:O"),
        alt.Tooltip("class:N"),
        alt.Tooltip("share:Q", format=".0%"),
        alt.Tooltip("samples:Q"),
    ]
    cells = alt.Chart(alt.NamedData("cells")).mark_rect()
    cells = cells.encode(
        x=alt.X("client:O", title="client", axis=x_axis),
        y=alt.Y("class:N", sort=None, title=None, scale=y_scale, axis=y_axis),
        color=alt.Color("share:Q", scale=colours, legend=legend),
        tooltip=tooltip,
    )
    chart = cells.properties(width=WIDTH, height=max(90, 17 * len(classes)))
    return finish(chart, theme, "Who holds what", f"the first {clients} clients, one column each")
