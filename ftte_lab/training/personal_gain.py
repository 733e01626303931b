"""Judge personal models: who gains, who is hurt, how sure that is, and what is forgotten.

A gain is paired: the same client, the same test samples, once with the shared model and once with
its own. A mean alone hides whom it hurts. Small test sets fool: ten samples are off by 15 points.

Source: our reconstruction; "share hurt" and forgetting are asked for by Wu et al. 2022, "Motley".
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ftte_lab._common import integer, number, require

Array = np.ndarray

_DRAWS = 1000
_TAG = 0xB007  # keeps the bootstrap apart from every other use of a seed
_LEVEL = 1.959963984540054  # of a 95 % interval, in standard deviations


@dataclass(frozen=True)
class GainSummary:
    """Sum up the gains of some clients, in shares of accuracy from -1 to 1.

    Attributes:
        clients: how many.
        median: of the gains.
        low, high: 95 % interval of the median, from drawing clients again and again.
        mean: of the gains.
        worst_tenth: mean gain of the tenth that gains least; at least one client.
        share_hurt: share of the clients whose own model is worse than the shared one.
        share_helped: share of the clients whose own model is better.
    """

    clients: int
    median: float
    low: float
    high: float
    mean: float
    worst_tenth: float
    share_hurt: float
    share_helped: float


def gain_summary(before: Sequence[float], after: Sequence[float], seed: int = 0) -> GainSummary:
    """Compare the accuracy of each client before and after, in pairs.

    Args:
        before: accuracy of the shared model on each client's test data, 0 to 1.
        after: accuracy of its own model on the same data.
        seed: of the interval's draws.

    Raises:
        ValueError: no client, unlike numbers of accuracies, or one outside 0 to 1.

    Example:
        >>> found = gain_summary([0.5, 0.5, 0.75, 1.0], [0.75, 1.0, 0.75, 0.5])
        >>> found.median, found.worst_tenth, found.share_hurt, found.share_helped
        (0.125, -0.5, 0.25, 0.5)
    """
    one, other = _accuracies("before", before), _accuracies("after", after)
    require(len(one) == len(other), f"{len(one)} before, {len(other)} after", "equally many")
    gains, seed = other - one, integer("seed", seed, 0, 2**63)
    draws = np.random.default_rng([_TAG, seed]).integers(0, len(gains), (_DRAWS, len(gains)))
    low, high = np.percentile(np.median(gains[draws], axis=1), [2.5, 97.5])
    tenth = max(1, len(gains) // 10)
    return GainSummary(
        clients=len(gains),
        median=float(np.median(gains)),
        low=float(low),
        high=float(high),
        mean=float(gains.mean()),
        worst_tenth=float(np.sort(gains)[:tenth].mean()),
        share_hurt=float((gains < 0).mean()),
        share_helped=float((gains > 0).mean()),
    )


def gain_by(
    before: Sequence[float], after: Sequence[float], groups: Sequence[Hashable], seed: int = 0
) -> dict[Hashable, GainSummary]:
    """Sum up the gains by group, such as the device kind or the number of samples.

    Args:
        before: as in `gain_summary`.
        after: as in `gain_summary`.
        groups: what each client belongs to.
        seed: as in `gain_summary`.

    Raises:
        ValueError: as in `gain_summary`, or not one group for each client.

    Example:
        >>> by = gain_by([0.5, 0.5, 0.5], [0.75, 0.5, 0.25], ["watch", "watch", "phone"])
        >>> {kind: found.mean for kind, found in by.items()}
        {'watch': 0.125, 'phone': -0.25}
    """
    one, other = _accuracies("before", before), _accuracies("after", after)
    same = len(one) == len(other) == len(groups)
    given = f"{len(one)} before, {len(other)} after, {len(groups)} groups"
    require(same, given, "equally many")
    out: dict[Hashable, GainSummary] = {}
    for group in dict.fromkeys(groups):
        at = [k for k, mine in enumerate(groups) if mine == group]
        out[group] = gain_summary(one[at].tolist(), other[at].tolist(), seed)
    return out


def own_accuracies(right: Array, shards: Sequence[Array]) -> Array:
    """Return each client's accuracy on its own test samples, `(clients,)`.

    Args:
        right: what `personal_right` returned, `(clients, n)`.
        shards: indices of each client's test samples, at least one.

    Raises:
        ValueError: unlike numbers of clients, or a client without test samples.

    Example:
        >>> own_accuracies(np.array([[True, False, True]]), [np.array([0, 1])]).tolist()
        [0.5]
    """
    marks = np.asarray(right)
    fits = marks.ndim == 2 and len(marks) == len(shards) and all(len(own) for own in shards)
    require(fits, f"marks of shape {marks.shape} for {len(shards)} clients", "a test sample each")
    return np.array([marks[k, own].mean() for k, own in enumerate(shards)])


def mixed_accuracies(right: Array, y: Array, mix: Array) -> Array:
    """Weigh the accuracy of each class by how often a client meets it, `(clients,)`.

    So a client of a label skew is judged on the whole test set, not on ten samples of its own:
    `acc_i = sum_c p_i(c) acc_i,c`. It holds where clients differ in their labels alone.

    Args:
        right: what `personal_right` returned, `(clients, n)`.
        y: class of each test sample, `(n,)`.
        mix: share of each class in a client's data, `(clients, classes)`; rows sum to 1.

    Raises:
        ValueError: arrays that do not fit, or a class that a client meets and nobody tests.

    Example:
        >>> right = np.array([[True, True, False, False]])
        >>> mixed_accuracies(right, np.array([0, 0, 1, 1]), np.array([[0.9, 0.1]])).tolist()
        [0.9]
    """
    marks, labels, shares = np.asarray(right), np.asarray(y), np.asarray(mix, dtype=float)
    fits = marks.ndim == shares.ndim == 2 and marks.shape == (len(shares), len(labels))
    given = f"marks of shape {marks.shape}, mix of shape {shares.shape}"
    require(fits, given, "(clients, samples) and (clients, classes)")
    proper = bool(((shares >= 0) & (shares <= 1)).all()) and bool(np.allclose(shares.sum(1), 1))
    require(proper, "a mix does not add up to 1", "shares from 0 that sum to 1")
    total = np.zeros(len(shares))
    for label in range(shares.shape[1]):
        at = labels == label
        met = shares[:, label] > 0
        require(bool(at.any()) or not met.any(), f"no test sample of class {label}", "some")
        if at.any():
            total += shares[:, label] * marks[:, at].mean(1)
    return total


def accuracy_interval(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy that was measured on so many samples.

    Args:
        right: samples that were right, 0 to `total`.
        total: samples, from 1.

    Raises:
        ValueError: a number out of range.

    Source: Wilson 1927, the score interval.

    Example:
        >>> [round(edge, 2) for edge in accuracy_interval(8, 10)]
        [0.49, 0.94]
    """
    total = integer("total", total, 1, 10**15)
    share = integer("right", right, 0, total) / total
    centre, square = share + _LEVEL**2 / (2 * total), _LEVEL**2 / total
    half = _LEVEL * math.sqrt(share * (1 - share) / total + square / (4 * total))
    low, high = (centre - half) / (1 + square), (centre + half) / (1 + square)
    return max(0.0, low), min(1.0, high)


def _accuracies(name: str, values: Sequence[float]) -> Array:
    found = np.asarray(values, dtype=float)
    fits = found.ndim == 1 and len(found) > 0
    require(fits, f"{name} of shape {found.shape}", "one accuracy per client")
    for value in found[~((found >= 0) & (found <= 1))][:1]:
        number(name, float(value), 0, 1, "An accuracy is a share, not a percentage")
    return found
