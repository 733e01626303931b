"""Everything about a run that is known before any training: world, subset, bill, bytes, durations, the whole timeline.

A slider can show this part at once; `engine` then trains along the timeline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from ftte_lab._common import require
from ftte_lab.devices import MemoryBill, Times, energy_j, participation_times, slowest
from ftte_lab.models import Plan, full, make_plan
from ftte_lab.server import Choice, Policy, Timeline, schedule
from ftte_lab.simulation.federation import Federation, federation
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.simulation.tiers import Tier, Tiers, Traffic, make_tiers, traffic
from ftte_lab.training import FrozenFeatures


@dataclass(frozen=True, eq=False)
class Prepared:
    """A run before its first gradient.

    `holds`: which devices can hold the training step; `eligible`: which take part; `slowest`: the slowest tenth by
    the time of a full participation, the same devices for every method; `energy_j` per participation of each client.
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
        """What the weakest devices train; with one subset for the fleet, what all train."""
        return self.tiers.all[0]

    @property
    def plan(self) -> Plan:
        """Of the weakest devices."""
        return self.weakest.plan

    @property
    def choice(self) -> Choice | None:
        """What was searched for the weakest devices, and under which budget; `None` if everything is trained."""
        return self.weakest.choice

    @property
    def bill(self) -> MemoryBill:
        """Of the weakest devices."""
        return self.weakest.bill

    @property
    def traffic(self) -> Traffic:
        """Of the weakest devices."""
        return self.weakest.traffic

    @cached_property
    def flops_per_update(self) -> np.ndarray:
        """Floating-point operations of one participation of each client, `(clients,)`."""
        return self.tiers.per_client([_flops(self.scenario, tier.plan) for tier in self.tiers.all])

    @property
    def data_left_out(self) -> float:
        """Share of the training samples on devices that do not take part."""
        sizes = np.array([len(shard) for shard in self.federation.shards.train])
        return float(sizes[~self.eligible].sum() / sizes.sum())

    def inputs(self, x: np.ndarray) -> FrozenFeatures:
        """Samples `(n, *input_shape)` as the first trained operation sees them: the same all run long."""
        return FrozenFeatures(
            self.federation.model,
            self.federation.params,
            torch.as_tensor(x),
            self.tiers.union.start,
        )


def prepare(scenario: Scenario) -> Prepared:
    """Find out all that needs no training.

    Raises:
        BudgetError: if no subset fits the weakest device.
        ValueError: data that is not there, or nobody left to take part.
    """
    w = federation(scenario)
    tiers = make_tiers(scenario, w)
    needed = tiers.per_client([tier.bill.peak_bytes for tier in tiers.all])
    holds = w.fleet.holds(needed)
    eligible = holds if scenario.exclude_small else np.ones(len(w.fleet), dtype=bool)
    need = f"{needed.min() / 1024:.0f} KiB"
    require(
        bool(eligible.any()),
        f"no device can hold a training step of {need}",
        "at least one that can",
        "Train less",
    )
    times = _times(scenario, w, tiers)
    return Prepared(
        scenario,
        w,
        tiers,
        times,
        _timeline(scenario, w, tiers, times, eligible),
        holds,
        eligible,
        _slowest_tenth(scenario, w),
        energy_j(w.fleet, times),
    )


def _flops(s: Scenario, plan: Plan) -> int:
    return s.local_steps * s.batch * (plan.forward_flops() + plan.backward_flops())


def _times(s: Scenario, w: Federation, tiers: Tiers) -> Times:
    of = tiers.per_client
    return participation_times(
        w.fleet,
        download_bytes=of([t.traffic.download for t in tiers.all]),
        upload_bytes=of([t.traffic.upload for t in tiers.all]),
        flops=of([_flops(s, t.plan) for t in tiers.all]),
    )


def _slowest_tenth(s: Scenario, w: Federation) -> np.ndarray:
    """The slowest tenth of the devices when everything is trained: the same ones whatever the method."""
    plan = make_plan(w.model, full(w.model))
    message = traffic(w, plan, plan)
    times = participation_times(
        w.fleet, download_bytes=message.download, upload_bytes=message.upload, flops=_flops(s, plan)
    )
    return slowest(0.1, times)


def policy(s: Scenario) -> Policy:
    """The server's protocol as the timeline knows it. Over-selection keeps the concurrency and shrinks the cohort."""
    cohort = max(1, round(s.concurrency / (1 + s.over_select)))
    buffer = cohort if s.buffer is None else s.buffer
    return Policy(s.concurrency, buffer, s.refill, s.max_staleness, discard_late=s.over_select > 0)


def _timeline(
    s: Scenario, w: Federation, tiers: Tiers, times: Times, eligible: np.ndarray
) -> Timeline:
    whole = [(t.traffic.once or t.traffic.download) + t.traffic.index for t in tiers.all]
    first = participation_times(
        w.fleet, download_bytes=tiers.per_client(whole), upload_bytes=0, flops=0
    ).download_s
    how = policy(s)
    steps = None if s.max_updates is None else math.ceil(s.max_updates / how.buffer)
    return schedule(
        how,
        download_s=times.download_s,
        first_download_s=first,
        compute_s=times.compute_s,
        upload_s=times.upload_s,
        dropout=w.fleet.dropout,
        eligible=eligible,
        jitter_sigma=s.jitter,
        horizon_s=s.horizon_s,
        seed=s.seed,
        max_steps=steps,
    )
