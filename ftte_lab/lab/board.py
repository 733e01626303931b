"""What a Lab knows of its run, and the figures that follow: from the timelines at first, then from the events."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ftte_lab import charts
from ftte_lab.charts import Figure
from ftte_lab.experiments import TimedEvent
from ftte_lab.lab.settings import Settings
from ftte_lab.simulation import AXES, Evaluated, Finished, History, Prepared, Stepped

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


@dataclass
class Board:
    """The record of one request, filled while it runs. Only the worker writes to it.

    Attributes:
        settings: what was asked for.
        prepared: by method, of the first seed; empty until it is known.
        points: by method, a table of columns per seed.
        histories: finished runs, by method and seed number.
        pinned: points of an earlier board, to draw behind.
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
    work: float = 0.0  # done so far, in FLOP
    work_total: float = 0.0
    active_s: float = 0.0  # real seconds spent computing
    last: str = ""

    def begin_seed(self, prepared: Mapping[str, Prepared], seeds_to_come: int) -> None:
        """Take note of the runs of one more seed; the total work is estimated from those known."""
        if not self.prepared:
            self.active_s = 0.0  # what came before is no measure of what is to come
            self.prepared = dict(prepared)
            self.weighed = {name: deque(maxlen=_NEWEST) for name in prepared}
        for name in prepared:
            self.points.setdefault(name, []).append({})
        self.sim_seconds, self.updates = 0.0, 0
        self.updates_ahead = sum(len(r.timeline.applied) for r in prepared.values())
        ahead = sum(_work(r, r.timeline.client[r.timeline.applied]) for r in prepared.values())
        self.work_total = self.work + ahead * (1 + seeds_to_come)

    def take(self, k: int, timed: TimedEvent, ready: Prepared) -> None:
        """Write down one event of the k-th seed."""
        name, event, _ = timed
        if isinstance(event, Evaluated):
            table = self.points[name][k]
            for column, value in event.point.items():
                table.setdefault(column, []).append(value)
        elif isinstance(event, Stepped):
            self.sim_seconds = event.sim_seconds
            self.work += _work(ready, event.clients)
            self.updates += len(event.clients)
            self.last = _told(name, event)
            if k == 0:
                self._weigh(name, event, ready)
        elif isinstance(event, Finished):
            self.histories[name, k] = event.history

    def _weigh(self, name: str, event: Stepped, ready: Prepared) -> None:
        total = float(event.weights.sum()) or 1.0
        kinds = ready.federation.fleet.kind
        for age, weight, client in zip(event.ages, event.weights, event.clients, strict=True):
            self.weighed[name].append(
                (float(age), float(weight) * len(event.weights) / total, kinds[client])
            )

    @property
    def progress(self) -> float:
        """Share of the training that is done, 0 to 1."""
        return min(1.0, self.work / self.work_total) if self.work_total else 0.0

    def note(self, phase: str = "running") -> str:
        """How far the run is, in words."""
        if phase == "done":
            return f"done in {self.active_s:.1f} s"
        horizon = self.settings.scenario.horizon_s
        seeds = len(next(iter(self.points.values()), []))
        of = f"seed {seeds} of {self.settings.seeds}: " if self.settings.seeds > 1 else ""
        text = f"{of}{self.sim_seconds:,.0f} of {horizon:,.0f} virtual s, "
        text += f"{self.updates:,} of {self.updates_ahead:,} client updates"
        if phase == "stopped":
            return f"stopped at {text}. {self.last}"
        left = self.active_s / self.progress * (1 - self.progress) if self.progress > 0.02 else None
        return text + (f", about {left:.0f} s left" if left is not None else "")

    def figure(self, name: str) -> Figure | None:
        """One chart of the Lab as it stands, or `None` if there is nothing to show in it."""
        return _FIGURES[name](self) if self.prepared else None

    def watched(self) -> str:
        """The method whose schedule is shown."""
        watch = self.settings.watch
        return watch if watch in self.prepared else next(iter(self.prepared))


def _work(ready: Prepared, clients: np.ndarray) -> float:
    """FLOP of updates of these clients, evaluation and overheads left out: good enough to estimate the time left."""
    return float(ready.flops_per_update[clients].sum())


def _told(name: str, event: Stepped) -> str:
    """One aggregation in words, for who steps by hand."""
    if not len(event.clients):
        return f"{charts.label(name)} made version {event.version} of no update."
    total = event.weights.sum() or 1.0
    shares = event.weights / total
    return (
        f"{charts.label(name)} made version {event.version} of {len(event.clients)} updates, "
        f"{event.ages.min():.0f} to {event.ages.max():.0f} versions old, "
        f"each worth {100 * shares.min():.0f} to {100 * shares.max():.0f} %."
    )


