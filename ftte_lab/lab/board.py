"""The record of a Lab's run: at first what the timelines hold, then what the events bring."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ftte_lab import charts
from ftte_lab.experiments import Personal, TimedEvent
from ftte_lab.lab.settings import Settings
from ftte_lab.models import Params
from ftte_lab.simulation import Evaluated, Finished, History, Prepared, Stepped

Points = dict[str, list[float]]
"""Columns of the points of one run so far."""

_NEWEST = 150  # updates whose weights are shown
_MANY_UPDATES = 50_000  # a run of more asks before it trains
_UNSURE = 0.02  # progress up to which the time left is not estimated


@dataclass
class Board:
    """Hold the record of one request while it runs. Only the worker writes to it.

    Attributes:
        settings: what was asked for.
        pinned: by letter, the points of earlier boards, to draw behind.
        careful: whether a very long run asks before it trains.
        prepared: by method, of the first seed; empty until it is known.
        points: by method, a table of columns per seed.
        histories: finished runs, by method and seed number.
        models: trained parameters of finished runs, by method, of the first seed.
        weighed: by method, the newest updates: age, relative weight, device kind.
        clients: by method, a row of accuracies per evaluation of the first seed, and its time (s).
        personal: by method, what its devices gain by a part of their own, or why it is not known.
        heard: by method, the weight that each device kind got in all steps of the first seed.
        sim_seconds: virtual time of the newest server step.
        updates, updates_ahead: client updates of this seed, applied so far and in all.
        work, work_total: FLOP done so far, and estimated for all seeds.
        active_s: real seconds spent computing.
        last_step: the newest server step in words.
    """

    settings: Settings
    pinned: Mapping[str, Mapping[str, list[Points]]] = field(default_factory=dict)
    careful: bool = False
    prepared: dict[str, Prepared] = field(default_factory=dict)
    points: dict[str, list[Points]] = field(default_factory=dict)
    histories: dict[tuple[str, int], History] = field(default_factory=dict)
    models: dict[str, Params] = field(default_factory=dict)
    weighed: dict[str, deque[tuple[float, float, str]]] = field(default_factory=dict)
    clients: dict[str, list[tuple[float, np.ndarray]]] = field(default_factory=dict)
    heard: dict[str, dict[str, float]] = field(default_factory=dict)
    personal: dict[str, Personal | str] = field(default_factory=dict)
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
            self.heard = {name: {} for name in prepared}
            self.clients = {name: [] for name in prepared}
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
            if k == 0:
                self.clients[name].append((event.point["sim_seconds"], event.clients))
        elif isinstance(event, Stepped):
            self.sim_seconds = event.sim_seconds
            self.work += _work(prepared, prepared.timeline.buffer_of(event.version - 1))
            self.updates += len(event.clients)
            self.last_step = _step_text(name, event)
            if k == 0:
                self._record_weights(name, event, prepared)
        elif isinstance(event, Finished):
            self.histories[name, k] = event.history
            if k == 0:
                self.models[name] = event.params

    def _record_weights(self, name: str, event: Stepped, prepared: Prepared) -> None:
        total = float(event.weights.sum()) or 1.0
        kinds = prepared.federation.fleet.kind
        for age, weight, client in zip(event.ages, event.weights, event.clients, strict=True):
            own = self.heard[name]
            own[kinds[client]] = own.get(kinds[client], 0.0) + float(weight) / total
            self.weighed[name].append(
                (float(age), float(weight) * len(event.weights) / total, kinds[client])
            )

    @property
    def waits(self) -> bool:
        """Return whether the run is so long that it waits for a word before it trains."""
        return self.careful and self.updates_ahead * self.settings.seeds > _MANY_UPDATES

    @property
    def progress(self) -> float:
        """Return the share of the training that is done, 0 to 1."""
        return min(1.0, self.work / self.work_total) if self.work_total else 0.0

    def note(self, phase: str = "running") -> str:
        """Describe how far the run is."""
        if phase == "done":
            return f"done in {self.active_s:.1f} s"
        if phase == "failed":
            return "cannot run: the reason is below"
        if phase == "stopped" and not self.prepared:
            return "stopped before the fleet was ready. Press Run to go on"
        if phase == "stopped" and self.waits and not self.updates:
            return (
                f"{self.updates_ahead * self.settings.seeds:,} client updates, which may take "
                "long. Press Run to start"
            )
        horizon = self.settings.scenario.horizon_s
        seeds = len(next(iter(self.points.values()), []))
        of = f"seed {seeds} of {self.settings.seeds}: " if self.settings.seeds > 1 else ""
        text = (
            f"{of}{self.sim_seconds:,.0f} of {horizon:,.0f} simulated s, "
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
        self.prepared, self.pinned, self.weighed, self.clients = {}, {}, {}, {}

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
