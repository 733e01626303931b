"""Define the events of a run, in the order in which they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ftte_lab.models import Params
from ftte_lab.simulation.history import History
from ftte_lab.simulation.prepare import Prepared


@dataclass(frozen=True)
class Ready:
    """Report what is known before any training: the timeline, the bill, the subset."""

    prepared: Prepared


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


@dataclass(frozen=True)
class Evaluated:
    """Report a point of the curves: `version`, the axes of `history.AXES`, accuracies and loss."""

    point: Mapping[str, float]


@dataclass(frozen=True)
class Finished:
    """Report the end, with the record of the run and the trained model (no client axis)."""

    history: History
    params: Params


Event = Ready | Stepped | Evaluated | Finished
