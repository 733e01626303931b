"""The global model: weight the buffered updates, apply the server step, keep momentum and the average."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ftte_lab.models import Params, from_rows, put, row_of
from ftte_lab.server import (
    combine,
    rejections,
    staleness_weight,
    variance_buffer,
    variance_entries,
    weights,
)
from ftte_lab.simulation.events import Stepped
from ftte_lab.simulation.prepare import Prepared

_REFERENCE_UPDATES = 100  # length of the running median of variances, in updates
_WARM_UP = 9  # after v steps the running average weighs the past by at most v / (v + 9)


@dataclass(frozen=True, eq=False)
class BufferedUpdates:
    """The updates of one server step, in the order of arrival.

    Attributes:
        participations: indices into the timeline, `(K,)`.
        rows: one update per row, `(K, d)`.
        step_variance: sampling variance that each client measured, `(K,)`; zeros if not tracked.
        samples: training samples behind each update, `(K,)`.
    """

    participations: np.ndarray
    rows: Tensor
    step_variance: np.ndarray
    samples: np.ndarray

    def select(self, positions: np.ndarray) -> BufferedUpdates:
        """Keep the updates at these positions."""
        return BufferedUpdates(
            self.participations[positions],
            self.rows[torch.as_tensor(positions)],
            self.step_variance[positions],
            self.samples[positions],
        )


class GlobalModel:
    """The server's parameters, their trained entries as a row `(d,)`, and the rejected updates.

    Args:
        prepared: the prepared run.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.model, self.subset = prepared.federation.model, prepared.tiers.union.subset
        self.params: Params = prepared.federation.params
        self.row = row_of(self.model, self.subset, self.params)
        self.rejected: Counter[str] = Counter()
        self._velocity = torch.zeros_like(self.row)
        self._average = self.row
        self._recent: deque[float] = deque(maxlen=_REFERENCE_UPDATES)

    @property
    def shipped(self) -> Tensor:
        """The trained entries that are evaluated and returned at the end: the average, if one is kept."""
        return self._average if self.prepared.scenario.server_average else self.row

    def filled(self, row: Tensor) -> Params:
        """Return all parameters, with these trained entries."""
        return put(self.model, self.subset, self.params, from_rows(self.model, self.subset, row))

    def step(self, version: int, updates: BufferedUpdates) -> Stepped:
        """Reject what must not be averaged, weight the other updates and move the model."""
        timeline, tiers = self.prepared.timeline, self.prepared.tiers
        starts = timeline.version[updates.participations]
        reasons = rejections(updates.rows, len(self.row), starts, version)
        rejected = Counter(reason for reason in reasons if reason)
        if rejected:
            good = np.flatnonzero([reason is None for reason in reasons])
            updates, starts = updates.select(good), starts[good]
            self.rejected += rejected
        ages = (version - starts).astype(float)
        variances, coefficients = np.empty(0), np.empty(0)
        clients = timeline.client[updates.participations]
        if len(clients):
            by_tier = torch.as_tensor(tiers.of[clients])
            covered = tiers.covered[by_tier] if len(tiers) > 1 else None
            variances = self._variances(updates, covered, ages)
            coefficients = self._weights(updates.samples, ages, variances)
            rate = self.prepared.scenario.server_rate
            self._move(combine(self.row, updates.rows, coefficients, rate, covered), version)
        now_s = float(timeline.step_s[version])
        return Stepped(version + 1, now_s, clients, ages, variances, coefficients, dict(rejected))

    def _move(self, target: Tensor, version: int) -> None:
        """Apply the step, with heavy-ball momentum (FedAvgM, Hsu et al. 2019), and update the average."""
        s = self.prepared.scenario
        if s.server_momentum:
            self._velocity = target - self.row + s.server_momentum * self._velocity
            target = self.row + self._velocity
        self.row = target
        self.params = self.filled(target)
        if s.server_average:
            share = min(s.server_average, version / (version + _WARM_UP))
            self._average = torch.lerp(target, self._average, share)

    def _variances(
        self, updates: BufferedUpdates, covered: Tensor | None, ages: np.ndarray
    ) -> np.ndarray:
        s = self.prepared.scenario
        if s.variance_exponent == 0:
            return np.zeros(len(ages))
        if s.variance == "steps":
            return updates.step_variance
        if s.variance == "entries":
            return variance_entries(updates.rows, covered)
        by_age = staleness_weight(ages, s.staleness, s.age_exponent, s.hinge_at)
        return variance_buffer(updates.rows, by_age)

    def _weights(self, samples: np.ndarray, ages: np.ndarray, variances: np.ndarray) -> np.ndarray:
        """Weight against the running median of earlier variances (in the first step: of these)."""
        s = self.prepared.scenario
        reference = float(np.median(self._recent)) if self._recent else float(np.median(variances))
        self._recent.extend(variances.tolist())
        return weights(
            ages,
            variances,
            samples,
            variance_ref=reference or 1.0,
            staleness=s.staleness,
            age_exponent=s.age_exponent,
            hinge_at=s.hinge_at,
            variance_exponent=s.variance_exponent,
            sample_exponent=s.sample_exponent,
            normalise=s.normalise,
        )
