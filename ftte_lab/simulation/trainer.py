"""The working half of a run: draws mini-batches, trains cohorts, and keeps updates until their server step."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import cores
from ftte_lab.models import Params
from ftte_lab.simulation.global_model import BufferedUpdates
from ftte_lab.simulation.prepare import Prepared, policy
from ftte_lab.simulation.update_table import Batches, UpdateTable
from ftte_lab.simulation.workers.pool import Task, WorkerPool
from ftte_lab.training import LocalSGD, Updates, clients_at_once, fetch


@dataclass(frozen=True, eq=False)
class _Away:
    """Clients that a helper trains, and the version at which the first of their updates is needed."""

    participations: np.ndarray
    tier: int
    batches: Tensor
    params: Params
    needed: int
    task: Task


@dataclass(eq=False)
class _Company:
    """Clients that started from their versions alone or nearly so, and wait for others while no update is needed.

    Alone, a client takes nearly as long as two that are trained together, and most of what three take.
    """

    participations: list[int] = field(default_factory=list)
    batches: list[Tensor] = field(default_factory=list)
    starts: list[Params] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def join(self, participations: np.ndarray, batches: Tensor, params: Params) -> None:
        """A few more, with their own start."""
        self.participations.extend(participations.tolist())
        self.batches.append(batches)
        self.starts.append(params)
        self.counts.append(len(batches))


_FEW = 3  # clients with one start that are better trained with others
_WORTH_SECONDS = 2.0  # a shorter run is over before a helper is awake
_FLOPS_PER_S = (
    15e9  # of one core in this work, and what an update costs besides: measured, rough on purpose
)
_UPDATE_S = 50e-6


def useful_processes(ready: Prepared) -> int:
    """As many as there are cores, if the run would keep one core busy for more than two seconds."""
    flops = ready.flops_per_update[ready.timeline.client[ready.timeline.applied]]
    seconds = float((flops / _FLOPS_PER_S + _UPDATE_S).sum())
    return cores() if seconds > _WORTH_SECONDS else 1


class Trainer:
    """Trains the cohorts of a run, version by version, on the cached outputs of what is frozen for good.

    Args:
        ready: the prepared run.
        processes: how many may train; `None`: as many as there are cores if the run is long enough to gain by it.
    """

    def __init__(self, ready: Prepared, processes: int | None = 1) -> None:
        s, timeline, dataset = ready.scenario, ready.timeline, ready.federation.dataset
        self.inputs, self.y = ready.inputs(dataset.x_train), torch.as_tensor(dataset.y_train)
        self.by_steps = s.variance == "steps" and s.variance_exponent > 0
        self.tiers = ready.tiers
        self.sgd = [
            LocalSGD(
                tier.plan,
                self.tiers.union.start,
                s.client_rate,
                s.client_momentum,
                track_variance=self.by_steps,
            )
            for tier in self.tiers.all
        ]
        self.at_once = [clients_at_once(tier.plan, s.batch) for tier in self.tiers.all]
        self.tier = self.tiers.of[timeline.client]
        self.applied = np.sort(timeline.applied)
        self.needed = timeline.step
        self.timeline = timeline
        self.bounds = np.searchsorted(
            timeline.version[self.applied], np.arange(len(timeline.step_s) + 1)
        )
        self.batches = Batches(ready, self.applied)
        self.variance = np.zeros(len(timeline))
        entries = self.tiers.union.subset.entries(ready.federation.model)
        self.waiting = UpdateTable(np.zeros(len(timeline), np.int64), torch.empty(0, entries))
        count = (useful_processes(ready) if processes is None else processes) - 1
        data = {"x": dataset.x_train, "y": dataset.y_train, "x_test": dataset.x_test}
        self.helpers = (
            WorkerPool(count, self.sgd, self.tiers.union, s.batch, ready.federation.params, data)
            if count > 0
            else None
        )
        self.away: list[_Away] = []
        self.company = _Company()
        # Where a step takes one update, clients start one by one. Several tiers share no frozen part between versions.
        self.patient = policy(s).buffer == 1 and len(self.tiers) == 1 and self.at_once[0] >= _FEW

    def train(self, version: int, params: Params, row: Tensor) -> None:
        """Train the clients that start from this version and whose updates will be applied, have them trained, or wait.

        Args:
            version: of the server.
            params: its parameters.
            row: their trained entries `(d,)`.
        """
        begin, end = self.bounds[version], self.bounds[version + 1]
        if begin < end:
            batches, participations = self.batches.of(begin, end), self.applied[begin:end]
            if self.patient and len(batches) <= _FEW:
                self.company.join(participations, batches, params)
                participations = participations[:0]
            for tier in np.unique(self.tier[participations]):
                mine = np.flatnonzero(self.tier[participations] == tier)
                theirs = participations[mine], int(tier), batches[torch.as_tensor(mine)]
                at = self._give_away(version, *theirs, params, row)
                self._keep(
                    theirs[0][at],
                    int(tier),
                    self._here(int(tier), params, theirs[2][torch.as_tensor(at)]),
                )
        waiting = self.company.participations
        if waiting and (
            len(waiting) > self.at_once[0] - _FEW or self.needed[waiting].min() <= version
        ):
            self._train_company()
        for away in [a for a in self.away if a.needed <= version or a.task.answer]:
            self.away.remove(away)
            self._keep(away.participations, away.tier, self._returned(away))

    def take(self, version: int) -> BufferedUpdates:
        """Hand out the updates that the step from this version applies, and forget them."""
        members = self.timeline.buffer_of(version)
        samples = self.batches.sizes[self.timeline.client[members]]
        return BufferedUpdates(members, self.waiting.take(members), self.variance[members], samples)

    def _train_company(self) -> None:
        company, self.company = self.company, _Company()
        x, y = fetch(self.inputs, self.y, torch.cat(company.batches))
        updates = self.sgd[0].descend(company.starts, company.counts, x, y)
        self._keep(np.array(company.participations), 0, updates)

    def _returned(self, away: _Away) -> Updates:
        answer = self.helpers.finish(away.task) if self.helpers else None
        if answer is None:
            return self._here(away.tier, away.params, away.batches)
        return Updates(
            answer["rows"], answer["rows"].new_empty(len(away.batches), 0), answer["step_variance"]
        )

    def _here(self, tier: int, params: Params, batches: Tensor) -> Updates:
        return self.sgd[tier].train(params, self.inputs, self.y, batches, self.at_once[tier])

    def _keep(self, participations: np.ndarray, tier: int, updates: Updates) -> None:
        """Entries which the tier does not train are zero in its rows."""
        rows = updates.rows
        if len(self.tiers) > 1:
            rows = rows.new_zeros(len(rows), self.waiting.rows.shape[1])
            rows[:, self.tiers.columns[tier]] = updates.rows
        self.waiting.put(participations, rows)
        if self.by_steps:
            self.variance[participations] = updates.step_variance.double().numpy()

    def _give_away(
        self,
        version: int,
        participations: np.ndarray,
        tier: int,
        batches: Tensor,
        params: Params,
        row: Tensor,
    ) -> np.ndarray:
        """Hand clients whose updates are not needed soon to the helpers, but at least a fair share; returns the others.

        Soon is this step or the next: what is needed later comes back in time.
        """
        everyone, least = np.arange(len(participations)), 1 if self.at_once[tier] == 1 else 2
        if self.helpers is None or len(everyone) < 2 * least:
            return everyone
        needed = self.needed[participations]
        order = np.argsort(needed, kind="stable")
        free = self.helpers.free()
        fair = len(order) * len(free) // (1 + len(free))
        count = min(max(int((needed > version + 1).sum()), fair), len(order) - least)
        for helper, at in zip(
            free, np.array_split(order[len(order) - count :], max(1, len(free))), strict=False
        ):
            if len(at) >= least:
                at = np.sort(at)
                theirs = batches[torch.as_tensor(at)]
                task = self.helpers.give(helper, row, theirs, tier)
                self.away.append(
                    _Away(participations[at], tier, theirs, params, int(needed[at].min()), task)
                )
                everyone = np.setdiff1d(everyone, at)
        return everyone

    def look(self, row: Tensor) -> Task | None:
        """Have the test data evaluated under the server's trained entries, if a helper has nothing else to do."""
        free = (
            [helper for helper in self.helpers.free() if not helper.tasks] if self.helpers else []
        )
        return self.helpers.give(free[0], row) if self.helpers and free else None

    def seen(self, task: Task) -> Tensor | None:
        """Logits that `look` asked for; `None` if the helper died."""
        answer = self.helpers.finish(task) if self.helpers else None
        return None if answer is None else answer["logits"]

    def close(self) -> None:
        """Let the helpers go."""
        if self.helpers:
            self.helpers.close()
