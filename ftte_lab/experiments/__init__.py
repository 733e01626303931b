"""Many runs: presets, comparisons, in parallel, in a folder."""

from ftte_lab.experiments.attacks import (
    Membership,
    Views,
    area_under_curve,
    label_guess,
    membership,
    server_views,
)
from ftte_lab.experiments.comparison import HEADLINE_METHODS, Comparison
from ftte_lab.experiments.crew import Crew, Landed, StoppedError
from ftte_lab.experiments.find import find
from ftte_lab.experiments.find_words import COSTS, amount, in_words
from ftte_lab.experiments.gallery import GALLERY, Entry, gallery
from ftte_lab.experiments.grid import (
    MEASURES_OF_RUNS,
    Grid,
    Measure,
    Summary,
    figure_of,
    summarise,
)
from ftte_lab.experiments.interleave import Interleaved, LostRunError, interleave
from ftte_lab.experiments.inversion import RECOVERED, likeness, read_inputs, recovered
from ftte_lab.experiments.kept_runs import runs_home, tidy
from ftte_lab.experiments.knob_values import NUMERIC, knob_values, numeric_knobs, spell, spread
from ftte_lab.experiments.newcomers import newcomers
from ftte_lab.experiments.parallel import run_all
from ftte_lab.experiments.personalise import Personal, personal_plan, personalise
from ftte_lab.experiments.presets import PRESETS, TIERED, preset
from ftte_lab.experiments.question import WANTS, Finding, Question, Trial
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
    "COSTS",
    "GALLERY",
    "HEADLINE_METHODS",
    "MEASURES_OF_RUNS",
    "NUMERIC",
    "PRESETS",
    "RATE_GRID",
    "RECOVERED",
    "TARGET_SHARE",
    "TIERED",
    "TUNING_SEEDS",
    "WANTS",
    "Comparison",
    "Crew",
    "Entry",
    "Failure",
    "Finding",
    "Grid",
    "HeadlineReport",
    "Interleaved",
    "Landed",
    "LostRunError",
    "Measure",
    "Membership",
    "Personal",
    "Question",
    "Score",
    "Scoreboard",
    "StoppedError",
    "Summary",
    "Sweep",
    "TimedEvent",
    "Trial",
    "Views",
    "amount",
    "area_under_curve",
    "best_rates",
    "figure_of",
    "find",
    "gallery",
    "headline",
    "in_words",
    "interleave",
    "knob_values",
    "label_guess",
    "likeness",
    "membership",
    "newcomers",
    "numeric_knobs",
    "personal_plan",
    "personalise",
    "preset",
    "read_inputs",
    "recovered",
    "run_all",
    "runs_home",
    "savings",
    "scoreboard",
    "server_views",
    "spell",
    "spread",
    "summarise",
    "sweep",
    "table",
    "tidy",
    "tune",
]
