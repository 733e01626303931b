"""The study's charts: gain over the share of stragglers and the number of devices, and what each part is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from ftte_lab.charts import Figure, label
from ftte_lab.charts.figure import template
from ftte_lab.charts.style import LABELS, Theme, finish, method_scales

_METHODS = ("fedavg", "fedbuff", "ftte")


def arm_label(name: str) -> str:
    """An arm's name as people write it."""
    for method, written in LABELS.items():
        name = name.replace(method, written)
    return name


def draw(table: pd.DataFrame, home: Path) -> None:
    """Write all charts of the study."""
    for name, chart in CHARTS.items():
        chart(table).save(home / f"{name}.png")


def gain(table: pd.DataFrame) -> Figure:
    """Time to the target over the share of stragglers, for few and for many devices: median and middle half."""
    part = table[(table["part"] == "matrix") & table["arm"].isin(_METHODS)]
    part = part[
        part.groupby("task")["stragglers"].transform("nunique") > 1
    ]  # others have no line to draw
    places = part.groupby(["task", "clients", "stragglers", "arm"])["time_share"]
    quantiles = {
        name: places.quantile(q, interpolation="nearest")
        for name, q in (("low", 0.25), ("mid", 0.5), ("high", 0.75))
    }
    rows = pd.DataFrame(quantiles).reset_index().replace(np.inf, 2.0)
    columns: dict[str, Any] = {
        name: rows[name].to_numpy() for name in ("stragglers", "low", "mid", "high")
    }
    columns["arm"] = [label(name) for name in rows["arm"]]
    columns["place"] = [
        f"{task}, {n} devices" for task, n in zip(rows["task"], rows["clients"], strict=True)
    ]
    share = np.round(100 * columns["mid"]).astype(int)
    at = np.round(100 * columns["stragglers"]).astype(int)
    told = zip(columns["arm"], columns["place"], at, share, strict=True)
    said = "; ".join(
        f"{place}, {x} % stragglers: {y} %" for arm, place, x, y in told if arm == "FTTE"
    )
    return Figure(
        template(_gain),
        {"table": columns},
        f"Median time to the target, of FedAvg's, of FTTE. {said}.",
    )


def _gain(theme: Theme) -> dict[str, Any]:
    colour, dash = method_scales(_METHODS, theme)
    x = alt.X(
        "stragglers:Q",
        title="share of stragglers",
        axis=alt.Axis(format="%", values=[0.3, 0.6, 0.9]),
        scale=alt.Scale(domain=[0.2, 1.0], nice=False),
    )
    scale = alt.Scale(type="log", domain=[0.02, 2.2], nice=False)
    axis = alt.Axis(format="%", values=[0.02, 0.05, 0.1, 0.19, 0.5, 1.0])
    y = alt.Y("mid:Q", title="time to target, of FedAvg's", scale=scale, axis=axis)
    base = alt.Chart().encode(x=x)
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    hue = alt.Color(
        "arm:N", scale=colour, legend=legend
    )  # for both marks: a layer without a legend hides the other's
    band = base.mark_area(opacity=0.12, clip=True).encode(
        y=alt.Y("low:Q", scale=scale), y2="high:Q", color=hue
    )
    line = base.mark_line(point=alt.OverlayMarkDef(size=45), clip=True).encode(
        y=y, color=hue, strokeDash=alt.StrokeDash("arm:N", scale=dash, legend=legend)
    )
    authors = (
        alt.Chart()
        .mark_rule(color=theme.soft, strokeDash=[2, 3])
        .encode(y=alt.datum(0.19, scale=scale))
    )
    panels = alt.layer(band, authors, line, data=alt.NamedData("table")).properties(
        width=250, height=190
    )
    chart = panels.facet(facet=alt.Facet("place:N", title=None), columns=2)
    return finish(
        chart,
        theme,
        "How long each method takes to FedAvg's level, of FedAvg's time",
        "median over three kinds of label skew and five seeds; band: the middle half of the runs; dotted: 19 %",
    )


def parts(table: pd.DataFrame) -> Figure:
    """What each part is worth: every arm's time and final accuracy against the whole method's, run by run."""
    part = table[table["part"] == "ablation"]
    whole = part[part["arm"] == "ftte"].set_index(["task", "seed"])
    beside = whole[["time_share", "final_accuracy"]].add_suffix("_whole")
    rows = part.set_index(["task", "seed"]).join(beside).reset_index()
    times = rows["time_share"] / rows["time_share_whole"]
    columns: dict[str, Any] = {
        "arm": [arm_label(name) for name in rows["arm"]],
        "task": rows["task"].tolist(),
        "time": times.clip(0.2, 16.0).to_numpy(),
        "final": 100 * (rows["final_accuracy"] - rows["final_accuracy_whole"]).to_numpy(),
    }
    for name, values in (
        ("time", times),
        ("final", columns["final"]),
    ):  # before what never arrived gets its place
        middles = pd.Series(values).groupby(columns["arm"]).transform("median")
        columns[f"{name}_middle"] = middles.clip(upper=16.0).to_numpy()
    order = tuple(dict.fromkeys(columns["arm"]))
    said = "Time to target and final accuracy of FTTE without each of its parts, against the whole method."
    return Figure(template(_parts, order), {"table": columns}, said)


def _parts(theme: Theme, order: tuple[str, ...]) -> dict[str, Any]:
    y = alt.Y(
        "arm:N", sort=list(order), title=None, axis=alt.Axis(labelLimit=260, ticks=False, grid=True)
    )
    colour = alt.Color("task:N", scale=alt.Scale(range=[theme.download, theme.compute]))

    bare = alt.Y(
        "arm:N", sort=list(order), title=None, axis=alt.Axis(labels=False, ticks=False, grid=True)
    )

    def panel(name: str, x: alt.X, rule: float, seen: alt.Y) -> Any:
        base = alt.Chart().encode(y=seen)
        dots = base.mark_point(filled=True, size=38, opacity=0.75).encode(
            x=x, color=colour, shape="task:N"
        )
        middle = base.mark_tick(color=theme.line, thickness=3, size=16).encode(x=f"{name}_middle:Q")
        zero = alt.Chart().mark_rule(color=theme.soft).encode(x=alt.datum(rule))
        return alt.layer(zero, dots, middle, data=alt.NamedData("table")).properties(
            width=250, height=22 * len(order)
        )

    scale = alt.Scale(type="log", domain=[0.18, 16], nice=False)
    times = alt.X(
        "time:Q",
        title="time to target, times FTTE's",
        scale=scale,
        axis=alt.Axis(values=[0.25, 0.5, 1, 2, 4, 8, 16], format="~r"),
    )
    final = alt.X(
        "final:Q",
        title="final accuracy, points over FTTE's",
        scale=alt.Scale(zero=False, nice=False, padding=8),
    )
    chart = alt.hconcat(panel("time", times, 1.0, y), panel("final", final, 0.0, bare), spacing=20)
    return finish(
        chart,
        theme,
        "What each part is worth",
        "100 devices, 90 % stragglers, α = 0.5; each dot a seed, bar: the median; at the right edge: never reached",
    )


CHARTS = {"gain": gain, "parts": parts}
