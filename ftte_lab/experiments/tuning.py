"""Tune the server rate of each method, on seeds of their own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ftte_lab.experiments.comparison import Comparison
from ftte_lab.experiments.parallel import run_all
from ftte_lab.simulation import Scenario

TUNING_SEEDS = (101, 102, 103)
RATE_GRID = (0.5, 1.0, 1.5, 2.5, 4.0)
MIXING_GRID = (0.2, 0.4, 0.6, 0.8, 1.0)
SINGLE_GRID = (0.05, 0.1, 0.2, 0.4, 0.8)


def rate_grid(scenario: Scenario) -> tuple[float, ...]:
    """Return the server rates to try: smaller where the server steps at each update, or mixes.

    Example:
        >>> rate_grid(Scenario().as_method("fedasync"))
        (0.05, 0.1, 0.2, 0.4, 0.8)
    """
    if scenario.combine == "mixing":  # a share of the new model
        return MIXING_GRID
    return SINGLE_GRID if scenario.buffer == 1 else RATE_GRID


def tune(
    comparison: Comparison, *, progress: bool = False, processes: int | None = 1
) -> dict[str, dict[float, float]]:
    """Score every server rate of every method, averaged over the tuning seeds.

    The score is the mean accuracy over the horizon, which rewards speed and level alike. The seeds
    that a table reports are not used.

    Returns:
        Method -> server rate -> score.

    Raises:
        BudgetError: no subset fits the weakest device.
        ValueError: data that is not there.
    """
    runs = comparison.runs()
    jobs = {
        (name, rate, seed): base.replace(seed=seed, server_rate=rate)
        for name, base in runs.items()
        for rate in rate_grid(base)
        for seed in TUNING_SEEDS
    }
    named = {f"{name} {rate} {seed}": s for (name, rate, seed), s in jobs.items()}
    done = run_all(named, processes=processes, progress=progress)

    def score(name: str, rate: float) -> float:
        return float(np.mean([done[f"{name} {rate} {seed}"].level() for seed in TUNING_SEEDS]))

    return {
        name: {rate: score(name, rate) for rate in rate_grid(base)} for name, base in runs.items()
    }


def best_rates(scores: Mapping[str, Mapping[float, float]]) -> dict[str, float]:
    """Return the rate with the best score per method; of equal ones the smaller."""
    return {
        name: max(sorted(by_rate), key=lambda rate: by_rate[rate])
        for name, by_rate in scores.items()
    }
