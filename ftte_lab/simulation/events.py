"""The events of a run, in the order in which they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ftte_lab.models import Params
from ftte_lab.simulation.history import History
from ftte_lab.simulation.prepare import Prepared


@dataclass(frozen=True)
class Stepped:
    """A server step: who was averaged with which weight. Arrays have one entry per accepted update."""

    version: int
    sim_seconds: float
    clients: np.ndarray
    ages: np.ndarray
    variances: np.ndarray
    weights: np.ndarray
    rejected: Mapping[str, int]


@dataclass(frozen=True)
class Ready:
    """Before any training: the whole timeline, the bill, the subset."""

    prepared: Prepared


@dataclass(frozen=True)
class Evaluated:
    """A point of the curves: `version`, the axes of `history.AXES`, accuracies and loss."""

    point: Mapping[str, float]


@dataclass(frozen=True)
class Finished:
    """The end, with the record of the run and the trained model (no client axis)."""

    history: History
    params: Params


Event = Ready | Stepped | Evaluated | Finished
