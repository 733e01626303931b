"""Local stochastic gradient descent for many clients at once."""

from ftte_lab.training.batches import draw_batches, draw_many
from ftte_lab.training.cohort import (
    LocalSGD,
    Updates,
    clients_at_once,
    fetch,
    logits_gradient,
    minus_one_hot,
    train_cohort,
)
from ftte_lab.training.features import FrozenFeatures
from ftte_lab.training.network import Net

__all__ = [
    "FrozenFeatures",
    "LocalSGD",
    "Net",
    "Updates",
    "clients_at_once",
    "draw_batches",
    "draw_many",
    "fetch",
    "logits_gradient",
    "minus_one_hot",
    "train_cohort",
]
