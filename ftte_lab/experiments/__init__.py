"""Many runs: presets, in parallel, in a folder, compared."""

from ftte_lab.experiments.comparison import Report, best_rates, headline, savings, table, tune
from ftte_lab.experiments.interleave import Happening, race
from ftte_lab.experiments.parallel import run_all
from ftte_lab.experiments.presets import (
    HEADLINE_METHODS,
    PRESETS,
    RATE_GRID,
    TIERED,
    TUNING_SEEDS,
    Preset,
    preset,
)
from ftte_lab.experiments.sweep import Sweep, sweep

__all__ = [
    "HEADLINE_METHODS",
    "PRESETS",
    "RATE_GRID",
    "TIERED",
    "TUNING_SEEDS",
    "Happening",
    "Preset",
    "Report",
    "Sweep",
    "best_rates",
    "headline",
    "preset",
    "race",
    "run_all",
    "savings",
    "sweep",
    "table",
    "tune",
]
