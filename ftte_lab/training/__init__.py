"""Local stochastic gradient descent for many clients at once."""

from ftte_lab.training.batches import draw_batches, draw_many
from ftte_lab.training.cohort import train_cohort
from ftte_lab.training.features import FrozenFeatures, FrozenInputs
from ftte_lab.training.local_sgd import (
    LocalSGD,
    Updates,
    gather_batches,
    logits_gradient,
    minus_one_hot,
)
from ftte_lab.training.network import StackedNet
from ftte_lab.training.own_models import OwnModels, own_models
from ftte_lab.training.personal import (
    ALPHAS,
    OWN_VISIT,
    PARTS,
    FineTuning,
    choose_alpha,
    fine_tune,
    first_samples,
    own_parts,
    personal_params,
    personal_part,
    personal_right,
)
from ftte_lab.training.personal_gain import (
    GainSummary,
    accuracy_interval,
    gain_by,
    gain_summary,
    mixed_accuracies,
    own_accuracies,
)
from ftte_lab.training.sizing import chunk_sizes, clients_at_once

__all__ = [
    "ALPHAS",
    "OWN_VISIT",
    "PARTS",
    "FineTuning",
    "FrozenFeatures",
    "FrozenInputs",
    "GainSummary",
    "LocalSGD",
    "OwnModels",
    "StackedNet",
    "Updates",
    "accuracy_interval",
    "choose_alpha",
    "chunk_sizes",
    "clients_at_once",
    "draw_batches",
    "draw_many",
    "fine_tune",
    "first_samples",
    "gain_by",
    "gain_summary",
    "gather_batches",
    "logits_gradient",
    "minus_one_hot",
    "mixed_accuracies",
    "own_accuracies",
    "own_models",
    "own_parts",
    "personal_params",
    "personal_part",
    "personal_right",
    "train_cohort",
]
