"""Everything about a run that is known before any training: world, subset, bill, bytes, durations, the whole timeline.

A slider can show this part at once; `engine` then trains along the timeline.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ftte_lab import data as datasets
from ftte_lab._require import require
from ftte_lab._runtime import settle
from ftte_lab.batches import draw_batches
from ftte_lab.contribution import Contributions, measure
from ftte_lab.data import Dataset, Shards
from ftte_lab.devices import Fleet, Times, energy_j, participation_times, sample_fleet, slowest
from ftte_lab.inputs import Inputs
from ftte_lab.local import train_cohort
from ftte_lab.memory import MemoryBill, memory_model, training_bill
from ftte_lab.models import Model, build
from ftte_lab.ops import Params
from ftte_lab.payload import index_bytes, pack
from ftte_lab.plan import Plan, make_plan
from ftte_lab.scenario import Scenario
from ftte_lab.subset import Choice, choose
from ftte_lab.timeline import Policy, Timeline, schedule
from ftte_lab.trainable import from_rows, full, row_of, take


@dataclass(frozen=True, eq=False)
class Start:
    """What the server ships: the model and its first parameters, trained on its own share of the data."""

    dataset: Dataset
    model: Model
    params: Params


@dataclass(frozen=True, eq=False)
class World:
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


@dataclass(frozen=True)
class Traffic:
    """Bytes of one message each: `upload` and `download` per participation, `once` the first full download, `index`."""

    upload: int
    download: int
    once: int
    index: int


@dataclass(frozen=True, eq=False)
class Prepared:
    """A run before its first gradient.

    `holds`: which devices can hold the training step; `eligible`: which take part; `slowest`: the slowest tenth by
    the time of a full participation, the same devices for every method; `energy_j` per participation of each client.
    """

    scenario: Scenario
    world: World
    plan: Plan
    choice: Choice | None
    bill: MemoryBill
    traffic: Traffic
    times: Times
    timeline: Timeline
    holds: np.ndarray
    eligible: np.ndarray
    slowest: np.ndarray
    energy_j: np.ndarray

    @property
    def data_left_out(self) -> float:
        """Share of the training samples on devices that do not take part."""
        sizes = np.array([len(shard) for shard in self.world.shards.train])
        return float(sizes[~self.eligible].sum() / sizes.sum())

    def inputs(self, x: np.ndarray) -> Inputs:
        """Samples `(n, *input_shape)` as the first trained operation sees them: the same all run long."""
        return Inputs(self.world.model, self.world.params, torch.as_tensor(x), self.plan.start)


_SERVER = 2**32 - 1  # the number the server draws its batches under
_WARM_BATCH = 8  # the server's own: its memory does not depend on what a device can hold
_WARM_RATES = (1.0, 0.3, 0.1)  # of the client rate, a third of the steps each: settles instead of rattling


# The fields the world depends on: methods that differ in none of them share one world, from the same start.
_START_FIELDS = (
    "data", "clients", "samples_per_client", "model", "warm_start_steps", "client_rate", "seed",
)  # fmt: skip
_WORLD_FIELDS = (*_START_FIELDS, "alpha", "mix", "straggler_share", "straggler_factor", "dropout")


def _only(scenario: Scenario, names: tuple[str, ...]) -> Scenario:
    return Scenario(**{name: getattr(scenario, name) for name in names}, concurrency=1)


def world(scenario: Scenario) -> World:
    """Build, or fetch from a small cache, the world of a scenario.

    Raises:
        ValueError: data that is not there, or too little of it for so many clients.
    """
    return _world(_only(scenario, _WORLD_FIELDS))


@lru_cache(maxsize=8)
def _world(s: Scenario) -> World:
    start = _start(_only(s, _START_FIELDS))
    natural = s.alpha is None and start.dataset.train_person is not None
    by = "person" if natural else "iid" if s.alpha is None else "label"
    shards = datasets.split(start.dataset, s.clients, alpha=s.alpha, by=by, seed=s.seed)
    fleet = sample_fleet(
        s.mix, s.clients, straggler_share=s.straggler_share, straggler_factor=s.straggler_factor,
        dropout=s.dropout, seed=s.seed,
    )  # fmt: skip
    return World(start, shards, fleet)


@lru_cache(maxsize=8)  # the slow part (seconds): another fleet or another split of the data does not repeat it
def _start(s: Scenario) -> Start:
    settle()
    dataset = datasets.load(s.data, people=s.clients, samples_per_person=s.samples_per_client, seed=s.seed)
    model = build(s.model, dataset.shape, dataset.n_classes)
    return Start(dataset, model, _warm_start(s, dataset, model))


def _warm_start(s: Scenario, dataset: Dataset, model: Model) -> Params:
    """Fresh parameters, trained on the public share first: what a vendor would do before shipping."""
    params = model.init(s.seed)
    if not s.warm_start_steps:
        return params
    plan = make_plan(model, full(model))
    x, y = public(dataset)
    inputs = Inputs(model, params, x)
    batch = min(_WARM_BATCH, len(y))
    rows = draw_batches(len(y), s.warm_start_steps, batch, seed=s.seed, client=_SERVER, visit=0)
    for rate, part in zip(_WARM_RATES, np.array_split(rows, len(_WARM_RATES)), strict=True):
        if len(part):
            updates = train_cohort(plan, params, inputs, y, torch.as_tensor(part)[None], rate=rate * s.client_rate)
            params = from_rows(model, plan.subset, row_of(model, plan.subset, params) + updates.rows[0])
    require(
        all(bool(p.isfinite().all()) for p in params.values()),
        f"the model diverged before it was shipped (client_rate = {s.client_rate:g})", "a rate at which it learns",
        "Lower client_rate, or set warm_start_steps = 0",
    )  # fmt: skip
    return params


def public(dataset: Dataset) -> tuple[Tensor, Tensor]:
    """The server's own share of the data as tensors."""
    return torch.as_tensor(dataset.x_public), torch.as_tensor(dataset.y_public)


