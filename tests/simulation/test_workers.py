"""Check worker processes: the same bits with and without them, whether they are slow or die."""

import contextlib
import os
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab._common import cores
from ftte_lab.models import build, flatten_trained, full, head, make_plan
from ftte_lab.simulation import Evaluated, Finished, Prepared, Scenario, Stepped, prepare, simulate
from ftte_lab.simulation.cohorts import Cohort, ServerVersion
from ftte_lab.simulation.local_training import LocalTraining
from ftte_lab.simulation.trainer import Trainer
from ftte_lab.simulation.workers import pool
from ftte_lab.simulation.workers.dispatch import useful_processes
from ftte_lab.simulation.workers.protocol import FrameReader, GarbledError, frame
from ftte_lab.simulation.workers.worker import Task
from ftte_lab.training import chunk_sizes, clients_at_once

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


pytestmark = pytest.mark.usefixtures("loaded_workers")


def final(prepared: Prepared, processes: int) -> Finished:
    *_, last = simulate(prepared, processes=processes)
    assert isinstance(last, Finished)
    return last


@pytest.mark.parametrize("model", ["mcunet-s", "cnn"])
@pytest.mark.parametrize("method", ["ftte", "fedavg"])
def test_workers_change_no_bit(method: str, model: str, sent_tasks: list[Task]) -> None:
    prepared = prepare(
        SMALL.replace(model=model, variance="steps", horizon_s=400.0).as_method(method)
    )
    alone = final(prepared, 1)
    together = final(prepared, 2)
    assert sent_tasks  # they did train
    pd.testing.assert_frame_equal(alone.history.points, together.history.points, check_exact=True)
    assert all(torch.equal(alone.params[name], value) for name, value in together.params.items())


def first_version(prepared: Prepared) -> ServerVersion:
    params = prepared.federation.params
    row = flatten_trained(prepared.federation.model, prepared.plan.subset, params)
    return ServerVersion(0, params, row)


def test_dispatch_shares_large_cohorts() -> None:
    """Send half of a cohort of 76, more than are trained at once; the rows have the same bits."""
    prepared = prepare(
        SMALL.replace(clients=80, concurrency=78, horizon_s=200.0).as_method("fedavg")
    )
    trainer = Trainer(prepared, 2)
    participations = trainer.sampler.participations[:76]
    batches = trainer.sampler.batches(0, 76)
    here = trainer.dispatcher.dispatch(Cohort(first_version(prepared), 0, participations, batches))
    [pending] = trainer.dispatcher.pending
    assert (len(here), len(pending.cohort)) == (38, 38)
    sent = np.concatenate([here.participations, pending.cohort.participations])
    assert sorted(sent.tolist()) == participations.tolist()
    answer = trainer.dispatcher.updates(pending)
    expected = trainer.local.train(pending.cohort)
    trainer.close()
    assert answer is not None
    assert torch.equal(answer.rows, expected.rows)


def test_workers_evaluate_as_this_process_does() -> None:
    prepared = prepare(SMALL)
    trainer = Trainer(prepared, 2)
    task = trainer.dispatcher.submit_evaluation(first_version(prepared).row)
    assert task is not None
    logits = trainer.dispatcher.evaluation(task)
    trainer.close()
    assert logits is not None
    inputs = prepared.inputs(prepared.federation.dataset.x_test)
    assert torch.equal(logits, inputs.of(0).logits(prepared.federation.params))


def test_work_of_a_dead_worker_is_done_in_this_process() -> None:
    prepared = prepare(SMALL)
    alone = final(prepared, 1)
    final(prepared, 2)
    [worker] = pool._idle
    for event in simulate(prepared, processes=2):
        if isinstance(event, Stepped) and event.version == 3:
            os.kill(worker.process.pid, signal.SIGKILL)
        if isinstance(event, Finished):
            assert all(
                torch.equal(alone.params[name], value) for name, value in event.params.items()
            )
    assert worker not in pool._idle


def test_workers_of_an_abandoned_run_have_no_tasks() -> None:
    prepared = prepare(SMALL)
    events = simulate(prepared, processes=2)
    while not isinstance(next(events), Stepped):
        pass
    events.close()  # type: ignore[attr-defined]
    assert all(not worker.tasks for worker in pool._idle)
    final(prepared, 2)


