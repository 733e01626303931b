"""The three ideas of FTTE, each alone and with plain arguments: search, timeline, aggregation."""

from ftte_lab.server.aggregation import (
    NORMALISATIONS,
    STALENESS,
    VARIANCES,
    combine,
    rejections,
    staleness_weight,
    variance_buffer,
    variance_entries,
    weights,
)
from ftte_lab.server.search.choose import SOLVERS, BudgetError, Choice, choose
from ftte_lab.server.search.contribution import MEASURES, measure
from ftte_lab.server.search.problem import Contributions, Problem
from ftte_lab.server.timeline.policy import Fate, Policy
from ftte_lab.server.timeline.schedule import Timeline, schedule
from ftte_lab.server.timeline.snapshot import PHASES, Snapshot, snapshot

__all__ = [
    "MEASURES",
    "NORMALISATIONS",
    "PHASES",
    "SOLVERS",
    "STALENESS",
    "VARIANCES",
    "BudgetError",
    "Choice",
    "Contributions",
    "Fate",
    "Policy",
    "Problem",
    "Snapshot",
    "Timeline",
    "choose",
    "combine",
    "measure",
    "rejections",
    "schedule",
    "snapshot",
    "staleness_weight",
    "variance_buffer",
    "variance_entries",
    "weights",
]
