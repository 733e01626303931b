"""How old updates are when they are averaged, and what each of them then weighs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ftte_lab._common import require
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.figure import Columns, Figure, template
from ftte_lab.charts.palette import kind_scales, label, method_scales
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.server import Timeline

_OLDEST = 15  # older ages share the last bar
_AGES = (*(str(k) for k in range(_OLDEST)), f"{_OLDEST}+")


def staleness(timelines: Mapping[str, Timeline]) -> Figure:
    """Draw the age of averaged updates, in server versions: known before any training.

    Args:
        timelines: by method name; each method's shares sum to 1.

    Raises:
        ValueError: no timeline.

    Example:
        >>> from ftte_lab import Scenario
        >>> from ftte_lab.simulation import prepare
        >>> small = Scenario(data="digits", model="mlp", clients=6, concurrency=3,
        ...                  warm_start_steps=0, horizon_s=20.0)
        >>> staleness({"fedavg": prepare(small.as_method("fedavg")).timeline}).alt_text[-24:]
        ': FedAvg 0.0 (oldest 0).'
    """
    require(bool(timelines), "no timeline to draw", "at least one")
    ages: list[str] = []
    shares: list[float] = []
    arms: list[str] = []
    clauses = []
    for name, timeline in timelines.items():
        age = timeline.staleness
        count = np.bincount(np.minimum(age, _OLDEST), minlength=_OLDEST + 1)
        ages += _AGES
        shares += (count / max(1, count.sum())).tolist()
        arms += [label(name)] * len(_AGES)
        mean, oldest = (age.mean(), age.max()) if len(age) else (0.0, 0)
        clauses.append(f"{label(name)} {mean:.1f} (oldest {oldest})")
    data = {"ages": {"age": ages, "share": shares, "arm": arms}}
    text = "Histogram of staleness in server versions; mean age of an update: "
    return Figure(template(_draw_ages, tuple(timelines)), data, f"{text}{', '.join(clauses)}.")


def weights(
    ages: Sequence[float] | np.ndarray,
    relative: Sequence[float] | np.ndarray,
    kind: Sequence[str],
    *,
    kinds: Sequence[str] = (),
    method: str = "ftte",
) -> Figure:
    """Draw what each averaged update weighed, relative to the mean of its buffer, over its age.

    Args:
        ages: server versions, one per update.
        relative: weight times the number of updates in the same buffer: 1 is an equal share.
        kind: device kind of each update.
        kinds: all kinds there are, for a legend that stays; by default those among the updates.
        method: whose updates these are.

    Raises:
        ValueError: columns of different length.

    Example:
        >>> weights([0, 4], [1.4, 0.6], ["phone", "sensor"]).alt_text.rpartition(": ")[2]
        'the last 2 updates weigh 0.60 to 1.40.'
    """
    lengths = f"columns of {len(ages)}, {len(relative)} and {len(kind)} entries"
    require(len(ages) == len(relative) == len(kind), lengths, "equally many")
    data: dict[str, Columns] = {
        "updates": {"age": ages, "weight": relative, "kind": list(kind)},
        "equal": {"weight": [1.0]},
    }
    range_text = "none yet"
    if len(ages):
        low, high = min(relative), max(relative)
        range_text = f"the last {len(ages)} updates weigh {low:.2f} to {high:.2f}"
    text = (
        f"Dots of the effective weight of {label(method)}'s updates over their age; "
        f"1 is an equal share: {range_text}."
    )
    oldest, heaviest = max([*ages, 4]), max([*relative, 2.0])
    signals = {"oldest": float(oldest) + 0.5, "heaviest": float(heaviest) * 1.05}
    drawing = template(_draw_weights, label(method), tuple(sorted({*kinds, *kind})))
    return Figure(drawing, data, text, signals)


def _draw_ages(theme: Theme, names: tuple[str, ...]) -> dict[str, Any]:
    colours, _ = method_scales(names, theme)
    x_title, labels = "age when averaged, server versions", [label(name) for name in names]
    percent, unit = alt.Axis(format="%"), alt.Scale(domain=[0, 1])
    tooltip = [
        alt.Tooltip("arm:N", title="method"),
        alt.Tooltip("age:N"),
        alt.Tooltip("share:Q", format=".1%"),
    ]
    bars = alt.Chart(alt.NamedData("ages")).mark_bar()
    bars = bars.encode(
        x=alt.X("age:N", sort=list(_AGES), title=x_title, axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("arm:N", sort=None, scale=alt.Scale(domain=labels)),
        y=alt.Y("share:Q", title="share of updates", axis=percent, scale=unit),
        color=alt.Color("arm:N", scale=colours),
        tooltip=tooltip,
    )
    chart = bars.properties(width=WIDTH, height=170)
    return finish(chart, theme, "Staleness", "age of an update when the server averages it")


def _draw_weights(theme: Theme, method: str, kinds: tuple[str, ...]) -> dict[str, Any]:
    params = [alt.param(name="oldest", value=4.5), alt.param(name="heaviest", value=2.0)]
    colours, shapes = kind_scales(kinds)
    y_scale = alt.Scale(domain={"expr": "[0, heaviest]"}, nice=False)
    y = alt.Y("weight:Q", title="weight, 1 = equal share", scale=y_scale)
    x_scale = alt.Scale(domain={"expr": "[-0.5, oldest]"}, nice=False)
    x_axis = alt.Axis(tickMinStep=1, grid=False)
    tooltip = [
        alt.Tooltip("kind:N"),
        alt.Tooltip("age:Q"),
        alt.Tooltip("weight:Q", format=".2f"),
    ]
    dots = alt.Chart(alt.NamedData("updates")).mark_point(size=45, opacity=0.7, filled=True)
    dots = dots.encode(
        x=alt.X("age:Q", title="age, server versions", scale=x_scale, axis=x_axis),
        y=y,
        color=alt.Color("kind:N", scale=colours),
        shape=alt.Shape("kind:N", scale=shapes),
        tooltip=tooltip,
    )
    rule = alt.Chart(alt.NamedData("equal")).mark_rule(strokeDash=[4, 4], color=theme.soft)
    chart = alt.layer(rule.encode(y=y), dots).add_params(*params)
    chart = chart.properties(width=WIDTH, height=170)
    title = f"What an update weighs in {method}"
    return finish(chart, theme, title, "the newest updates, by device kind")
