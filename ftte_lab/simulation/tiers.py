"""Decide what each device trains: one subset for the fleet, or one per tier of devices.

With one subset the weakest device decides for all. With one per kind (`subset_per = "kind"`) each
kind trains what is worth most within its own memory, and an entry of the model is averaged over the
devices that train it: our reconstruction, after the submodels of HeteroFL (Diao et al. 2021).
Kinds whose searches agree form one tier.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, TypeVar

import numpy as np

from ftte_lab.devices import MemoryModel, memory_model, training_bill
from ftte_lab.models import Model, Plan, Subset, full, index_bytes, make_plan
from ftte_lab.server import (
    CORRECTIONS,
    Choice,
    Contributions,
    choose,
    choose_with_micro_batch,
    largest_micro_batch,
    measure,
)
from ftte_lab.simulation import kept as _kept
from ftte_lab.simulation.federation import Federation, Start, public
from ftte_lab.simulation.phases import Phases, boundaries, redrawn, union_of
from ftte_lab.simulation.privacy_checks import updates_per_step
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.simulation.tier import Tier, Tiers, sent_plan
from ftte_lab.simulation.traffic import Traffic, traffic

Kept = TypeVar("Kept")

_SEED_STEP = 1_000_003  # between the seeds of the searches of two phases


def make_tiers(scenario: Scenario, federation: Federation) -> Tiers:
    """Search what each tier trains.

    Raises:
        BudgetError: no subset fits a device.
    """
    model, fleet = federation.model, federation.fleet
    kinds = sorted(dict.fromkeys(fleet.kind), key=lambda kind: _memory(federation, kind))
    if scenario.phases > 1:
        return _in_phases(scenario, federation, tuple(kinds))
    choices = _choices(scenario, federation, kinds)
    subsets = {kind: choice.subset if choice else full(model) for kind, choice in choices.items()}
    groups: dict[str, list[str]] = {}
    for kind in kinds:
        groups.setdefault(subsets[kind].to_json(), []).append(kind)
    trained = [subsets[group[0]] for group in groups.values()]
    sent = [sent_plan(model, one, scenario.private).subset for one in trained]
    union = make_plan(model, union_of(model, sent))
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


def _in_phases(s: Scenario, federation: Federation, kinds: tuple[str, ...]) -> Tiers:
    """Search the subset of each phase; each fits the weakest device."""
    budget = _smallest_budget(s, federation)
    choices = _redrawn(_search(s, federation.start, *budget), s.phases)
    plans = [make_plan(federation.model, choice.subset) for choice in choices]
    tiers = tuple(
        _tier(s, federation, kinds, choice, plan)
        for choice, plan in zip(choices, plans, strict=True)
    )
    phases = Phases.of(
        boundaries(s.phases, s.first_phase),
        plans,
        [tier.traffic for tier in tiers],
        lambda subset: _messages(s, federation, subset, subset).download,
    )
    first = np.zeros(len(federation.fleet), dtype=np.int64)
    return Tiers(tiers, first, phases.reached[-1], phases)


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
        micro_batch=choice.micro_batch if choice else _micro_batch(s, federation),
        recompute=s.recompute,
    )
    sent = sent_plan(model, plan.subset, s.private)
    messages = _messages(s, federation, sent.subset, union.subset)
    if s.private is not None:  # the index names what is trained, and sent or not
        index = 0 if choice is None else index_bytes(plan.subset)
        messages = replace(messages, index=index)
    return Tier(kinds, plan, sent, choice, bill, messages)


def _micro_batch(s: Scenario, federation: Federation) -> int | None:
    """Return the micro-batch for training everything: as set, or the largest that fits."""
    if not isinstance(s.micro_batch, str):
        return s.micro_batch
    model = federation.model
    budget, _ = _smallest_budget(s, federation)
    return largest_micro_batch(_memory_models(s, model), full(model), budget)


def _memory_models(s: Scenario, model: Model) -> Callable[..., MemoryModel]:
    """Return the memory of a training step by its micro-batch."""
    momentum, correction = s.client_momentum > 0, CORRECTIONS[s.correction].state_vectors > 0
    return partial(
        memory_model, model, s.batch, s.accounting, momentum, correction, recompute=s.recompute
    )


def _messages(s: Scenario, federation: Federation, trained: Subset, union: Subset) -> Traffic:
    return traffic(
        federation.model,
        trained,
        union,
        CORRECTIONS[s.correction],
        bits=s.payload_bits,
        names=s.payload_names,
        group=updates_per_step(s) if s.secure_aggregation else None,
    )


@dataclass(frozen=True)
class _Search:
    """One search; two with the same key, start and budget give the same choice.

    What is kept of a search does not keep the start, and its data set, in memory.
    """

    key: tuple[Any, ...]
    held: weakref.ref[Start]
    budget_bytes: int
    device: str
    scenario: Scenario = field(compare=False)

    @property
    def start(self) -> Start:
        """Return the start, which whoever asks for a search holds."""
        start = self.held()
        assert start is not None  # noqa: S101
        return start

    def kept(
        self,
        kind: str,
        make: Callable[[], Kept],
        write: Callable[[Kept], bytes],
        read: Callable[[bytes], Kept],
    ) -> Kept:
        """Return what follows from this search, from the disk if it is kept there."""
        if _kept.kept_in() is None or self.scenario.own_names():
            return make()
        key = (kind, self.start.digest, repr(self.key), self.budget_bytes, self.device)
        return _kept.kept(key, make, write, read)


def _search(s: Scenario, start: Start, budget_bytes: int, device: str) -> _Search:
    return _Search(s.key("gains", "search"), weakref.ref(start), budget_bytes, device, s)


@lru_cache(maxsize=64)  # the search takes most of the time of `prepare`, and few knobs change it
def _chosen(search: _Search) -> Choice:
    def make() -> Choice:
        return _choose(search, _gains_for(search), search.scenario.seed)

    return search.kept("choice", make, _kept.choice_to_bytes, _kept.choice_from_bytes)


@lru_cache(maxsize=16)
def _redrawn(search: _Search, phases: int) -> tuple[Choice, ...]:
    def another(gains: Contributions, phase: int) -> Choice:
        return _choose(search, gains, search.scenario.seed + phase * _SEED_STEP)

    first, gains = _chosen(search), _gains_for(search)
    return tuple(redrawn(search.start.model, gains, first, another, phases))


def _choose(search: _Search, gains: Contributions, seed: int) -> Choice:
    s, model = search.scenario, search.start.model
    most = None if s.payload_share is None else int(s.payload_share * model.size)
    memory = _memory_models(s, model)
    if isinstance(s.micro_batch, str):
        solve = partial(choose_with_micro_batch, gains, memory)
    else:
        solve = partial(choose, gains, memory(micro_batch=s.micro_batch))
    return solve(
        search.budget_bytes,
        solver=s.solver,
        max_entries=most,
        granularity=s.granularity,
        device=search.device,
        seed=seed,
    )


def _gains_for(search: _Search) -> Contributions:
    s = search.scenario
    return _gains(_Search(s.key("gains"), search.held, 0, "", s))


@lru_cache(maxsize=16)
def _gains(search: _Search) -> Contributions:
    s, start = search.scenario, search.start

    def make() -> Contributions:
        x, y = public(start.dataset)
        return measure(
            start.model,
            start.params,
            x,
            y,
            s.contribution,
            channels_by=s.channels_by,
            exponent=s.gain_exponent,
            seed=s.seed,
        )

    return search.kept("gains", make, _kept.gains_to_bytes, _kept.gains_from_bytes)
