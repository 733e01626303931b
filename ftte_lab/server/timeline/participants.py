"""State what a participation takes on each client: the input of the virtual clock."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ftte_lab._common import require

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Participants:
    """Hold one entry per client: how long a participation takes, and how often it fails.

    Attributes:
        download_s: virtual seconds to download the trained part, `(clients,)`.
        compute_s: virtual seconds to train, `(clients,)`.
        upload_s: virtual seconds to upload the update, `(clients,)`.
        first_download_s: in place of `download_s` in a client's first participation (the full
            model), `(clients,)`; `None`: the same.
        dropout: probability that a participation never arrives, `(clients,)`; `None`: 0.
        eligible: who takes part at all, bool, `(clients,)`; `None`: everybody.
        energy_j: joules of a participation, which a battery must cover, `(clients,)`; `None`: 0.

    Raises:
        ValueError: arrays that do not fit, nobody eligible, or a participation of no duration.
    """

    download_s: ArrayLike
    compute_s: ArrayLike
    upload_s: ArrayLike
    first_download_s: ArrayLike | None = None
    dropout: ArrayLike | None = None
    eligible: ArrayLike | None = None
    energy_j: ArrayLike | None = None

    def __post_init__(self) -> None:
        count = np.size(self.download_s)
        defaults = {
            "first_download_s": self.download_s,
            "dropout": np.zeros(count),
            "eligible": np.ones(count, bool),
            "energy_j": np.zeros(count),
        }
        for name, value in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        eligible = _checked_flags(np.asarray(self.eligible))
        first, later, compute, upload, _ = self.columns
        total = np.minimum(first, later) + compute + upload
        problem, fix = "a participation takes 0 s", "Count its computing time"
        require(total[eligible].min() > 0, problem, "durations above 0", fix)

    @property
    def columns(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Return first download, later downloads, compute, upload (seconds) and drop-out.

        Raises:
            ValueError: a column of another shape, or with an entry out of range.
        """
        return (
            self._column("first_download_s"),
            self._column("download_s"),
            self._column("compute_s"),
            self._column("upload_s"),
            self._column("dropout"),
        )

    @property
    def need_j(self) -> Floats:
        """Return the joules of a participation of each client.

        Raises:
            ValueError: another shape, or an entry out of range.
        """
        return self._column("energy_j")

    @property
    def clients(self) -> list[int]:
        """Return the indices of those who take part."""
        return np.flatnonzero(np.asarray(self.eligible)).tolist()

    def _column(self, name: str) -> Floats:
        column = np.asarray(getattr(self, name), np.float64)
        size = np.asarray(self.eligible).size
        top, allowed = (1.0, "from 0 to 1") if name == "dropout" else (math.inf, "from 0 upwards")
        each = f"{size} finite numbers {allowed}, one per client"
        require(column.shape == (size,), f"{name} has shape {column.shape}", each)
        bad = np.flatnonzero(~((column >= 0) & (column <= top) & np.isfinite(column)))
        require(len(bad) == 0, f"{name} holds {column[bad[:1]]} at {bad[:1]}", each)
        return column


def _checked_flags(eligible: NDArray[np.generic]) -> NDArray[np.generic]:
    flags = eligible.dtype == np.bool_ and eligible.ndim == 1
    problem, fix = f"eligible has type {eligible.dtype}", "For all: np.ones(n, bool)"
    require(flags, problem, "one bool per client", fix)
    fix = "Give the devices more memory, or choose a smaller model or subset"
    require(bool(eligible.any()), f"0 of {eligible.size} clients are eligible", "at least 1", fix)
    return eligible