def prepare(scenario: Scenario) -> Prepared:
    """Find out all that needs no training.

    Raises:
        BudgetError: if no subset fits the weakest device.
        ValueError: data that is not there, or nobody left to take part.
    """
    w = world(scenario)
    choice = _choose(scenario, w) if scenario.subset == "search" else None
    plan = make_plan(w.model, choice.subset if choice else full(w.model))
    bill = training_bill(w.model, plan.subset, scenario.batch, scenario.accounting, scenario.client_momentum)
    holds = w.fleet.holds(bill.peak_bytes)
    eligible = holds if scenario.exclude_small else np.ones(len(w.fleet), dtype=bool)
    need = f"{bill.peak_bytes / 1024:.0f} KiB"
    require(
        bool(eligible.any()), f"no device can hold a training step of {need}", "at least one that can", "Train less"
    )
    traffic = _traffic(plan, w)
    times = _times(scenario, plan, w.fleet, traffic)
    return Prepared(
        scenario, w, plan, choice, bill, traffic, times, _timeline(scenario, w, traffic, times, eligible),
        holds, eligible, _slowest_tenth(scenario, w), energy_j(w.fleet, times),
    )  # fmt: skip


def _choose(s: Scenario, w: World) -> Choice:
    _, kind, memory = w.fleet.weakest()
    budget = memory if s.budget_kib is None else int(s.budget_kib * 1024)
    device = f"the weakest device ({kind})" if s.budget_kib is None else "the budget you set"
    fields = (s.contribution, s.channels_by, s.solver, s.seed, s.batch, s.accounting, s.client_momentum > 0)
    return _chosen(w.start, *fields, s.payload_share, budget, device)


@lru_cache(maxsize=64)  # the search takes most of the time of `prepare`, and few knobs touch it
def _chosen(
    start: Start, contribution: str, channels_by: str, solver: str, seed: int, batch: int, accounting: str,
    momentum: bool, payload_share: float | None, budget_bytes: int, device: str,
) -> Choice:  # fmt: skip
    model = start.model
    table = memory_model(model, batch, accounting, momentum)
    most = None if payload_share is None else int(payload_share * model.size)
    gains = _contributions(start, contribution, channels_by, seed)
    return choose(gains, table, budget_bytes, solver=solver, max_entries=most, device=device, seed=seed)


@lru_cache(maxsize=16)
def _contributions(start: Start, kind: str, channels_by: str, seed: int) -> Contributions:
    x, y = public(start.dataset)
    return measure(start.model, start.params, x, y, kind, channels_by=channels_by, seed=seed)


def _traffic(plan: Plan, w: World) -> Traffic:
    """Lengths of real messages. They depend on shapes alone, so one of each kind tells for the whole run."""
    message = len(pack(take(w.model, plan.subset, w.params)))
    if plan.subset == full(w.model):
        return Traffic(upload=message, download=message, once=0, index=0)
    return Traffic(upload=message, download=message, once=len(pack(w.params)), index=index_bytes(plan.subset))


def _times(s: Scenario, plan: Plan, fleet: Fleet, traffic: Traffic) -> Times:
    flops = s.local_steps * s.batch * (plan.forward_flops() + plan.backward_flops())
    return participation_times(fleet, download_bytes=traffic.download, upload_bytes=traffic.upload, flops=flops)


def _slowest_tenth(s: Scenario, w: World) -> np.ndarray:
    """The slowest tenth of the devices when everything is trained: the same ones whatever the method."""
    plan = make_plan(w.model, full(w.model))
    return slowest(0.1, _times(s, plan, w.fleet, _traffic(plan, w)))


def policy(s: Scenario) -> Policy:
    """The server's protocol as the timeline knows it. Over-selection keeps the concurrency and shrinks the cohort."""
    cohort = max(1, round(s.concurrency / (1 + s.over_select)))
    buffer = cohort if s.buffer is None else s.buffer
    return Policy(s.concurrency, buffer, s.refill, s.max_staleness, discard_late=s.over_select > 0)


def _timeline(s: Scenario, w: World, traffic: Traffic, times: Times, eligible: np.ndarray) -> Timeline:
    first = times.download_s
    if traffic.once:
        whole = traffic.once + traffic.index
        first = participation_times(w.fleet, download_bytes=whole, upload_bytes=0, flops=0).download_s
    return schedule(
        policy(s), download_s=times.download_s, first_download_s=first, compute_s=times.compute_s,
        upload_s=times.upload_s, dropout=w.fleet.dropout, eligible=eligible, jitter_sigma=s.jitter,
        horizon_s=s.horizon_s, seed=s.seed,
    )  # fmt: skip
