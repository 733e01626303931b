"""The run: one generator of events, the waist of the house.

Schedule first, train after: the timeline of `prepare` already says who starts from which version and which step takes
whom. Here the versions are walked in order: all clients that start from version v are trained together, and their
updates wait until the timeline says that they are applied. No old model is kept, and an update that never arrives is
never computed.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from ftte_lab import aggregation
from ftte_lab._observe import Observer
from ftte_lab._require import require
from ftte_lab.history import History
from ftte_lab.local import draw_batches, train_cohort
from ftte_lab.ops import Params
from ftte_lab.prepare import Prepared, prepare
from ftte_lab.scenario import Scenario
from ftte_lab.trainable import put, take

_REFERENCE_UPDATES = 100  # how many recent variances the running median looks back on


@dataclass(frozen=True)
class Ready:
    """Before any training: the whole timeline, the bill, the subset."""

    prepared: Prepared


@dataclass(frozen=True)
class Stepped:
    """A server step: who was averaged with which weight. Arrays have one entry per accepted update."""

    version: int
    sim_seconds: float
    clients: np.ndarray
    ages: np.ndarray
    variances: np.ndarray
    weights: np.ndarray
    rejected: Mapping[str, int]


@dataclass(frozen=True)
class Evaluated:
    """A point of the curves: `version`, the axes of `history.AXES`, accuracies and loss."""

    point: Mapping[str, float]


@dataclass(frozen=True)
class Finished:
    """The end, with the record of the run and the trained model (no client axis)."""

    history: History
    params: Params


Event = Ready | Stepped | Evaluated | Finished


@dataclass
class _Update:
    """One client's result while it waits for its step."""

    delta: Params
    start_version: int
    variance: float
    samples: int


@dataclass
class _Server:
    """What the server remembers: parameters, waiting updates, recent variances, what it turned away."""

    params: Params
    waiting: dict[int, _Update] = field(default_factory=dict)
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_REFERENCE_UPDATES))
    rejected: Counter[str] = field(default_factory=Counter)


def simulate(scenario: Scenario | Prepared) -> Iterator[Event]:
    """Run a scenario event by event: `Ready`, then `Stepped` and `Evaluated` as they come, then `Finished`.

    To stop, do not ask for the next event. The same scenario gives the same events in any process.

    Raises:
        BudgetError: if no subset fits the weakest device.
        ValueError: data that is not there, or nobody left to take part.
    """
    ready = scenario if isinstance(scenario, Prepared) else prepare(scenario)
    yield Ready(ready)
    trainer = _Trainer(ready)
    observer = Observer(ready)
    server = _Server(dict(ready.world.params))
    cohorts = ready.timeline.cohorts()
    yield Evaluated(observer.look(0, 0.0, server.params))
    due = observer.due_versions()
    for version in range(len(ready.timeline.step_s)):
        trainer.train(server, version, cohorts.get(version, np.empty(0, dtype=np.int64)))
        stepped = _step(ready, server, version)
        yield stepped
        if version + 1 in due:
            yield Evaluated(observer.look(version + 1, stepped.sim_seconds, server.params))
    yield Finished(observer.history(server.rejected), server.params)


def run(scenario: Scenario | Prepared) -> History:
    """Run a scenario to its end.

    Raises:
        BudgetError: if no subset fits the weakest device.
        ValueError: data that is not there, or nobody left to take part.
    """
    for event in simulate(scenario):
        if isinstance(event, Finished):
            return event.history
    raise RuntimeError("the run ended without a history")


def compare(scenarios: Iterable[Scenario]) -> dict[str, History]:
    """Run several scenarios, by method name (with a number where a name comes twice).

    Raises:
        ValueError: no scenario, or as `run`.
    """
    histories: dict[str, History] = {}
    for s in scenarios:
        name, n = s.method, 1
        while name in histories:
            n += 1
            name = f"{s.method} {n}"
        histories[name] = run(s)
    require(bool(histories), "no scenario to compare", "at least one")
    return histories


