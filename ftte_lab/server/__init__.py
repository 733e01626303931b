"""Decide as the server does: search, timeline, aggregation, each alone and with plain arguments."""

from ftte_lab.server.aggregation import (
    NORMALISATIONS,
    VARIANCES,
    OverflowStepError,
    WeightRule,
    combine,
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
from ftte_lab.server.intake import REASONS, Intake, rejections
from ftte_lab.server.robust import LARGEST_TRIM, MEANS, robust_mean
from ftte_lab.server.search.choose import SOLVERS, BudgetError, Choice, choose
from ftte_lab.server.search.contribution import MEASURES, measure
from ftte_lab.server.search.exact import memory_constraints
from ftte_lab.server.search.micro_batch import choose_with_micro_batch, largest_micro_batch
from ftte_lab.server.search.neglect import Neglect, neglect_cap
from ftte_lab.server.search.problem import Contributions, Problem
from ftte_lab.server.server_step import COMBINATIONS, StepRule, server_step
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
from ftte_lab.server.timeline.redraws import MOST_PHASES, Redraws
from ftte_lab.server.timeline.schedule import Timeline, schedule
from ftte_lab.server.timeline.snapshot import PHASES, Snapshot, snapshot

__all__ = [
    "COMBINATIONS",
    "CORRECTIONS",
    "LARGEST_TRIM",
    "MEANS",
    "MEASURES",
    "MOST_PHASES",
    "NORMALISATIONS",
    "PHASES",
    "REASONS",
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
    "Intake",
    "Neglect",
    "OverflowStepError",
    "Participants",
    "Policy",
    "Problem",
    "Redraws",
    "Snapshot",
    "StepRule",
    "Timeline",
    "WeightRule",
    "choose",
    "choose_with_micro_batch",
    "combine",
    "constant",
    "exponential",
    "hinge",
    "largest_micro_batch",
    "measure",
    "memory_constraints",
    "neglect_cap",
    "poly",
    "rejections",
    "robust_mean",
    "schedule",
    "server_step",
    "snapshot",
    "staleness_weight",
    "variance_buffer",
    "variance_entries",
    "weights",
]
