"""What every method of a comparison shares: what the server ships, who holds which data, and the devices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import configure_process, require
from ftte_lab.data import Dataset, Shards, hand_to, load, split
from ftte_lab.devices import Fleet, sample_fleet
from ftte_lab.models import Model, Params, build, from_rows, full, make_plan, row_of
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.training import FrozenFeatures, draw_batches, train_cohort


@dataclass(frozen=True, eq=False)
class Start:
    """What the server ships: the model and its first parameters, trained on its own share of the data."""

    dataset: Dataset
    model: Model
    params: Params


@dataclass(frozen=True, eq=False)
class Federation:
    """What all methods share: what the server ships, who holds which data, and the devices."""

    start: Start
    shards: Shards
    fleet: Fleet

    @property
    def dataset(self) -> Dataset:
        """All samples, the server's own and the test set among them."""
        return self.start.dataset

    @property
    def model(self) -> Model:
        """The net."""
        return self.start.model

    @property
    def params(self) -> Params:
        """The server's first parameters."""
        return self.start.params


_SERVER = 2**32 - 1  # the number the server draws its batches under
_WARM_BATCH = 8  # the server's own: its memory does not depend on what a device can hold
_WARM_RATES = (
    1.0,
    0.3,
    0.1,
)  # of the client rate, a third of the steps each: settles instead of rattling


# The fields the world depends on: methods that differ in none of them share one world, from the same start.
_START_FIELDS = (
    "data",
    "clients",
    "samples_per_client",
    "model",
    "warm_start_steps",
    "client_rate",
    "seed",
)
_WORLD_FIELDS = (
    *_START_FIELDS,
    "alpha",
    "slow_class",
    "mix",
    "straggler_share",
    "straggler_factor",
    "dropout",
)


def _only(scenario: Scenario, names: tuple[str, ...]) -> Scenario:
    return Scenario(**{name: getattr(scenario, name) for name in names}, concurrency=1)


def federation(scenario: Scenario) -> Federation:
    """Build, or fetch from a small cache, the world of a scenario.

    Raises:
        ValueError: data that is not there, or too little of it for so many clients.
    """
    return _world(_only(scenario, _WORLD_FIELDS))


@lru_cache(maxsize=8)
def _world(s: Scenario) -> Federation:
    start = _start(_only(s, _START_FIELDS))
    natural = s.alpha is None and start.dataset.train_person is not None
    by = "person" if natural else "iid" if s.alpha is None else "label"
    shards = split(start.dataset, s.clients, alpha=s.alpha, by=by, seed=s.seed)
    fleet = sample_fleet(
        s.mix,
        s.clients,
        straggler_share=s.straggler_share,
        straggler_factor=s.straggler_factor,
        dropout=s.dropout,
        seed=s.seed,
    )
    if s.slow_class is not None:
        # by computing alone: how long a link takes depends on what a method sends, and all methods share one world
        slowest_first = np.argsort(-fleet.slow_factor / fleet.flops_per_s, kind="stable")
        shards = hand_to(slowest_first, shards, start.dataset, s.slow_class)
    return Federation(start, shards, fleet)


@lru_cache(
    maxsize=8
)  # the slow part (seconds): another fleet or another split of the data does not repeat it
def _start(s: Scenario) -> Start:
    configure_process()
    dataset = load(s.data, people=s.clients, samples_per_person=s.samples_per_client, seed=s.seed)
    model = build(s.model, dataset.shape, dataset.n_classes)
    return Start(dataset, model, _warm_start(s, dataset, model))


def _warm_start(s: Scenario, dataset: Dataset, model: Model) -> Params:
    """Fresh parameters, trained on the public share first: what a vendor would do before shipping."""
    params = model.init(s.seed)
    if not s.warm_start_steps:
        return params
    plan = make_plan(model, full(model))
    x, y = public(dataset)
    inputs = FrozenFeatures(model, params, x)
    batch = min(_WARM_BATCH, len(y))
    rows = draw_batches(len(y), s.warm_start_steps, batch, seed=s.seed, client=_SERVER, visit=0)
    for rate, part in zip(_WARM_RATES, np.array_split(rows, len(_WARM_RATES)), strict=True):
        if len(part):
            updates = train_cohort(
                plan, params, inputs, y, torch.as_tensor(part)[None], rate=rate * s.client_rate
            )
            params = from_rows(
                model, plan.subset, row_of(model, plan.subset, params) + updates.rows[0]
            )
    require(
        all(bool(p.isfinite().all()) for p in params.values()),
        f"the model diverged before it was shipped (client_rate = {s.client_rate:g})",
        "a rate at which it learns",
        "Lower client_rate, or set warm_start_steps = 0",
    )
    return params


def public(dataset: Dataset) -> tuple[Tensor, Tensor]:
    """The server's own share of the data as tensors."""
    return torch.as_tensor(dataset.x_public), torch.as_tensor(dataset.y_public)
