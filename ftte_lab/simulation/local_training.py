"""Train cohorts in this process, on the cached outputs of what is frozen for good."""

from __future__ import annotations

import numpy as np
import torch

from ftte_lab.data import Dataset, Shards
from ftte_lab.devices import random_labels
from ftte_lab.models import Plan
from ftte_lab.server import CORRECTIONS
from ftte_lab.simulation.cohorts import Cohort, HeldBack
from ftte_lab.simulation.prepared import Prepared, faulty_of
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.training import LocalSGD, Updates, clients_at_once, gather_batches


class LocalTraining:
    """Hold the training data, faulty labels included, and one local optimiser per tier.

    Args:
        prepared: the prepared run.
    """

    def __init__(self, prepared: Prepared) -> None:
        s, federation = prepared.scenario, prepared.federation
        self.inputs = prepared.inputs(federation.dataset.x_train)
        labels = client_labels(s, federation.dataset, federation.shards)
        self.y = torch.as_tensor(labels, device="cpu")
        self.optimisers = [
            local_optimiser(s, tier.plan, start)
            for tier, start in zip(prepared.tiers.tiers, prepared.tiers.starts, strict=True)
        ]
        self.at_once = [clients_at_once(tier.plan, s.batch) for tier in prepared.tiers.tiers]

    def train(self, cohort: Cohort) -> Updates:
        """Train the clients of a cohort, no more at once than is good."""
        return self.optimisers[cohort.tier].train(
            cohort.start.params,
            self.inputs.of(cohort.tier),
            self.y,
            cohort.batches,
            self.at_once[cohort.tier],
            cohort.offsets,
        )

    def train_held_back(self, held: HeldBack) -> Updates:
        """Train clients of several versions together; they are all of the first tier."""
        x, y = gather_batches(self.inputs.of(0), self.y, held.batches)
        starts = [cohort.start.params for cohort in held.cohorts]
        counts = [len(cohort) for cohort in held.cohorts]
        return self.optimisers[0].train_stacked(starts, counts, x, y, held.offsets)


def local_optimiser(s: Scenario, plan: Plan, start: int) -> LocalSGD:
    """Return the optimiser by which a client trains.

    Args:
        s: the run.
        plan: what is trained.
        start: the operation before which everything is frozen for good.
    """
    return LocalSGD(
        plan,
        start,
        s.client_rate,
        s.client_momentum,
        proximal=s.proximal if CORRECTIONS[s.correction].proximal else 0.0,
        track_variance=s.variance == "steps" and s.variance_exponent > 0,
    )


def client_labels(s: Scenario, dataset: Dataset, shards: Shards) -> np.ndarray:
    """Return the training labels as the clients hold them: random where "labels" is the fault.

    Args:
        s: the run.
        dataset: all samples.
        shards: which client holds which.
    """
    if s.fault != "labels":
        return dataset.y_train
    return random_labels(dataset.y_train, shards.train, faulty_of(s), dataset.n_classes, s.seed)
