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
from torch import Tensor

from ftte_lab import aggregation
from ftte_lab._helpers import Task
from ftte_lab._observe import Observer, due_versions
from ftte_lab._require import require, whole
from ftte_lab._trainer import Trainer
from ftte_lab.history import History
from ftte_lab.ops import Params
from ftte_lab.prepare import Prepared, prepare
from ftte_lab.scenario import Scenario
from ftte_lab.trainable import from_rows, put, row_of

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
class _Server:
    """What the server remembers: parameters, trained entries as a row, the last step, recent variances, rejections."""

    params: Params
    row: Tensor
    velocity: Tensor | None = None
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_REFERENCE_UPDATES))
    rejected: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, eq=False)
class _Look:
    """A version to evaluate, and who does it (`None`: we)."""

    version: int
    sim_seconds: float
    params: Params
    task: Task | None


def simulate(scenario: Scenario | Prepared, *, processes: int | None = None) -> Iterator[Event]:
    """Run a scenario event by event: `Ready`, then `Stepped` and `Evaluated` as they come, then `Finished`.

    To stop, do not ask for the next event. The same scenario gives the same events in any process, and with any number
    of them.

    Args:
        scenario: the run, or what `prepare` made of it.
        processes: how many may train; `None`: as many as there are cores if the run is long enough to gain by it.

    Raises:
        BudgetError: if no subset fits the weakest device.
        ValueError: data that is not there, nobody left to take part, or processes below 1.
    """
    if processes is not None:
        whole("processes", processes, 1)
    ready = scenario if isinstance(scenario, Prepared) else prepare(scenario)
    yield Ready(ready)
    observer = Observer(ready)
    model, subset = ready.world.model, ready.tiers.union.subset
    server = _Server(ready.world.params, row_of(model, subset, ready.world.params))
    yield Evaluated(observer.look(0, 0.0, server.params))
    trainer = Trainer(ready, processes)
    due = due_versions(ready)
    try:
        looks: list[_Look] = []
        for version in range(len(ready.timeline.step_s)):
            trainer.train(version, server.params, server.row)
            yield from _seen(observer, trainer, looks)
            stepped = _step(ready, server, trainer, version)
            yield stepped
            if version + 1 in due:
                task = trainer.look(server.row)
                looks.append(_Look(stepped.version, stepped.sim_seconds, server.params, task))
                if task is None:  # nobody else looks while the next clients train
                    yield from _seen(observer, trainer, looks)
        yield from _seen(observer, trainer, looks)
    finally:
        trainer.close()
    yield Finished(observer.history(server.rejected), server.params)


def _seen(observer: Observer, trainer: Trainer, looks: list[_Look]) -> Iterator[Evaluated]:
    """The points that were asked for, and are not told yet."""
    for look in looks:
        logits = None if look.task is None else trainer.seen(look.task)
        yield Evaluated(observer.look(look.version, look.sim_seconds, look.params, logits))
    looks.clear()


def run(scenario: Scenario | Prepared, *, processes: int | None = None) -> History:
    """Run a scenario to its end; arguments as `simulate`.

    Raises:
        BudgetError: if no subset fits the weakest device.
        ValueError: data that is not there, or nobody left to take part.
    """
    for event in simulate(scenario, processes=processes):
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


def _step(ready: Prepared, server: _Server, trainer: Trainer, version: int) -> Stepped:
    """Take the buffer of this step, turn away what must not be averaged, weigh the rest and move the model."""
    s, timeline, tiers, model = ready.scenario, ready.timeline, ready.tiers, ready.world.model
    members = timeline.buffer_of(version)
    rows, starts = trainer.waiting.take(members), timeline.version[members]
    reasons = aggregation.rejections(rows, len(server.row), starts, version)
    turned_away = Counter(reason for reason in reasons if reason)
    if turned_away:
        good = np.flatnonzero([reason is None for reason in reasons])
        members, rows, starts = members[good], rows[torch.as_tensor(good)], starts[good]
        server.rejected += turned_away
    ages = (version - starts).astype(float)
    variances, weights = np.empty(0), np.empty(0)
    clients = timeline.client[members]
    if len(members):
        covered = tiers.covered[torch.as_tensor(tiers.of[clients])] if len(tiers) > 1 else None
        variances = _variances(s, rows, covered, trainer.variance[members], ages)
        weights = _weights(s, server, trainer.batches.sizes[clients], ages, variances)
        after = aggregation.combine(server.row, rows, weights, s.server_rate, covered)
        _move(server, after, s.server_momentum)
        subset = tiers.union.subset
        server.params = put(model, subset, server.params, from_rows(model, subset, server.row))
    return Stepped(version + 1, float(timeline.step_s[version]), clients, ages, variances, weights, dict(turned_away))


def _move(server: _Server, after: Tensor, momentum: float) -> None:
    """To where the updates point, and on along the last step (heavy ball; FedAvgM, Hsu et al. 2019)."""
    if momentum:
        step = after - server.row
        server.velocity = step if server.velocity is None else step + momentum * server.velocity
        after = server.row + server.velocity
    server.row = after


def _variances(s: Scenario, rows: Tensor, covered: Tensor | None, by_steps: np.ndarray, ages: np.ndarray) -> np.ndarray:
    if s.variance_exponent == 0:
        return np.zeros(len(rows))
    if s.variance == "steps":
        return by_steps
    if s.variance == "entries":
        return aggregation.variance_entries(rows, covered)
    by_age = aggregation.staleness_weight(ages, s.staleness, s.age_exponent, s.hinge_at)
    return aggregation.variance_buffer(rows, by_age)


def _weights(s: Scenario, server: _Server, samples: np.ndarray, ages: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Weights against the running median of the variances seen before (of these, in the first step)."""
    reference = float(np.median(server.recent)) if server.recent else float(np.median(variances))
    server.recent.extend(variances.tolist())
    return aggregation.weights(
        ages, variances, samples, variance_ref=reference or 1.0,
        staleness=s.staleness, age_exponent=s.age_exponent, hinge_at=s.hinge_at,
        variance_exponent=s.variance_exponent, sample_exponent=s.sample_exponent, normalise=s.normalise,
    )  # fmt: skip
