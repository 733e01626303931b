"""Draw the mini-batches of the clients of a run."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ftte_lab.simulation.prepared import Prepared
from ftte_lab.training import draw_many

_BLOCK = 1024  # participations whose batches are drawn together


class BatchSampler:
    """Draw the mini-batches of the participations that will be applied, in the order of starting.

    Args:
        prepared: the prepared run.
        participations: those that will be applied, ascending.
    """

    def __init__(self, prepared: Prepared, participations: np.ndarray) -> None:
        self.prepared, self.participations = prepared, participations
        shards = prepared.federation.shards.train
        self.sizes = np.array([len(shard) for shard in shards])
        self._offset = np.cumsum(self.sizes) - self.sizes
        self._samples = np.concatenate(shards)
        self._block = np.empty((0, 0, 0), np.int64)
        self._first = 0

    def batches(self, begin: int, end: int) -> Tensor:
        """Return sample indices `(end - begin, steps, batch)`; call with rising `begin`."""
        if end > self._first + len(self._block):
            self._first = begin
            self._block = self._draw(self.participations[begin : max(end, begin + _BLOCK)])
        return torch.as_tensor(self._block[begin - self._first : end - self._first], device="cpu")

    def _draw(self, participations: np.ndarray) -> np.ndarray:
        s, timeline = self.prepared.scenario, self.prepared.timeline
        client = timeline.client[participations]
        at = draw_many(
            self.sizes[client],
            s.local_steps,
            s.batch,
            seed=s.seed,
            client=client,
            visit=timeline.visit[participations],
        )
        return self._samples[self._offset[client][:, None, None] + at]
