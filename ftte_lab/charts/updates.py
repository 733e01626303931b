"""How old updates are when they are averaged, and what each of them then weighs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from ftte_lab._common import require
from ftte_lab.charts.figure import Columns, Figure, template
from ftte_lab.charts.style import WIDTH, Theme, finish, kind_scales, label, method_scales
from ftte_lab.server import Timeline

_OLDEST = 15  # older ages share the last bar


def staleness(timelines: Mapping[str, Timeline]) -> Figure:
    """How many versions old the averaged updates are, as a share of each method's updates: known before training.

    Raises:
        ValueError: no timeline.
    """
    require(bool(timelines), "no timeline to draw", "at least one")
    ages, shares, arms, says = [], [], [], []
    for name, timeline in timelines.items():
        age = timeline.staleness
        count = np.bincount(np.minimum(age, _OLDEST), minlength=_OLDEST + 1)
        ages += [str(k) if k < _OLDEST else f"{_OLDEST}+" for k in range(_OLDEST + 1)]
        shares += (count / max(1, count.sum())).tolist()
        arms += [label(name)] * (_OLDEST + 1)
        says.append(
            f"{label(name)} {age.mean() if len(age) else 0:.1f} (oldest {age.max() if len(age) else 0})"
        )
    data = {"ages": {"age": ages, "share": shares, "arm": arms}}
    text = (
        "Histogram of staleness in server versions; mean age of an update: " + ", ".join(says) + "."
    )
    return Figure(template(_draw_ages, tuple(timelines)), data, text)


def weights(
    ages: Sequence[float] | np.ndarray,
    relative: Sequence[float] | np.ndarray,
    kind: Sequence[str],
    *,
    kinds: Sequence[str] = (),
    method: str = "ftte",
) -> Figure:
    """What each averaged update weighed, relative to the mean of its buffer, over its age.

    Args:
        ages: versions, one per update.
        relative: weight times the number of updates in the same buffer: 1 is an equal share.
        kind: device kind of each update.
        kinds: all kinds there are, for a legend that stays; by default those among the updates.
        method: whose updates these are.

    Raises:
        ValueError: columns of different length.
    """
    same = len(ages) == len(relative) == len(kind)
    require(
        same, f"columns of {len(ages)}, {len(relative)} and {len(kind)} entries", "equally many"
    )
    data: dict[str, Columns] = {
        "updates": {"age": ages, "weight": relative, "kind": list(kind)},
        "equal": {"weight": [1.0]},
    }
    says = (
        f"the last {len(ages)} updates weigh {min(relative):.2f} to {max(relative):.2f}"
        if len(ages)
        else "none yet"
    )
    text = f"Dots of the effective weight of {label(method)}'s updates over their age; 1 is an equal share: {says}."
    signals = {
        "oldest": float(max([*ages, 4])) + 0.5,
        "heaviest": float(max([*relative, 2.0])) * 1.05,
    }
    return Figure(
        template(_draw_weights, label(method), tuple(sorted({*kinds, *kind}))), data, text, signals
    )


def _draw_ages(theme: Theme, names: tuple[str, ...]) -> dict[str, Any]:
    colours, _ = method_scales(names, theme)
    ages = [str(k) for k in range(_OLDEST)] + [f"{_OLDEST}+"]
    bars = (
        alt.Chart(alt.NamedData("ages"))
        .mark_bar()
        .encode(
            x=alt.X(
                "age:N",
                sort=ages,
                title="age when averaged, server versions",
                axis=alt.Axis(labelAngle=0),
            ),
            xOffset=alt.XOffset(
                "arm:N", sort=None, scale=alt.Scale(domain=[label(n) for n in names])
            ),
            y=alt.Y(
                "share:Q",
                title="share of updates",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color=alt.Color("arm:N", scale=colours),
            tooltip=[
                alt.Tooltip("arm:N", title="method"),
                alt.Tooltip("age:N"),
                alt.Tooltip("share:Q", format=".1%"),
            ],
        )
    )
    chart = bars.properties(width=WIDTH, height=170)
    return finish(chart, theme, "Staleness", "how old an update is when the server takes it")


def _draw_weights(theme: Theme, method: str, kinds: tuple[str, ...]) -> dict[str, Any]:
    oldest, heaviest = alt.param(name="oldest", value=4.5), alt.param(name="heaviest", value=2.0)
    colours, shapes = kind_scales(kinds)
    y = alt.Y(
        "weight:Q",
        title="weight, 1 = equal share",
        scale=alt.Scale(domain={"expr": "[0, heaviest]"}, nice=False),
    )
    x_scale = alt.Scale(domain={"expr": "[-0.5, oldest]"}, nice=False)
    dots = (
        alt.Chart(alt.NamedData("updates"))
        .mark_point(size=45, opacity=0.7, filled=True)
        .encode(
            x=alt.X(
                "age:Q",
                title="age, server versions",
                scale=x_scale,
                axis=alt.Axis(tickMinStep=1, grid=False),
            ),
            y=y,
            color=alt.Color("kind:N", scale=colours),
            shape=alt.Shape("kind:N", scale=shapes),
            tooltip=[
                alt.Tooltip("kind:N"),
                alt.Tooltip("age:Q"),
                alt.Tooltip("weight:Q", format=".2f"),
            ],
        )
    )
    rule = (
        alt.Chart(alt.NamedData("equal")).mark_rule(strokeDash=[4, 4], color=theme.soft).encode(y=y)
    )
    chart = alt.layer(rule, dots).add_params(oldest, heaviest).properties(width=WIDTH, height=170)
    return finish(
        chart, theme, f"What an update weighs in {method}", "the newest updates, by device kind"
    )
