"""Many runs: presets, in parallel, in a folder, compared."""

from ftte_lab.experiments.comparison import (
    HeadlineReport,
    best_rates,
    headline,
    savings,
    table,
    tune,
)
from ftte_lab.experiments.interleave import TimedEvent, interleave
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
    "HeadlineReport",
    "Preset",
    "Sweep",
    "TimedEvent",
    "best_rates",
    "headline",
    "interleave",
    "preset",
    "run_all",
    "savings",
    "sweep",
    "table",
    "tune",
]
