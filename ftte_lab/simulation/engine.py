"""Run one scenario and yield events: `Ready`, `Stepped`, `Evaluated`, `Finished`.

Schedule first, train after. The timeline of `prepare` already states who starts from which version
and which step applies whom. Here the versions are walked through in order: all clients that start
from version v are trained together, and their updates are kept until the timeline applies them. No
old model is kept longer than a client trains from it, and an update that never arrives is never
computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ftte_lab._common import integer
from ftte_lab.models import Params
from ftte_lab.server import server_step
from ftte_lab.simulation.events import Evaluated, Event, Finished, Ready
from ftte_lab.simulation.global_model import GlobalModel, ServerStep
from ftte_lab.simulation.history import History
from ftte_lab.simulation.prepare import prepare
from ftte_lab.simulation.prepared import Prepared
from ftte_lab.simulation.recorder import Recorder, evaluation_versions
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.simulation.stepped import Stepped
from ftte_lab.simulation.trainer import Trainer
from ftte_lab.simulation.workers.worker import Task

__all__ = ["Evaluated", "Event", "Finished", "Ready", "Stepped", "run", "simulate"]


@dataclass(frozen=True, eq=False)
class _Evaluation:
    """Hold a version to evaluate, and the task of the worker that does it; `None`: this process."""

    version: int
    sim_seconds: float
    params: Params
    task: Task | None


def simulate(
    scenario: Scenario | Prepared,
    *,
    processes: int | None = None,
    step: ServerStep = server_step,
) -> Iterator[Event]:
    """Run a scenario event by event.

    `Ready` comes first, then `Stepped` and `Evaluated` as they happen, then `Finished`. To stop, do
    not ask for the next event. The same scenario gives the same events in any process, and with any
    number of them.

    Args:
        scenario: the run, or what `prepare` made of it.
        processes: how many may train; `None`: as many as there are cores if the run is long enough
            to gain by it.
        step: moves the server, with the arguments and the result of `server_step`. A run with
            clipping or secure aggregation keeps its own.

    Raises:
        BudgetError: if no subset fits the weakest device.
        ValueError: data that are not there, nobody left to take part, or processes below 1.

    Example:
        >>> from ftte_lab.simulation import Scenario
        >>> s = Scenario(data="digits", model="mlp", clients=6, concurrency=3, buffer=2)
        >>> short = s.replace(budget_kib=40.0, warm_start_steps=0, horizon_s=5.0)
        >>> events = [type(event).__name__ for event in simulate(short, processes=1)]
        >>> events[0], events[1], events[-1]
        ('Ready', 'Evaluated', 'Finished')
    """
    if processes is not None:
        integer("processes", processes, 1)
    prepared = scenario if isinstance(scenario, Prepared) else prepare(scenario)
    yield Ready(prepared)
    recorder, server = Recorder(prepared), GlobalModel(prepared, step)
    yield recorder.evaluate(0, 0.0, server.params)
    trainer = Trainer(prepared, processes, server.correction)
    try:
        yield from _steps(prepared, recorder, server, trainer)
    finally:
        trainer.close()
    yield Finished(recorder.history(server.intake.rejected), server.filled(server.shipped))


def _steps(
    prepared: Prepared, recorder: Recorder, server: GlobalModel, trainer: Trainer
) -> Iterator[Event]:
    due = evaluation_versions(prepared)
    asked: list[_Evaluation] = []
    for version in range(len(prepared.timeline.step_s)):
        trainer.train(version, server.params, server.row)
        yield from _evaluated(recorder, trainer, asked)
        stepped = server.step(version, trainer.take(version))
        recorder.stepped(stepped)
        yield stepped
        if stepped.version in due:
            params = server.filled(server.shipped)
            phase = int(prepared.timeline.phase_at(stepped.version))
            task = trainer.dispatcher.submit_evaluation(server.shipped, phase)
            asked.append(_Evaluation(stepped.version, stepped.sim_seconds, params, task))
            if task is None:
                # No worker evaluates while the next clients train.
                yield from _evaluated(recorder, trainer, asked)
    yield from _evaluated(recorder, trainer, asked)
    end_s = prepared.timeline.end_s
    may_end = prepared.scenario.batteries or prepared.scenario.max_participations is not None
    if may_end and recorder.points[-1]["sim_seconds"] < end_s:
        # A fleet that is spent long before the end keeps its last model until then.
        versions, params = len(prepared.timeline.step_s), server.filled(server.shipped)
        logits = trainer.logits(recorder.inputs, params, end_s)
        yield recorder.evaluate(versions, end_s, params, logits)


def _evaluated(
    recorder: Recorder, trainer: Trainer, asked: list[_Evaluation]
) -> Iterator[Evaluated]:
    """Yield the points that were asked for, and clear the list."""
    for one in asked:
        if one.task is None:
            logits = trainer.logits(recorder.inputs, one.params, one.sim_seconds)
        else:
            logits = trainer.dispatcher.evaluation(one.task)
        yield recorder.evaluate(one.version, one.sim_seconds, one.params, logits)
    asked.clear()


def run(
    scenario: Scenario | Prepared,
    *,
    processes: int | None = None,
    step: ServerStep = server_step,
) -> History:
    """Run a scenario to its end.

    Args:
        scenario: the run, or what `prepare` made of it.
        processes: as in `simulate`.
        step: as in `simulate`.

    Raises:
        BudgetError: if no subset fits the weakest device.
        ValueError: data that are not there, or nobody left to take part.

    Example:
        >>> from ftte_lab.simulation import Scenario
        >>> s = Scenario(data="digits", model="mlp", clients=6, concurrency=3, buffer=2)
        >>> history = run(s.replace(budget_kib=40.0, warm_start_steps=0, horizon_s=5.0))
        >>> float(history.points["sim_seconds"].iloc[0])
        0.0
    """
    for event in simulate(scenario, processes=processes, step=step):
        if isinstance(event, Finished):
            return event.history
    raise RuntimeError("the run ended without a history")