def test_events_have_the_same_order_with_workers() -> None:
    prepared = prepare(SMALL)

    def order(processes: int) -> list[tuple[str, float]]:
        events = []
        for event in simulate(prepared, processes=processes):
            if isinstance(event, Stepped):
                events.append(("step", float(event.version)))
            elif isinstance(event, Evaluated):
                events.append(("evaluation", event.point["version"]))
        return events

    alone, together = order(1), order(2)
    assert [e for e in alone if e[0] != "step"] == [e for e in together if e[0] != "step"]
    newest = 0.0
    for kind, version in together:
        newest = version if kind == "step" else newest
        assert version <= newest  # nothing is evaluated before it exists


def test_useful_processes_is_one_for_short_runs() -> None:
    assert useful_processes(prepare(SMALL)) == 1
    assert useful_processes(prepare(SMALL.replace(horizon_s=1e5))) == cores()


def test_simulate_explains_wrong_processes() -> None:
    with pytest.raises(ValueError, match="processes = 0"):
        next(iter(simulate(SMALL, processes=0)))


@given(
    bodies=st.lists(st.tuples(st.integers(0, 2**40), st.binary(max_size=40)), max_size=6),
    cuts=st.lists(st.integers(1, 30), min_size=1, max_size=20),
)
def test_frames_survive_however_they_are_cut(
    bodies: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(frame(number, body) for number, body in bodies)
    reader, read, at, turn = FrameReader(), [], 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        read += list(reader.feed(stream[at : at + size]))
        at, turn = at + size, turn + 1
    assert read == bodies


@given(body=st.binary(min_size=1, max_size=60), at=st.integers(0, 83), bit=st.integers(0, 7))
def test_a_changed_bit_is_never_read_as_an_answer(body: bytes, at: int, bit: int) -> None:
    changed = bytearray(frame(5, body))
    changed[at % len(changed)] ^= 1 << bit
    with contextlib.suppress(GarbledError):
        assert list(FrameReader().feed(bytes(changed))) == []  # waits for more bytes


def test_chunk_sizes_are_even_and_above_one() -> None:
    for most in range(3, 9):
        for clients in range(2, 60):
            sizes = chunk_sizes(clients, most)
            assert sum(sizes) == clients
            assert 2 <= min(sizes) <= max(sizes) <= most
    assert chunk_sizes(4, 1) == [1] * 4


def test_clients_at_once_is_one_for_large_dense_convolutions() -> None:
    large = build("cnn-maxpool", (3, 32, 32), 10)
    assert clients_at_once(make_plan(large, full(large)), 20) == 1
    assert clients_at_once(make_plan(large, head(large)), 20) > 1
    grey = build("cnn-maxpool", (1, 28, 28), 10)
    assert clients_at_once(make_plan(grey, full(grey)), 5) == 1
    deep = build("mcunet-m", (3, 32, 32), 10)  # its one dense convolution is a small part
    assert clients_at_once(make_plan(deep, full(deep)), 5) > 10
    small = build("cnn", (1, 8, 8), 10)
    assert clients_at_once(make_plan(small, full(small)), 5) == 32


def test_cohort_gives_the_same_bits_however_it_is_split() -> None:
    prepared = prepare(SMALL)
    local = LocalTraining(prepared)
    rng = np.random.default_rng(0)
    batches = torch.as_tensor(rng.integers(0, len(local.y), (12, 2, 4)))

    def rows(most: int) -> torch.Tensor:
        sgd, params = local.optimisers[0], prepared.federation.params
        return sgd.train(params, local.inputs.of(0), local.y, batches, most).rows

    for most in (3, 4, 5, 7):
        assert torch.equal(rows(most), rows(12))


@pytest.mark.parametrize("missing", ["file", "process", "sockets"])
def test_a_run_without_room_for_workers_uses_this_process_alone(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    prepared = prepare(SMALL)
    alone = final(prepared, 1)
    pool.stop_idle()
    if missing == "file":
        monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    elif missing == "process":
        monkeypatch.setattr("subprocess.Popen", refuse)
    else:
        monkeypatch.delattr("socket.send_fds")
    assert final(prepared, 3).history.to_json() == alone.history.to_json()
    assert pool.living() == []
