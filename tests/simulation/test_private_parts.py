"""Private parts: against a plain loop; counted right; never sent; refused where they do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ftte_lab.models import RowFormat, flatten_trained, from_rows, insert
from ftte_lab.server import noise_to_clip
from ftte_lab.simulation import Evaluated, Finished, Prepared, Scenario, prepare, run, simulate
from ftte_lab.simulation.private_parts import PrivateParts
from ftte_lab.training import draw_batches
from tests.simulation.test_client_corrections import SMALL
from tests.tiny import TINY

HEAD = SMALL.as_method("fedbuff").replace(private="head", staleness="constant")
# Devices start again at once, so some train twice from one version.
SOON = HEAD.replace(clients=4, concurrency=4, buffer=4, straggler_share=0.5, horizon_s=20.0)


class PlainPersonal:
    """Train every participation alone with autograd; each client keeps its own last layer."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared, self.s, self.timeline = prepared, prepared.scenario, prepared.timeline
        self.model, self.subset = prepared.federation.model, prepared.plan.subset
        data = prepared.federation.dataset
        self.x, self.y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
        self.shared = dict(prepared.federation.params)
        own = {name: self.shared[name] for name in ("head.weight", "head.bias")}
        self.own: list[list[tuple[float, dict[str, Tensor]]]] = [
            [(0.0, own)] for _ in range(self.s.clients)
        ]

    def run(self) -> None:
        applied, trained = set(self.timeline.applied.tolist()), dict[int, dict[str, Tensor]]()
        for version in range(len(self.timeline.step_s)):
            for p in np.flatnonzero(self.timeline.version == version).tolist():
                if p in applied:
                    trained[p] = self.train(p)
            for name in ("hidden1.weight", "hidden1.bias", "hidden2.weight", "hidden2.bias"):
                if name in self.shared:
                    moves = [trained[p][name] for p in self.timeline.buffer_of(version).tolist()]
                    self.shared[name] = self.shared[name] + torch.stack(moves).mean(0)

    def train(self, p: int) -> dict[str, Tensor]:
        s, client = self.s, int(self.timeline.client[p])
        start = {**self.shared, **self.own[client][-1][1]}
        shard = self.prepared.federation.shards.train[client]
        visit = int(self.timeline.visit[p])
        w = {name: value.clone() for name, value in start.items()}
        for rows in draw_batches(
            len(shard), s.local_steps, s.batch, seed=s.seed, client=client, visit=visit
        ):
            w = {name: value.requires_grad_() for name, value in w.items()}
            at = torch.as_tensor(shard[rows])
            loss = cross_entropy(self.model.forward(w, self.x[at]), self.y[at])
            gradients = torch.autograd.grad(loss, list(w.values()))
            w = {
                name: (value - s.client_rate * g).detach()
                for (name, value), g in zip(w.items(), gradients, strict=True)
            }
        mine = {name: w[name] for name in ("head.weight", "head.bias")}
        self.own[client].append((float(self.timeline.arrival_s[p]), mine))
        return {name: w[name] - start[name] for name in w}

    def accuracy(self, sim_seconds: float) -> float:
        """Judge each client by the head that it had at the end of its last training."""
        data, right = self.prepared.federation.dataset, 0
        x, y = torch.as_tensor(data.x_test), torch.as_tensor(data.y_test)
        for client, shard in enumerate(self.prepared.federation.shards.test):
            own = [mine for at, mine in self.own[client] if at <= sim_seconds][-1]
            params, at = {**self.shared, **own}, torch.as_tensor(shard)
            right += int((self.model.forward(params, x[at]).argmax(1) == y[at]).sum())
        return right / len(y)


@pytest.mark.parametrize("scenario", [HEAD, SOON], ids=["twelve", "four, soon again"])
def test_private_heads_equal_a_plain_loop(scenario: Scenario) -> None:
    prepared, last = prepare(scenario), None
    plain = PlainPersonal(prepared)
    plain.run()
    assert len(prepared.timeline.step_s) >= 4
    events = list(simulate(prepared, processes=1))
    last = events[-1]
    assert isinstance(last, Finished)
    for name, value in plain.shared.items():  # the heads of the server are those of the start
        torch.testing.assert_close(last.params[name], value, rtol=1e-3, atol=1e-4)
    assert torch.equal(last.params["head.weight"], prepared.federation.params["head.weight"])
    point = [event.point for event in events if isinstance(event, Evaluated)][-1]
    if point["version"] == len(prepared.timeline.step_s):
        assert point["accuracy"] == pytest.approx(plain.accuracy(point["sim_seconds"]), abs=0.01)


