"""Draw the study's charts from its lines. The only module of the study that needs altair."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from benchmarks.study import parts, tables
from benchmarks.study.matrix import CENTRE, PAYLOADS
from benchmarks.study.words import arm_label, percent, typical
from ftte_lab.charts import Figure, Theme, draws, finish, method_scales, predicted_gain, template

_ARMS = ("fedavg", "fedbuff", tables.RIVAL, "ftte")
_STYLES = ("fedavg", "fedbuff", "fedbuff_average", "ftte")
_AUTHORS = 0.19  # of FedAvg's time, as the authors report
_NEVER = 2.0  # where a run that never reached the target is drawn


def draw(table: pd.DataFrame, home: Path) -> list[str]:
    """Write all charts for which there are lines; return their names."""
    made = []
    for name, chart in CHARTS.items():
        figure = chart(table)
        if figure is not None:
            figure.save(home / f"{name}.png")
            made.append(name)
    return made


def times(table: pd.DataFrame) -> Figure | None:
    """Draw the time to the target over the share of stragglers, for few and for many devices.

    The line is the median over label skews and seeds, the band the middle half of the runs.
    """
    part = tables.part_of(table, "matrix")
    part = part[part["arm"].isin(_ARMS)]
    part = part[part.groupby(["task", "clients"])["stragglers"].transform("nunique") > 1]
    if part.empty:
        return None
    places = part.groupby(["task", "clients", "stragglers", "arm"])["time_share"]
    quantiles = {
        name: places.quantile(q, interpolation="nearest")
        for name, q in (("low", 0.25), ("mid", 0.5), ("high", 0.75))
    }
    rows = pd.DataFrame(quantiles).reset_index().replace(np.inf, _NEVER)
    columns: dict[str, Any] = {
        name: rows[name].to_numpy() for name in ("stragglers", "low", "mid", "high")
    }
    columns["arm"] = [arm_label(str(name)) for name in rows["arm"]]
    columns["place"] = [
        f"{task}, {clients} devices"
        for task, clients in zip(rows["task"], rows["clients"], strict=True)
    ]
    seeds = int(part["seed"].nunique())
    return Figure(template(_times, seeds), {"table": columns}, _times_in_words(columns))


def _times_in_words(columns: dict[str, Any]) -> str:
    rows = zip(*(columns[name] for name in ("arm", "place", "stragglers", "mid")), strict=True)
    ours = "; ".join(
        f"{place}, {percent(x)} stragglers: {percent(y)}"
        for arm, place, x, y in rows
        if arm == arm_label("ftte")
    )
    return f"Median time to the target, of FedAvg's, of FTTE. {ours}."


def _times(theme: Theme, seeds: int) -> dict[str, Any]:
    colour, dash = method_scales(_STYLES, theme)
    x = alt.X(
        "stragglers:Q",
        title="share of stragglers",
        axis=alt.Axis(format="%", values=[0.3, 0.6, 0.9]),
        scale=alt.Scale(domain=[0.2, 1.0], nice=False),
    )
    scale = alt.Scale(type="log", domain=[0.02, 2.2], nice=False)
    axis = alt.Axis(format="%", values=[0.02, 0.05, 0.1, _AUTHORS, 0.5, 1.0])
    y = alt.Y("mid:Q", title="time to target, of FedAvg's", scale=scale, axis=axis)
    base = alt.Chart().encode(x=x)
    # Both marks get the legend: a layer without one hides the other's.
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    hue = alt.Color("arm:N", scale=colour, legend=legend)
    band = base.mark_area(opacity=0.12, clip=True).encode(
        y=alt.Y("low:Q", scale=scale), y2="high:Q", color=hue
    )
    line = base.mark_line(point=alt.OverlayMarkDef(size=45), clip=True).encode(
        y=y, color=hue, strokeDash=alt.StrokeDash("arm:N", scale=dash, legend=legend)
    )
    rule = alt.Chart().mark_rule(color=theme.soft, strokeDash=[2, 3])
    authors = rule.encode(y=alt.datum(_AUTHORS, scale=scale))
    panels = alt.layer(band, authors, line, data=alt.NamedData("table"))
    chart = panels.properties(width=250, height=190).facet(
        facet=alt.Facet("place:N", title=None), columns=2
    )
    return finish(
        chart,
        theme,
        "How long each method takes to FedAvg's level, of FedAvg's time",
        f"median and middle half over label skews and up to {seeds} seeds; "
        "dotted: the authors' 19 %; top edge: not reached",
    )


def levers(table: pd.DataFrame) -> Figure | None:
    """Draw every method with every lever: time and bytes to the target, final accuracy, memory.

    Each dot is a run, the bar the median.
    """
    part = tables.part_of(table, "levers")
    if part.empty:
        return None
    columns: dict[str, Any] = {
        "arm": [arm_label(str(name)) for name in part["arm"]],
        "task": part["task"].tolist(),
    }
    for name, values in {
        "time": part["time_share"].clip(upper=_NEVER),
        "bytes": part["bytes_share"].clip(upper=_NEVER),
        "final": part["final_against_fedavg"],
        "memory": part["micro_overhead_share"],
    }.items():
        columns[name] = values.to_numpy(float)
        middles = values.groupby(part["arm"]).transform("median")
        columns[f"{name}_middle"] = middles.to_numpy(float)
    order = tuple(dict.fromkeys(columns["arm"]))
    ours = part[part["arm"] == "ftte"]
    sentence = (
        "Time and bytes to the target, final accuracy and training overhead of every method with "
        f"every lever; FTTE takes {percent(typical(ours['time_share']))} of FedAvg's time and "
        f"{percent(typical(ours['bytes_share']))} of its bytes."
    )
    return Figure(template(_levers, order), {"table": columns}, sentence)


def _levers(theme: Theme, order: tuple[str, ...]) -> dict[str, Any]:
    colour = alt.Color("task:N", scale=alt.Scale(range=[theme.download, theme.compute]))
    scale = alt.Scale(zero=True, nice=False, padding=6)

    def panel(name: str, title: str, rule: float, first: bool, percents: bool) -> Any:
        names = alt.Axis(ticks=False, grid=True, labels=first, labelLimit=260)
        y = alt.Y("arm:N", sort=list(order), title=None, axis=names)
        axis = alt.Axis(format="%" if percents else "+")
        x = alt.X(f"{name}:Q", title=title, axis=axis, scale=scale)
        base = alt.Chart().encode(y=y)
        dots = base.mark_point(filled=True, size=32, opacity=0.7).encode(
            x=x, color=colour, shape="task:N"
        )
        middle = base.mark_tick(color=theme.line, thickness=3, size=14).encode(x=f"{name}_middle:Q")
        zero = alt.Chart().mark_rule(color=theme.soft).encode(x=alt.datum(rule))
        layers = alt.layer(zero, dots, middle, data=alt.NamedData("table"))
        return layers.properties(width=170, height=20 * len(order))

    panels = [
        panel("time", "time to target, of FedAvg's", 1.0, True, True),
        panel("bytes", "bytes to target, of FedAvg's", 1.0, False, True),
        panel("final", "final, points over FedAvg's", 0.0, False, False),
        panel("memory", "overhead with micro-batches", 0.2, False, True),
    ]
    return finish(
        alt.hconcat(*panels, spacing=14),
        theme,
        "Every method with every lever",
        f"{CENTRE[2]} devices, {percent(CENTRE[1])} stragglers, α = {CENTRE[0]}; each dot a run, "
        "bar: the median; at 200 %: never reached",
    )


def chance(table: pd.DataFrame, payload: float) -> Figure | None:
    """Draw the random subsets of one size around the search, each against it in the same world."""
    part = parts.chance(table)
    part = part[part["payload_share"] == payload]
    if part.empty:
        return None
    results = {
        title: part.loc[part["kind"] == kind, "over"].to_numpy(float)
        for kind, title in _TITLES.items()
    }
    half = part.loc[part["kind"] == parts.SEARCHES[1][0], "over"]
    return draws(
        results,
        {"the search": 0.0, "with gain exponent 1/2": typical(half)},
        of="final accuracy over the search's in the same world",
        title=f"The search among random subsets of {percent(payload)} of the parameters",
    )


def foretold(table: pd.DataFrame) -> Figure | None:
    """Draw predicted against measured gain of all subsets, each against the search's."""
    part = parts.chance(table)
    if part.empty:
        return None
    titles = _TITLES | {"search": "the search", parts.SEARCHES[1][0]: "with gain exponent 1/2"}
    return predicted_gain(
        part["gain_share"].to_numpy(float),
        part["over"].to_numpy(float),
        [titles[str(kind)] for kind in part["kind"]],
        of="final accuracy over the search's in the same world",
        unit="Fisher information, of the search's",
    )


_TITLES = dict(zip(parts.KINDS, ("pure random", "best channels, at random"), strict=True))

CHARTS: Mapping[str, Callable[[pd.DataFrame], Figure | None]] = {
    "time": times,
    "levers": levers,
    **{f"search{100 * payload:.0f}": partial(chance, payload=payload) for payload in PAYLOADS},
    "foretold": foretold,
}
