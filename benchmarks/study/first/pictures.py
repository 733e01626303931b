"""Draw the study's charts: what FTTE gains on which fleet, and what each part is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from ftte_lab.charts import Figure, Theme, finish, label, method_scales, template
from ftte_lab.simulation import METHODS

_METHODS = ("fedavg", "fedbuff", "ftte")
_AUTHORS = 0.19  # of FedAvg's time, as the authors report
_NEVER_SHARE, _NEVER_TIMES = 2.0, 16.0  # where a run that never reached the target is drawn


def arm_label(name: str) -> str:
    """Write an arm's name as people do.

    Example:
        >>> arm_label("full-model ftte"), arm_label("fedbuff + averaged model")
        ('full-model FTTE', 'FedBuff + averaged model')
    """
    for method in METHODS.values():
        name = name.replace(method.name, method.label)
    return name


def draw(table: pd.DataFrame, home: Path) -> None:
    """Write all charts of the study."""
    for name, chart in CHARTS.items():
        chart(table).save(home / f"{name}.png")


def gain(table: pd.DataFrame) -> Figure:
    """Draw the time to the target over the share of stragglers, for few and for many devices.

    The line is the median over label skews and seeds, the band the middle half of the runs.
    """
    part = table[(table["part"] == "matrix") & table["arm"].isin(_METHODS)]
    # Tasks with one share of stragglers have no line to draw.
    part = part[part.groupby("task")["stragglers"].transform("nunique") > 1]
    places = part.groupby(["task", "clients", "stragglers", "arm"])["time_share"]
    quantiles = {
        name: places.quantile(q, interpolation="nearest")
        for name, q in (("low", 0.25), ("mid", 0.5), ("high", 0.75))
    }
    rows = pd.DataFrame(quantiles).reset_index().replace(np.inf, _NEVER_SHARE)
    columns: dict[str, Any] = {
        name: rows[name].to_numpy() for name in ("stragglers", "low", "mid", "high")
    }
    columns["arm"] = [label(name) for name in rows["arm"]]
    columns["place"] = [
        f"{task}, {clients} devices"
        for task, clients in zip(rows["task"], rows["clients"], strict=True)
    ]
    return Figure(template(_gain), {"table": columns}, _gain_in_words(columns))


def _gain_in_words(columns: dict[str, Any]) -> str:
    at, share = (np.round(100 * columns[name]).astype(int) for name in ("stragglers", "mid"))
    points = zip(columns["arm"], columns["place"], at, share, strict=True)
    ours = "; ".join(
        f"{place}, {x} % stragglers: {y} %" for arm, place, x, y in points if arm == label("ftte")
    )
    return f"Median time to the target, of FedAvg's, of FTTE. {ours}."


def _gain(theme: Theme) -> dict[str, Any]:
    colour, dash = method_scales(_METHODS, theme)
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
        "median over three kinds of label skew and five seeds; "
        "band: the middle half of the runs; dotted: 19 %",
    )


def parts(table: pd.DataFrame) -> Figure:
    """Draw what each part is worth: time and final accuracy of every arm, against complete FTTE.

    Each dot compares two runs of the same task and seed.
    """
    part = table[table["part"] == "ablation"]
    complete = part[part["arm"] == "ftte"].set_index(["task", "seed"])
    beside = complete[["time_share", "final_accuracy"]].add_suffix("_complete")
    rows = part.set_index(["task", "seed"]).join(beside).reset_index()
    times = rows["time_share"] / rows["time_share_complete"]
    final = 100 * (rows["final_accuracy"] - rows["final_accuracy_complete"])
    names = pd.Series([arm_label(name) for name in rows["arm"]])
    columns: dict[str, Any] = {
        "arm": names.tolist(),
        "task": rows["task"].tolist(),
        "time": times.clip(0.2, _NEVER_TIMES).to_numpy(),
        "final": final.to_numpy(),
    }
    # Medians before a run that never reached the target gets its place at the edge.
    for name, values in (("time", times), ("final", final)):
        middles = values.groupby(names).transform("median")
        columns[f"{name}_middle"] = middles.clip(upper=_NEVER_TIMES).to_numpy()
    order = tuple(dict.fromkeys(columns["arm"]))
    sentence = (
        "Time to target and final accuracy of FTTE without each of its parts, "
        "against complete FTTE."
    )
    return Figure(template(_parts, order), {"table": columns}, sentence)


def _parts(theme: Theme, order: tuple[str, ...]) -> dict[str, Any]:
    colour = alt.Color("task:N", scale=alt.Scale(range=[theme.download, theme.compute]))

    def names(**axis: Any) -> alt.Y:
        return alt.Y(
            "arm:N", sort=list(order), title=None, axis=alt.Axis(ticks=False, grid=True, **axis)
        )

    def panel(name: str, x: alt.X, rule: float, y: alt.Y) -> Any:
        base = alt.Chart().encode(y=y)
        dots = base.mark_point(filled=True, size=38, opacity=0.75).encode(
            x=x, color=colour, shape="task:N"
        )
        middle = base.mark_tick(color=theme.line, thickness=3, size=16).encode(x=f"{name}_middle:Q")
        zero = alt.Chart().mark_rule(color=theme.soft).encode(x=alt.datum(rule))
        layers = alt.layer(zero, dots, middle, data=alt.NamedData("table"))
        return layers.properties(width=250, height=22 * len(order))

    times = alt.X(
        "time:Q",
        title="time to target, times FTTE's",
        scale=alt.Scale(type="log", domain=[0.18, _NEVER_TIMES], nice=False),
        axis=alt.Axis(values=[0.25, 0.5, 1, 2, 4, 8, 16], format="~r"),
    )
    final = alt.X(
        "final:Q",
        title="final accuracy, points over FTTE's",
        scale=alt.Scale(zero=False, nice=False, padding=8),
    )
    left = panel("time", times, 1.0, names(labelLimit=260))
    right = panel("final", final, 0.0, names(labels=False))
    return finish(
        alt.hconcat(left, right, spacing=20),
        theme,
        "What each part is worth",
        "100 devices, 90 % stragglers, α = 0.5; each dot a seed, bar: the median; "
        "at the right edge: never reached",
    )


CHARTS = {"gain": gain, "parts": parts}
