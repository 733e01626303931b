"""Faulty clients in a run: nobody else changes, the server does not know, and what they cost."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ftte_lab.devices import FAULTS, FaultyMessages
from ftte_lab.server import StepRule, WeightRule, server_step, variance_entries, weights
from ftte_lab.simulation import METHODS, Finished, Prepared, Scenario, Stepped, prepare, simulate
from ftte_lab.simulation.global_model import GlobalModel
from ftte_lab.simulation.local_training import LocalTraining
from ftte_lab.simulation.trainer import Trainer
from ftte_lab.simulation.workers.worker import Task

SMALL = Scenario(
    data="digits",
    model="mlp",
    clients=20,
    concurrency=12,
    buffer=6,
    batch=5,
    local_steps=3,
    client_rate=0.2,
    horizon_s=60.0,
    evaluations=6,
    warm_start_steps=0,
    faulty_share=0.2,
).as_method("fedbuff")
WRONG = [fault for fault in FAULTS if fault != "none"]
IN_MESSAGE = ["noise", "scale", "replay"]


def final(prepared: Prepared, processes: int = 1) -> Finished:
    *_, last = simulate(prepared, processes=processes)
    assert isinstance(last, Finished)
    return last


@cache
def ended(scenario: Scenario) -> Finished:
    return final(prepare(scenario))


def same(a: Finished, b: Finished) -> bool:
    return all(torch.equal(a.params[name], p) for name, p in b.params.items())


@pytest.mark.parametrize("fault", WRONG)
def test_share_of_nobody_is_a_run_without_faults(fault: str) -> None:
    plain = ended(SMALL)
    nobody = ended(SMALL.replace(fault=fault, faulty_share=0.0))
    assert same(plain, nobody)
    pd.testing.assert_frame_equal(plain.history.points, nobody.history.points, check_exact=True)
    assert plain.history.facts == nobody.history.facts
    assert "faulty_weight" not in plain.history.points
    assert "faulty_clients" not in plain.history.facts


def test_every_method_has_the_same_faulty_clients_and_its_own_timeline() -> None:
    base = SMALL.replace(method="ftte", fault="noise")
    masks = [prepare(base.as_method(name)).faulty for name in METHODS]
    assert all((mask == masks[0]).all() for mask in masks)
    assert masks[0].sum() == 4
    assert not prepare(SMALL).faulty.any()
    right, wrong = prepare(SMALL).timeline, prepare(SMALL.replace(fault="labels")).timeline
    np.testing.assert_array_equal(right.arrival_s, wrong.arrival_s)


def test_labels_of_faulty_clients_alone_are_wrong_and_only_for_training() -> None:
    right, wrong = prepare(SMALL), prepare(SMALL.replace(fault="labels"))
    assert right.federation is wrong.federation  # data, public share and test data are the same
    labels = LocalTraining(right).y.numpy(), LocalTraining(wrong).y.numpy()
    np.testing.assert_array_equal(labels[0], right.federation.dataset.y_train)
    for client, shard in enumerate(wrong.federation.shards.train):
        share = (labels[0][shard] == labels[1][shard]).mean()
        assert share < 0.4 if wrong.faulty[client] else share == 1.0
    for fault in IN_MESSAGE:
        kept = LocalTraining(prepare(SMALL.replace(fault=fault))).y.numpy()
        np.testing.assert_array_equal(kept, labels[0])


@pytest.mark.parametrize("fault", IN_MESSAGE)
def test_first_step_averages_what_faulty_clients_send(fault: str) -> None:
    """Take the first buffer of a run that has a faulty client apart, update by update."""
    prepared = prepare(SMALL.replace(fault=fault, variance="steps", variance_exponent=1.0))
    trainers = [Trainer(prepared), Trainer(prepared)]
    trainers[0].messages = FaultyMessages("none", prepared.faulty, 0)
    server_row = torch.zeros(trainers[0].rows.rows.shape[1])
    for trainer in trainers:
        trainer.train(0, prepared.federation.params, server_row)
    meant, sent = (trainer.take(0) for trainer in trainers)
    faulty = prepared.faulty[prepared.timeline.client[meant.participations]]
    assert faulty.any()
    assert not faulty.all()
    assert torch.equal(meant.rows[~faulty], sent.rows[~faulty])
    ratio = sent.rows[faulty].norm(dim=1) / meant.rows[faulty].norm(dim=1)
    torch.testing.assert_close(ratio, torch.full_like(ratio, 1.0 if fault == "replay" else 10.0))
    # What a client measured in its training is reported as it is.
    np.testing.assert_array_equal(meant.step_variance, sent.step_variance)


def test_replaying_client_sends_its_first_update_in_each_step() -> None:
    prepared = prepare(SMALL.replace(fault="replay", variance="steps", variance_exponent=1.0))
    trainer, timeline = Trainer(prepared), prepared.timeline
    row = torch.zeros(trainer.rows.rows.shape[1])
    seen: dict[int, tuple[torch.Tensor, float]] = {}
    repeats = 0
    for version in range(len(timeline.step_s)):
        # Other parameters at each version, so that honest updates differ.
        params = {name: p + 0.01 * version for name, p in prepared.federation.params.items()}
        trainer.train(version, params, row)
        updates = trainer.take(version)
        for k, p in enumerate(updates.participations):
            client = int(timeline.client[p])
            got = updates.rows[k], float(updates.step_variance[k])
            first = seen.setdefault(client, got)
            if first is not got:
                equal = torch.equal(first[0], got[0]) and first[1] == got[1]
                assert equal == prepared.faulty[client]
                repeats += int(prepared.faulty[client])
    assert repeats > 5


@pytest.mark.parametrize("fault", WRONG)
def test_workers_change_no_bit_with_faulty_clients(fault: str, sent_tasks: list[Task]) -> None:
    for base in (SMALL.replace(variance="steps", variance_exponent=0.5), SCAFFOLD):
        prepared = prepare(base.replace(fault=fault))
        alone, together = final(prepared, 1), final(prepared, 2)
        assert sent_tasks
        pd.testing.assert_frame_equal(
            alone.history.points, together.history.points, check_exact=True
        )
        assert same(alone, together)


SCAFFOLD = SMALL.replace(correction="control_variates", staleness="constant")


def test_replay_under_scaffold_repeats_the_variate_too() -> None:
    """The same update with the same offset: the client's variate stays what it first was."""
    prepared = prepare(SCAFFOLD.replace(fault="replay"))
    timeline, server = prepared.timeline, GlobalModel(prepared)
    trainer = Trainer(prepared, 1, server.correction)
    offsets: dict[int, torch.Tensor] = {}
    for version in range(len(timeline.step_s)):
        trainer.train(version, server.params, server.row)
        updates = trainer.take(version)
        assert updates.offsets is not None
        for k, p in enumerate(updates.participations):
            client = int(timeline.client[p])
            if prepared.faulty[client]:
                first = offsets.setdefault(client, updates.offsets[k])
                assert torch.equal(first, updates.offsets[k])
        server.step(version, updates)
    assert offsets


