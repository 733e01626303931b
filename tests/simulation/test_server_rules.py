"""Check runs under each server rule and mean against a plain loop along the timeline."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ftte_lab.models import flatten_trained
from ftte_lab.server import Fate
from ftte_lab.simulation import Finished, Prepared, Scenario, Stepped, prepare, simulate
from ftte_lab.simulation.global_model import GlobalModel
from ftte_lab.simulation.rounding import Rounding
from ftte_lab.simulation.start_rows import StartRows
from ftte_lab.simulation.stepped import BufferedUpdates
from ftte_lab.simulation.workers.worker import Task
from tests.simulation.test_client_corrections import SMALL, PlainRun

FLEET = SMALL.replace(mix={"watch": 1.0}, horizon_s=60.0).as_method("fedbuff")
TIERS = SMALL.replace(
    model="mcunet-s", subset_per="kind", budget_kib=120.0, payload_share=0.3, alpha=None
)


def final(prepared: Prepared, processes: int = 1) -> Finished:
    *_, last = simulate(prepared, processes=processes)
    assert isinstance(last, Finished)
    return last


def trained_entries(prepared: Prepared, end: Finished) -> Tensor:
    return flatten_trained(prepared.federation.model, prepared.tiers.union.subset, end.params)


class PlainRules(PlainRun):
    """Average models as models, and sort the updates of a buffer with numpy."""

    def __init__(self, prepared: Prepared, combine: str, mean: str) -> None:
        super().__init__(prepared, "none")
        self.combine, self.mean, self.version = combine, mean, 0

    def train(self, p: int) -> tuple[Tensor, Tensor]:
        """Return the update of a participation, and the model that its client started from."""
        return super().train(p)[0], self.row.clone()

    def step(self, arrived: list[tuple[int, Tensor, Tensor]]) -> None:
        """Apply the rule, weighted by (1 + age)^-a."""
        members = self.timeline.buffer_of(self.version)
        by_age = (1.0 + self.version - self.timeline.version[members]) ** -self.s.age_exponent
        updates = torch.stack([update for _, update, _ in arrived]).numpy()
        models = torch.stack([start + update for _, update, start in arrived]).numpy()
        x, rate = self.row.numpy(), self.s.server_rate
        if self.combine == "updates":
            new = x + rate * by_age.mean() * self.middle(updates, by_age)
        elif self.combine == "models":
            new = x + rate * (self.middle(models, by_age) - x)
        else:
            share = rate * by_age.mean()
            new = (1 - share) * x + share * self.middle(models, by_age)
        self.row, self.version = torch.as_tensor(new, dtype=torch.float32), self.version + 1

    def middle(self, values: np.ndarray, by_age: np.ndarray) -> np.ndarray:
        """Return the mean, or the median of three to five values by its definition."""
        if self.mean == "weighted":
            return np.average(values, axis=0, weights=by_age)
        order = np.argsort(values, axis=0)
        below = np.cumsum(by_age[order], axis=0) / by_age.sum()
        at = (below < 0.5).sum(0)  # the first value with half of the weight up to it
        return np.take_along_axis(np.take_along_axis(values, order, 0), at[None], 0)[0]


CASES = [
    ("updates", "weighted", 1.3),
    ("models", "weighted", 0.8),
    ("mixing", "weighted", 0.9),
    ("updates", "median", 1.3),
    ("models", "median", 0.8),
]


@pytest.mark.parametrize(("combine", "mean", "rate"), CASES)
def test_run_equals_a_plain_loop(combine: str, mean: str, rate: float) -> None:
    s = FLEET.replace(combine=combine, mean=mean, server_rate=rate, age_exponent=0.7)
    prepared = prepare(s)
    assert prepared.timeline.staleness.max() >= 2
    expected = PlainRules(prepared, combine, mean).run()
    got = trained_entries(prepared, final(prepared))
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)
    for other in {"updates", "models", "mixing"} - {combine}:
        away = PlainRules(prepared, other, mean).run()
        assert (away - expected).abs().max() > 100 * (got - expected).abs().max()


def test_one_fresh_model_at_full_rate_is_the_clients_model() -> None:
    """One client at a time, each from the newest version: its model becomes the server's."""
    s = SMALL.replace(concurrency=1, horizon_s=20.0).as_method("fedasync")
    prepared = prepare(s.replace(combine="models"))
    assert (prepared.timeline.staleness == 0).all()
    plain = PlainRun(prepared, "none")
    for version in range(len(prepared.timeline.step_s)):
        [p] = prepared.timeline.buffer_of(version).tolist()
        plain.row = plain.row + plain.train(p)[0]
    got = trained_entries(prepared, final(prepared))
    torch.testing.assert_close(got, plain.row, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "base", [SMALL.as_method("fedavg"), TIERS.replace(refill="step", buffer=None)]
)
def test_models_of_fresh_updates_are_updates_to_the_bit(base: Scenario) -> None:
    updates, models = (final(prepare(base.replace(combine=c))) for c in ("updates", "models"))
    pd.testing.assert_frame_equal(updates.history.points, models.history.points, check_exact=True)
    assert all(torch.equal(p, models.params[name]) for name, p in updates.params.items())


