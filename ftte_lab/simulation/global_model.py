"""Hold the global model: weight the buffered updates, apply the server step, keep the averages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ftte_lab.models import Params, flatten_trained, from_rows, insert
from ftte_lab.server import (
    CORRECTIONS,
    CorrectionState,
    Intake,
    OverflowStepError,
    StepRule,
    WeightRule,
    require_finite,
    server_step,
    staleness_weight,
    variance_buffer,
    variance_entries,
    weights,
)
from ftte_lab.simulation.prepared import Prepared
from ftte_lab.simulation.private_mean import PrivateMean
from ftte_lab.simulation.rounding import Rounding
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.simulation.start_rows import StartRows
from ftte_lab.simulation.stepped import BufferedUpdates, Stepped

ServerStep = Callable[..., Tensor]
"""A function with the arguments and the result of `server_step`."""

_REFERENCE_UPDATES = 100  # length of the running median of variances, in updates
_WARM_UP = 9  # after v steps the running average weighs the past by at most v / (v + 9)


@dataclass(frozen=True, eq=False)
class _Moving:
    """Hold the entries that a server step may move, `at` their places: a row per update."""

    at: Tensor | slice
    rows: Tensor
    covered: Tensor | None
    starts: Tensor | None


class GlobalModel:
    """Hold the server's parameters, their trained entries as a row `(d,)`, and what it remembers.

    Args:
        prepared: the prepared run.
        step: moves the trained entries, as `server_step` does.

    Attributes:
        params: all parameters of the present version.
        row: their trained entries, `(d,)`.
        intake: checks what arrives, and counts what is not averaged, by reason.
        correction: state of the client correction (SCAFFOLD's control variates), or `None`.
    """

    def __init__(self, prepared: Prepared, step: ServerStep = server_step) -> None:
        self.prepared = prepared
        self.model, self.subset = prepared.federation.model, prepared.tiers.union.subset
        self.params: Params = prepared.federation.params
        self.row = flatten_trained(self.model, self.subset, self.params)
        self.intake = Intake(len(self.row))
        self.correction = _correction_state(prepared.scenario, len(self.row))
        self._rule = _weight_rule(prepared.scenario)
        self._step = step
        self._step_rule = _step_rule(prepared.scenario)
        self._starts = StartRows(prepared.timeline) if self._step_rule.needs_starts else None
        self._private = PrivateMean.of(prepared, self._rule)
        self._rounding = Rounding(prepared)
        self._velocity = torch.zeros_like(self.row)
        self._average = self.row
        self._recent: deque[float] = deque(maxlen=_REFERENCE_UPDATES)

    @property
    def shipped(self) -> Tensor:
        """Return the trained entries that are shipped: the average of versions, if one is kept."""
        return self._average if self.prepared.scenario.server_average else self.row

    def filled(self, row: Tensor) -> Params:
        """Return all parameters, with these trained entries."""
        return insert(self.model, self.subset, self.params, from_rows(self.model, self.subset, row))

    def step(self, version: int, updates: BufferedUpdates) -> Stepped:
        """Reject what must not be averaged, weight the other updates and move the model."""
        timeline = self.prepared.timeline
        before = self.intake.rejected.copy()
        if self._starts is not None:
            self._starts.keep(version, self._rounding.received(self.row))
        updates = self._accepted(version, updates)
        ages = (version - timeline.version[updates.participations]).astype(float)
        variances, coefficients = np.empty(0), np.empty(0)
        clients = timeline.client[updates.participations]
        if len(clients) or (self._private is not None and self._private.always_steps):
            try:
                variances, coefficients = self._apply(version, updates, ages)
                self._remember(clients, updates)
            except OverflowStepError:  # the model stays as it was
                self.intake.rejected["overflow"] += len(clients)
                clients, ages = clients[:0], ages[:0]
        rejected = dict(self.intake.rejected - before)
        now_s = float(timeline.step_s[version])
        return Stepped(version + 1, now_s, clients, ages, variances, coefficients, rejected)

    def _accepted(self, version: int, updates: BufferedUpdates) -> BufferedUpdates:
        """Return the updates that may be averaged; the intake counts the others by reason."""
        timeline, at = self.prepared.timeline, updates.participations
        beside: list[Tensor | np.ndarray] = [updates.step_variance]
        if updates.offsets is not None:
            beside.append(updates.offsets)
        counted = self.intake.accepted(
            timeline.client[at],
            timeline.visit[at],
            updates.rows,
            timeline.version[at],
            version,
            beside,
        )
        if self._private is not None:
            counted, reasons = self._private.sent(version, updates.rows, counted)
            self.intake.rejected.update(reasons)
        return updates if len(counted) == len(at) else updates.select(counted)

    def _apply(
        self, version: int, updates: BufferedUpdates, ages: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Move the model by the updates of a step; return their variances and weights.

        Raises:
            OverflowStepError: the step is not finite.
        """
        starts = self.prepared.timeline.version[updates.participations]
        starting = None if self._starts is None else self._starts.at(starts)
        moving = self._moving(version, updates, starting)
        variances = self._variances(updates, moving.rows, moving.covered, ages)
        if self._private is not None:
            beside = ages, variances, updates.samples
            mean, coefficients = self._private.mean(version, moving.rows, *beside, moving.at)
            rate = self._step_rule.server_rate
            self._move(moving.at, require_finite(self.row[moving.at] + rate * mean), version)
            return variances, coefficients
        coefficients = self._weights(updates.samples, ages, variances)
        target = self._step(
            self.row[moving.at],
            moving.rows,
            coefficients,
            self._step_rule,
            by_age=self._by_age(ages),
            starts=moving.starts,
            covered=None if self.prepared.tiers.phases else moving.covered,
        )
        self._move(moving.at, target, version)
        return variances, coefficients

    def _moving(self, version: int, updates: BufferedUpdates, starts: Tensor | None) -> _Moving:
        """Return what the step may move: all trained entries, or those of the phases so far.

        The others are as they were at first, so that the digits do not depend on later phases.
        With phases an update counts as 0 where it trained nothing: it has its own weight.
        """
        tiers, rows = self.prepared.tiers, updates.rows
        covered = None
        if len(tiers) > 1:
            covered = tiers.coverage[
                torch.as_tensor(self.prepared.tier[updates.participations], device="cpu")
            ]
        if tiers.phases is None or covered is None:
            return _Moving(slice(None), rows, covered, starts)
        at = tiers.reached[int(self.prepared.timeline.phase_at(version))]
        rows, covered = rows[:, at], covered[:, at]
        if bool(covered.all()):
            return _Moving(at, rows, None, None if starts is None else starts[:, at])
        if starts is not None:
            starts = torch.where(covered > 0, starts[:, at], self.row[at])
        return _Moving(at, rows * covered, covered, starts)

    def _move(self, at: Tensor | slice, target: Tensor, version: int) -> None:
        """Apply the step, with momentum (FedAvgM, Hsu et al. 2019), and update the average."""
        s = self.prepared.scenario
        if s.server_momentum:
            velocity = target - self.row + s.server_momentum * self._velocity
            target = self.row + velocity
            if not bool(target.isfinite().all()):
                raise OverflowStepError(
                    "the momentum is not finite; allowed: a smaller server rate."
                )
            self._velocity = velocity
        self.row = _put(self.row, at, target)
        self.params = self.filled(self.row)
        if s.server_average:
            share = min(s.server_average, version / (version + _WARM_UP))
            average = torch.lerp(target, self._average[at], share)
            self._average = _put(self._average, at, average)

    def _remember(self, clients: np.ndarray, updates: BufferedUpdates) -> None:
        """Let the client correction learn from the updates that were applied."""
        if self.correction is None or updates.offsets is None:
            return
        s = self.prepared.scenario
        self.correction.update(
            clients.tolist(), updates.rows, updates.offsets, steps=s.local_steps, rate=s.client_rate
        )

    def _variances(
        self, updates: BufferedUpdates, rows: Tensor, covered: Tensor | None, ages: np.ndarray
    ) -> np.ndarray:
        s = self.prepared.scenario
        if s.variance_exponent == 0:
            return np.zeros(len(ages))
        if s.variance == "steps":
            return updates.step_variance
        if s.variance == "entries":
            return variance_entries(rows, covered)
        return variance_buffer(rows, self._by_age(ages))

    def _by_age(self, ages: np.ndarray) -> np.ndarray:
        s = self.prepared.scenario
        return staleness_weight(ages, s.staleness, s.age_exponent, s.hinge_at)

    def _weights(self, samples: np.ndarray, ages: np.ndarray, variances: np.ndarray) -> np.ndarray:
        """Weight against the running median of earlier variances (in the first step: of these)."""
        reference = _reference(np.array(self._recent) if self._recent else variances)
        self._recent.extend(variances.tolist())
        return weights(ages, variances, samples, self._rule, variance_ref=reference)


def _reference(variances: np.ndarray) -> float:
    """Return the median; if that is 0, the median of those above 0; if there are none, 1."""
    median = float(np.median(variances))
    if median == 0 and variances.any():
        median = float(np.median(variances[variances > 0]))
    return median or 1.0


def _put(row: Tensor, at: Tensor | slice, values: Tensor) -> Tensor:
    """Return a row with some entries replaced."""
    return values if isinstance(at, slice) else row.index_copy(0, at, values)


def _weight_rule(s: Scenario) -> WeightRule:
    return WeightRule(
        staleness=s.staleness,
        age_exponent=s.age_exponent,
        hinge_at=s.hinge_at,
        variance_exponent=s.variance_exponent,
        sample_exponent=s.sample_exponent,
        # Of models only a mean makes sense: weights that add up to less would shrink the model.
        normalise=s.normalise if s.combine == "updates" else "sum",
    )


def _step_rule(s: Scenario) -> StepRule:
    return StepRule(s.combine, s.mean, s.trim, s.server_rate)


def _correction_state(s: Scenario, entries: int) -> CorrectionState | None:
    """Return fresh state of the scenario's client correction, or `None` if it keeps none."""
    state = CORRECTIONS[s.correction].state
    return None if state is None else state(s.clients, entries)
