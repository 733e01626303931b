"""A run before its first gradient, with all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from ftte_lab.devices import MemoryBill, Times, energy_j, faulty_clients, recompute_flops
from ftte_lab.models import Plan
from ftte_lab.server import (
    Choice,
    Fate,
    Policy,
    Timeline,
    epsilon,
    noise_to_clip,
    split_noise,
)
from ftte_lab.simulation.federation import Federation
from ftte_lab.simulation.privacy_checks import updates_per_step
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.simulation.tier import Tier, Tiers
from ftte_lab.simulation.traffic import Traffic
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
        return np.asarray(flops_by_tier(self.scenario, self.tiers))[self.tier]

    @cached_property
    def energy_per_update_j(self) -> np.ndarray:
        """Return the joules of each participation."""
        timeline, phases, fleet = self.timeline, self.tiers.phases, self.federation.fleet
        energy = self.energy_j[timeline.client]
        if phases is not None:
            flops = flops_by_tier(self.scenario, self.tiers)
            for oldest, phase in phases.download:
                at = (timeline.oldest == oldest) & (timeline.phase == phase)
                each = energy_j(fleet, phases.times(fleet, flops, oldest, phase))
                energy[at] = each[timeline.client[at]]
        return energy

    @cached_property
    def faulty(self) -> np.ndarray:
        """Report which clients are faulty, `(clients,)`: known to the recorder, not the server."""
        return faulty_of(self.scenario)

    @cached_property
    def participations(self) -> np.ndarray:
        """Count the updates of each client that the run applies, `(clients,)`."""
        applied = self.timeline.client[self.timeline.applied]
        return np.bincount(applied, minlength=self.scenario.clients)

    def epsilon(self, how: str = "zcdp") -> np.ndarray:
        """Compute the privacy loss ε of each device over the run, `(clients,)`.

        It is known before any training, because the timeline is. It bounds what the models show of
        one device to whoever sees all of them. Without clip or noise there is no bound: infinity
        for every device that takes part.

        Args:
            how: one of `server.ACCOUNTANTS`.

        Raises:
            ValueError: an unknown accountant, or "pld" without the package dp-accounting.
        """
        s = self.scenario
        return epsilon(self.participations, s.noise_multiplier, s.delta, how)

    def epsilon_until(self, version: int) -> float:
        """Return the largest privacy loss of a device in the models up to a version."""
        s, timeline = self.scenario, self.timeline
        applied = timeline.applied[: timeline.step_end[version - 1] if version else 0]
        most = np.bincount(timeline.client[applied], minlength=1).max()
        return float(epsilon([most], s.noise_multiplier, s.delta)[0])

    @property
    def noise_to_clip(self) -> float:
        """Compare the noise in a server step with the longest update that it may hold."""
        s, entries = self.scenario, self.tiers.union.subset.entries(self.federation.model)
        z = split_noise(s.noise_multiplier)[0] if s.adaptive_clip else s.noise_multiplier
        return noise_to_clip(z, entries, self.timeline.policy.buffer)

    @cached_property
    def lost_when_ready(self) -> np.ndarray:
        """Count the devices that each step's group of masks loses, `(steps,)`.

        A device that drops out may do so at any moment. Here each does it at the costliest one:
        after it has reported ready, and before it sends its update (our reconstruction).
        """
        timeline = self.timeline
        dropped = timeline.arrival_s[timeline.fate == Fate.DROPPED]
        step = np.searchsorted(timeline.step_s, dropped)
        return np.bincount(step, minlength=len(timeline.step_s) + 1)[:-1]

    @cached_property
    def attempts(self) -> np.ndarray:
        """Count how often each participation sends its update: twice if its group lost a device."""
        timeline, out = self.timeline, np.ones(len(self.timeline), np.int64)
        if self.scenario.secure_aggregation:
            out[timeline.applied] += self.lost_when_ready[timeline.step[timeline.applied]] > 0
        return out

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


def faulty_of(s: Scenario) -> np.ndarray:
    """Report which clients of a scenario are faulty, `(clients,)`."""
    return faulty_clients(s.clients, s.faulty_share if s.fault != "none" else 0.0, s.seed)


def update_flops(s: Scenario, plan: Plan, recompute: bool) -> int:
    """Count the floating-point operations of one participation."""
    sample = plan.forward_flops() + plan.backward_flops()
    return s.local_steps * s.batch * (sample + recompute * recompute_flops(plan))


def flops_by_tier(s: Scenario, tiers: Tiers) -> list[int]:
    """Count the floating-point operations of one participation in each tier."""
    return [update_flops(s, tier.plan, s.recompute) for tier in tiers.tiers]


def policy(s: Scenario) -> Policy:
    """Return the server's protocol as the timeline needs it.

    Over-selection keeps the concurrency and shrinks the cohort.
    """
    return Policy(
        s.concurrency,
        updates_per_step(s),
        s.refill,
        s.max_staleness,
        discard_late=s.over_select > 0,
        once_per_step=s.clip_norm is not None or s.secure_aggregation,
        max_participations=s.max_participations,
    )
