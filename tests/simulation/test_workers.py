"""Helper processes: the same bits with and without them, whether they are slow, die, or never wake."""

import os
import signal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ftte_lab._common import cores
from ftte_lab.models import Model, build, full, head, make_plan, row_of
from ftte_lab.simulation import Evaluated, Finished, Prepared, Scenario, Stepped, prepare, simulate
from ftte_lab.simulation import trainer as _trainer
from ftte_lab.simulation.workers import pool as _helpers
from ftte_lab.simulation.workers.pool import Worker, WorkerPool
from ftte_lab.simulation.workers.protocol import read_frame, write_frame
from ftte_lab.training import clients_at_once
from ftte_lab.training.cohort import parts

SMALL = Scenario(
    clients=30,
    samples_per_client=8,
    concurrency=20,
    buffer=7,
    batch=4,
    local_steps=2,
    horizon_s=120.0,
    evaluations=12,
    warm_start_steps=0,
)


@pytest.fixture(autouse=True)
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run waits until its helpers have its data: a run this short would be over before."""
    begin = WorkerPool.__init__

    def patient(self: WorkerPool, *arguments: Any) -> None:
        begin(self, *arguments)
        while not all(h.ready == self.run for h in self.all):
            self.free()
            assert all(h.alive for h in self.all)

    monkeypatch.setattr(WorkerPool, "__init__", patient)


def final(ready: Prepared, processes: int) -> Finished:
    *_, last = simulate(ready, processes=processes)
    assert isinstance(last, Finished)
    return last


@pytest.mark.parametrize("model", ["mcunet-s", "cnn"])
@pytest.mark.parametrize("method", ["ftte", "fedavg"])
def test_helpers_change_no_bit(method: str, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = prepare(SMALL.replace(model=model, variance="steps", horizon_s=400.0).as_method(method))
    alone = final(ready, 1)
    given: list[object] = []
    give = WorkerPool.give

    def spy(
        helper: Worker, row: torch.Tensor, batches: torch.Tensor | None = None, tier: int = 0
    ) -> object:
        given.append(batches)
        return give(helper, row, batches, tier)

    monkeypatch.setattr(WorkerPool, "give", staticmethod(spy))
    together = final(ready, 2)
    assert any(batches is not None for batches in given)  # they did train
    pd.testing.assert_frame_equal(alone.history.points, together.history.points, check_exact=True)
    assert all(torch.equal(alone.params[name], value) for name, value in together.params.items())


def test_large_cohorts_are_shared_too() -> None:
    ready = prepare(SMALL.replace(clients=80, concurrency=78, horizon_s=200.0).as_method("fedavg"))
    trainer = _trainer.Trainer(ready, 2)
    row = row_of(ready.federation.model, ready.plan.subset, ready.federation.params)
    trainer._give_away(
        0, trainer.applied[:76], 0, trainer.batches.of(0, 76), ready.federation.params, row
    )
    assert [len(away.participations) for away in trainer.away] == [
        38
    ]  # more than are trained at once
    answer = trainer._returned(trainer.away[0])
    here = trainer._here(0, ready.federation.params, trainer.away[0].batches)
    trainer.close()
    assert torch.equal(answer.rows, here.rows)


def test_a_helper_sees_what_we_see() -> None:
    ready = prepare(SMALL)
    trainer = _trainer.Trainer(ready, 2)
    row = row_of(ready.federation.model, ready.plan.subset, ready.federation.params)
    task = trainer.look(row)
    assert task is not None
    logits = trainer.seen(task)
    trainer.close()
    assert logits is not None
    assert torch.equal(
        logits, ready.inputs(ready.federation.dataset.x_test).logits(ready.federation.params)
    )


def test_a_helper_that_dies_is_replaced_by_our_own_work() -> None:
    ready = prepare(SMALL)
    alone = final(ready, 1)
    final(ready, 2)
    [helper] = _helpers._idle
    for event in simulate(ready, processes=2):
        if isinstance(event, Stepped) and event.version == 3:
            os.kill(helper.process.pid, signal.SIGKILL)
        if isinstance(event, Finished):
            assert all(
                torch.equal(alone.params[name], value) for name, value in event.params.items()
            )
    assert helper not in _helpers._idle


def test_an_abandoned_run_leaves_no_process_with_work() -> None:
    ready = prepare(SMALL)
    events = simulate(ready, processes=2)
    while not isinstance(next(events), Stepped):
        pass
    events.close()  # type: ignore[attr-defined]
    assert all(not helper.tasks for helper in _helpers._idle)
    final(ready, 2)


def test_events_come_in_the_same_order_with_helpers() -> None:
    ready = prepare(SMALL)

    def order(processes: int) -> list[tuple[str, float]]:
        told = []
        for event in simulate(ready, processes=processes):
            if isinstance(event, Stepped):
                told.append(("step", float(event.version)))
            elif isinstance(event, Evaluated):
                told.append(("look", event.point["version"]))
        return told

    alone, together = order(1), order(2)
    assert [t for t in alone if t[0] == "look"] == [t for t in together if t[0] == "look"]
    seen = 0.0
    for kind, version in together:
        seen = version if kind == "step" else seen
        assert kind == "step" or seen >= version  # nothing is looked at before it exists


def test_short_runs_ask_for_no_help() -> None:
    assert _trainer.useful_processes(prepare(SMALL)) == 1
    long = prepare(SMALL.replace(horizon_s=1e5))
    assert _trainer.useful_processes(long) == cores()


def test_processes_are_checked() -> None:
    with pytest.raises(ValueError, match="processes = 0"):
        next(iter(simulate(SMALL, processes=0)))


def test_frames_survive_a_pipe_and_tell_its_end() -> None:
    source, target = os.pipe()
    write_frame(target, b"one")
    write_frame(target, b"")
    os.close(target)
    assert [read_frame(source), read_frame(source), read_frame(source)] == [b"one", b"", None]
    os.close(source)


def test_parts_are_even_and_never_lone() -> None:
    for most in range(3, 9):
        for clients in range(2, 60):
            sizes = parts(clients, most)
            assert sum(sizes) == clients
            assert 2 <= min(sizes) <= max(sizes) <= most
    assert parts(4, 1) == [1] * 4


def test_large_dense_convolutions_train_alone_and_the_rest_in_company() -> None:
    large = build("cnn-maxpool", (3, 32, 32), 10)
    assert clients_at_once(make_plan(large, full(large)), 20) == 1
    assert clients_at_once(make_plan(large, head(large)), 20) > 1
    grey = build("cnn-maxpool", (1, 28, 28), 10)
    assert clients_at_once(make_plan(grey, full(grey)), 5) == 1
    deep = build("mcunet-m", (3, 32, 32), 10)  # its one dense convolution is a small part
    assert clients_at_once(make_plan(deep, full(deep)), 5) > 10
    small = build("cnn", (1, 8, 8), 10)
    assert clients_at_once(make_plan(small, full(small)), 5) == 32


def test_a_net_survives_as_text() -> None:
    for name in ("mlp", "cnn-maxpool", "mcunet-m"):
        model = build(name, (3, 16, 16), 5)
        assert Model.from_json(model.to_json()) == model
    with pytest.raises(ValueError, match="no net"):
        Model.from_json('{"ops": [["System", {}]]}')


def test_a_cohort_splits_into_the_same_bits() -> None:
    ready = prepare(SMALL)
    trainer = _trainer.Trainer(ready, 1)
    batches = torch.as_tensor(np.random.default_rng(0).integers(0, len(trainer.y), (12, 2, 4)))
    whole = (
        trainer.sgd[0].train(ready.federation.params, trainer.inputs, trainer.y, batches, 12).rows
    )
    for most in (3, 4, 5, 7):
        assert torch.equal(
            trainer.sgd[0]
            .train(ready.federation.params, trainer.inputs, trainer.y, batches, most)
            .rows,
            whole,
        )
