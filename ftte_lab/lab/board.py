"""The record of a Lab's run, and its figures: at first from the timelines, then from the events."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ftte_lab import charts
from ftte_lab.charts import Figure
from ftte_lab.experiments import TimedEvent
from ftte_lab.lab.settings import Settings
from ftte_lab.simulation import (
    AXES,
    Evaluated,
    Finished,
    History,
    Prepared,
    Stepped,
    smoothing_width_s,
)

PANELS: Mapping[str, str] = {
    "fleet": "Fleet",
    "curves": "Curves",
    "memory": "Memory",
    "subset": "Subset",
    "bytes": "Bytes",
    "gantt": "Gantt",
    "staleness": "Staleness",
    "weights": "Weights",
    "labels": "Labels",
}
"""The charts of a Lab by the name that `Lab(charts=...)` takes."""

_NEWEST = 150  # updates whose weights are shown
_GANTT_DEVICES = 14
_NONE: tuple[tuple[()], ...] = ((), (), ())
_UNSURE = 0.02  # progress up to which the time left is not estimated


@dataclass
class Board:
    """Hold the record of one request while it runs. Only the worker writes to it.

    Attributes:
        settings: what was asked for.
        pinned: points of an earlier board, to draw behind.
        prepared: by method, of the first seed; empty until it is known.
        points: by method, a table of columns per seed.
        histories: finished runs, by method and seed number.
        weighed: by method, the newest updates: age, relative weight, device kind.
        sim_seconds: virtual time of the newest server step.
        updates, updates_ahead: client updates of this seed, applied so far and in all.
        work, work_total: FLOP done so far, and estimated for all seeds.
        active_s: real seconds spent computing.
        last_step: the newest server step in words.
    """

    settings: Settings
    pinned: Mapping[str, list[dict[str, list[float]]]] = field(default_factory=dict)
    prepared: dict[str, Prepared] = field(default_factory=dict)
    points: dict[str, list[dict[str, list[float]]]] = field(default_factory=dict)
    histories: dict[tuple[str, int], History] = field(default_factory=dict)
    weighed: dict[str, deque[tuple[float, float, str]]] = field(default_factory=dict)
    sim_seconds: float = 0.0
    updates: int = 0
    updates_ahead: int = 0
    work: float = 0.0
    work_total: float = 0.0
    active_s: float = 0.0
    last_step: str = ""

    def begin_seed(self, prepared: Mapping[str, Prepared], seeds_to_come: int) -> None:
        """Add the runs of one more seed; the total work is estimated from those known."""
        if not self.prepared:
            self.active_s = 0.0  # preparing does not predict the speed of training
            self.prepared = dict(prepared)
            self.weighed = {name: deque(maxlen=_NEWEST) for name in prepared}
        for name in prepared:
            self.points.setdefault(name, []).append({})
        self.sim_seconds, self.updates = 0.0, 0
        timelines = {name: run.timeline for name, run in prepared.items()}
        self.updates_ahead = sum(len(timeline.applied) for timeline in timelines.values())
        ahead = sum(_work(prepared[n], t.applied) for n, t in timelines.items())
        self.work_total = self.work + ahead * (1 + seeds_to_come)

    def record(self, k: int, timed: TimedEvent, prepared: Prepared) -> None:
        """Record one event of the k-th seed."""
        name, event, _ = timed
        if isinstance(event, Evaluated):
            table = self.points[name][k]
            for column, value in event.point.items():
                table.setdefault(column, []).append(value)
        elif isinstance(event, Stepped):
            self.sim_seconds = event.sim_seconds
            self.work += _work(prepared, prepared.timeline.buffer_of(event.version - 1))
            self.updates += len(event.clients)
            self.last_step = _step_text(name, event)
            if k == 0:
                self._record_weights(name, event, prepared)
        elif isinstance(event, Finished):
            self.histories[name, k] = event.history

    def _record_weights(self, name: str, event: Stepped, prepared: Prepared) -> None:
        total = float(event.weights.sum()) or 1.0
        kinds = prepared.federation.fleet.kind
        for age, weight, client in zip(event.ages, event.weights, event.clients, strict=True):
            self.weighed[name].append(
                (float(age), float(weight) * len(event.weights) / total, kinds[client])
            )

    @property
    def progress(self) -> float:
        """Return the share of the training that is done, 0 to 1."""
        return min(1.0, self.work / self.work_total) if self.work_total else 0.0

    def note(self, phase: str = "running") -> str:
        """Describe how far the run is."""
        if phase == "done":
            return f"done in {self.active_s:.1f} s"
        horizon = self.settings.scenario.horizon_s
        seeds = len(next(iter(self.points.values()), []))
        of = f"seed {seeds} of {self.settings.seeds}: " if self.settings.seeds > 1 else ""
        text = (
            f"{of}{self.sim_seconds:,.0f} of {horizon:,.0f} virtual s, "
            f"{self.updates:,} of {self.updates_ahead:,} client updates"
        )
        if phase == "stopped":
            return f"stopped at {text}. {self.last_step}".rstrip()
        if self.progress <= _UNSURE:
            return text
        left = self.active_s * (1 / self.progress - 1)
        return f"{text}, about {left:.0f} s left"

    def release(self) -> None:
        """Let go all that only charts need: data, timelines, pinned curves."""
        self.prepared, self.pinned, self.weighed = {}, {}, {}

    def figure(self, name: str) -> Figure | None:
        """Return one chart as it stands, or `None` if there is nothing to show in it."""
        return _FIGURES[name](self) if self.prepared else None

    def watched(self) -> str:
        """Return the method whose schedule is shown."""
        watch = self.settings.watch
        return watch if watch in self.prepared else next(iter(self.prepared))


def ends_a_step(timed: TimedEvent | None) -> bool:
    """Return whether a server step is complete: made, and evaluated if an evaluation is due."""
    if timed is None or not timed.settled:
        return False
    event = timed.event
    evaluated = isinstance(event, Evaluated) and event.point["version"] > 0
    return isinstance(event, Stepped) or evaluated


def _work(prepared: Prepared, participations: np.ndarray) -> float:
    """Return the FLOP of these participations, without evaluation and overheads."""
    return float(prepared.flops_per_update[participations].sum())


def _step_text(name: str, event: Stepped) -> str:
    """Describe one server step."""
    if not len(event.clients):
        return f"{charts.label(name)} made version {event.version} without any update."
    shares = 100 * event.weights / (event.weights.sum() or 1.0)
    return (
        f"{charts.label(name)} made version {event.version} from {len(event.clients)} updates, "
        f"{event.ages.min():.0f} to {event.ages.max():.0f} versions old, "
        f"each with {shares.min():.0f} to {shares.max():.0f} % of the weight."
    )


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
    return charts.curves(
        runs,
        of=s.over,
        metric=metric,
        width_s=smoothing_width_s(s.scenario.horizon_s, s.scenario.evaluations),
        live=charts.LiveView(end, board.pinned, growing),
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
    "subset": _subset,
    "bytes": _bytes,
    "gantt": _gantt,
    "staleness": _staleness,
    "weights": _weights,
    "labels": _labels,
}
KNOWN_BEFORE_TRAINING = tuple(name for name in PANELS if name != "fleet")
"""Charts that are drawn before any training, some of them empty."""
AXES_SHOWN = {name: charts.AXIS_TITLES[name][0].split(",")[0] for name in AXES}
"""Horizontal axes of the curves by column, as a menu shows them."""
