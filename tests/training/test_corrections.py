"""FedProx and SCAFFOLD in the training of a cohort, against a plain loop per client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ftte_lab.models import MODELS, Model, Params, Plan, Subset, make_plan
from ftte_lab.training import FrozenFeatures, LocalSGD, Updates, train_cohort
from tests.oracles import data, make, subsets
from tests.training.plain import RATE, STEPS, batches_of, draw_rows, plain_corrected

CLIENTS = 3
KINDS = ["full", "head", "half", "mixture"]
CLOSE = {torch.float32: 1e-5, torch.float64: 1e-12}


@dataclass(frozen=True)
class Case:
    """Three clients of one net, with the rows that SCAFFOLD would add."""

    model: Model
    params: Params
    subset: Subset
    x: Tensor
    y: Tensor
    rows: np.ndarray
    offsets: Tensor

    @classmethod
    def of(cls, name: str, kind: str, dtype: torch.dtype) -> Case:
        model, params = make(name, dtype=dtype)
        subset = subsets(model, params)[kind]
        noise = torch.Generator().manual_seed(5)
        offsets = torch.randn(CLIENTS, subset.entries(model), generator=noise, dtype=dtype)
        x, y = data(model, 30, dtype)
        return cls(model, params, subset, x, y, draw_rows(CLIENTS), 0.1 * offsets)

    @property
    def plan(self) -> Plan:
        return make_plan(self.model, self.subset)

    def train(self, **options: Any) -> Updates:
        """Train all clients at once."""
        batches = torch.as_tensor(self.rows)
        return train_cohort(self.plan, self.params, self.x, self.y, batches, rate=RATE, **options)

    def plain(self, client: int, steps: int = STEPS, **options: Any) -> Tensor:
        """Train one client by the plain loop, for its first steps."""
        batches = batches_of(self.x, self.y, self.rows[client])[:steps]
        return plain_corrected(self.model, self.params, self.subset, batches, **options)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("dtype", list(CLOSE), ids=["32", "64"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", list(MODELS))
def test_train_cohort_corrects_the_gradients(
    name: str, kind: str, dtype: torch.dtype, momentum: float
) -> None:
    case = Case.of(name, kind, dtype)
    pulled = case.train(momentum=momentum, proximal=3.0).rows
    shifted = case.train(momentum=momentum, offsets=case.offsets).rows
    for c in range(CLIENTS):
        want = case.plain(c, momentum=momentum, proximal=3.0)
        torch.testing.assert_close(pulled[c], want, rtol=0, atol=CLOSE[dtype])
        want = case.plain(c, momentum=momentum, offset=case.offsets[c])
        torch.testing.assert_close(shifted[c], want, rtol=0, atol=CLOSE[dtype])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", list(MODELS))
def test_train_cohort_with_neutral_corrections_is_plain_sgd(name: str, kind: str) -> None:
    """A mu of 0 to the bit; zero offsets within rounding, because the steps are not fused."""
    case = Case.of(name, kind, torch.float32)
    plain = case.train().rows
    assert torch.equal(plain, case.train(proximal=0.0, offsets=None).rows)
    shifted = case.train(offsets=torch.zeros_like(plain)).rows
    torch.testing.assert_close(shifted, plain, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["mlp", "cnn", "mcunet-s"])
def test_local_sgd_keeps_each_client_its_offset_however_it_is_split(name: str) -> None:
    case = Case.of(name, "mixture", torch.float64)
    plan, batches = case.plan, torch.as_tensor(case.rows)
    inputs = FrozenFeatures(case.model, case.params, case.x, plan.start)
    sgd = LocalSGD(plan, plan.start, RATE)
    at_once = [
        sgd.train(case.params, inputs, case.y, batches, at_once=k, offsets=case.offsets).rows
        for k in (3, 2, 1)
    ]
    for rows in at_once[1:]:
        torch.testing.assert_close(rows, at_once[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("correction", ["proximal", "offsets"])
def test_step_variance_is_that_of_the_corrected_gradients(correction: str) -> None:
    case = Case.of("mlp", "full", torch.float64)
    options: dict[str, Any] = (
        {"proximal": 3.0} if correction == "proximal" else {"offsets": case.offsets}
    )
    got = case.train(track=("variance",), **options).step_variance
    for c in range(CLIENTS):
        plain: dict[str, Any] = (
            {"proximal": 3.0} if correction == "proximal" else {"offset": case.offsets[c]}
        )
        moves = torch.stack([case.plain(c, k, **plain) for k in range(STEPS + 1)])
        steps = -moves.diff(dim=0) / RATE
        want = (steps - steps.mean(0)).square().sum() / (STEPS * (STEPS - 1))
        assert float(got[c]) == pytest.approx(float(want), rel=1e-6)
