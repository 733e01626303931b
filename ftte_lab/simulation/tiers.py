"""What each device trains: one subset for the whole fleet, or one per tier of devices that can hold more.

With one subset the weakest device decides for all. With one per kind (`Scenario.subset_per = "kind"`) every kind trains
what is worth most within *its* memory, and an entry of the model is averaged over the devices that train it: our
reconstruction, after the submodels of HeteroFL (Diao et al. 2021). Kinds whose searches agree form one tier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from ftte_lab.devices import MemoryBill, memory_model, training_bill
from ftte_lab.models import (
    Model,
    Plan,
    Subset,
    from_rows,
    full,
    index_bytes,
    make_plan,
    pack,
    put,
    row_of,
    take,
)
from ftte_lab.server import Choice, Contributions, choose, measure
from ftte_lab.simulation.federation import Federation, Start, public
from ftte_lab.simulation.scenario import Scenario


@dataclass(frozen=True)
class Traffic:
    """Bytes of one message each: `upload` and `download` per participation, `once` the first full download, `index`."""

    upload: int
    download: int
    once: int
    index: int


@dataclass(frozen=True, eq=False)
class Tier:
    """Devices that train the same subset: what was chosen and why, what it costs in memory and on the link."""

    kinds: tuple[str, ...]
    plan: Plan
    choice: Choice | None
    bill: MemoryBill
    traffic: Traffic


@dataclass(frozen=True, eq=False)
class Tiers:
    """All tiers, the weakest first; which of them each client belongs to, `of` `(clients,)`; all they train, `union`.

    The server moves the entries of the union, and a device downloads all of them: others have changed them too.
    """

    all: tuple[Tier, ...]
    of: np.ndarray
    union: Plan

    def __len__(self) -> int:
        return len(self.all)

    @cached_property
    def columns(self) -> tuple[Tensor, ...]:
        """Where the trained entries of each tier stand in the server's row."""
        model, union = self.union.model, self.union.subset
        places = torch.arange(union.entries(model), dtype=torch.float64)  # exact up to 2^53
        nowhere = {
            name: torch.full(info.shape, -1.0, dtype=torch.float64)
            for name, info in model.tensors.items()
        }
        placed = put(model, union, nowhere, from_rows(model, union, places))
        return tuple(row_of(model, tier.plan.subset, placed).long() for tier in self.all)

    @cached_property
    def covered(self) -> Tensor:
        """Which entries of the server's row each tier trains, 0 or 1, `(tiers, d)`."""
        out = torch.zeros(len(self), self.union.subset.entries(self.union.model))
        for mark, columns in zip(out, self.columns, strict=True):
            mark[columns] = 1.0
        return out

    def per_client(self, values: Sequence[float]) -> np.ndarray:
        """One number per tier as one per client, `(clients,)`."""
        return np.asarray(values)[self.of]


def make_tiers(scenario: Scenario, w: Federation) -> Tiers:
    """Search what each tier trains.

    Raises:
        BudgetError: if no subset fits a device.
    """
    kinds = sorted(dict.fromkeys(w.fleet.kind), key=lambda k: _memory(w, k))
    choices = _choices(scenario, w, kinds)
    subsets = {kind: choice.subset if choice else full(w.model) for kind, choice in choices.items()}
    groups: dict[str, list[str]] = {}
    for kind in kinds:
        groups.setdefault(subsets[kind].to_json(), []).append(kind)
    union = make_plan(w.model, _together(w.model, [subsets[group[0]] for group in groups.values()]))
    tiers = tuple(
        _tier(scenario, w, tuple(group), choices[group[0]], union) for group in groups.values()
    )
    number = {kind: k for k, tier in enumerate(tiers) for kind in tier.kinds}
    return Tiers(tiers, np.array([number[kind] for kind in w.fleet.kind]), union)


def _choices(s: Scenario, w: Federation, kinds: list[str]) -> Mapping[str, Choice | None]:
    if s.subset == "full":
        return dict.fromkeys(kinds)
    budget, device = _smallest_budget(s, w)
    weakest = _choose(s, w, budget, device)
    if s.subset_per == "fleet":
        return dict.fromkeys(kinds, weakest)
    return {kinds[0]: weakest} | {
        kind: _choose(s, w, _memory(w, kind), f"a {kind}") for kind in kinds[1:]
    }


def _together(model: Model, subsets: list[Subset]) -> Subset:
    """The channels that are in any of the subsets."""
    parts = dict[str, tuple[int, ...] | None]()
    for name, info in model.tensors.items():
        chosen = [s.parts[name] for s in subsets if name in s]
        if chosen:
            every = set().union(*(range(info.channels) if c is None else c for c in chosen))
            parts[name] = None if None in chosen else tuple(sorted(every))
    return Subset(parts)


def _memory(w: Federation, kind: str) -> int:
    return int(w.fleet.memory_bytes[w.fleet.kind.index(kind)])


def _smallest_budget(s: Scenario, w: Federation) -> tuple[int, str]:
    _, kind, memory = w.fleet.weakest()
    if s.budget_kib is None:
        return memory, f"the weakest device ({kind})"
    return int(s.budget_kib * 1024), "the budget you set"


def _tier(
    s: Scenario, w: Federation, kinds: tuple[str, ...], choice: Choice | None, union: Plan
) -> Tier:
    plan = make_plan(w.model, choice.subset if choice else full(w.model))
    bill = training_bill(w.model, plan.subset, s.batch, s.accounting, s.client_momentum)
    return Tier(kinds, plan, choice, bill, traffic(w, plan, union))


def _choose(s: Scenario, w: Federation, budget_bytes: int, device: str) -> Choice:
    fields = (
        s.contribution,
        s.channels_by,
        s.solver,
        s.seed,
        s.batch,
        s.accounting,
        s.client_momentum > 0,
    )
    return _chosen(w.start, *fields, s.payload_share, budget_bytes, device)


@lru_cache(maxsize=64)  # the search takes most of the time of `prepare`, and few knobs touch it
def _chosen(
    start: Start,
    contribution: str,
    channels_by: str,
    solver: str,
    seed: int,
    batch: int,
    accounting: str,
    momentum: bool,
    payload_share: float | None,
    budget_bytes: int,
    device: str,
) -> Choice:
    model = start.model
    table = memory_model(model, batch, accounting, momentum)
    most = None if payload_share is None else int(payload_share * model.size)
    gains = _contributions(start, contribution, channels_by, seed)
    return choose(
        gains, table, budget_bytes, solver=solver, max_entries=most, device=device, seed=seed
    )


@lru_cache(maxsize=16)
def _contributions(start: Start, kind: str, channels_by: str, seed: int) -> Contributions:
    x, y = public(start.dataset)
    return measure(start.model, start.params, x, y, kind, channels_by=channels_by, seed=seed)


def traffic(w: Federation, plan: Plan, union: Plan) -> Traffic:
    """Lengths of real messages. They depend on shapes alone, so one of each kind tells for the whole run."""
    upload, download = (len(pack(take(w.model, p.subset, w.params))) for p in (plan, union))
    everything = full(w.model)
    once = 0 if union.subset == everything else len(pack(w.params))
    return Traffic(
        upload, download, once, 0 if plan.subset == everything else index_bytes(plan.subset)
    )
