"""A run whose messages are tampered with on their way: all counted, and the model learns."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from ftte_lab.simulation import Scenario, prepare, run
from ftte_lab.simulation.global_model import GlobalModel
from ftte_lab.simulation.stepped import BufferedUpdates

FLEET = Scenario(
    data="digits",
    model="mlp",
    clients=20,
    concurrency=10,
    buffer=5,
    samples_per_client=60,
    warm_start_steps=0,
    subset="full",
    mix={"watch": 1.0},
    horizon_s=300.0,
    evaluations=20,
    straggler_share=0.0,
    dropout=0.0,
)
SEEDS = range(3)


class Tampered:
    """Replace a tenth of what reaches the server, and count what was done to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done = Counter[str]()
        self.rng = np.random.default_rng(0)
        self.step = GlobalModel.step
        monkeypatch.setattr(GlobalModel, "step", lambda *given: self.stepped(*given))

    def stepped(self, server: GlobalModel, version: int, updates: BufferedUpdates) -> Any:
        """Tamper with the updates of a step, then apply it."""
        rows, variance = updates.rows.clone(), updates.step_variance.copy()
        extra, timeline = [], server.prepared.timeline
        for k, number in enumerate(updates.participations.tolist()):
            if self.rng.random() >= 0.1:
                continue
            kind = self.rng.choice(["nan", "inf", "variance", "replay", "future"])
            later = np.flatnonzero(timeline.version > version)
            if kind == "nan":
                rows[k, self.rng.integers(rows.shape[1])] = torch.nan
            elif kind == "inf":
                rows[k] = torch.inf
            elif kind == "variance":
                variance[k] = np.nan
            elif kind == "replay":
                extra.append((number, k))
            elif len(later):
                extra.append((later[0], k))
            else:
                continue
            reason = {"replay": "replayed", "future": "future version"}.get(kind, "not finite")
            self.done[reason] += 1
        at = [k for _, k in extra]
        numbers = np.array([number for number, _ in extra], dtype=np.int64)
        more = BufferedUpdates(
            np.concatenate([updates.participations, numbers]),
            torch.cat([rows, updates.rows[at]]),
            np.concatenate([variance, updates.step_variance[at]]),
            np.concatenate([updates.samples, updates.samples[at]]),
        )
        return self.step(server, version, more)


def test_tampered_messages_are_counted_and_hardly_hurt(monkeypatch: pytest.MonkeyPatch) -> None:
    clean = [run(FLEET.replace(seed=seed), processes=1).final() for seed in SEEDS]
    faulty = FLEET.replace(dropout=0.3, fault="scale", faulty_share=0.1, mean="trimmed")
    tampered = Tampered(monkeypatch)
    hurt, rejected = [], Counter[str]()
    for seed in SEEDS:
        history = run(faulty.replace(seed=seed), processes=1)
        hurt.append(history.final())
        rejected += Counter(history.facts["rejected_updates"])
    assert rejected == tampered.done
    assert set(rejected) == {"not finite", "replayed", "future version"}
    assert np.mean(clean) > 0.8
    assert np.mean(clean) - np.mean(hurt) < 0.03


def test_a_step_that_would_overflow_is_counted_and_moves_nothing() -> None:
    """Huge finite updates at a large rate: the model, its velocity and its average stay."""
    server = GlobalModel(prepare(FLEET.replace(server_rate=100.0, server_momentum=0.9)))
    members = server.prepared.timeline.buffer_of(0)
    before, count = server.row.clone(), len(members)
    huge = BufferedUpdates(
        members, torch.full((count, len(before)), 3e38), np.zeros(count), np.ones(count)
    )
    stepped = server.step(0, huge)
    assert stepped.rejected == {"overflow": count}
    assert len(stepped.clients) == len(stepped.weights) == 0
    assert torch.equal(server.row, before)
    assert torch.equal(server.shipped, before)
    later = server.prepared.timeline.buffer_of(1)
    small = BufferedUpdates(
        later, torch.full_like(huge.rows, 1e-3), np.zeros(count), np.ones(count)
    )
    assert server.step(1, small).rejected == {}
    assert bool(server.row.isfinite().all())
    assert not torch.equal(server.row, before)
