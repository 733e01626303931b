"""The working half of a run: draws mini-batches, trains cohorts, and keeps updates until their server step."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ftte_lab.batches import draw_many
from ftte_lab.local import train_cohort
from ftte_lab.ops import Params
from ftte_lab.prepare import Prepared

_BLOCK = 1024  # participations whose batches are drawn together


class Batches:
    """Sample indices of the participations that will be applied, drawn by the block, in the order of starting."""

    def __init__(self, ready: Prepared, applied: np.ndarray) -> None:
        self.ready, self.applied = ready, applied
        shards = ready.world.shards.train
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
            self.sizes[client], s.local_steps, s.batch, seed=s.seed, client=client, visit=timeline.visit[participations]
        )
        return self.samples[self.offset[client][:, None, None] + at]


@dataclass
class Waiting:
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


class Trainer:
    """Trains the cohorts of a run, version by version, on the cached outputs of what is frozen for good."""

    def __init__(self, ready: Prepared) -> None:
        self.ready = ready
        dataset, timeline = ready.world.dataset, ready.timeline
        self.inputs = ready.inputs(dataset.x_train)
        self.y = torch.as_tensor(dataset.y_train)
        self.applied = np.sort(timeline.applied)
        self.bounds = np.searchsorted(timeline.version[self.applied], np.arange(len(timeline.step_s) + 1))
        self.batches = Batches(ready, self.applied)
        self.variance = np.zeros(len(timeline))
        entries = ready.plan.subset.entries(ready.world.model)
        self.waiting = Waiting(np.zeros(len(timeline), np.int64), torch.empty(0, entries))

    def train(self, version: int, params: Params) -> None:
        """Train all clients that start from this version and whose updates will be applied."""
        begin, end = self.bounds[version], self.bounds[version + 1]
        if begin == end:
            return
        s = self.ready.scenario
        by_steps = s.variance == "steps" and s.variance_exponent > 0
        updates = train_cohort(
            self.ready.plan, params, self.inputs, self.y, self.batches.of(begin, end),
            rate=s.client_rate, momentum=s.client_momentum, track_variance=by_steps,
        )  # fmt: skip
        participations = self.applied[begin:end]
        self.waiting.put(participations, updates.rows)
        if by_steps:
            self.variance[participations] = updates.step_variance.double().numpy()