@pytest.mark.parametrize("mean", ["weighted", "median"])
def test_history_shows_the_weight_that_faulty_clients_got(mean: str) -> None:
    prepared = prepare(SMALL.replace(fault="noise", mean=mean))
    faulty = got = 0.0
    shares = {0: 0.0}
    for event in simulate(prepared, processes=1):
        if isinstance(event, Stepped):
            faulty += float(event.weights[prepared.faulty[event.clients]].sum())
            got += float(event.weights.sum())
            shares[event.version] = faulty / got
        if isinstance(event, Finished):
            points = event.history.points
            assert event.history.facts["faulty_clients"] == 4
    expected = [shares[int(version)] for version in points["version"]]
    np.testing.assert_allclose(points["faulty_weight"], expected, rtol=1e-12)
    assert 0.05 < points["faulty_weight"].iloc[-1] < 0.4


def test_weight_by_variance_takes_weight_from_loud_clients_alone() -> None:
    def weight(fault: str, **changes: Any) -> float:
        s = SMALL.replace(fault=fault, normalise="sum", **changes)
        return float(ended(s).history.points["faulty_weight"].iloc[-1])

    for fault in ("noise", "scale"):
        assert weight(fault, variance_exponent=1.0) < 0.2 * weight(fault, variance_exponent=0.0)
        # What the client reports is what it measured before it sent something else.
        loud = weight(fault, variance="steps", variance_exponent=1.0)
        assert loud > 0.6 * weight(fault, variance_exponent=0.0)