@pytest.mark.parametrize(
    "changes",
    [
        {"combine": "models"},
        {"combine": "mixing"},
        {"combine": "models", "mean": "trimmed"},
        {"mean": "median", "variance": "steps", "variance_exponent": 0.5},
    ],
)
@pytest.mark.parametrize("base", [FLEET, TIERS])
def test_workers_change_no_bit_under_any_rule(
    base: Scenario, changes: dict[str, Any], sent_tasks: list[Task]
) -> None:
    prepared = prepare(base.replace(**changes))
    alone, together = final(prepared, 1), final(prepared, 2)
    assert sent_tasks
    pd.testing.assert_frame_equal(alone.history.points, together.history.points, check_exact=True)
    assert all(torch.equal(alone.params[name], p) for name, p in together.params.items())


def test_models_are_weighted_by_their_sum_whatever_the_normalisation() -> None:
    s = FLEET.replace(combine="models")
    by_sum, by_count = (prepare(s.replace(normalise=n)) for n in ("sum", "count"))
    ends = [final(prepared) for prepared in (by_sum, by_count)]
    assert all(torch.equal(ends[0].params[name], p) for name, p in ends[1].params.items())
    steps = [e for e in simulate(by_count, processes=1) if isinstance(e, Stepped)]
    assert all(e.weights.sum() == pytest.approx(1) for e in steps)
    assert min(e.ages.min() for e in steps[3:]) > 0 or max(e.ages.max() for e in steps) > 1


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_start_rows_are_there_when_needed_and_no_longer(seed: int) -> None:
    timeline = prepare(FLEET.replace(seed=seed, alpha=None)).timeline
    rows = StartRows(timeline)
    under_way = timeline.fate == Fate.APPLIED
    for step in range(len(timeline.step_s)):
        rows.keep(step, torch.full((2,), float(step)))
        members = timeline.buffer_of(step)
        got = rows.at(timeline.version[members])
        assert got[:, 0].tolist() == timeline.version[members].tolist()
        open_now = under_way & (timeline.version <= step) & (timeline.step >= step)
        assert len(rows) == len(np.unique(timeline.version[open_now]))


def test_server_keeps_no_starts_for_updates() -> None:
    prepared = prepare(FLEET)
    assert GlobalModel(prepared)._starts is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"combine": "mixing", "server_rate": 1.5}, "a server_rate of at most 1"),
        ({"mean": "median", "buffer": 2}, "2 updates per server step; allowed: 3 or more"),
        ({"mean": "trimmed", "buffer": None, "concurrency": 2}, "2 updates per server step"),
        ({"mean": "median", "correction": "control_variates"}, "mean = 'weighted'"),
        ({"trim": 0.5}, r"trim = 0\.5; allowed: a number from 0 to 0\.45"),
        ({"combine": "model"}, "Did you mean 'models'"),
        ({"mean": "average"}, "mean = 'average'"),
    ],
)
def test_rules_that_make_no_sense_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FLEET.replace(**changes)


def test_models_are_what_the_clients_received_and_changed() -> None:
    """A client that changes nothing sends back the rounded model, and not the server's own."""
    fleet = FLEET.replace(combine="models", payload_bits=8, server_rate=1.0)
    prepared = prepare(fleet.replace(buffer=1, concurrency=1))
    server = GlobalModel(prepared)
    server.row = server.row + 0.01 * torch.randn(
        server.row.shape, generator=torch.Generator().manual_seed(0)
    )
    received = Rounding(prepared).received(server.row)
    assert not torch.equal(received, server.row)
    unchanged = torch.zeros(1, len(server.row))
    members = prepared.timeline.buffer_of(0)
    server.step(0, BufferedUpdates(members, unchanged, np.zeros(1), np.ones(1)))
    torch.testing.assert_close(server.row, received, rtol=0, atol=1e-7)