class _Trainer:
    """Trains cohorts on the cached outputs of what is frozen for good."""

    def __init__(self, ready: Prepared) -> None:
        self.ready, self.plan = ready, ready.plan
        dataset = ready.world.dataset
        self.x = ready.frozen_outputs(torch.as_tensor(dataset.x_train))
        self.y = torch.as_tensor(dataset.y_train)

    def train(self, server: _Server, version: int, participations: np.ndarray) -> None:
        """Train all clients that start from this version and whose updates will be applied."""
        if not len(participations):
            return
        s, timeline, shards = self.ready.scenario, self.ready.timeline, self.ready.world.shards.train
        steps_variance = s.variance == "steps" and s.variance_exponent > 0
        batches = np.stack(
            [
                shards[c][
                    draw_batches(len(shards[c]), s.local_steps, s.batch, seed=s.seed, client=int(c), visit=int(v))
                ]
                for c, v in zip(timeline.client[participations], timeline.visit[participations], strict=True)
            ]
        )
        updates = train_cohort(
            self.plan, server.params, self.x, self.y, torch.as_tensor(batches),
            rate=s.client_rate, momentum=s.client_momentum, start=self.plan.start, track_variance=steps_variance,
        )  # fmt: skip
        for k, p in enumerate(participations):
            delta = {name: d[k] for name, d in updates.deltas.items()}
            variance = float(updates.step_variance[k]) if steps_variance else 0.0
            server.waiting[int(p)] = _Update(delta, version, variance, len(shards[timeline.client[p]]))


def _step(ready: Prepared, server: _Server, version: int) -> Stepped:
    """Take the buffer of this step, turn away what must not be averaged, weigh the rest and move the model."""
    s, model, subset = ready.scenario, ready.world.model, ready.plan.subset
    shapes = {name: subset.shape(model, name) for name in subset.parts}
    members, updates, turned_away = [], [], Counter[str]()
    for p in ready.timeline.buffer_of(version):
        update = server.waiting.pop(int(p))
        reason = aggregation.reject(update.delta, shapes, update.start_version, version)
        if reason is None:
            members.append(int(p))
            updates.append(update)
        else:
            turned_away[reason] += 1
    server.rejected += turned_away
    ages = np.array([version - u.start_version for u in updates], dtype=float)
    variances, weights = np.empty(0), np.empty(0)
    if updates:
        variances = _variances(s, updates, ages)
        weights = _weights(s, server, updates, ages, variances)
        deltas = [u.delta for u in updates]
        slices = aggregation.combine(take(model, subset, server.params), deltas, weights, s.server_rate)
        server.params = put(model, subset, server.params, slices)
    clients = ready.timeline.client[np.array(members, dtype=np.int64)]
    time = float(ready.timeline.step_s[version])
    return Stepped(version + 1, time, clients, ages, variances, weights, dict(turned_away))


def _variances(s: Scenario, updates: list[_Update], ages: np.ndarray) -> np.ndarray:
    if s.variance_exponent == 0:
        return np.zeros(len(updates))
    if s.variance == "steps":
        return np.array([u.variance for u in updates])
    if s.variance == "entries":
        return np.array([aggregation.variance_entries(u.delta) for u in updates])
    by_age = aggregation.staleness_weight(ages, s.staleness, s.age_exponent, s.hinge_at)
    return aggregation.variance_buffer([u.delta for u in updates], by_age)


def _weights(
    s: Scenario, server: _Server, updates: list[_Update], ages: np.ndarray, variances: np.ndarray
) -> np.ndarray:
    """Weights against the running median of the variances seen before (of these, in the first step)."""
    reference = float(np.median(server.recent)) if server.recent else float(np.median(variances))
    server.recent.extend(float(v) for v in variances)
    return aggregation.weights(
        ages, variances, [u.samples for u in updates], variance_ref=reference or 1.0,
        staleness=s.staleness, age_exponent=s.age_exponent, hinge_at=s.hinge_at,
        variance_exponent=s.variance_exponent, sample_exponent=s.sample_exponent, normalise=s.normalise,
    )  # fmt: skip
