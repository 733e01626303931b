"""Static charts: pure functions from History, Timeline and MemoryBill to a `Figure` (chart and a sentence).

Nothing here computes a result; a chart shows what the record holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from ftte_lab._chart_parts import INK, SOFT, Figure, colours, finish, label, seconds, size
from ftte_lab._require import in_range, one_of, require, whole
from ftte_lab.history import AXES, History
from ftte_lab.memory import MemoryBill
from ftte_lab.models import Model
from ftte_lab.timeline import Fate, Timeline
from ftte_lab.trainable import Subset, check

__all__ = ["Figure", "accuracy", "bytes_sent", "gantt", "memory", "subset_map"]

_AXIS_TITLES = {
    "sim_seconds": ("virtual time, minutes", 60.0),
    "updates": ("client updates applied", 1.0),
    "upload_bytes": ("uploaded, MiB", 2.0**20),
    "total_bytes": ("sent in both directions, MiB", 2.0**20),
    "energy_j": ("energy of all devices, kJ", 1000.0),
}
_WIDTH = 620
_NAMES = alt.Axis(labelFontSize=13, ticks=False, domain=False)
_PHASES = {"download": "#9CC5E3", "compute": "#0072B2", "upload": "#E69F00", "lost": "#C9C9C9"}
_PARTS = {
    "weights": "#7F7F7F", "batch": "#BDBDBD", "optimiser state": "#CC79A7", "stored activations": "#0072B2",
    "gradients": "#E69F00", "this step's activations": "#56B4E9",
}  # fmt: skip
_WAYS = {
    "upload_bytes": ("updates up", "#D55E00"), "download_bytes": ("model down", "#0072B2"),
    "first_download_bytes": ("first full download", "#56B4E9"), "index_bytes": ("which parts (index)", "#000000"),
}  # fmt: skip


def accuracy(
    histories: Mapping[str, History], *, of: str = "sim_seconds", target: float | None = None, window: int = 5
) -> Figure:
    """Test accuracy of each run over time, updates, bytes or energy; a dot where it first reaches the target.

    Args:
        histories: runs by method name.
        of: one of `AXES`.
        target: accuracy from 0 to 1 to mark.
        window: points of the smoothing; the raw points stay visible behind.

    Raises:
        ValueError: no run, an unknown axis, a target outside 0 to 1, or a window below 1.
    """
    require(bool(histories), "no run to draw", "at least one", "Pass the result of compare")
    one_of("of", of, AXES)
    whole("window", window, 1)
    if target is not None:
        in_range("target", target, 0, 1)
    title, unit = _AXIS_TITLES[of]
    data, reached, says = _curves(histories, of, unit, target, window)
    solid = alt.Legend(symbolType="stroke", symbolOpacity=1)
    colour = alt.Color("method:N", scale=colours(list(histories)), legend=solid)
    x = alt.X("x:Q", title=title, axis=alt.Axis(grid=False))
    low = max(0.0, float(data["accuracy"].min()) - 0.03)
    scale = alt.Scale(domain=[low, 1], nice=False, clamp=True)
    base = alt.Chart(data).encode(x=x, color=colour)
    layers: list[alt.Chart] = [
        base.mark_line(opacity=0.25, strokeWidth=1).encode(y=alt.Y("accuracy:Q", title="test accuracy", scale=scale)),
        base.mark_line(strokeWidth=2.5).encode(
            y=alt.Y("smooth:Q", title="test accuracy", axis=alt.Axis(format="%"), scale=scale)
        ),
    ]
    if target is not None:
        rule = alt.Chart(pd.DataFrame({"y": [target], "text": [f"target {100 * target:.1f} %"]})).encode(y="y:Q")
        layers.append(rule.mark_rule(strokeDash=[4, 4], color=SOFT))
        layers.append(rule.mark_text(align="right", dy=8, color=INK).encode(x=alt.value(_WIDTH), text="text:N"))
        if reached:
            dots = alt.Chart(pd.DataFrame(reached)).mark_point(filled=True, size=110, opacity=1, stroke="white")
            layers.append(dots.encode(x="x:Q", y="y:Q", color=colour))
    chart = alt.layer(*layers).properties(width=_WIDTH, height=300)
    below = f"over {title.split(',')[0]}; bold: mean of {window} points"
    says_all = f"Line chart of test accuracy over {title}: " + "; ".join(says) + "."
    return Figure(finish(chart, "Accuracy on the test data", below), says_all)


def _curves(
    histories: Mapping[str, History], of: str, unit: float, target: float | None, window: int
) -> tuple[pd.DataFrame, list[dict[str, object]], list[str]]:
    """Points of all curves, the dots where the target is reached, and a clause per run."""
    tables, says = [], []
    reached: list[dict[str, object]] = []
    for name, h in histories.items():
        smooth = h.smoothed(window=window)
        tables.append(
            pd.DataFrame(
                {"x": h.points[of] / unit, "accuracy": h.points["accuracy"], "smooth": smooth, "method": label(name)}
            )
        )
        at = None if target is None else h.time_to(target, of, window)
        if at is not None:
            reached.append({"x": at / unit, "y": target, "method": label(name)})
        says.append(f"{label(name)} ends at {100 * h.final(window=window):.0f} %" + _reaching(of, at, target))
    return pd.concat(tables), reached, says


def _reaching(of: str, at: float | None, target: float | None) -> str:
    if target is None:
        return ""
    if at is None:
        return " and never reaches the target"
    amount = seconds(at) if of == "sim_seconds" else size(at) if "bytes" in of else f"{at:,.0f}"
    return f" and reaches {100 * target:.1f} % at {amount}"


def gantt(
    timeline: Timeline,
    kinds: Sequence[str],
    *,
    until_s: float | None = None,
    devices: int = 24,
    title: str = "Who works when",
) -> Figure:
    """What each device does when: download, compute, upload; a line at each step of the server.

    Shows the devices that start first. Lost participations (dropped, called off, too old) are grey.

    Args:
        timeline: the schedule.
        kinds: kind of each client, as `Fleet.kind`.
        until_s: end of the picture in virtual seconds; by default when every shown device has worked, at most the end.
        devices: rows, at most 60.
        title: what to write above it.

    Raises:
        ValueError: an empty schedule, or a number out of range.
    """
    require(len(timeline) > 0, "the timeline is empty", "one with participations", "Lengthen the horizon")
    whole("devices", devices, 1, 60)
    shown = list(dict.fromkeys(timeline.client.tolist()))[:devices]
    mine = np.isin(timeline.client, shown)
    if until_s is None:
        until_s = min(float(timeline.end_s), 2.0 * float(np.median(timeline.arrival_s[mine & timeline.first_visits])))
    in_range("until_s", until_s, 1e-9)
    rows = _bars(timeline, np.flatnonzero(mine & (timeline.start_s < until_s)), kinds, until_s)
    order = [f"{kinds[c]} {c}" for c in sorted(shown, key=lambda c: (kinds[c], c))]
    steps = timeline.step_s[timeline.step_s <= until_s]
    scale = alt.Scale(domain=[0, until_s], nice=False)
    colour = alt.Color("phase:N", scale=alt.Scale(domain=list(_PHASES), range=list(_PHASES.values())))
    bars = alt.Chart(rows).mark_bar(height=alt.RelativeBandSize(0.72)).encode(
        x=alt.X("from:Q", title="virtual seconds", scale=scale, axis=alt.Axis(grid=False)), x2="to:Q",
        y=alt.Y("device:N", sort=order, title=None, axis=alt.Axis(labelFontSize=10)), color=colour,
    )  # fmt: skip
    rules = alt.Chart(pd.DataFrame({"at": steps})).mark_rule(color="#D55E00", strokeWidth=1.2).encode(x="at:Q")
    chart = alt.layer(bars, rules).properties(width=_WIDTH, height=13 * len(shown) + 10)
    lost = int(np.isin(timeline.fate[np.isin(timeline.client, shown)], (Fate.DROPPED, Fate.STALE, Fate.ABORTED)).sum())
    return Figure(
        finish(chart, title, "orange lines: the server steps; grey: work that is never used"),
        f"Gantt chart of {len(shown)} devices over {seconds(until_s)} of virtual time with {len(steps)} server steps; "
        f"over the whole run {lost} of their participations are lost.",
    )


def _bars(timeline: Timeline, chosen: np.ndarray, kinds: Sequence[str], until_s: float) -> pd.DataFrame:
    """A row per participation and phase, cut at the end of the picture."""
    lost = np.isin(timeline.fate[chosen], (Fate.DROPPED, Fate.STALE, Fate.ABORTED))
    edges = [timeline.start_s, timeline.downloaded_s, timeline.computed_s, timeline.freed_s]
    parts = []
    for phase, begin, end in zip(("download", "compute", "upload"), edges[:-1], edges[1:], strict=True):
        stop = np.minimum(end[chosen], timeline.freed_s[chosen])
        parts.append(pd.DataFrame({
            "device": [f"{kinds[c]} {c}" for c in timeline.client[chosen]], "phase": np.where(lost, "lost", phase),
            "from": begin[chosen], "to": np.minimum(stop, until_s),
        }))  # fmt: skip
    rows = pd.concat(parts)
    return rows[rows["to"] > rows["from"]]


def memory(
    bills: Mapping[str, MemoryBill], *, budget_bytes: int | None = None, device: str = "the weakest device"
) -> Figure:
    """The peak of a training step per method, by what it holds, against the budget line.

    Args:
        bills: memory bills by method name.
        budget_bytes: what the device may use at once.
        device: whose budget it is.

    Raises:
        ValueError: no bill, or a budget below 1.
    """
    require(bool(bills), "no bill to draw", "at least one")
    rows = pd.DataFrame(
        [{"method": label(n), "part": part, "kib": v / 1024, "rank": k}
         for n, bill in bills.items() for k, (part, v) in enumerate(bill.parts().items()) if v]
    )  # fmt: skip
    parts = [part for part in _PARTS if part in set(rows["part"])]
    y = alt.Y("method:N", sort=None, title=None, axis=_NAMES)
    bars = alt.Chart(rows).mark_bar(height=26).encode(
        x=alt.X("kib:Q", title="KiB at the peak of one training step"), y=y, order="rank:Q",
        color=alt.Color("part:N", scale=alt.Scale(domain=parts, range=[_PARTS[p] for p in parts])),
    )  # fmt: skip
    totals = pd.DataFrame({"method": [label(n) for n in bills], "kib": [b.peak_bytes / 1024 for b in bills.values()]})
    texts = (
        alt.Chart(totals)
        .mark_text(align="left", dx=5, color=INK)
        .encode(x="kib:Q", y=y, text=alt.Text("kib:Q", format=",.0f"))
    )
    layers: list[alt.Chart] = [bars, texts]
    says = [
        f"{label(n)} {size(b.peak_bytes)} (inference alone {size(b.inference_peak_bytes)})" for n, b in bills.items()
    ]
    budget = ""
    if budget_bytes is not None:
        whole("budget_bytes", budget_bytes, 1)
        line = alt.Chart(pd.DataFrame({"kib": [budget_bytes / 1024]}))
        layers.append(line.mark_rule(color="#D55E00", strokeWidth=2).encode(x="kib:Q"))
        budget = f"; the line: {size(budget_bytes)}, the budget of {device}"
    chart = alt.layer(*layers).properties(width=_WIDTH, height=44 * len(bills) + 10)
    return Figure(finish(chart, "Memory on a device", "what is alive at the peak of one training step" + budget),
                  "Stacked bars of peak memory: " + ", ".join(says) + budget + ".")  # fmt: skip


def bytes_sent(histories: Mapping[str, History], *, target: float | None = None) -> Figure:
    """All bytes sent per method, by kind: until the target is first reached, or until the end of the run.

    Raises:
        ValueError: no run, or a target outside 0 to 1.
    """
    require(bool(histories), "no run to draw", "at least one", "Pass the result of compare")
    rows, says = [], []
    for name, h in histories.items():
        at = None if target is None else h.time_to(target)
        end = h.points["sim_seconds"].iloc[-1] if at is None else at
        point = h.points[h.points["sim_seconds"] <= end].iloc[-1]
        missed = target is not None and at is None
        row = f"{label(name)} (not reached)" if missed else label(name)
        rows += [
            {"method": row, "way": way, "mib": point[c] / 2**20, "rank": k}
            for k, (c, (way, _)) in enumerate(_WAYS.items())
        ]
        says.append(f"{row} {size(point['total_bytes'])}, {size(h.facts['upload_bytes_per_update'])} per update")
    ways = list(_WAYS.values())
    y = alt.Y("method:N", sort=None, title=None, axis=_NAMES)
    bars = alt.Chart(pd.DataFrame(rows)).mark_bar(height=26).encode(
        x=alt.X("mib:Q", title="MiB, all devices together"), y=y, order="rank:Q",
        color=alt.Color("way:N", scale=alt.Scale(domain=[w for w, _ in ways], range=[c for _, c in ways])),
    )  # fmt: skip
    until = "until the end of the run" if target is None else f"until {100 * target:.1f} % accuracy"
    chart = bars.properties(width=_WIDTH, height=44 * len(histories) + 10)
    return Figure(finish(chart, "Bytes sent", until), f"Stacked bars of bytes sent {until}: " + "; ".join(says) + ".")


def subset_map(model: Model, subset: Subset) -> Figure:
    """Which part of each tensor is trained, from the input (top) to the classifier (bottom).

    Raises:
        ValueError: a subset that does not fit the model.
    """
    check(model, subset)
    rows, trained = [], []
    for name, info in model.tensors.items():
        if info.kind == "weight":
            part = subset.parts.get(name, ())
            share = 1.0 if part is None else len(part) / info.channels
            rows.append({"tensor": name.removesuffix(".weight"), "share": share})
            trained += [name.removesuffix(".weight")] if share else []
    data = pd.DataFrame(rows)
    y = alt.Y("tensor:N", sort=None, title=None)
    whole_bar = alt.Chart(data).mark_bar(color="#E4E4E4").encode(x=alt.value(0), x2=alt.value(_WIDTH), y=y)
    bars = alt.Chart(data).mark_bar(color="#D55E00").encode(
        x=alt.X("share:Q", title="share of its channels that are trained", axis=alt.Axis(format="%", grid=False),
                scale=alt.Scale(domain=[0, 1])), y=y,
    )  # fmt: skip
    chart = alt.layer(whole_bar, bars).properties(width=_WIDTH, height=15 * len(rows))
    total = subset.entries(model) / model.size
    return Figure(finish(chart, "What the search chose", f"{100 * total:.0f} % of the parameters; grey stays frozen"),
                  f"Bars per weight tensor: {', '.join(trained)} are trained at least in part, "
                  f"{100 * total:.0f} % of all parameters.")  # fmt: skip
