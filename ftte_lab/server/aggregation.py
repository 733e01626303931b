"""Weigh the updates of one server step by age, variance and samples, and apply them.

    w_i = (n_i / mean n)^p · s(tau_i) · (1 + v_i / v_ref)^(-b)
    x  <- x + eta_g · sum_i w_i D_i / sum_i w_i          ("sum")
    x  <- x + eta_g · sum_i w_i D_i / K                  ("count")

Four methods are settings of this one formula:

* FedAvg: p = 1, s = 1, b = 0, "sum";
* FedAsync: K = 1, b = 0, "count" (its mixing form, with the *update* in place of the model);
* FedBuff (Nguyen et al. 2022): p = 0, s = (1 + tau)^-1/2, b = 0, "count";
* FTTE: age *and* variance, p = 0, s = (1 + tau)^-1/2, b = 1, "sum".

That FTTE uses both is the paper's. This formula is our reconstruction, since the paper's method
section is not public to us.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import choice, number, require
from ftte_lab.server.staleness import STALENESS, staleness_weight

Array = np.ndarray

VARIANCES = ("entries", "steps", "buffer")
NORMALISATIONS = ("sum", "count")


@dataclass(frozen=True)
class WeightRule:
    """State how much age, variance and samples count; the defaults are FTTE's.

    Attributes:
        staleness: an entry of `STALENESS`.
        age_exponent: a, see `staleness_weight`.
        hinge_at: of the hinge, see `staleness_weight`.
        variance_exponent: b; 0 ignores the variance.
        sample_exponent: p; 0 treats all clients alike, 1 weighs by samples as FedAvg does.
        normalise: "sum" keeps the step size whatever the ages; "count" shrinks it for stale ones.

    Raises:
        ValueError: a setting out of range.
    """

    staleness: str = "poly"
    age_exponent: float = 0.5
    hinge_at: float = 6.0
    variance_exponent: float = 0.25
    sample_exponent: float = 0.0
    normalise: str = "sum"

    def __post_init__(self) -> None:
        choice("staleness", self.staleness, STALENESS)
        number("age_exponent", self.age_exponent, 0.0)
        number("hinge_at", self.hinge_at, 0.0)
        number("variance_exponent", self.variance_exponent, 0.0)
        number("sample_exponent", self.sample_exponent, 0.0)
        choice("normalise", self.normalise, NORMALISATIONS)


FTTE = WeightRule()


def weights(
    age: Sequence[float] | Array,
    variance: Sequence[float] | Array,
    samples: Sequence[float] | Array,
    rule: WeightRule = FTTE,
    *,
    variance_ref: float = 1.0,
) -> Array:
    """Compute the coefficients of the updates in one server step, `(K,)`.

    With "sum" they add up to 1 (to 0 where no update has any weight).

    Args:
        age: staleness per update, in server steps.
        variance: one non-negative number per update (see `variance_entries` and its sisters).
        samples: training samples behind each update, at least 1.
        rule: how much each of the three counts.
        variance_ref: what counts as an ordinary variance, above 0 (the server keeps a median).

    Raises:
        ValueError: arrays of unlike length, a negative variance, or an update without samples.

    Source: our reconstruction; `WeightRule(variance_exponent=0, normalise="count")` is FedBuff
    (Nguyen et al. 2022).

    Example:
        >>> rule = WeightRule(variance_exponent=1.0)
        >>> weights([0, 0, 3], [1, 3, 1], [40, 40, 40], rule).tolist()
        [0.5, 0.25, 0.25]
        >>> fedavg = WeightRule("constant", variance_exponent=0.0, sample_exponent=1.0)
        >>> weights([0, 0, 0], [0, 0, 0], [10, 20, 70], fedavg).round(3).tolist()
        [0.1, 0.2, 0.7]
    """
    v, n = np.asarray(variance, dtype=float), np.asarray(samples, dtype=float)
    by_age = staleness_weight(age, rule.staleness, rule.age_exponent, rule.hinge_at)
    given = f"{by_age.shape} ages, {v.shape} variances, {n.shape} sample counts"
    same = by_age.ndim == 1 and by_age.shape == v.shape == n.shape and len(v) > 0
    require(same, given, "equally many, at least one")
    positive = bool((v >= 0).all()) and variance_ref > 0
    require(positive, "a variance or its reference is negative", "variance >= 0, reference > 0")
    require(bool((n > 0).all()), "a client has no samples", "at least 1 each")
    by_samples = (n / n.mean()) ** rule.sample_exponent
    w = by_samples * by_age * (1.0 + v / variance_ref) ** -rule.variance_exponent
    if rule.normalise == "count":
        return w / len(w)
    total = w.sum()
    return w if total == 0 else w / total


def variance_entries(rows: Tensor, covered: Tensor | None = None) -> Array:
    """Compute the variance of the entries of each update, `1/d · sum (D_j - mean D)²`, `(K,)`.

    It is about |D|²/d: the cheapest reading of "variance of client updates". The client can compute
    it, so that it survives secure aggregation. It acts as a soft clip on the norm.

    Args:
        rows: one update per row, `(K, d)`.
        covered: 1 for the entries that an update trained, `(K, d)`; only they count. `None`: all.

    Source: V-entries of our reconstruction.

    Example:
        >>> import torch
        >>> variance_entries(torch.tensor([[1.0, 3.0], [2.0, 2.0]])).tolist()
        [1.0, 0.0]
    """
    if covered is not None:
        count = covered.sum(1)
        mean = (rows * covered).sum(1) / count
        return (((rows - mean[:, None]) * covered).square().sum(1) / count).double().numpy()
    return rows.var(1, unbiased=False).double().numpy()


def variance_buffer(rows: Tensor, by_age: Sequence[float] | Array) -> Array:
    """Compute the squared distance of each update to the age-weighted mean of the others, `(K,)`.

    It penalises outliers, among them the rare data one wants to learn from. It needs the single
    updates, so it forbids secure aggregation. A buffer of one update has no dispersion: 0.

    Args:
        rows: one update per row, `(K, d)`.
        by_age: weight of each update by its age, `(K,)`.

    Source: V-buffer of our reconstruction.
    """
    if len(rows) == 1:
        return np.zeros(1)
    flat = rows.double()
    w = torch.as_tensor(np.asarray(by_age, dtype=float))
    total = w @ flat
    mean_of_others = (total - w[:, None] * flat) / (w.sum() - w)[:, None]
    return (flat - mean_of_others).square().sum(1).numpy()


def rejections(
    rows: Tensor, entries: int, start_versions: Sequence[int] | Array, version: int
) -> list[str | None]:
    """Name why the server must not average an update, or `None` if it may, for each row.

    Args:
        rows: one update per row, `(K, d)`.
        entries: how long an update must be.
        start_versions: server version that each update started from.
        version: the server's version now.

    Returns:
        `future version`, `wrong shape` (not `entries` long), `not finite` or `None` per update.

    Example:
        >>> import torch
        >>> rejections(torch.tensor([[1.0, 2.0], [1.0, float("nan")]]), 2, [0, 0], 3)
        [None, 'not finite']
    """
    if rows.shape[1] != entries:
        return ["wrong shape"] * len(rows)
    # x - x is 0, or nan where x is not finite.
    finite = ((rows - rows).sum(1) == 0).tolist()
    reasons: list[str | None] = []
    for start, good in zip(start_versions, finite, strict=True):
        reason = None if good else "not finite"
        reasons.append("future version" if start > version else reason)
    return reasons


def combine(
    x: Tensor,
    rows: Tensor,
    coefficients: Sequence[float] | Array,
    server_rate: float,
    covered: Tensor | None = None,
) -> Tensor:
    """Apply one server step: `x + eta_g · sum c_i D_i`, the server's trained entries `(d,)`.

    Where devices train different subsets, each entry is averaged over the updates that trained it,
    then scaled so that the step length does not depend on how many did:
    `x_j + eta_g · sum_i c_i · sum_i c_i m_ij D_ij / sum_i c_i m_ij` (our reconstruction).

    Args:
        x: the server's trained entries, `(d,)`; left untouched.
        rows: one update per row, `(K, d)`.
        coefficients: what `weights` returned, `(K,)`.
        server_rate: eta_g, above 0.
        covered: m, 1 for the entries that an update trained, `(K, d)`; `None`: all.

    Raises:
        ValueError: a server rate of 0 or less, or unlike numbers of updates and coefficients.

    Example:
        >>> import torch
        >>> x, updates = torch.tensor([1.0, 1.0]), torch.tensor([[1.0, 0.0], [0.0, 4.0]])
        >>> combine(x, updates, [0.5, 0.5], server_rate=1.0).tolist()
        [1.5, 3.0]
    """
    number("server_rate", server_rate, 1e-12, fix="Typical values lie between 0.1 and 3")
    given = f"{len(rows)} updates, {len(coefficients)} coefficients"
    require(len(rows) == len(coefficients), given, "equally many")
    c = torch.as_tensor(np.asarray(coefficients, dtype=float)).to(rows.dtype)
    if covered is None:
        return torch.addmv(x, rows.T, c, alpha=server_rate)
    heard = covered.T @ c
    scale = torch.where(heard > 0, c.sum() / heard.clamp_min(1e-12), 0.0)
    return x + server_rate * scale * ((rows * covered).T @ c)
