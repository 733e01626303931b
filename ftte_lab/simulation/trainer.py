"""Train the clients of a run, version by version, and keep their updates until their server step.

Training is put off as long as the timeline allows: clients are sent to worker processes, or held
back to be trained together with those of later versions.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ftte_lab.devices import FaultyMessages
from ftte_lab.models import Params
from ftte_lab.server import CorrectionState
from ftte_lab.simulation.batch_sampler import BatchSampler
from ftte_lab.simulation.cohorts import Cohort, HeldBack, ServerVersion
from ftte_lab.simulation.local_training import LocalTraining
from ftte_lab.simulation.prepared import Prepared
from ftte_lab.simulation.private_parts import PrivateParts
from ftte_lab.simulation.rounding import Rounding
from ftte_lab.simulation.stepped import BufferedUpdates
from ftte_lab.simulation.together import FEW, enough_held, holding_back
from ftte_lab.simulation.update_table import RowTable
from ftte_lab.simulation.workers.dispatch import Dispatcher
from ftte_lab.training import FrozenInputs, Updates


class Trainer:
    """Train the cohorts of a run.

    Args:
        prepared: the prepared run.
        processes: how many may train; `None`: as many as there are cores if the run is long enough
            to gain by it.
        correction: state of the client correction, or `None` if clients keep no state.
    """

    def __init__(
        self,
        prepared: Prepared,
        processes: int | None = 1,
        correction: CorrectionState | None = None,
    ) -> None:
        self.timeline, self.tiers = prepared.timeline, prepared.tiers
        self.tier = prepared.tier
        self.correction = correction
        self.local = LocalTraining(prepared)
        self.private = PrivateParts.of(prepared, self.local)
        self._here = self.private or self.local
        # A device starts from what its last training left, so they are trained in their order.
        in_order = self.private is not None
        self.dispatcher = Dispatcher(prepared, self.local, 1 if in_order else processes)
        self.messages = FaultyMessages(
            prepared.scenario.fault, prepared.faulty, prepared.scenario.seed
        )
        self.rounding = Rounding(prepared)
        self.sampler = BatchSampler(prepared, np.sort(self.timeline.applied))
        self.held = HeldBack()
        self.deferred: list[Cohort] = []
        entries = self.tiers.union.subset.entries(prepared.federation.model)
        self.rows = RowTable(len(self.timeline), entries)
        self.offsets = RowTable(len(self.timeline), entries)
        self.step_variance = np.zeros(len(self.timeline))
        self._bounds = np.searchsorted(
            self.timeline.version[self.sampler.participations],
            np.arange(len(self.timeline.step_s) + 1),
        )
        self._holds_back = not in_order and holding_back(prepared, self.local.at_once)

    def train(self, version: int, params: Params, row: Tensor) -> None:
        """Train the clients that start from a version and whose updates will be applied.

        Some are sent to workers or held back instead. Afterwards all updates are there that the
        step from this version needs.

        Args:
            version: of the server.
            params: its parameters.
            row: their trained entries `(d,)`.
        """
        self._train_deferred()
        for cohort in self._needed_first(self._cohorts(ServerVersion(version, params, row))):
            if self._holds_back and cohort.tier == 0 and len(cohort) <= FEW:
                self.held.cohorts.append(cohort)
            else:
                here = self.dispatcher.dispatch(cohort)
                self._keep(here, self._here.train(here))
        if self._held_is_due(version):
            self._train_held()
        for cohort, updates in self.dispatcher.collect(version):
            self._keep(cohort, updates or self.local.train(cohort))

    def take(self, version: int) -> BufferedUpdates:
        """Return the updates that the step from this version applies, as they arrive; forget them.

        What faulty clients send takes the place of their updates here, so that the server cannot
        tell them apart.
        """
        members = self.timeline.buffer_of(version)
        clients, visits = self.timeline.client[members], self.timeline.visit[members]
        message = [self.rows.take(members), torch.from_numpy(self.step_variance[members])]
        if self.correction is not None:
            message.append(self.offsets.take(members))
        rows, step_variance, *offsets = self.messages.sent(clients, visits, message)
        return BufferedUpdates(
            members,
            self.rounding.uploaded(members, rows),
            step_variance.numpy(),
            self.sampler.sizes[clients],
            offsets[0] if offsets else None,
        )

    def logits(self, inputs: FrozenInputs, params: Params, sim_seconds: float) -> Tensor | None:
        """Return the logits of the test data where each device has a model of its own.

        Args:
            inputs: the test samples.
            params: of the server at a moment.
            sim_seconds: the moment.
        """
        if self.private is None:
            return None
        return self.private.logits(inputs.of(0), params, sim_seconds)

    def close(self) -> None:
        """Release the workers."""
        self.dispatcher.close()

    def _cohorts(self, start: ServerVersion) -> Iterator[Cohort]:
        """Yield the clients that start from a version and will be applied, one cohort per tier."""
        begin, end = self._bounds[start.version], self._bounds[start.version + 1]
        if begin == end:
            return
        start = self.rounding.downloaded(start)
        participations = self.sampler.participations[begin:end]
        batches = self.sampler.batches(begin, end)
        clients = self.timeline.client[participations]
        offsets = None
        if self.correction is not None:
            offsets = self.correction.offsets(clients.tolist())
            self.offsets.put(participations, offsets)
        tiers = self.tier[participations]
        for tier in np.unique(tiers).tolist():
            trained = offsets
            if offsets is not None and len(self.tiers) > 1:
                trained = offsets[:, self.tiers.columns[tier]]
            cohort = Cohort(start, tier, participations, batches, trained)
            yield cohort.select(np.flatnonzero(tiers == tier))

    def _needed_first(self, cohorts: Iterator[Cohort]) -> Iterator[Cohort]:
        """Put off what the first step does not need: the first point is there so much sooner.

        All clients start from version 0, and only a buffer of them is needed for the first step.
        Workers are sent what is needed last anyway.
        """
        for cohort in cohorts:
            soon = self.timeline.step[cohort.participations] == 0
            least = 1 if self.local.at_once[cohort.tier] == 1 else 2
            parts = int(soon.sum()), int((~soon).sum())
            split = cohort.start.version == 0 and self.dispatcher.pool is None
            if split and self.private is None and min(parts) >= least:
                self.deferred.append(cohort.select(np.flatnonzero(~soon)))
                cohort = cohort.select(np.flatnonzero(soon))
            yield cohort

    def _train_deferred(self) -> None:
        """Train what was put off."""
        for cohort in self.deferred:
            self._keep(cohort, self.local.train(cohort))
        self.deferred.clear()

    def _held_is_due(self, version: int) -> bool:
        """Report whether enough clients are held back, or the next step needs one of them."""
        if not self.held.cohorts:
            return False
        enough = enough_held(len(self.held), self.local.at_once)
        needed = self.timeline.step[self.held.participations]
        return enough or int(needed.min()) <= version

    def _train_held(self) -> None:
        held, self.held = self.held, HeldBack()
        self._keep_rows(held.participations, self.local.train_held_back(held), tier=0)

    def _keep(self, cohort: Cohort, updates: Updates) -> None:
        self._keep_rows(cohort.participations, updates, cohort.tier)

    def _keep_rows(self, participations: np.ndarray, updates: Updates, tier: int) -> None:
        """Keep updates in the union's entries; what the tier does not train is zero."""
        rows = updates.rows
        if len(self.tiers) > 1:
            rows = rows.new_zeros(len(rows), self.rows.rows.shape[1])
            rows[:, self.tiers.columns[tier]] = updates.rows
        self.rows.put(participations, rows)
        if self.local.optimisers[0].track_variance:
            self.step_variance[participations] = updates.step_variance.double().numpy()
