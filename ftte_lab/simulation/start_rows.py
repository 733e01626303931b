"""Keep the models that clients started from, for a server step that averages models."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ftte_lab.server import Timeline


class StartRows:
    """Keep the server's trained entries at each version from which an update is still to come.

    Args:
        timeline: of the run.
    """

    def __init__(self, timeline: Timeline) -> None:
        # The step that applies the last update of each version; -1: no update of it is applied.
        self._last = np.full(len(timeline.step_s), -1)
        applied = timeline.applied
        np.maximum.at(self._last, timeline.version[applied], timeline.step[applied])
        self._rows: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def keep(self, version: int, row: Tensor) -> None:
        """Keep the row of a version, and forget those that no step from this version on needs."""
        self._rows = {v: kept for v, kept in self._rows.items() if self._last[v] >= version}
        if self._last[version] >= version:
            self._rows[version] = row

    def at(self, versions: np.ndarray) -> Tensor:
        """Return the rows of these versions, `(K, d)`."""
        return torch.stack([self._rows[v] for v in versions.tolist()])
