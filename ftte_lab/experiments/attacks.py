"""Measure what an attacker reads: labels off the classifier, and members off the shipped model.

Two attacks that need no training. What they miss is not safe: stronger attacks exist.

* Labels: cross entropy moves the bias of each class by the share of its label in the batch, minus
  the share that the net expected. So the classes whose bias rises were on the device.
* Members: a model fits what it was trained on better than what it has never seen. So a sample with
  a small loss was more likely on a device of the fleet.

`server_views` returns what each protection leaves of an update. How inputs are read off a dense
layer: `inversion.py`.

Sources: Zhao et al. 2020, "iDLG", arXiv 2001.02610, and Wainakh et al. 2021, arXiv 2105.09369, for
the labels; Yeom et al. 2018, arXiv 1709.01604, for the loss as a threshold. Scores over devices are
our reconstruction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.functional import cross_entropy

from ftte_lab._common import require
from ftte_lab.models import Params
from ftte_lab.server import (
    Masker,
    clip_rows,
    masked_message,
    masked_sum,
    noise_row,
    sum_of_messages,
)
from ftte_lab.simulation import Prepared
from ftte_lab.training import FrozenFeatures

Array = np.ndarray


def area_under_curve(members: ArrayLike, others: ArrayLike) -> float:
    """Return how often a member scores above another sample: 0.5 is chance, 1 is certainty.

    Of equal scores each counts half. It is the area under the ROC curve of a threshold.

    Args:
        members: scores of the samples that were trained on, at least one.
        others: scores of the samples that were not, at least one.

    Raises:
        ValueError: no sample on a side, or a score that is not a number.

    Source: Mann and Whitney 1947.

    Example:
        >>> area_under_curve([3.0, 2.0], [1.0, 2.0])
        0.875
    """
    one, other = np.asarray(members, float).ravel(), np.asarray(others, float).ravel()
    fits = len(one) > 0 and len(other) > 0 and not np.isnan(np.concatenate([one, other])).any()
    require(fits, f"{len(one)} members and {len(other)} others", "numbers, at least one of each")
    ordered = np.sort(other)
    below, upto = (np.searchsorted(ordered, one, side) for side in ("left", "right"))
    return float((below + upto).mean() / (2 * len(other)))


def label_guess(bias_updates: ArrayLike) -> Array:
    """Guess the class that each client holds most of: the one whose bias rose most, `(clients,)`.

    Args:
        bias_updates: change of the classifier's bias, `(clients, classes)`.

    Raises:
        ValueError: another shape.

    Example:
        >>> label_guess([[0.2, -0.1, -0.1], [-0.1, -0.1, 0.2]]).tolist()
        [0, 2]
    """
    rows = np.asarray(bias_updates, float)
    require(rows.ndim == 2 and rows.size > 0, f"updates {rows.shape}", "(clients, classes)")
    return rows.argmax(1)


@dataclass(frozen=True, eq=False)
class Views:
    """Hold what can be seen of a group's updates, each `(d,)`.

    Attributes:
        update: of the first device, without any protection.
        masked: the same update under its mask, as the server reads it.
        mean: of the group: all that masks leave to the server.
        private: the mean of the clipped updates and their noise: all that the models show.
    """

    update: Array
    masked: Array
    mean: Array
    private: Array


def server_views(
    rows: Tensor, *, clip_norm: float, noise_multiplier: float, seed: int = 0
) -> Views:
    """Return what each protection leaves of a group's updates.

    Keys are drawn from the system's secret source, so a masked update differs in each call.

    Args:
        rows: one update per device, `(K, d)`, from `server.LEAST_GROUP` devices on.
        clip_norm: C, the largest norm of one device's part.
        noise_multiplier: z, the noise in the sum in clip norms.
        seed: of the noise.

    Raises:
        ValueError: a group that is too small or too large, a number out of range, or the package
            cryptography is missing.

    Example:
        >>> found = server_views(torch.ones(4, 3), clip_norm=9.0, noise_multiplier=0.0)
        >>> found.mean.tolist(), found.private.tolist()
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    """
    values = rows.double().numpy()
    total = masked_sum(values).total
    maskers = [Masker() for _ in values]
    message = masked_message(values[0], maskers[0], [one.public for one in maskers])
    clipped = clip_rows(rows.double(), clip_norm)[0].numpy().sum(0)
    noise = noise_row(rows.shape[1], clip_norm, noise_multiplier, seed=seed, step=0)
    return Views(
        values[0], sum_of_messages([message]), total / len(values), (clipped + noise) / len(values)
    )


@dataclass(frozen=True, eq=False)
class Membership:
    """Hold how well a threshold on the loss tells training samples from others.

    Attributes:
        auc: over all samples of all devices; 0.5 is chance.
        by_device: the same on each device's own samples, `(devices,)`.
    """

    auc: float
    by_device: Array


def membership(prepared: Prepared, params: Params) -> Membership:
    """Attack the shipped model: a small loss means that the fleet trained on the sample.

    Training and test samples of a device are of one kind, so no other trait tells them apart.
    Devices without test samples, or that did not take part, are left out.

    Args:
        prepared: the run.
        params: the model that is shipped: `Finished.params`.

    Raises:
        ValueError: nobody took part.
    """
    federation = prepared.federation
    data, shards = federation.dataset, federation.shards
    took_part = prepared.participations > 0
    pairs = [
        (one, other)
        for one, other, counts in zip(shards.train, shards.test, took_part, strict=True)
        if counts and len(one) and len(other)
    ]
    require(len(pairs) > 0, "no device took part", "at least one, with test samples")
    inside = _scores(prepared, params, data.x_train, data.y_train)
    outside = _scores(prepared, params, data.x_test, data.y_test)
    both = [(inside[one], outside[other]) for one, other in pairs]
    by_device = [area_under_curve(*scores) for scores in both]
    members, others = (np.concatenate(scores) for scores in zip(*both, strict=True))
    return Membership(area_under_curve(members, others), np.array(by_device))


def _scores(prepared: Prepared, params: Params, x: Array, y: Array) -> Array:
    """Return minus the loss of each sample."""
    samples, labels = torch.as_tensor(x, device="cpu"), torch.as_tensor(y, device="cpu")
    logits = FrozenFeatures(prepared.federation.model, params, samples).logits(params)
    return -cross_entropy(logits, labels, reduction="none").numpy()
