"""Many runs: presets, comparisons, in parallel, in a folder."""

from ftte_lab.experiments.comparison import HEADLINE_METHODS, Comparison
from ftte_lab.experiments.interleave import interleave
from ftte_lab.experiments.parallel import run_all
from ftte_lab.experiments.presets import PRESETS, TIERED, preset
from ftte_lab.experiments.report import HeadlineReport, headline, savings, table
from ftte_lab.experiments.scoreboard import (
    AUTHORS,
    TARGET_SHARE,
    Score,
    Scoreboard,
    scoreboard,
)
from ftte_lab.experiments.sweep import Failure, Sweep, sweep
from ftte_lab.experiments.timed_event import TimedEvent
from ftte_lab.experiments.tuning import RATE_GRID, TUNING_SEEDS, best_rates, tune

__all__ = [
    "AUTHORS",
    "HEADLINE_METHODS",
    "PRESETS",
    "RATE_GRID",
    "TARGET_SHARE",
    "TIERED",
    "TUNING_SEEDS",
    "Comparison",
    "Failure",
    "HeadlineReport",
    "Score",
    "Scoreboard",
    "Sweep",
    "TimedEvent",
    "best_rates",
    "headline",
    "interleave",
    "preset",
    "run_all",
    "savings",
    "scoreboard",
    "sweep",
    "table",
    "tune",
]
