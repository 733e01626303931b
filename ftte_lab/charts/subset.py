"""The subset: which part of each tensor is trained."""

from __future__ import annotations

from typing import Any

from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Columns, Figure, columns, template
from ftte_lab.charts.palette import method_styles
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.models import Model, Subset, validated_subset

_STRIP = 25  # pixels of the strip from top to bottom
_SMALL_LETTER = 5.6  # pixels


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
    tensors, shares = _shares(model, subset)
    trained = [name for name, share in zip(tensors, shares, strict=True) if share]
    total = subset.entries(model) / model.size
    text = (
        f"Bars per weight tensor: {', '.join(trained)} are trained at least in part, "
        f"{100 * total:.0f} % of all parameters."
    )
    data = {"tensors": {"tensor": tensors, "share": shares, "all": [1.0] * len(tensors)}}
    return Figure(template(_draw, title, tuple(tensors)), data, text)


def subset_strip(model: Model, subset: Subset, *, method: str = "ftte") -> Figure:
    """Draw the net as a strip from input to output, each layer filled as far as it is trained.

    Args:
        model: the net.
        subset: what is trained of it.
        method: whose subset it is: it gives the colour.

    Raises:
        ValueError: a subset that does not fit the model.

    Example:
        >>> from ftte_lab.models import build, head
        >>> net = build("mlp", (1, 8, 8), 10)
        >>> subset_strip(net, head(net)).alt_text
        'The net as a strip, 5 % of its parameters are trained: head 100 %.'
    """
    tensors, shares = _shares(model, subset)
    place = range(len(tensors))
    width = WIDTH / len(tensors)
    cells = {
        "x": list(place),
        "x2": [k + 0.94 for k in place],
        "filled": shares,
        "all": [1.0] * len(tensors),
        "tensor": tensors,
    }
    written = [
        (k + 0.47, "all" if s == 1 else f"{100 * s:.0f}%")
        for k, s in zip(place, shares, strict=True)
        if s and width >= 26
    ]
    blocks = _blocks(tensors)
    total = subset.entries(model) / model.size
    data: dict[str, Columns] = {
        "cells": cells,
        "shares": columns(("x", "text"), written),
        "blocks": columns(("x", "text"), [(at, text) for at, text in _spaced(blocks, width)]),
    }
    part = f"{100 * total:.0f} % of its parameters are trained"
    trained = [f"{n} {100 * s:.0f} %" for n, s in zip(tensors, shares, strict=True) if s]
    text = f"The net as a strip, {part}: {', '.join(trained) or 'no weight'}."
    title = f"What is trained: {100 * total:.0f} % of the parameters"
    return Figure(template(_draw_strip, title, len(tensors), method), data, text)


def _shares(model: Model, subset: Subset) -> tuple[list[str], list[float]]:
    """Return the weight tensors from input to output, and the trained share of each."""
    validated_subset(model, subset)
    weights = {name: info for name, info in model.tensors.items() if info.kind == "weight"}
    shares = [subset.channel_count(model, name) / info.channels for name, info in weights.items()]
    return [name.removesuffix(".weight") for name in weights], shares


def _blocks(tensors: list[str]) -> list[tuple[float, float, str]]:
    """Return where each block of layers begins and ends, with its name."""
    runs: list[tuple[float, float, str]] = []
    for k, tensor in enumerate(tensors):
        block = tensor.split(".")[0]
        if runs and runs[-1][2] == block:
            runs[-1] = (runs[-1][0], k + 0.94, block)
        else:
            runs.append((float(k), k + 0.94, block))
    return runs


def _spaced(runs: list[tuple[float, float, str]], width: float) -> list[tuple[float, str]]:
    """Return the middle and name of each block, without names that would touch the one before."""
    kept: list[tuple[float, str]] = []
    free = -1e9  # pixels from where the next name may begin
    for low, high, name in runs:
        middle, half = width * (low + high) / 2, _SMALL_LETTER * len(name) / 2
        if middle - half >= free:
            kept.append(((low + high) / 2, name))
            free = middle + half + 4
    return kept


def _draw_strip(theme: Theme, title: str, count: int, method: str) -> dict[str, Any]:
    unit = alt.Scale(domain=[0, 1], nice=False)
    across = alt.Scale(domain=[0, count], nice=False)
    x = alt.X("x:Q", axis=None, scale=across)
    colour = method_styles([method])[method].colour(theme)
    tooltip = [alt.Tooltip("tensor:N"), alt.Tooltip("filled:Q", title="trained", format=".0%")]
    cells = alt.Chart(alt.NamedData("cells")).encode(x=x, x2="x2:Q", tooltip=tooltip)
    frame = cells.mark_rect(fill=theme.grid, stroke=theme.soft, strokeWidth=1)
    filled = cells.mark_rect(fill=colour, stroke=None)
    zero = alt.Y2Datum(0)
    shares = alt.Chart(alt.NamedData("shares")).mark_text(fontSize=10, dy=-7, color=theme.ink)
    names = alt.Chart(alt.NamedData("blocks")).mark_text(fontSize=11, dy=10, color=theme.ink)
    layers = [
        frame.encode(y=alt.Y("all:Q", axis=None, scale=unit), y2=zero),
        filled.encode(y=alt.Y("filled:Q", axis=None, scale=unit), y2=zero),
        shares.encode(x=x, y=alt.value(0), text="text:N"),
        names.encode(x=x, y=alt.value(_STRIP), text="text:N"),
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=_STRIP)
    spec = finish(chart, theme, title)
    spec["title"] |= {"fontSize": 13, "offset": 14}
    return spec


def _draw(theme: Theme, title: str, tensors: tuple[str, ...]) -> dict[str, Any]:
    axis = alt.Axis(ticks=False, domain=False)
    y = alt.Y("tensor:N", title=None, scale=alt.Scale(domain=list(tensors)), axis=axis)
    tooltip = [alt.Tooltip("tensor:N"), alt.Tooltip("share:Q", title="trained", format=".0%")]
    base = alt.Chart(alt.NamedData("tensors")).encode(y=y, tooltip=tooltip)
    percent, unit = alt.Axis(format="%", grid=False), alt.Scale(domain=[0, 1])
    layers = [
        base.mark_bar(color=colour).encode(x=alt.X(column, title=None, axis=percent, scale=unit))
        for column, colour in (
            ("all:Q", theme.faint),
            ("share:Q", method_styles(["ftte"])["ftte"].colour(theme)),
        )
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=15 * len(tensors))
    below = "trained share of each tensor; grey: frozen"
    return finish(chart, theme, title, below)