def test_no_module_of_the_server_knows_who_is_faulty() -> None:
    house = Path(__file__).parents[2] / "ftte_lab"
    for path in [*(house / "server").rglob("*.py"), house / "simulation" / "global_model.py"]:
        code = re.sub(r'""".*?"""|#.*', "", path.read_text(), flags=re.S)
        assert "faulty" not in code, path


# Without stragglers all devices are equally often there, the faulty ones as well.
EVEN = SMALL.replace(
    mix={"watch": 1.0},
    straggler_share=0.0,
    concurrency=15,
    buffer=10,
    client_rate=0.1,
    normalise="sum",
    variance_exponent=0.0,
    faulty_share=0.15,
    evaluations=12,
)


@pytest.mark.parametrize("fault", ["noise", "scale"])
def test_loud_messages_move_a_mean_more_than_a_whole_step(fault: str) -> None:
    """Compare each step of a clean run with the step that faulty messages would have caused.

    In lengths of the clean step. Robust means and weights by variance keep most of it away.
    """
    prepared = prepare(EVEN.replace(fault=fault))
    timeline, server = prepared.timeline, GlobalModel(prepared)
    honest, wrong = Trainer(prepared), Trainer(prepared)
    honest.messages = FaultyMessages("none", prepared.faulty, 0)
    moved = []
    for version in range(len(timeline.step_s)):
        for trainer in (honest, wrong):
            trainer.train(version, server.params, server.row)
        meant, sent = honest.take(version), wrong.take(version)
        if 1 <= prepared.faulty[timeline.client[sent.participations]].sum() <= 2:
            ages, v = version - timeline.version[sent.participations], variance_entries(sent.rows)
            rule = WeightRule(variance_exponent=1.0)
            by_variance = weights(ages, v, sent.samples, rule, variance_ref=float(np.median(v)))
            equal = np.full(10, 0.1)
            clean = server_step(server.row, meant.rows, equal, StepRule())
            rules = [(equal, "weighted"), (equal, "median"), (equal, "trimmed")]
            steps = [
                server_step(server.row, sent.rows, c, StepRule(mean=mean))
                for c, mean in [*rules, (by_variance, "weighted")]
            ]
            length = (clean - server.row).norm()
            moved.append([float((step - clean).norm() / length) for step in steps])
        server.step(version, meant)
    mean, median, trimmed, quiet = np.array(moved).T
    assert len(mean) > 20
    assert np.median(mean) > 1.8
    assert (mean > 1.8 * median).all()
    assert (mean > 1.8 * trimmed).all()
    assert (mean > 3 * quiet).all()


def accuracy(seed: int, fault: str, **changes: Any) -> float:
    points = ended(EVEN.replace(seed=seed, fault=fault, **changes)).history.points
    return float(points["accuracy"].iloc[-3:].mean())


@pytest.mark.parametrize("seed", [0, 1])
def test_opposite_updates_ruin_a_mean_and_the_median_survives_them(seed: int) -> None:
    clean = accuracy(seed, "none")
    assert clean > 0.7
    assert accuracy(seed, "scale") < 0.3
    assert accuracy(seed, "scale", mean="median") > clean - 0.15
    assert accuracy(seed, "scale", variance_exponent=1.0) > clean - 0.15
