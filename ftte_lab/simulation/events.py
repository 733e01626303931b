"""Define the events of a run, in the order in which they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ftte_lab.models import Params
from ftte_lab.simulation.history import History
from ftte_lab.simulation.prepared import Prepared
from ftte_lab.simulation.stepped import Stepped


@dataclass(frozen=True)
class Ready:
    """Report what is known before any training: the timeline, the bill, the subset."""

    prepared: Prepared


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Report a point of the curves.

    Attributes:
        point: `version`, the axes of `history.AXES`, accuracies and loss.
        clients: accuracy on the test data of each client, `(clients,)`; nan where it has none.
    """

    point: Mapping[str, float]
    clients: np.ndarray


@dataclass(frozen=True)
class Finished:
    """Report the end, with the record of the run and the trained model (no client axis)."""

    history: History
    params: Params


Event = Ready | Stepped | Evaluated | Finished
