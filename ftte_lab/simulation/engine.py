"""The run: one generator of events, the waist of the house.

Schedule first, train after: the timeline of `prepare` already says who starts from which version and which step takes
whom. Here the versions are walked in order: all clients that start from version v are trained together (and where they
start one by one, with those of the next versions), and their updates wait until the timeline says that they are
applied. No old model is kept longer than somebody trains from it, and an update that never arrives is never computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ftte_lab._common import integer, require
from ftte_lab.models import Params
from ftte_lab.simulation.events import Evaluated, Event, Finished, Ready, Stepped
from ftte_lab.simulation.global_model import GlobalModel
from ftte_lab.simulation.history import History
from ftte_lab.simulation.prepare import Prepared, prepare
from ftte_lab.simulation.recorder import Recorder, evaluation_versions
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.simulation.trainer import Trainer
from ftte_lab.simulation.workers.pool import Task

__all__ = ["Evaluated", "Event", "Finished", "Ready", "Stepped", "compare", "run", "simulate"]


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
        integer("processes", processes, 1)
    ready = scenario if isinstance(scenario, Prepared) else prepare(scenario)
    yield Ready(ready)
    recorder, server = Recorder(ready), GlobalModel(ready)
    yield Evaluated(recorder.look(0, 0.0, server.params))
    trainer = Trainer(ready, processes)
    try:
        yield from _steps(ready, recorder, server, trainer)
    finally:
        trainer.close()
    yield Finished(recorder.history(server.rejected), server.filled(server.shipped))


def _steps(
    ready: Prepared, recorder: Recorder, server: GlobalModel, trainer: Trainer
) -> Iterator[Event]:
    due = evaluation_versions(ready)
    looks: list[_Look] = []
    for version in range(len(ready.timeline.step_s)):
        trainer.train(version, server.params, server.row)
        yield from _seen(recorder, trainer, looks)
        stepped = server.step(version, trainer.take(version))
        yield stepped
        if version + 1 in due:
            task = trainer.look(server.shipped)
            looks.append(
                _Look(stepped.version, stepped.sim_seconds, server.filled(server.shipped), task)
            )
            if task is None:  # nobody else looks while the next clients train
                yield from _seen(recorder, trainer, looks)
    yield from _seen(recorder, trainer, looks)


def _seen(recorder: Recorder, trainer: Trainer, looks: list[_Look]) -> Iterator[Evaluated]:
    """The points that were asked for, and are not told yet."""
    for look in looks:
        logits = None if look.task is None else trainer.seen(look.task)
        yield Evaluated(recorder.look(look.version, look.sim_seconds, look.params, logits))
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
