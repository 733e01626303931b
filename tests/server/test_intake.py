"""What arrives at the server: what counts, and what is rejected by which name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab.data import load, split
from ftte_lab.models import Params, build, flatten_trained, from_rows, full, make_plan
from ftte_lab.server import (
    REASONS,
    Intake,
    OverflowStepError,
    StepRule,
    rejections,
    server_step,
    staleness_weight,
    variance_entries,
    weights,
)
from ftte_lab.training import draw_batches, train_cohort


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ([1.0, 2.0], None),
        (np.array([1, 2]), None),
        ([0.0, 3e38], None),
        ([1.0], "wrong shape"),
        ([[1.0, 2.0]], "wrong shape"),
        ([1.0, 2.0, 3.0], "wrong shape"),
        ([], "wrong shape"),
        ("noise", "wrong shape"),
        (None, "wrong shape"),
        (["1", "2"], "wrong shape"),
        ([1j, 2j], "wrong shape"),
        ({"a": 1}, "wrong shape"),
        ([True, False], "wrong shape"),
        ([1.0, float("nan")], "not finite"),
        ([1.0, float("-inf")], "not finite"),
    ],
)
def test_a_message_of_any_kind_has_a_reason(message: Any, reason: str | None) -> None:
    assert rejections([message, [0.0, 0.0]], 2, [0, 0], 3) == [reason, None]


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        *((start, None) for start in (0, 3, 2.0)),
        *((start, "future version") for start in (4, 10**30)),
        *((start, "no version") for start in (-1, 1.5, float("nan"), "2", float("inf"), None)),
    ],
)
def test_a_date_of_any_kind_has_a_reason(start: Any, reason: str | None) -> None:
    assert rejections([[1.0, 2.0]], 2, [start], 3) == [reason]


def test_what_travels_beside_must_be_finite_too() -> None:
    rows, nan = torch.zeros(3, 2), torch.tensor([[0.0], [0.0], [torch.nan]])
    beside: list[torch.Tensor | np.ndarray] = [np.array([0.0, np.inf, 1.0]), nan]
    assert rejections(rows, 2, [0, 0, 0], 0, beside) == [None, "not finite", "not finite"]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=40),
    st.integers(1, 5),
)
def test_each_participation_counts_at_most_once(
    arrivals: list[tuple[int, int, bool]], at_once: int
) -> None:
    intake, counted = Intake(1), Counter[tuple[int, int]]()
    newest: dict[int, int] = {}
    for begin in range(0, len(arrivals), at_once):
        part = arrivals[begin : begin + at_once]
        rows = torch.tensor([[float("nan") if bad else 1.0] for _, _, bad in part]).reshape(-1, 1)
        clients, visits = [c for c, _, _ in part], [v for _, v, _ in part]
        kept = intake.accepted(clients, visits, rows, [0] * len(part), 7)
        for k in range(len(part)):
            client, visit, bad = part[k]
            fresh = not bad and visit > newest.get(client, -1)
            assert (k in kept) == fresh
            if fresh:
                newest[client] = visit
                counted[client, visit] += 1
    assert all(count == 1 for count in counted.values())
    assert sum(counted.values()) + intake.rejected.total() == len(arrivals)
    assert set(intake.rejected) <= set(REASONS)


def test_a_step_that_overflows_is_refused_and_leaves_the_model() -> None:
    x, rows = torch.ones(2), torch.full((2, 2), 3e38)
    with pytest.raises(OverflowStepError, match="not finite; allowed"):
        server_step(x, rows, [1.0, 1.0], StepRule(server_rate=2.0))
    assert x.tolist() == [1.0, 1.0]
    assert server_step(x, rows, [1e-38, 1e-38], StepRule()).tolist() == pytest.approx(
        [7.0, 7.0], rel=1e-2
    )


class Fleet:
    """Twenty clients and a server of the plain functions, one round after the other."""

    CLIENTS, COHORT, ROUNDS, STEPS, BATCH = 20, 10, 40, 4, 8
    KINDS = ("poisoned", "nan", "wrong shape", "replayed", "future version")

    def __init__(self, seed: int) -> None:
        self.seed, self.digits = seed, load("digits")
        self.model = build("mlp", (1, 8, 8), 10)
        self.plan = make_plan(self.model, full(self.model))
        self.shards = split(self.digits, self.CLIENTS, seed=seed).train
        self.x, self.y = torch.as_tensor(self.digits.x_train), torch.as_tensor(self.digits.y_train)
        self.visits: Counter[int] = Counter()
        self.sent: Counter[str] = Counter()
        self.counted: set[tuple[int, int]] = set()

    def trained(self, row: torch.Tensor, clients: list[int]) -> torch.Tensor:
        """Return the honest updates of some clients, and count their visits."""
        batches = []
        for client in clients:
            own = self.shards[client]
            drawn = draw_batches(
                len(own),
                self.STEPS,
                self.BATCH,
                seed=self.seed,
                client=client,
                visit=self.visits[client],
            )
            batches.append(own[drawn])
        params = self.params(row)
        at = torch.as_tensor(np.stack(batches))
        return train_cohort(self.plan, params, self.x, self.y, at, rate=0.1).rows

    def params(self, row: torch.Tensor) -> Params:
        return from_rows(self.model, self.plan.subset, row)

    def messages(
        self, version: int, row: torch.Tensor, rng: np.random.Generator, faults: bool
    ) -> Iterator[tuple[int, int, Any, int]]:
        """Yield client, visit, update and start version of what arrives."""
        clients = rng.permutation(self.CLIENTS)[: self.COHORT].tolist()
        for client, update in zip(clients, self.trained(row, clients), strict=True):
            visit = self.visits[client]
            self.visits[client] += 1
            lost, kind = rng.random() < 0.3, str(rng.choice(self.KINDS))
            if not faults or (not lost and rng.random() >= 0.1):
                yield client, visit, update, version
                continue
            if lost:
                continue
            if kind == "replayed" and (client, visit - 1) not in self.counted:
                kind = "nan"  # there is nothing to replay
            self.sent["not finite" if kind == "nan" else kind] += 1
            yield {
                "poisoned": (client, visit, -10 * update, version),
                "nan": (client, visit, torch.where(update > 0, update, torch.nan), version),
                "wrong shape": (client, visit, update[:-1], version),
                "replayed": (client, visit - 1, update, version),
                "future version": (client, visit, update, version + 1),
            }[kind]

    def accuracy(self, faults: bool) -> tuple[float, Counter[str]]:
        """Train, and return the accuracy and what was rejected."""
        rng, rule = np.random.default_rng(self.seed), StepRule(mean="trimmed", trim=0.2)
        row = flatten_trained(self.model, self.plan.subset, self.model.init(self.seed))
        intake = Intake(len(row))
        for version in range(self.ROUNDS):
            came = list(self.messages(version, row, rng, faults))
            clients, visits, rows, starts = (list(column) for column in zip(*came, strict=True))
            kept = intake.accepted(clients, visits, rows, starts, version)
            if not len(kept):
                continue
            self.counted |= {(clients[k], visits[k]) for k in kept}
            updates = torch.stack([rows[k] for k in kept])
            ages = np.zeros(len(kept))
            variances = variance_entries(updates)
            w = weights(ages, variances, ages + 1, variance_ref=float(np.median(variances)))
            row = server_step(row, updates, w, rule, by_age=staleness_weight(ages))
        x, y = torch.as_tensor(self.digits.x_test), torch.as_tensor(self.digits.y_test)
        right = self.model.forward(self.params(row), x).argmax(1) == y
        return float(right.float().mean()), intake.rejected


def test_a_faulty_fleet_costs_less_than_three_points_and_each_fault_is_counted() -> None:
    """30 % drop out, 10 % of what arrives is wrong: counted by name, and the model learns on."""
    off, seen = [], Counter[str]()
    for seed in range(3):
        clean, nothing = Fleet(seed).accuracy(faults=False)
        fleet = Fleet(seed)
        faulty, rejected = fleet.accuracy(faults=True)
        assert not nothing
        # A poisoned update is well formed: the trimmed mean answers it. All others are counted.
        assert rejected == fleet.sent - Counter(poisoned=fleet.sent["poisoned"])
        seen += fleet.sent
        off.append(clean - faulty)
        assert clean > 0.8
    assert np.mean(off) < 0.03
    assert set(seen) == {"poisoned", "not finite", "wrong shape", "replayed", "future version"}
