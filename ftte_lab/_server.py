"""The server's half of a run: it weighs what a step brings, moves the model, and remembers what the next step needs."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ftte_lab import aggregation
from ftte_lab._trainer import Trainer
from ftte_lab.ops import Params
from ftte_lab.prepare import Prepared
from ftte_lab.trainable import from_rows, put, row_of

_REFERENCE_UPDATES = 100  # how many recent variances the running median looks back on
_YOUNG = 9  # an average of the models forgets the first ones: after v steps it weighs the past at most v / (v + 9)


@dataclass(frozen=True)
class Stepped:
    """A server step: who was averaged with which weight. Arrays have one entry per accepted update."""

    version: int
    sim_seconds: float
    clients: np.ndarray
    ages: np.ndarray
    variances: np.ndarray
    weights: np.ndarray
    rejected: Mapping[str, int]


class Server:
    """Parameters, their trained entries as a row `(d,)`, and what was turned away.

    Args:
        ready: the prepared run.
    """

    def __init__(self, ready: Prepared) -> None:
        self.ready = ready
        self.model, self.subset = ready.world.model, ready.tiers.union.subset
        self.params: Params = ready.world.params
        self.row = row_of(self.model, self.subset, self.params)
        self.rejected: Counter[str] = Counter()
        self._velocity = torch.zeros_like(self.row)
        self._average = self.row
        self._recent: deque[float] = deque(maxlen=_REFERENCE_UPDATES)

    @property
    def shipped(self) -> Tensor:
        """The trained entries of the model that is evaluated and handed out at the end."""
        return self._average if self.ready.scenario.server_average else self.row

    def filled(self, row: Tensor) -> Params:
        """All parameters, with these trained entries."""
        return put(self.model, self.subset, self.params, from_rows(self.model, self.subset, row))

    def step(self, trainer: Trainer, version: int) -> Stepped:
        """Take the buffer of this step, turn away what must not be averaged, weigh the rest and move the model."""
        s, timeline, tiers = self.ready.scenario, self.ready.timeline, self.ready.tiers
        members = timeline.buffer_of(version)
        rows, starts = trainer.waiting.take(members), timeline.version[members]
        reasons = aggregation.rejections(rows, len(self.row), starts, version)
        turned_away = Counter(reason for reason in reasons if reason)
        if turned_away:
            good = np.flatnonzero([reason is None for reason in reasons])
            members, rows, starts = members[good], rows[torch.as_tensor(good)], starts[good]
            self.rejected += turned_away
        ages = (version - starts).astype(float)
        variances, weights = np.empty(0), np.empty(0)
        clients = timeline.client[members]
        if len(members):
            covered = tiers.covered[torch.as_tensor(tiers.of[clients])] if len(tiers) > 1 else None
            variances = self._variances(rows, covered, trainer.variance[members], ages)
            weights = self._weights(trainer.batches.sizes[clients], ages, variances)
            self._move(aggregation.combine(self.row, rows, weights, s.server_rate, covered), version)
        now_s = float(timeline.step_s[version])
        return Stepped(version + 1, now_s, clients, ages, variances, weights, dict(turned_away))

    def _move(self, target: Tensor, version: int) -> None:
        """To where the updates point, and on along the last step (heavy ball; FedAvgM, Hsu et al. 2019)."""
        s = self.ready.scenario
        if s.server_momentum:
            self._velocity = target - self.row + s.server_momentum * self._velocity
            target = self.row + self._velocity
        self.row = target
        self.params = self.filled(target)
        if s.server_average:
            self._average = torch.lerp(target, self._average, min(s.server_average, version / (version + _YOUNG)))

    def _variances(self, rows: Tensor, covered: Tensor | None, by_steps: np.ndarray, ages: np.ndarray) -> np.ndarray:
        s = self.ready.scenario
        if s.variance_exponent == 0:
            return np.zeros(len(rows))
        if s.variance == "steps":
            return by_steps
        if s.variance == "entries":
            return aggregation.variance_entries(rows, covered)
        by_age = aggregation.staleness_weight(ages, s.staleness, s.age_exponent, s.hinge_at)
        return aggregation.variance_buffer(rows, by_age)

    def _weights(self, samples: np.ndarray, ages: np.ndarray, variances: np.ndarray) -> np.ndarray:
        """Weights against the running median of the variances seen before (of these, in the first step)."""
        s = self.ready.scenario
        reference = float(np.median(self._recent)) if self._recent else float(np.median(variances))
        self._recent.extend(variances.tolist())
        return aggregation.weights(
            ages, variances, samples, variance_ref=reference or 1.0,
            staleness=s.staleness, age_exponent=s.age_exponent, hinge_at=s.hinge_at,
            variance_exponent=s.variance_exponent, sample_exponent=s.sample_exponent, normalise=s.normalise,
        )  # fmt: skip
