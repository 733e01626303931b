"""Prepare a run: compute all that is known before training.

This is the federation, the subset, the memory bill, bytes, durations and the complete timeline. A
slider can show it at once; `engine` then trains along the timeline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from ftte_lab._common import require, size
from ftte_lab.devices import MemoryBill, Times, energy_j, participation_times, slowest
from ftte_lab.models import Plan, full, make_plan
from ftte_lab.server import Choice, Participants, Policy, Timeline, schedule
from ftte_lab.simulation.federation import Federation, federation
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.simulation.tiers import Tier, Tiers, Traffic, make_tiers, traffic
from ftte_lab.training import FrozenFeatures


@dataclass(frozen=True, eq=False)
class Prepared:
    """A run before its first gradient.

    Attributes:
        scenario: what was prepared.
        federation: first model, data of each client, devices.
        tiers: what each device trains, and what it costs.
        times: seconds of one participation of each client, without jitter.
        timeline: who starts, arrives and is buffered when.
        holds: `(clients,)`, which devices can hold the training step.
        eligible: `(clients,)`, which devices take part.
        slowest: indices of the slowest tenth of the devices, by the time that training everything
            would take: the same devices for every method.
        energy_j: `(clients,)`, joules of one participation.
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
        """Return the memory bill of the weakest devices."""
        return self.weakest.bill

    @property
    def traffic(self) -> Traffic:
        """Return the bytes per message of the weakest devices."""
        return self.weakest.traffic

    @cached_property
    def flops_per_update(self) -> np.ndarray:
        """Count the floating-point operations of one participation of each client."""
        s, tiers = self.scenario, self.tiers
        return tiers.per_client([_flops(s, tier.plan) for tier in tiers.tiers])

    @property
    def data_left_out(self) -> float:
        """Return the share of the training samples on devices that do not take part."""
        sizes = np.array([len(shard) for shard in self.federation.shards.train])
        return float(sizes[~self.eligible].sum() / sizes.sum())

    def inputs(self, x: np.ndarray) -> FrozenFeatures:
        """Evaluate the frozen layers on samples `(n, *input_shape)`, once for the entire run."""
        return FrozenFeatures(
            self.federation.model,
            self.federation.params,
            torch.as_tensor(x),
            self.tiers.union.start,
        )


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
    needed = tiers.per_client([tier.bill.peak_bytes for tier in tiers.tiers])
    holds = fleet.holds(needed)
    eligible = holds if scenario.exclude_small else np.ones(len(fleet), dtype=bool)
    require(
        bool(eligible.any()),
        f"no device can hold a training step of {size(needed.min())}",
        "at least one device that can",
        "Train less",
    )
    times = _times(scenario, shared, tiers)
    return Prepared(
        scenario,
        shared,
        tiers,
        times,
        _timeline(scenario, shared, tiers, times, eligible),
        holds,
        eligible,
        _slowest_tenth(scenario, shared),
        energy_j(fleet, times),
    )


def _flops(s: Scenario, plan: Plan) -> int:
    return s.local_steps * s.batch * (plan.forward_flops() + plan.backward_flops())


def _times(s: Scenario, shared: Federation, tiers: Tiers) -> Times:
    return participation_times(
        shared.fleet,
        download_bytes=tiers.per_client([t.traffic.download for t in tiers.tiers]),
        upload_bytes=tiers.per_client([t.traffic.upload for t in tiers.tiers]),
        flops=tiers.per_client([_flops(s, t.plan) for t in tiers.tiers]),
    )


def _slowest_tenth(s: Scenario, shared: Federation) -> np.ndarray:
    """Return the slowest tenth of the devices when everything is trained, for any method."""
    plan = make_plan(shared.model, full(shared.model))
    message = traffic(shared, plan, plan)
    times = participation_times(
        shared.fleet,
        download_bytes=message.download,
        upload_bytes=message.upload,
        flops=_flops(s, plan),
    )
    return slowest(0.1, times)


def policy(s: Scenario) -> Policy:
    """Return the server's protocol as the timeline needs it.

    Over-selection keeps the concurrency and shrinks the cohort.
    """
    cohort = max(1, round(s.concurrency / (1 + s.over_select)))
    buffer = cohort if s.buffer is None else s.buffer
    return Policy(s.concurrency, buffer, s.refill, s.max_staleness, discard_late=s.over_select > 0)


def _timeline(
    s: Scenario, shared: Federation, tiers: Tiers, times: Times, eligible: np.ndarray
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
    )
    return schedule(
        protocol,
        participants,
        horizon_s=s.horizon_s,
        seed=s.seed,
        jitter_sigma=s.jitter,
        max_steps=steps,
    )
