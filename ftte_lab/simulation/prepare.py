"""Prepare a run: compute all that is known before training.

This is the federation, the subset, the memory bill, bytes, durations and the complete timeline. A
slider can show it at once; `engine` then trains along the timeline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from ftte_lab._common import require, size
from ftte_lab.devices import (
    Batteries,
    Fleet,
    MemoryBill,
    Times,
    draw_batteries,
    energy_j,
    faulty_clients,
    participation_times,
    recompute_flops,
    slowest,
)
from ftte_lab.models import Plan, full, make_plan
from ftte_lab.server import Choice, Participants, Policy, Redraws, Timeline, schedule
from ftte_lab.simulation.federation import Federation, federation
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.simulation.tier import Tier, Tiers
from ftte_lab.simulation.tiers import make_tiers
from ftte_lab.simulation.traffic import Traffic, delivered, traffic
from ftte_lab.training import FrozenInputs


@dataclass(frozen=True, eq=False)
class Prepared:
    """A run before its first gradient.

    Attributes:
        scenario: what was prepared.
        federation: first model, data of each client, devices.
        tiers: what each device trains, and what it costs.
        times: seconds of one participation of each client, without jitter; in the first phase.
        timeline: who starts, arrives and is buffered when.
        holds: `(clients,)`, which devices can hold the training step.
        eligible: `(clients,)`, which devices take part.
        slowest: indices of the slowest tenth of the devices, by the time that training everything
            would take: the same devices for every method.
        energy_j: `(clients,)`, joules of one participation; in the first phase.
    """

    scenario: Scenario
    federation: Federation
    tiers: Tiers
    times: Times
    timeline: Timeline
    holds: np.ndarray
    eligible: np.ndarray
    slowest: np.ndarray
    energy_j: np.ndarray

    @property
    def weakest(self) -> Tier:
        """Return the tier of the weakest devices; with one subset for the fleet, the only one."""
        return self.tiers.tiers[0]

    @property
    def plan(self) -> Plan:
        """Return what the subset of the weakest devices asks of each operation."""
        return self.weakest.plan

    @property
    def choice(self) -> Choice | None:
        """Return how the subset of the weakest devices was chosen; `None`: all is trained."""
        return self.weakest.choice

    @property
    def bill(self) -> MemoryBill:
        """Return the memory bill of the weakest devices; with phases, the largest of them."""
        if self.tiers.phases is None:
            return self.weakest.bill
        return max((tier.bill for tier in self.tiers.tiers), key=lambda bill: bill.peak_bytes)

    @property
    def traffic(self) -> Traffic:
        """Return the bytes per message of the weakest devices."""
        return self.weakest.traffic

    @cached_property
    def tier(self) -> np.ndarray:
        """Return what each participation trains: its client's tier, or its phase."""
        if self.tiers.phases is not None:
            return self.timeline.phase
        return self.tiers.tier_of_client[self.timeline.client]

    @cached_property
    def flops_per_update(self) -> np.ndarray:
        """Count the floating-point operations of each participation."""
        return np.asarray(_flops_by_tier(self.scenario, self.tiers))[self.tier]

    @cached_property
    def energy_per_update_j(self) -> np.ndarray:
        """Return the joules of each participation."""
        timeline, phases, fleet = self.timeline, self.tiers.phases, self.federation.fleet
        energy = self.energy_j[timeline.client]
        if phases is not None:
            flops = _flops_by_tier(self.scenario, self.tiers)
            for oldest, phase in phases.download:
                at = (timeline.oldest == oldest) & (timeline.phase == phase)
                each = energy_j(fleet, phases.times(fleet, flops, oldest, phase))
                energy[at] = each[timeline.client[at]]
        return energy

    @cached_property
    def faulty(self) -> np.ndarray:
        """Report which clients are faulty, `(clients,)`: known to the recorder, not the server."""
        s = self.scenario
        return faulty_clients(s.clients, s.faulty_share if s.fault != "none" else 0.0, s.seed)

    def survival(self, sim_seconds: float) -> float:
        """Return the share of the fleet whose battery lets it take part, now or again.

        Raises:
            ValueError: a run without batteries.
        """
        return float(np.mean(self.eligible & ~self.timeline.empty_at(sim_seconds)))

    @property
    def data_left_out(self) -> float:
        """Return the share of the training samples on devices that do not take part."""
        sizes = np.array([len(shard) for shard in self.federation.shards.train])
        return float(sizes[~self.eligible].sum() / sizes.sum())

    def inputs(self, x: np.ndarray) -> FrozenInputs:
        """Return samples `(n, *input_shape)` as each tier takes them: what is frozen, once."""
        model, params = self.federation.model, self.federation.params
        return FrozenInputs(model, params, torch.as_tensor(x, device="cpu"), self.tiers.starts)


