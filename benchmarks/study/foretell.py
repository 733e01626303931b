"""What the search foretells of a subset, and how long it takes."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import torch

from benchmarks.study.matrix import Cell
from ftte_lab.devices import memory_model
from ftte_lab.models import Subset
from ftte_lab.server import Contributions, choose, measure
from ftte_lab.simulation import Federation, History, Scenario, federation

_UNBOUND = 1 << 40  # bytes: memory does not bind


def figures(cell: Cell, scenario: Scenario, history: History) -> dict[str, Any]:
    """Return the predicted gain of the subset that a run trained.

    It is the sum of Fisher information over what is trained, whichever way that was chosen. The
    line of the search also gets its seconds on one core.
    """
    gains = _gains(cell)
    row: dict[str, Any] = {
        "predicted_gain": gains.value_of(Subset.from_json(history.facts["subset"]))
    }
    if scenario.solver == "exact":
        row["search_s"] = search_seconds(scenario)
    return row


@lru_cache(maxsize=2)
def _gains(cell: Cell) -> Contributions:
    return _measured(federation(cell.shared().as_method("ftte")), 1.0, cell.seed)


def _measured(shared: Federation, exponent: float, seed: int) -> Contributions:
    data = shared.dataset
    x, y = torch.as_tensor(data.x_public), torch.as_tensor(data.y_public)
    return measure(
        shared.model,
        shared.params,
        x,
        y,
        "fisher",
        channels_by="gain",
        exponent=exponent,
        seed=seed,
    )


def search_seconds(scenario: Scenario) -> float:
    """Return what measuring the gains and searching the subset takes, in seconds on one core."""
    shared = federation(scenario)
    begin = time.process_time()
    gains = _measured(shared, scenario.gain_exponent, scenario.seed)
    most = int((scenario.payload_share or 1.0) * shared.model.size)
    memory = memory_model(shared.model, scenario.batch)
    choose(gains, memory, _UNBOUND, max_entries=most, seed=scenario.seed)
    return time.process_time() - begin