def curves(board: Board) -> Figure:
    """The curves so far. Over time the axis is the horizon from the start; other axes grow with the run."""
    s = board.settings
    runs = {name: [t for t in tables if t] for name, tables in board.points.items()}
    growing = {}
    for name, tables in runs.items():
        if len(tables) > 1 and (name, len(tables) - 1) not in board.histories:
            growing[name] = tables.pop()
    columns = {c for tables in runs.values() for t in tables for c in t}
    metric = s.metric if s.metric in columns or not columns else "accuracy"
    end = s.scenario.horizon_s if s.over == "sim_seconds" else _most(board, s.over)
    return charts.curves(
        runs, of=s.over, metric=metric, end=end, pinned=board.pinned, growing=growing
    )


def _most(board: Board, over: str) -> float | None:
    """Where an axis will end: applied updates are known beforehand, bytes and joules are projected from them."""
    if over == "updates":
        return float(max(len(r.timeline.applied) for r in board.prepared.values()))
    most = 0.0
    for name, ready in board.prepared.items():
        for table in board.points[name]:
            if table and table["updates"][-1] > 0:
                most = max(
                    most, table[over][-1] / table["updates"][-1] * len(ready.timeline.applied)
                )
    return most * 1.02 or None


def _memory(board: Board) -> Figure:
    any_run = next(iter(board.prepared.values()))
    _, kind, weakest = any_run.federation.fleet.weakest()
    ftte = board.prepared.get("ftte")
    budget = ftte.choice.budget_bytes if ftte is not None and ftte.choice else weakest
    marks = {} if budget == weakest else {f"weakest ({kind})": weakest}
    device = f"the weakest ({kind})" if budget == weakest else "FTTE"
    return charts.memory(
        {n: r.bill for n, r in board.prepared.items()},
        budget_bytes=budget,
        device=device,
        marks=marks,
    )


def _bytes(board: Board) -> Figure:
    messages = {
        n: {
            "upload": r.traffic.upload,
            "download": r.traffic.download,
            "first download, once": r.traffic.once,
        }
        for n, r in board.prepared.items()
    }
    return charts.bytes_per_update(messages)


def _subset(board: Board) -> Figure:
    ready = board.prepared.get("ftte") or board.prepared[board.watched()]
    title = "What FTTE trains" if "ftte" in board.prepared else "What is trained"
    if len(ready.tiers) > 1:
        title += f" on a {' or '.join(ready.weakest.kinds)}"
    return charts.subset_map(ready.federation.model, ready.plan.subset, title=title)


def _gantt(board: Board) -> Figure:
    name = board.watched()
    ready = board.prepared[name]
    shown = list(dict.fromkeys(ready.timeline.client[: 50 * _GANTT_DEVICES].tolist()))[
        :_GANTT_DEVICES
    ]
    first = ready.timeline.first_visits & np.isin(ready.timeline.client, shown)
    until = min(
        ready.timeline.end_s, 1.02 * float(np.quantile(ready.timeline.arrival_s[first], 0.9))
    )
    title = f"Who works when: {charts.label(name)}"
    return charts.gantt(
        ready.timeline,
        ready.federation.fleet.kind,
        devices=_GANTT_DEVICES,
        title=title,
        until_s=until,
    )


def _labels(board: Board) -> Figure:
    w = next(iter(board.prepared.values())).federation
    return charts.label_map(w.shards.class_counts(w.dataset), w.dataset.classes)


def _weights(board: Board) -> Figure:
    name = board.watched()
    rows = list(board.weighed[name])
    kinds = sorted(set(board.prepared[name].federation.fleet.kind))
    return charts.weights(
        [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], kinds=kinds, method=name
    )


def _fleet(board: Board) -> Figure:
    """The moment that tells most: late in the first round of whoever waits for everybody."""
    waits = [r.timeline.step_s[0] for r in board.prepared.values() if len(r.timeline.step_s)]
    moment = 0.97 * float(max(waits, default=0.0))
    return charts.fleet(board.prepared, moment)


_FIGURES: Mapping[str, Callable[[Board], Figure]] = {
    "fleet": _fleet,
    "curves": curves,
    "memory": _memory,
    "subset": _subset,
    "bytes": _bytes,
    "gantt": _gantt,
    "staleness": lambda board: charts.staleness({n: r.timeline for n, r in board.prepared.items()}),
    "weights": _weights,
    "labels": _labels,
}
INSTANT = (
    "curves",
    "memory",
    "subset",
    "bytes",
    "gantt",
    "staleness",
    "weights",
    "labels",
)  # drawn before any training
AXES_SHOWN = {name: charts.AXIS_TITLES[name][0].split(",")[0] for name in AXES}
