"""Decide what each device trains: one subset for the fleet, or one per tier of devices.

With one subset the weakest device decides for all. With one per kind (`subset_per = "kind"`) each
kind trains what is worth most within its own memory, and an entry of the model is averaged over the
devices that train it: our reconstruction, after the submodels of HeteroFL (Diao et al. 2021).
Kinds whose searches agree form one tier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftte_lab.devices import MemoryBill, memory_model, training_bill
from ftte_lab.models import (
    Model,
    Plan,
    Subset,
    extract,
    flatten_trained,
    from_rows,
    full,
    index_bytes,
    insert,
    make_plan,
    pack,
)
from ftte_lab.server import CORRECTIONS, Choice, ClientCorrection, Contributions, choose, measure
from ftte_lab.simulation.federation import Federation, Start, public
from ftte_lab.simulation.scenario import Scenario

_PLAIN = CORRECTIONS["none"]


@dataclass(frozen=True)
class Traffic:
    """Bytes of one message of each sort.

    Attributes:
        upload: an update, per participation.
        download: the trained entries, per participation.
        once: the first, complete download of a device; 0 if each download is complete.
        index: the index of the subset, sent once; 0 if everything is trained.
    """

    upload: int
    download: int
    once: int
    index: int


@dataclass(frozen=True, eq=False)
class Tier:
    """Devices that train the same subset.

    Attributes:
        kinds: the device kinds of the tier.
        plan: what the subset asks of each operation.
        choice: how the subset was chosen, or `None` if everything is trained.
        bill: memory of one training step.
        traffic: bytes of one message of each sort.
    """

    kinds: tuple[str, ...]
    plan: Plan
    choice: Choice | None
    bill: MemoryBill
    traffic: Traffic


@dataclass(frozen=True, eq=False)
class Tiers:
    """All tiers of a fleet.

    The server moves the entries of the union, and a device downloads all of them, because devices
    of other tiers have changed them too.

    Attributes:
        tiers: the tiers, the weakest first.
        tier_of_client: `(clients,)`, index into `tiers`.
        union: plan of all entries that any tier trains.
    """

    tiers: tuple[Tier, ...]
    tier_of_client: np.ndarray
    union: Plan

    def __len__(self) -> int:
        return len(self.tiers)

    @cached_property
    def columns(self) -> tuple[Tensor, ...]:
        """Where the trained entries of each tier stand in the server's row."""
        model, union = self.union.model, self.union.subset
        places = torch.arange(union.entries(model), dtype=torch.float64)  # exact up to 2^53
        nowhere = {
            name: torch.full(info.shape, -1.0, dtype=torch.float64)
            for name, info in model.tensors.items()
        }
        placed = insert(model, union, nowhere, from_rows(model, union, places))
        return tuple(flatten_trained(model, tier.plan.subset, placed).long() for tier in self.tiers)

    @cached_property
    def coverage(self) -> Tensor:
        """Which entries of the server's row each tier trains, 0 or 1, `(tiers, d)`."""
        out = torch.zeros(len(self), self.union.subset.entries(self.union.model))
        for mark, columns in zip(out, self.columns, strict=True):
            mark[columns] = 1.0
        return out

    def per_client(self, values: Sequence[float]) -> np.ndarray:
        """Spread one number per tier to one per client, `(clients,)`."""
        return np.asarray(values)[self.tier_of_client]


def make_tiers(scenario: Scenario, federation: Federation) -> Tiers:
    """Search what each tier trains.

    Raises:
        BudgetError: no subset fits a device.
    """
    model, fleet = federation.model, federation.fleet
    kinds = sorted(dict.fromkeys(fleet.kind), key=lambda kind: _memory(federation, kind))
    choices = _choices(scenario, federation, kinds)
    subsets = {kind: choice.subset if choice else full(model) for kind, choice in choices.items()}
    groups: dict[str, list[str]] = {}
    for kind in kinds:
        groups.setdefault(subsets[kind].to_json(), []).append(kind)
    union = make_plan(model, _union(model, [subsets[group[0]] for group in groups.values()]))
    tiers = tuple(
        _tier(scenario, federation, tuple(group), choices[group[0]], union)
        for group in groups.values()
    )
    number = {kind: k for k, tier in enumerate(tiers) for kind in tier.kinds}
    return Tiers(tiers, np.array([number[kind] for kind in fleet.kind]), union)


