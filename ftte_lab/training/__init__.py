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
from ftte_lab.training.sizing import chunk_sizes, clients_at_once

__all__ = [
    "FrozenFeatures",
    "FrozenInputs",
    "LocalSGD",
    "StackedNet",
    "Updates",
    "chunk_sizes",
    "clients_at_once",
    "draw_batches",
    "draw_many",
    "gather_batches",
    "logits_gradient",
    "minus_one_hot",
    "train_cohort",
]
