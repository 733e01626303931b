"""Keep the updates that have been computed until their server step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class RowTable:
    """Keep rows of one table for participations; the places of rows that were taken are used again.

    Args:
        participations: how many there are in the run.
        entries: length of a row.
    """

    def __init__(self, participations: int, entries: int) -> None:
        self.rows = torch.empty(0, entries, dtype=torch.float32, device="cpu")
        # Of each participation; meaningless where it has no row.
        self._place = np.zeros(participations, np.int64)
        self._free: list[int] = []

    def put(self, participations: np.ndarray, rows: Tensor) -> None:
        """Keep one row per participation."""
        missing = len(participations) - len(self._free)
        if missing > 0:
            self._grow(max(missing, len(self.rows)))
        places = np.array([self._free.pop() for _ in participations])
        self._place[participations] = places
        self.rows[torch.as_tensor(places, device="cpu")] = rows

    def take(self, participations: np.ndarray) -> Tensor:
        """Return the rows, `(K, entries)`, and forget them."""
        places = self._place[participations]
        self._free.extend(places.tolist())
        return self.rows.index_select(0, torch.as_tensor(places, device="cpu"))

    def _grow(self, more: int) -> None:
        old = len(self.rows)
        self.rows = torch.cat([self.rows, self.rows.new_empty(more, self.rows.shape[1])])
        self._free.extend(range(old, old + more))
