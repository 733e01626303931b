"""Decide as the server does: search, timeline, aggregation, each alone and with plain arguments."""

from ftte_lab.server.aggregation import (
    NORMALISATIONS,
    VARIANCES,
    WeightRule,
    combine,
    rejections,
    variance_buffer,
    variance_entries,
    weights,
)
from ftte_lab.server.corrections import (
    CORRECTIONS,
    ClientCorrection,
    ControlVariates,
    CorrectionState,
)
from ftte_lab.server.search.choose import SOLVERS, BudgetError, Choice, choose
from ftte_lab.server.search.contribution import MEASURES, measure
from ftte_lab.server.search.exact import memory_constraints
from ftte_lab.server.search.problem import Contributions, Problem
from ftte_lab.server.staleness import (
    STALENESS,
    constant,
    exponential,
    hinge,
    poly,
    staleness_weight,
)
from ftte_lab.server.timeline.clock import Clock
from ftte_lab.server.timeline.participants import Participants
from ftte_lab.server.timeline.policy import Fate, Policy
from ftte_lab.server.timeline.schedule import Timeline, schedule
from ftte_lab.server.timeline.snapshot import PHASES, Snapshot, snapshot

__all__ = [
    "CORRECTIONS",
    "MEASURES",
    "NORMALISATIONS",
    "PHASES",
    "SOLVERS",
    "STALENESS",
    "VARIANCES",
    "BudgetError",
    "Choice",
    "ClientCorrection",
    "Clock",
    "Contributions",
    "ControlVariates",
    "CorrectionState",
    "Fate",
    "Participants",
    "Policy",
    "Problem",
    "Snapshot",
    "Timeline",
    "WeightRule",
    "choose",
    "combine",
    "constant",
    "exponential",
    "hinge",
    "measure",
    "memory_constraints",
    "poly",
    "rejections",
    "schedule",
    "snapshot",
    "staleness_weight",
    "variance_buffer",
    "variance_entries",
    "weights",
]