def test_a_client_that_starts_twice_from_a_version_goes_on() -> None:
    timeline = prepare(SOON).timeline
    applied = timeline.applied
    pairs = list(zip(timeline.client[applied], timeline.version[applied], strict=True))
    assert len(set(pairs)) < len(pairs)  # so the plain loop above tests it


def test_bytes_and_noise_are_those_of_what_is_sent() -> None:
    changes: dict[str, Any] = {"normalise": "count", "clip_norm": 0.5, "noise_multiplier": 1.0}
    shared, kept = (prepare(SMALL.replace(private=p, **changes)) for p in (None, "head"))
    model, params = kept.federation.model, kept.federation.params
    assert kept.plan.subset == shared.plan.subset
    assert kept.bill == shared.bill
    form = RowFormat.of(model, kept.weakest.sent.subset, 32)
    message = form.pack(flatten_trained(model, kept.weakest.sent.subset, params))
    assert kept.traffic.upload == len(message) == kept.traffic.download < shared.traffic.upload
    sent = kept.weakest.sent.subset.entries(model)
    assert sent + 10 * 32 + 10 == shared.plan.subset.entries(model)
    assert kept.noise_to_clip == noise_to_clip(1.0, sent, SMALL.buffer or 1)
    facts = run(kept, processes=1).facts
    assert facts["private_parameters"] == 10 * 32 + 10


def test_the_server_reads_nothing_of_the_private_part() -> None:
    prepared = prepare(HEAD)
    sent = prepared.weakest.sent.subset
    assert not any(name.startswith("head") for name in sent.parts)
    assert prepared.tiers.union.subset == sent


@pytest.mark.parametrize("private", ["head", "norms"])
def test_any_number_of_processes_gives_the_same(private: str) -> None:
    scenario = SMALL.replace(model="cnn", subset="full", private=private, warm_start_steps=20)
    alone, together = (run(scenario, processes=n).points for n in (1, 2))
    pd.testing.assert_frame_equal(alone, together, check_exact=True)
    assert alone["loss"].iloc[-1] != alone["loss"].iloc[0]


def test_untouched_private_parts_are_the_plain_model() -> None:
    """With hardly any rate nothing moves: each sample is judged as the first model judges it."""
    scenario = SMALL.replace(model="cnn", subset="full", client_rate=1e-6)
    plain, own = (run(scenario.replace(private=p)).points for p in (None, "norms"))
    assert own["accuracy"].to_numpy() == pytest.approx(plain["accuracy"].to_numpy())
    assert own["loss"].to_numpy() == pytest.approx(plain["loss"].to_numpy(), rel=1e-4)


def test_a_private_part_is_shown_when_its_training_is_over() -> None:
    from ftte_lab.simulation.trainer import Trainer

    prepared = prepare(HEAD)
    trainer = Trainer(prepared, 1)
    parts = trainer.private
    assert isinstance(parts, PrivateParts)
    params = prepared.federation.params
    row = flatten_trained(prepared.federation.model, prepared.tiers.union.subset, params)
    trainer.train(0, params, row)
    x = prepared.inputs(prepared.federation.dataset.x_test)
    before = trainer.logits(x, params, 0.0)
    after = trainer.logits(x, params, prepared.timeline.end_s)
    assert before is not None
    assert after is not None
    torch.testing.assert_close(before, x.of(0).logits(params), rtol=1e-4, atol=1e-5)
    assert (after - before).abs().max() > 1e-3
    model = prepared.federation.model
    mine = insert(model, parts.subset, params, from_rows(model, parts.subset, parts.newest[3]))
    own = torch.as_tensor(prepared.federation.shards.test[3])
    expected = x.of(0).logits(mine)[own]
    torch.testing.assert_close(after[own], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"subset_per": "kind"}, "subset_per = 'fleet'"),
        ({"phases": 2}, "phases = 1"),
        ({"correction": "control_variates"}, "'none' or 'proximal'"),
        ({"private": "body"}, "allowed: head, norms"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Scenario(**{"private": "head", **changes})


def test_nothing_to_keep_or_nothing_to_send_is_refused() -> None:
    with pytest.raises(ValueError, match="trains none of it"):
        prepare(TINY.replace(private="norms"))  # this net has no norms
    with pytest.raises(ValueError, match="trains nothing else"):
        prepare(TINY.replace(private="head", budget_kib=31.0))


def test_the_default_is_no_private_part_and_its_digest_stays() -> None:
    assert Scenario().private is None
    assert Scenario(private=None).digest() == Scenario().digest()
    assert Scenario(private="head").digest() != Scenario().digest()
