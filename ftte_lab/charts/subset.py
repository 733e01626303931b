"""The subset: which part of each tensor is trained."""

from __future__ import annotations

from typing import Any

import altair as alt

from ftte_lab.charts.figure import Figure, template
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.models import Model, Subset, validated_subset


def subset_map(model: Model, subset: Subset, *, title: str = "What the search chose") -> Figure:
    """Draw which part of each tensor is trained, from the input (top) to the classifier (bottom).

    Args:
        model: the net.
        subset: what is trained of it.
        title: above the chart.

    Raises:
        ValueError: a subset that does not fit the model.

    Example:
        >>> from ftte_lab.models import build, head
        >>> net = build("mlp", (1, 8, 8), 10)
        >>> subset_map(net, head(net)).rows("tensors")[-1]
        {'tensor': 'head', 'share': 1.0, 'all': 1.0}
    """
    validated_subset(model, subset)
    tensors, shares = [], []
    for name, info in model.tensors.items():
        if info.kind == "weight":
            part = subset.parts.get(name, ())
            tensors.append(name.removesuffix(".weight"))
            shares.append(1.0 if part is None else len(part) / info.channels)
    trained = [name for name, share in zip(tensors, shares, strict=True) if share]
    total = subset.entries(model) / model.size
    text = (
        f"Bars per weight tensor: {', '.join(trained)} are trained at least in part, "
        f"{100 * total:.0f} % of all parameters."
    )
    data = {"tensors": {"tensor": tensors, "share": shares, "all": [1.0] * len(tensors)}}
    return Figure(template(_draw, title, tuple(tensors)), data, text)


def _draw(theme: Theme, title: str, tensors: tuple[str, ...]) -> dict[str, Any]:
    axis = alt.Axis(ticks=False, domain=False)
    y = alt.Y("tensor:N", title=None, scale=alt.Scale(domain=list(tensors)), axis=axis)
    tooltip = [alt.Tooltip("tensor:N"), alt.Tooltip("share:Q", title="trained", format=".0%")]
    base = alt.Chart(alt.NamedData("tensors")).encode(y=y, tooltip=tooltip)
    percent, unit = alt.Axis(format="%", grid=False), alt.Scale(domain=[0, 1])
    layers = [
        base.mark_bar(color=colour).encode(x=alt.X(column, title=None, axis=percent, scale=unit))
        for column, colour in (("all:Q", theme.faint), ("share:Q", theme.line))
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=15 * len(tensors))
    below = "trained share of each tensor; grey: frozen"
    return finish(chart, theme, title, below)
