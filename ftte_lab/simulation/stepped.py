"""What goes into a server step and what is reported of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class BufferedUpdates:
    """Hold the updates of one server step, in the order of arrival.

    Attributes:
        participations: indices into the timeline, `(K,)`.
        rows: one update per row, `(K, d)`.
        step_variance: sampling variance that each client measured, `(K,)`; zeros if not tracked.
        samples: training samples behind each update, `(K,)`.
        offsets: what each client added to its gradients, `(K, d)`; `None`: no client state.
    """

    participations: np.ndarray
    rows: Tensor
    step_variance: np.ndarray
    samples: np.ndarray
    offsets: Tensor | None = None

    def select(self, positions: np.ndarray) -> BufferedUpdates:
        """Keep the updates at these positions."""
        at = torch.as_tensor(positions, device="cpu")
        return BufferedUpdates(
            self.participations[positions],
            self.rows[at],
            self.step_variance[positions],
            self.samples[positions],
            None if self.offsets is None else self.offsets[at],
        )


@dataclass(frozen=True)
class Stepped:
    """Report a server step: who was averaged with which weight.

    Attributes:
        version: the version that the step made.
        sim_seconds: when.
        clients: of the accepted updates, in the order of arrival, `(K,)`; so are all arrays.
        ages: their staleness, in server steps.
        variances: their variance; 0 where it does not count.
        weights: their coefficients.
        rejected: how many updates were rejected, by reason.
    """

    version: int
    sim_seconds: float
    clients: np.ndarray
    ages: np.ndarray
    variances: np.ndarray
    weights: np.ndarray
    rejected: Mapping[str, int]
