"""The charts of a Lab: each is drawn from the record of its run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np

from ftte_lab import charts
from ftte_lab.charts import Figure
from ftte_lab.devices import Moment, memory_course
from ftte_lab.lab.board import Board
from ftte_lab.lab.score_message import board_scores
from ftte_lab.simulation import AXES, Prepared, smoothing_width_s

PANELS: Mapping[str, str] = {
    "fleet": "Fleet",
    "curves": "Curves",
    "memory": "Memory",
    "step": "Training step",
    "subset": "Subset",
    "strip": "Net strip",
    "bytes": "Bytes",
    "gantt": "Gantt",
    "staleness": "Staleness",
    "weights": "Weights",
    "heard": "Who is heard",
    "served": "Who is served",
    "clients": "Clients apart",
    "personal": "Personal gain",
    "charge": "Charge",
    "privacy": "Privacy",
    "labels": "Labels",
}
"""The charts of a Lab by the name that `Lab(charts=...)` takes."""

_GANTT_DEVICES = 14
_NONE: tuple[tuple[()], ...] = ((), (), ())


def figure(board: Board, name: str) -> Figure | None:
    """Return one chart as it stands, or `None` if there is nothing to show in it."""
    return _FIGURES[name](board) if board.prepared else None


def _curves(board: Board) -> Figure:
    """Draw the curves so far. A time axis ends at the horizon; other axes grow with the run."""
    s = board.settings
    runs = {name: [t for t in tables if t] for name, tables in board.points.items()}
    growing = {}
    for name, tables in runs.items():
        if len(tables) > 1 and (name, len(tables) - 1) not in board.histories:
            growing[name] = tables.pop()
    columns = {c for tables in runs.values() for t in tables for c in t}
    metric = s.metric if s.metric in columns or not columns else "accuracy"
    end = s.scenario.horizon_s if s.over == "sim_seconds" else _axis_end(board, s.over)
    scores = board_scores(board)
    return charts.curves(
        runs,
        of=s.over,
        metric=metric,
        width_s=smoothing_width_s(s.scenario.horizon_s, s.scenario.evaluations),
        live=charts.LiveView(end, board.pinned, growing, scores.target if scores else None),
    )


def _axis_end(board: Board, over: str) -> float | None:
    """Return where an axis will end. Updates are known beforehand, bytes and joules projected."""
    if over == "updates":
        return float(max(len(run.timeline.applied) for run in board.prepared.values()))
    end = 0.0
    for name, run in board.prepared.items():
        for table in board.points[name]:
            if table and table["updates"][-1] > 0:
                per_update = table[over][-1] / table["updates"][-1]
                end = max(end, per_update * len(run.timeline.applied))
    return 1.02 * end or None


def _memory(board: Board) -> Figure:
    any_run = next(iter(board.prepared.values()))
    _, kind, weakest = any_run.federation.fleet.weakest()
    ftte = board.prepared.get("ftte")
    bills = {name: run.bill for name, run in board.prepared.items()}
    if ftte is None or ftte.choice is None or ftte.choice.budget_bytes == weakest:
        return charts.memory(bills, budget_bytes=weakest, device=f"the weakest ({kind})")
    marks = {f"a {kind}'s memory": weakest}
    return charts.memory(bills, budget_bytes=ftte.choice.budget_bytes, device="FTTE", marks=marks)


def _step(board: Board) -> Figure:
    """Draw the course of one training step on the weakest device."""
    any_run = next(iter(board.prepared.values()))
    _, kind, weakest = any_run.federation.fleet.weakest()
    courses = {name: _course(run) for name, run in board.prepared.items()}
    return charts.step_memory(courses, budget_bytes=weakest, device=f"a {kind} has")


def _course(run: Prepared) -> tuple[Moment, ...]:
    """Return what a step holds on the devices whose bill is shown."""
    s, bill = run.scenario, run.bill
    plan = next(tier.plan for tier in run.tiers.tiers if tier.bill is bill)
    return memory_course(
        plan.model,
        plan.subset,
        s.batch,
        s.accounting,
        s.client_momentum,
        bill.correction_bytes > 0,
        micro_batch=bill.micro_batch,
        recompute=bill.recompute,
    )


def _heard(board: Board) -> Figure:
    """Draw how much weight each kind of device got so far."""
    any_run = next(iter(board.prepared.values()))
    kinds = any_run.federation.fleet.kind
    samples: Counter[str] = Counter()
    for kind, shard in zip(kinds, any_run.federation.shards.train, strict=True):
        samples[kind] += len(shard)
    given = {name: board.heard[name] for name in board.prepared}
    return charts.weight_share(given, Counter(kinds), samples)


def _served(board: Board) -> Figure:
    """Draw the accuracy on each kind of device over time, of the first seed."""
    kinds = sorted(set(next(iter(board.prepared.values())).federation.fleet.kind))
    times, values = {}, {}
    for name in board.prepared:
        table = next(iter(board.points[name]), {})
        known = [table[f"accuracy_{kind}"] for kind in kinds if f"accuracy_{kind}" in table]
        whole = len(known) == len(kinds)
        times[name] = table["sim_seconds"] if whole else []
        values[name] = np.array(known).T if whole else np.empty((0, len(kinds)))
    return charts.accuracy_map(times, values, kinds)


def _clients(board: Board) -> Figure:
    """Draw how the accuracy spreads over the clients, of the first seed."""
    times, values = {}, {}
    for name in board.prepared:
        rows = board.clients[name]
        times[name] = [at for at, _ in rows]
        values[name] = np.array([row for _, row in rows]) if rows else np.empty((0, 0))
    return charts.client_quantiles(times, values)


def _personal(board: Board) -> Figure:
    """Draw what devices gain by a part of their own, of the first seed, as far as it is known."""
    private = board.settings.scenario.private
    known, notes = {}, {}
    for name in board.prepared:
        found = board.personal.get(name)
        if found is None:
            notes[name] = "is computed now" if name in board.models else "after the run"
        elif isinstance(found, str):
            notes[name] = found
        else:
            known[name] = (found.before, found.after)
    order = tuple(board.prepared)
    return charts.personal_gain(known, notes, order, private or "head", newcomers=bool(private))


def _charge(board: Board) -> Figure:
    return charts.charge(board.prepared, method=board.watched())


def _privacy(board: Board) -> Figure:
    return charts.privacy_loss(board.prepared)


def _bytes(board: Board) -> Figure:
    traffic = {name: run.traffic for name, run in board.prepared.items()}
    return charts.bytes_per_update(
        {
            name: {"upload": t.upload, "download": t.download, "first download, once": t.once}
            for name, t in traffic.items()
        }
    )


def _subset(board: Board) -> Figure:
    prepared = board.prepared.get("ftte") or board.prepared[board.watched()]
    title = "What FTTE trains" if "ftte" in board.prepared else "What is trained"
    if prepared.tiers.phases is not None:
        title += " at first"
    elif len(prepared.tiers) > 1:
        title += f" on a {' or '.join(prepared.weakest.kinds)}"
    return charts.subset_map(prepared.federation.model, prepared.plan.subset, title=title)


def _strip(board: Board) -> Figure:
    name = "ftte" if "ftte" in board.prepared else board.watched()
    prepared = board.prepared[name]
    return charts.subset_strip(prepared.federation.model, prepared.plan.subset, method=name)


def _gantt(board: Board) -> Figure:
    """Draw the schedule until nine in ten of the shown devices have worked once."""
    name = board.watched()
    prepared = board.prepared[name]
    timeline = prepared.timeline
    _, part = charts.first_devices(timeline, _GANTT_DEVICES)
    first_arrivals = timeline.arrival_s[timeline.first_visits & part]
    until_s = min(timeline.end_s, 1.02 * float(np.quantile(first_arrivals, 0.9)))
    return charts.gantt(
        timeline,
        prepared.federation.fleet.kind,
        devices=_GANTT_DEVICES,
        title=f"Who works when: {charts.label(name)}",
        until_s=until_s,
    )


def _staleness(board: Board) -> Figure:
    return charts.staleness({name: run.timeline for name, run in board.prepared.items()})


def _labels(board: Board) -> Figure:
    federation = next(iter(board.prepared.values())).federation
    counts = federation.shards.class_counts(federation.dataset)
    return charts.label_map(counts, federation.dataset.classes)


def _weights(board: Board) -> Figure:
    name = board.watched()
    ages, weights, kind = zip(*board.weighed[name], strict=True) if board.weighed[name] else _NONE
    kinds = sorted(set(board.prepared[name].federation.fleet.kind))
    return charts.weights(ages, weights, kind, kinds=kinds, method=name)


def _fleet(board: Board) -> Figure:
    """Draw a moment late in the longest wait for a first step."""
    steps = [run.timeline.step_s for run in board.prepared.values()]
    longest = max((float(step_s[0]) for step_s in steps if len(step_s)), default=0.0)
    return charts.fleet(board.prepared, 0.97 * longest)


_FIGURES: Mapping[str, Callable[[Board], Figure]] = {
    "fleet": _fleet,
    "curves": _curves,
    "memory": _memory,
    "step": _step,
    "subset": _subset,
    "strip": _strip,
    "bytes": _bytes,
    "gantt": _gantt,
    "staleness": _staleness,
    "weights": _weights,
    "heard": _heard,
    "served": _served,
    "clients": _clients,
    "personal": _personal,
    "charge": _charge,
    "privacy": _privacy,
    "labels": _labels,
}
GROWING = ("weights", "heard", "served", "clients")
"""Charts that grow with the run, beside the curves."""
KNOWN_BEFORE_TRAINING = tuple(name for name in PANELS if name != "fleet")
"""Charts that are drawn before any training, some of them empty."""
AXES_SHOWN = {name: charts.AXIS_TITLES[name][0].split(",")[0] for name in AXES}
"""Horizontal axes of the curves by column, as a menu shows them."""
