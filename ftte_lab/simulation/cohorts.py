"""Group the clients of a run into cohorts that are trained together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ftte_lab.models import Params


@dataclass(frozen=True, eq=False)
class ServerVersion:
    """Hold what clients start from: one version of the server's model.

    Attributes:
        version: its number.
        params: all parameters.
        row: their trained entries, `(d,)`.
    """

    version: int
    params: Params
    row: Tensor


@dataclass(frozen=True, eq=False)
class Cohort:
    """Hold clients of one tier that start from the same version.

    Attributes:
        start: the server's version.
        tier: index of what they train.
        participations: indices into the timeline, `(C,)`.
        batches: sample indices, `(C, steps, batch)`.
        offsets: what each adds to its gradients, `(C, d)`; `None`: no client state.
    """

    start: ServerVersion
    tier: int
    participations: np.ndarray
    batches: Tensor
    offsets: Tensor | None = None

    def __len__(self) -> int:
        return len(self.participations)

    def select(self, positions: np.ndarray) -> Cohort:
        """Return the clients at these positions."""
        at = torch.as_tensor(positions, device="cpu")
        offsets = None if self.offsets is None else self.offsets[at]
        participations = self.participations[positions]
        return Cohort(self.start, self.tier, participations, self.batches[at], offsets)


@dataclass(eq=False)
class HeldBack:
    """Collect small cohorts of several versions, to train them together.

    A single client takes nearly as long as two that are trained together, and most of what three
    take. So a cohort of a few clients is held back until there are enough of them, or until the
    timeline needs one of their updates.
    """

    cohorts: list[Cohort] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(cohort) for cohort in self.cohorts)

    @property
    def participations(self) -> np.ndarray:
        """Return all clients that are held back, as indices into the timeline."""
        return np.concatenate([cohort.participations for cohort in self.cohorts])

    @property
    def batches(self) -> Tensor:
        """Return the sample indices of all of them."""
        return torch.cat([cohort.batches for cohort in self.cohorts])

    @property
    def offsets(self) -> Tensor | None:
        """Return what each of them adds to its gradients."""
        found = [cohort.offsets for cohort in self.cohorts if cohort.offsets is not None]
        return torch.cat(found) if found else None
