"""Prepare a run: compute all that is known before training.

This is the federation, the subset, the memory bill, bytes, durations and the complete timeline. A
slider can show it at once; `engine` then trains along the timeline.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ftte_lab._common import require, size
from ftte_lab.devices import (
    Batteries,
    Fleet,
    Times,
    draw_batteries,
    energy_j,
    participation_times,
    slowest,
)
from ftte_lab.models import full, make_plan
from ftte_lab.server import Participants, Redraws, Timeline, schedule
from ftte_lab.simulation.federation import Federation, federation
from ftte_lab.simulation.prepared import Prepared, flops_by_tier, policy, update_flops
from ftte_lab.simulation.privacy_checks import check_fleet
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.simulation.tier import Tiers
from ftte_lab.simulation.tiers import make_tiers
from ftte_lab.simulation.traffic import delivered, traffic


def prepare(scenario: Scenario) -> Prepared:
    """Compute everything about a run that needs no training.

    Raises:
        BudgetError: no subset fits the weakest device.
        ValueError: data that is not there, no device left to take part, or too few for a buffer
            that may hold each of them once.

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
    entries = tiers.union.subset.entries(shared.model)
    check_fleet(scenario, int(eligible.sum()), entries)
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


def _times(s: Scenario, shared: Federation, tiers: Tiers) -> Times:
    return participation_times(
        shared.fleet,
        download_bytes=tiers.per_client([t.traffic.download for t in tiers.tiers]),
        upload_bytes=tiers.per_client([t.traffic.upload for t in tiers.tiers]),
        flops=tiers.per_client(flops_by_tier(s, tiers)),
    )


def _slowest_tenth(s: Scenario, shared: Federation) -> np.ndarray:
    """Return the slowest tenth of the devices when everything is trained, for any method."""
    plan = make_plan(shared.model, full(shared.model))
    message = traffic(shared.model, plan.subset, plan.subset)
    times = participation_times(
        shared.fleet,
        download_bytes=message.download,
        upload_bytes=message.upload,
        flops=update_flops(s, plan, recompute=False),
    )
    return slowest(0.1, times)


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
    return tiers.phases.redraws(shared.fleet, flops_by_tier(s, tiers))


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
