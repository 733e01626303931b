"""Mini-batches of the participations, and the table of updates that wait for their server step."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ftte_lab.simulation.prepare import Prepared
from ftte_lab.training import draw_many

_BLOCK = 1024  # participations whose batches are drawn together


class Batches:
    """Sample indices of the participations that will be applied, drawn by the block, in the order of starting."""

    def __init__(self, ready: Prepared, applied: np.ndarray) -> None:
        self.ready, self.applied = ready, applied
        shards = ready.federation.shards.train
        self.sizes = np.array([len(shard) for shard in shards])
        self.offset = np.cumsum(self.sizes) - self.sizes
        self.samples = np.concatenate(shards)
        self.block, self.first = np.empty((0, 0, 0), np.int64), 0

    def of(self, begin: int, end: int) -> Tensor:
        """Batches `(end - begin, steps, batch)` of that many applied participations; never asked for backwards."""
        if end > self.first + len(self.block):
            self.first = begin
            self.block = self._draw(self.applied[begin : max(end, begin + _BLOCK)])
        return torch.as_tensor(self.block[begin - self.first : end - self.first])

    def _draw(self, participations: np.ndarray) -> np.ndarray:
        s, timeline = self.ready.scenario, self.ready.timeline
        client = timeline.client[participations]
        at = draw_many(
            self.sizes[client],
            s.local_steps,
            s.batch,
            seed=s.seed,
            client=client,
            visit=timeline.visit[participations],
        )
        return self.samples[self.offset[client][:, None, None] + at]


@dataclass
class UpdateTable:
    """Updates that have been computed and wait for their step: rows of one table whose places are used again."""

    place: np.ndarray  # of each participation, meaningless where it has none
    rows: Tensor
    free: list[int] = field(default_factory=list)

    def put(self, participations: np.ndarray, rows: Tensor) -> None:
        """Keep one row per participation."""
        missing = len(participations) - len(self.free)
        if missing > 0:
            old = len(self.rows)
            more = max(missing, old)
            self.rows = torch.cat([self.rows, self.rows.new_empty(more, self.rows.shape[1])])
            self.free.extend(range(old, old + more))
        places = np.array([self.free.pop() for _ in participations])
        self.place[participations] = places
        self.rows[torch.as_tensor(places)] = rows

    def take(self, participations: np.ndarray) -> Tensor:
        """Hand the rows out, `(K, d)`, and forget them."""
        places = self.place[participations]
        self.free.extend(places.tolist())
        return self.rows.index_select(0, torch.as_tensor(places))
