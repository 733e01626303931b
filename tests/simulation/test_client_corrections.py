"""Check runs with FedProx and SCAFFOLD against a plain loop along the timeline."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ftte_lab.models import flatten_trained, from_rows
from ftte_lab.simulation import Finished, Prepared, Scenario, prepare, simulate
from ftte_lab.simulation import together as together_module
from ftte_lab.simulation import trainer as trainer_module
from ftte_lab.simulation.workers.worker import Task
from ftte_lab.training import draw_batches

SMALL = Scenario(
    data="digits",
    model="mlp",
    clients=12,
    alpha=0.3,
    concurrency=6,
    buffer=3,
    batch=5,
    local_steps=3,
    client_rate=0.2,
    horizon_s=80.0,
    evaluations=5,
    warm_start_steps=0,
)


def final(prepared: Prepared, processes: int = 1) -> Finished:
    *_, last = simulate(prepared, processes=processes)
    assert isinstance(last, Finished)
    return last


class PlainRun:
    """Train every participation alone, with autograd, and keep SCAFFOLD's state as in the paper."""

    def __init__(self, prepared: Prepared, correction: str) -> None:
        self.prepared, self.correction = prepared, correction
        self.s, self.timeline = prepared.scenario, prepared.timeline
        self.model, self.subset = prepared.federation.model, prepared.plan.subset
        dataset = prepared.federation.dataset
        self.x = torch.as_tensor(dataset.x_train)
        self.y = torch.as_tensor(dataset.y_train)
        self.row = flatten_trained(self.model, self.subset, prepared.federation.params)
        self.server_variate = torch.zeros_like(self.row)
        self.variates = torch.zeros(self.s.clients, len(self.row))

    def run(self) -> Tensor:
        """Return the trained entries at the end."""
        trained: dict[int, tuple[Tensor, Tensor]] = {}
        for version in range(len(self.timeline.step_s)):
            for p in np.flatnonzero(self.timeline.version == version).tolist():
                trained[p] = self.train(p)
            members = self.timeline.buffer_of(version).tolist()
            self.step([(int(self.timeline.client[p]), *trained[p]) for p in members])
        return self.row

    def train(self, p: int) -> tuple[Tensor, Tensor]:
        """Return the update of a participation and the variate that its client would keep."""
        s, client = self.s, int(self.timeline.client[p])
        start, correction = self.row, torch.zeros_like(self.row)
        if self.correction == "control_variates":
            correction = self.server_variate - self.variates[client]
        shard = self.prepared.federation.shards.train[client]
        visit = int(self.timeline.visit[p])
        batches = draw_batches(
            len(shard), s.local_steps, s.batch, seed=s.seed, client=client, visit=visit
        )
        w = start.clone()
        for rows in batches:
            w.requires_grad_()
            at = torch.as_tensor(shard[rows])
            params = from_rows(self.model, self.subset, w)
            loss = cross_entropy(self.model.forward(params, self.x[at]), self.y[at])
            [gradient] = torch.autograd.grad(loss, w)
            w = w.detach()
            if self.correction == "proximal":
                gradient = gradient + s.proximal * (w - start)
            w = w - s.client_rate * (gradient + correction)
        moved = (start - w) / (s.local_steps * s.client_rate)
        return w - start, moved - correction

    def step(self, arrived: list[tuple[int, Tensor, Tensor]]) -> None:
        """Average the updates with equal weights, and the variates over all clients."""
        self.row = self.row + torch.stack([row for _, row, _ in arrived]).mean(0)
        for client, _, variate in arrived:
            self.server_variate += (variate - self.variates[client]) / self.s.clients
            self.variates[client] = variate


CASES: dict[str, Scenario] = {
    "scaffold": SMALL.as_method("scaffold").replace(horizon_s=200.0),
    "fedprox": SMALL.as_method("fedprox").replace(proximal=1.0, sample_exponent=0.0),
    "scaffold, buffered": SMALL.as_method("fedbuff").replace(
        correction="control_variates", staleness="constant"
    ),
    "scaffold, one by one": SMALL.as_method("fedasync").replace(
        correction="control_variates", staleness="constant", horizon_s=30.0
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_corrected_run_equals_a_plain_loop(name: str) -> None:
    prepared = prepare(CASES[name])
    assert len(prepared.timeline.step_s) >= 4
    expected = PlainRun(prepared, prepared.scenario.correction).run()
    params = final(prepared).params
    got = flatten_trained(prepared.federation.model, prepared.plan.subset, params)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)
    uncorrected = PlainRun(prepared, "none").run()
    assert (uncorrected - expected).abs().max() > 100 * (got - expected).abs().max()


@pytest.mark.parametrize("name", CASES)
def test_workers_change_no_bit_of_a_corrected_run(name: str, sent_tasks: list[Task]) -> None:
    prepared = prepare(CASES[name])
    alone, together = final(prepared, 1), final(prepared, 2)
    assert sent_tasks or name == "scaffold, one by one"
    pd.testing.assert_frame_equal(alone.history.points, together.history.points, check_exact=True)
    assert all(torch.equal(alone.params[key], value) for key, value in together.params.items())


def test_clients_held_back_keep_their_own_correction(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare(CASES["scaffold, one by one"])
    together = final(prepared)
    for module in (trainer_module, together_module):
        monkeypatch.setattr(module, "FEW", 0)
    alone = final(prepared)
    for key, value in together.params.items():
        torch.testing.assert_close(value, alone.params[key], rtol=1e-3, atol=1e-4)
