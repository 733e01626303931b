"""Hold the server's model of a run: what is sent of it, the updates that wait, and its points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ftte_lab.deployment.messages import Update
from ftte_lab.deployment.orders import Order, Start
from ftte_lab.deployment.payloads import Payloads
from ftte_lab.models import Params
from ftte_lab.simulation import (
    BufferedUpdates,
    CostLedger,
    Evaluated,
    GlobalModel,
    History,
    Prepared,
    Recorder,
    Stepped,
)


@dataclass(frozen=True, eq=False)
class _There:
    """Hold an update that waits for its step."""

    row: Tensor
    step_variance: float


class ServedModel:
    """Move the model by the very functions of the simulation.

    Args:
        prepared: the prepared run.
        order: who starts, and what a step takes.

    Attributes:
        version: of the model.
    """

    def __init__(self, prepared: Prepared, order: Order) -> None:
        self.version, self._order = 0, order
        self._payloads = Payloads(prepared)
        self._server, self._recorder = GlobalModel(prepared), Recorder(prepared)
        self._rows = {0: self._server.row}
        self._there: dict[int, _There] = {}
        self._sizes = np.array([len(shard) for shard in prepared.federation.shards.train])

    def parts(self, start: Start, whole: bool) -> dict[str, bytes]:
        """Return what a job carries (see `Payloads.parts`)."""
        return self._payloads.parts(start.version, self._rows[start.version], start.tier, whole)

    def read(self, start: Start, update: Update) -> Tensor:
        """Return an update in the entries of the server's row.

        Raises:
            ValueError: it is none.
        """
        return self._payloads.update(start.tier, update.payload)

    def keep(self, participation: int, row: Tensor, update: Update) -> None:
        """Keep an update until its step."""
        self._there[participation] = _There(row, update.step_variance)

    def step(self, members: np.ndarray) -> tuple[Stepped, list[int]]:
        """Make a server step; return it, and the participations that it calls off."""
        there = [self._there.pop(p) for p in members.tolist()]
        late = self._order.stepped(members)
        prepared = self._order.prepared
        self._server.prepared = prepared
        updates = BufferedUpdates(
            members,
            torch.stack([one.row for one in there]),
            np.array([one.step_variance for one in there], np.float64),
            self._sizes[prepared.timeline.client[members]],
        )
        stepped = self._server.step(self.version, updates)
        self._recorder.stepped(stepped)
        self.version = stepped.version
        self._rows[self.version] = self._server.row
        oldest = min(self._order.oldest, self.version)
        self._rows = {v: row for v, row in self._rows.items() if v >= oldest}
        self._payloads.forget_before(oldest)
        return stepped, late

    def evaluate(self, sim_seconds: float) -> Evaluated:
        """Evaluate the newest version, and keep the point."""
        prepared = self._order.prepared
        if prepared is not self._recorder.prepared:
            self._recorder.prepared, self._recorder.ledger = prepared, CostLedger(prepared)
        params = self.params if self.version else self._server.params
        return self._recorder.evaluate(self.version, sim_seconds, params)

    @property
    def evaluated_s(self) -> float:
        """Return the virtual time of the last point (s)."""
        return self._recorder.points[-1]["sim_seconds"]

    @property
    def params(self) -> Params:
        """Return the parameters that are shipped."""
        return self._server.filled(self._server.shipped)

    def history(self) -> History:
        """Return the record of the run."""
        self._recorder.prepared = self._order.prepared
        return self._recorder.history(self._server.intake.rejected)
