"""Decide which clients are trained together: of one version, or of several where few start."""

from __future__ import annotations

import numpy as np

from ftte_lab.simulation.prepared import Prepared, policy
from ftte_lab.training import clients_at_once

FEW = 3
"""Clients of one version that are better trained with those of other versions."""


def trained_together(prepared: Prepared) -> np.ndarray:
    """Report which updates of a run are trained beside others, `(participations,)`.

    A client that is trained alone runs through other kernels than one beside others: the same sums
    in another order. Whoever trains a client elsewhere needs this to get the same bits.

    Args:
        prepared: the prepared run.
    """
    timeline, tier = prepared.timeline, prepared.tier
    at_once = [clients_at_once(one.plan, prepared.scenario.batch) for one in prepared.tiers.tiers]
    holds_back = holding_back(prepared, at_once)
    together, held = np.zeros(len(timeline), dtype=bool), np.empty(0, np.int64)
    cohorts = timeline.cohorts()
    for version in range(len(timeline.step_s)):
        cohort = cohorts.get(version, np.empty(0, np.int64))
        for k in np.unique(tier[cohort]).tolist():
            group = cohort[tier[cohort] == k]
            if holds_back and k == 0 and len(group) <= FEW:
                held = np.concatenate([held, group])
            else:
                together[group] = len(group) > 1 and at_once[k] > 1
        if len(held) and (enough_held(len(held), at_once) or timeline.step[held].min() <= version):
            together[held], held = len(held) > 1, np.empty(0, np.int64)
    return together


def holding_back(prepared: Prepared, at_once: list[int]) -> bool:
    """Report whether clients of several versions are trained together.

    Where a step takes one update, clients start one by one. They can be trained together only if
    they have one tier: several share no frozen part between versions. With phases, the first is
    alone: later ones still receive updates of those before.
    """
    alone = len(prepared.tiers) == 1 or prepared.tiers.phases is not None
    return policy(prepared.scenario).buffer == 1 and alone and at_once[0] >= FEW


def enough_held(held: int, at_once: list[int]) -> bool:
    """Report whether so many clients that were held back are worth training."""
    return held > at_once[0] - FEW