def prepare(scenario: Scenario) -> Prepared:
    """Compute everything about a run that needs no training.

    Raises:
        BudgetError: no subset fits the weakest device.
        ValueError: data that is not there, or no device left to take part.

    Example:
        >>> from ftte_lab import Scenario
        >>> prepared = prepare(Scenario(clients=20, concurrency=5, warm_start_steps=0))
        >>> prepared.bill.peak_bytes <= 256 * 1024, len(prepared.timeline.step_s) > 0
        (True, True)
    """
    shared = federation(scenario)
    fleet = shared.fleet
    tiers = make_tiers(scenario, shared)
    shared = _delivered(scenario, shared, tiers)
    peaks = [tier.bill.peak_bytes for tier in tiers.tiers]
    needed = tiers.per_client(peaks if tiers.phases is None else [max(peaks)] * len(peaks))
    holds = fleet.holds(needed)
    eligible = holds if scenario.exclude_small else np.ones(len(fleet), dtype=bool)
    require(
        bool(eligible.any()),
        f"no device can hold a training step of {size(needed.min())}",
        "at least one device that can",
        "Train less",
    )
    times = _times(scenario, shared, tiers)
    joules = energy_j(fleet, times)
    return Prepared(
        scenario,
        shared,
        tiers,
        times,
        _timeline(scenario, shared, tiers, times, eligible, joules),
        holds,
        eligible,
        _slowest_tenth(scenario, shared),
        joules,
    )


def _delivered(s: Scenario, shared: Federation, tiers: Tiers) -> Federation:
    """Return the federation with the first parameters as the devices hold them."""
    start = shared.start
    params = delivered(start.model, start.params, tiers.union.subset, s.payload_bits)
    if params is start.params:
        return shared
    return replace(shared, start=replace(start, params=params))


def _flops(s: Scenario, plan: Plan, recompute: bool) -> int:
    sample = plan.forward_flops() + plan.backward_flops()
    return s.local_steps * s.batch * (sample + recompute * recompute_flops(plan))


def _flops_by_tier(s: Scenario, tiers: Tiers) -> list[int]:
    return [_flops(s, tier.plan, s.recompute) for tier in tiers.tiers]


def _times(s: Scenario, shared: Federation, tiers: Tiers) -> Times:
    return participation_times(
        shared.fleet,
        download_bytes=tiers.per_client([t.traffic.download for t in tiers.tiers]),
        upload_bytes=tiers.per_client([t.traffic.upload for t in tiers.tiers]),
        flops=tiers.per_client(_flops_by_tier(s, tiers)),
    )


def _slowest_tenth(s: Scenario, shared: Federation) -> np.ndarray:
    """Return the slowest tenth of the devices when everything is trained, for any method."""
    plan = make_plan(shared.model, full(shared.model))
    message = traffic(shared.model, shared.params, plan.subset, plan.subset)
    times = participation_times(
        shared.fleet,
        download_bytes=message.download,
        upload_bytes=message.upload,
        flops=_flops(s, plan, recompute=False),
    )
    return slowest(0.1, times)


def policy(s: Scenario) -> Policy:
    """Return the server's protocol as the timeline needs it.

    Over-selection keeps the concurrency and shrinks the cohort.
    """
    cohort = max(1, round(s.concurrency / (1 + s.over_select)))
    buffer = cohort if s.buffer is None else s.buffer
    return Policy(s.concurrency, buffer, s.refill, s.max_staleness, discard_late=s.over_select > 0)


def _batteries(s: Scenario, fleet: Fleet, participants: Participants) -> Batteries | None:
    """Draw the batteries, if there are any, and check that somebody can take part at all."""
    if not s.batteries:
        return None
    batteries = draw_batteries(fleet, s.battery_share, seed=s.seed)
    clients = participants.clients
    full_j, need_j = batteries.capacity_j[clients], participants.need_j[clients]
    require(
        bool((full_j >= need_j).any()),
        f"battery_share = {s.battery_share:g}, at most {full_j.max():.3g} J on a device",
        f"a share that covers a participation, at least {need_j.min():.3g} J",
        "Raise it, or train less",
    )
    return batteries


def _redraws(s: Scenario, shared: Federation, tiers: Tiers) -> Redraws | None:
    if tiers.phases is None:
        return None
    return tiers.phases.redraws(shared.fleet, _flops_by_tier(s, tiers))


def _timeline(
    s: Scenario,
    shared: Federation,
    tiers: Tiers,
    times: Times,
    eligible: np.ndarray,
    joules: np.ndarray,
) -> Timeline:
    first_bytes = [(t.traffic.once or t.traffic.download) + t.traffic.index for t in tiers.tiers]
    first = participation_times(
        shared.fleet, download_bytes=tiers.per_client(first_bytes), upload_bytes=0, flops=0
    ).download_s
    protocol = policy(s)
    steps = None if s.max_updates is None else math.ceil(s.max_updates / protocol.buffer)
    participants = Participants(
        download_s=times.download_s,
        compute_s=times.compute_s,
        upload_s=times.upload_s,
        first_download_s=first,
        dropout=shared.fleet.dropout,
        eligible=eligible,
        energy_j=joules,
    )
    return schedule(
        protocol,
        participants,
        horizon_s=s.horizon_s,
        seed=s.seed,
        jitter_sigma=s.jitter,
        max_steps=steps,
        batteries=_batteries(s, shared.fleet, participants),
        redraws=_redraws(s, shared, tiers),
    )