def _choices(s: Scenario, federation: Federation, kinds: list[str]) -> Mapping[str, Choice | None]:
    if s.subset == "full":
        return dict.fromkeys(kinds)
    smallest = _smallest_budget(s, federation)
    weakest = _chosen(_search(s, federation.start, *smallest))
    if s.subset_per == "fleet":
        return dict.fromkeys(kinds, weakest)
    choices = {kinds[0]: weakest}
    for kind in kinds[1:]:
        budget = _memory(federation, kind)
        choices[kind] = _chosen(_search(s, federation.start, budget, f"a {kind}"))
    return choices


def _union(model: Model, subsets: list[Subset]) -> Subset:
    """Return the channels that are in any of the subsets."""
    parts = dict[str, tuple[int, ...] | None]()
    for name, info in model.tensors.items():
        chosen = [s.parts[name] for s in subsets if name in s]
        if chosen:
            every = set().union(*(range(info.channels) if c is None else c for c in chosen))
            parts[name] = None if None in chosen else tuple(sorted(every))
    return Subset(parts)


def _memory(federation: Federation, kind: str) -> int:
    fleet = federation.fleet
    return int(fleet.memory_bytes[fleet.kind.index(kind)])


def _smallest_budget(s: Scenario, federation: Federation) -> tuple[int, str]:
    _, kind, memory = federation.fleet.weakest()
    if s.budget_kib is None:
        return memory, f"the weakest device ({kind})"
    return int(s.budget_kib * 1024), "the budget you set"


def _tier(
    s: Scenario,
    federation: Federation,
    kinds: tuple[str, ...],
    choice: Choice | None,
    union: Plan,
) -> Tier:
    model = federation.model
    plan = make_plan(model, choice.subset if choice else full(model))
    correction = CORRECTIONS[s.correction]
    bill = training_bill(
        model,
        plan.subset,
        s.batch,
        s.accounting,
        s.client_momentum,
        correction=correction.state_vectors > 0,
    )
    return Tier(kinds, plan, choice, bill, traffic(federation, plan, union, correction))


@dataclass(frozen=True)
class _Search:
    """One search; two with the same key, start and budget give the same choice."""

    key: tuple[Any, ...]
    start: Start
    budget_bytes: int
    device: str
    scenario: Scenario = field(compare=False)


def _search(s: Scenario, start: Start, budget_bytes: int, device: str) -> _Search:
    return _Search(s.key("gains", "search"), start, budget_bytes, device, s)


@lru_cache(maxsize=64)  # the search takes most of the time of `prepare`, and few knobs change it
def _chosen(search: _Search) -> Choice:
    s, model = search.scenario, search.start.model
    most = None if s.payload_share is None else int(s.payload_share * model.size)
    return choose(
        _gains(_Search(s.key("gains"), search.start, 0, "", s)),
        memory_model(
            model,
            s.batch,
            s.accounting,
            s.client_momentum > 0,
            CORRECTIONS[s.correction].state_vectors > 0,
        ),
        search.budget_bytes,
        solver=s.solver,
        max_entries=most,
        device=search.device,
        seed=s.seed,
    )


@lru_cache(maxsize=16)
def _gains(search: _Search) -> Contributions:
    s, start = search.scenario, search.start
    x, y = public(start.dataset)
    return measure(
        start.model, start.params, x, y, s.contribution, channels_by=s.channels_by, seed=s.seed
    )


def traffic(
    federation: Federation, plan: Plan, union: Plan, correction: ClientCorrection = _PLAIN
) -> Traffic:
    """Measure the lengths of real messages.

    They depend on shapes alone, so one message of each sort stands for all. A client correction may
    send further rows of the same length beside each (SCAFFOLD: a control variate each way).
    """
    model, params = federation.model, federation.params
    upload = len(pack(extract(model, plan.subset, params)))
    download = len(pack(extract(model, union.subset, params)))
    everything = full(model)
    beside = correction.messages - 1
    once = 0 if union.subset == everything else len(pack(params)) + beside * download
    index = 0 if plan.subset == everything else index_bytes(plan.subset)
    return Traffic(upload + beside * upload, download + beside * download, once, index)
