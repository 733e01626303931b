"""Decide as the server does: search, timeline, aggregation, each alone and with plain arguments."""

from ftte_lab.server.aggregation import (
    NORMALISATIONS,
    VARIANCES,
    OverflowStepError,
    WeightRule,
    combine,
    require_finite,
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
from ftte_lab.server.masks.group import (
    LEAST_GROUP,
    MaskedSum,
    masked_message,
    masked_sum,
    sum_of_messages,
)
from ftte_lab.server.masks.pairs import KEY_BYTES, Masker
from ftte_lab.server.masks.ring import (
    BYTES_PER_ENTRY,
    LARGEST_GROUP,
    STEP,
    decode,
    encode,
    largest_entry,
)
from ftte_lab.server.privacy.accounting import ACCOUNTANTS, LARGEST_DELTA, epsilon
from ftte_lab.server.privacy.clip import clip_rows, own_weights
from ftte_lab.server.privacy.noise import noise_row, noise_to_clip, split_noise
from ftte_lab.server.privacy.quantile import MovingQuantile
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
    "ACCOUNTANTS",
    "BYTES_PER_ENTRY",
    "COMBINATIONS",
    "CORRECTIONS",
    "KEY_BYTES",
    "LARGEST_DELTA",
    "LARGEST_GROUP",
    "LARGEST_TRIM",
    "LEAST_GROUP",
    "MEANS",
    "MEASURES",
    "MOST_PHASES",
    "NORMALISATIONS",
    "PHASES",
    "REASONS",
    "SOLVERS",
    "STALENESS",
    "STEP",
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
    "MaskedSum",
    "Masker",
    "MovingQuantile",
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
    "clip_rows",
    "combine",
    "constant",
    "decode",
    "encode",
    "epsilon",
    "exponential",
    "hinge",
    "largest_entry",
    "largest_micro_batch",
    "masked_message",
    "masked_sum",
    "measure",
    "memory_constraints",
    "neglect_cap",
    "noise_row",
    "noise_to_clip",
    "own_weights",
    "poly",
    "rejections",
    "require_finite",
    "robust_mean",
    "schedule",
    "server_step",
    "snapshot",
    "split_noise",
    "staleness_weight",
    "sum_of_messages",
    "variance_buffer",
    "variance_entries",
    "weights",
]
