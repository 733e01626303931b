"""Define the events of a run, in the order in which they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ftte_lab.models import Params
from ftte_lab.simulation.history import History
from ftte_lab.simulation.prepared import Prepared
from ftte_lab.simulation.stepped import Stepped


@dataclass(frozen=True)
class Ready:
    """Report what is known before any training: the timeline, the bill, the subset."""

    prepared: Prepared


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
