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
LARGEST_RATE = 1e12
"""A server rate is at most this, so that float32 can hold it."""

_DOMINATED = 1e-9  # a share of the weights whose digits a difference has lost
_LEAST_HEARD = 1e-12  # a weight by which float32 should not be divided
_LEAST_SQUARE = 1e-30  # below it, float32 has lost digits of a mean square


class OverflowStepError(ValueError):
    """A server step that leaves the range of its numbers, or takes in what is not finite."""


def require_finite(moved: Tensor) -> Tensor:
    """Return the model after a step, if it holds numbers.

    Raises:
        OverflowStepError: it does not.
    """
    if bool(moved.isfinite().all()):
        return moved
    raise OverflowStepError(
        "the server step is not finite; allowed: finite updates, and a step that float32 can hold. "
        "Reject these updates, or lower the server rate."
    )


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
        for name in ("age_exponent", "hinge_at", "variance_exponent", "sample_exponent"):
            object.__setattr__(self, name, number(name, getattr(self, name), 0.0))
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
        ValueError: arrays of unlike length, a variance that is negative or not finite, an update
            without samples, or weights beyond the range of floats.

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
    variance_ref = number("variance_ref", variance_ref, 0.0, fix="Take a median, reference > 0")
    positive = bool(((v >= 0) & np.isfinite(v)).all()) and variance_ref > 0
    problem = "a variance or its reference is negative or not finite"
    require(positive, problem, "finite: variance >= 0, reference > 0", "Reject such an update")
    sampled = bool(((n > 0) & np.isfinite(n)).all())
    require(sampled, "a client has no samples", "a finite number of at least 1 each")
    with np.errstate(over="ignore"):
        by_samples = (n / n.mean()) ** rule.sample_exponent
        w = by_samples * by_age * (1.0 + v / variance_ref) ** -rule.variance_exponent
        total = w.sum()
    fix = "Lower sample_exponent"
    require(bool(np.isfinite(total)), f"the weights add up to {total:g}", "a finite sum", fix)
    if rule.normalise == "count":
        return w / len(w)
    return w if total == 0 else w / total


def variance_entries(rows: Tensor, covered: Tensor | None = None) -> Array:
    """Compute the variance of the entries of each update, `1/d · sum (D_j - mean D)²`, `(K,)`.

    It is about `|D|² / d`: the cheapest reading of "variance of client updates". The client can
    compute it, so that it survives secure aggregation. It acts as a soft clip on the norm.

    Args:
        rows: one update per row, `(K, d)`.
        covered: 1 for the entries that an update trained, `(K, d)`; only they count. `None`: all.

    Raises:
        ValueError: updates without entries, or not finite.

    Source: V-entries of our reconstruction.

    Example:
        >>> import torch
        >>> variance_entries(torch.tensor([[1.0, 3.0], [2.0, 2.0]])).tolist()
        [1.0, 0.0]
    """
    require(rows.shape[1] > 0, "updates without entries", "at least one entry each")
    if len(rows) == 0:
        return np.empty(0)
    found = _variances(rows, covered)
    # Squares of float32 leave its range long before the entries do.
    far = ~(np.isfinite(found) & (found > _LEAST_SQUARE))
    if far.any():
        at = torch.from_numpy(np.flatnonzero(far))
        found[far] = _variances(rows[at].double(), None if covered is None else covered[at])
        _require_finite(found)
    return found


def _require_finite(variances: Array) -> None:
    finite = bool(np.isfinite(variances).all())
    require(finite, "an update is not finite", "finite entries", "Reject such an update")


def _variances(rows: Tensor, covered: Tensor | None) -> Array:
    if covered is None:
        return rows.var(1, unbiased=False).double().numpy()
    count = covered.sum(1).clamp_min(1)  # an update that trained nothing has no variance: 0
    mean = (rows * covered).sum(1) / count
    return (((rows - mean[:, None]) * covered).square().sum(1) / count).double().numpy()


def variance_buffer(rows: Tensor, by_age: Sequence[float] | Array) -> Array:
    """Compute the squared distance of each update to the age-weighted mean of the others, `(K,)`.

    It penalises outliers, among them the rare data one wants to learn from. It needs the single
    updates, so it forbids secure aggregation. An update beside which no other has any weight has no
    dispersion: 0.

    Args:
        rows: one update per row, `(K, d)`.
        by_age: weight of each update by its age, `(K,)`.

    Raises:
        ValueError: updates that are not finite, or not one finite weight for each.

    Source: V-buffer of our reconstruction.
    """
    w = torch.as_tensor(np.asarray(by_age, dtype=float), device="cpu")
    problem = f"{len(rows)} updates with {len(w)} weights by age, or a negative one"
    fits = len(w) == len(rows) and bool(((w >= 0) & w.isfinite()).all())
    require(fits, problem, "a finite weight from 0 upwards each")
    if len(rows) < 2:
        return np.zeros(len(rows))
    if not bool(w.sum().isfinite()):
        w = w / w.max()  # only the proportions matter
    flat = rows.double()
    total, others = w @ flat, w.sum() - w
    mean_of_others = (total - w[:, None] * flat) / others[:, None]
    found = (flat - mean_of_others).square().sum(1)
    # Beside an update with nearly all of the weight, rounding has eaten that of the others.
    for k in torch.nonzero(others <= _DOMINATED * w.sum()).flatten().tolist():
        rest = torch.arange(len(w), device="cpu") != k
        left = w[rest].sum()
        mean = w[rest] @ flat[rest] / left if left > 0 else flat[k]
        found[k] = (flat[k] - mean).square().sum()
    _require_finite(found.numpy())
    return found.numpy()


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
        OverflowStepError: the result is not finite; the model stays as it was.
        ValueError: a server rate of 0 or less, unlike numbers of updates and coefficients, or
            updates of another length than the model.

    Example:
        >>> import torch
        >>> x, updates = torch.tensor([1.0, 1.0]), torch.tensor([[1.0, 0.0], [0.0, 4.0]])
        >>> combine(x, updates, [0.5, 0.5], server_rate=1.0).tolist()
        [1.5, 3.0]
    """
    fix = "Typical values lie between 0.1 and 3"
    server_rate = number("server_rate", server_rate, 1e-12, LARGEST_RATE, fix)
    given = f"{len(rows)} updates, {len(coefficients)} coefficients"
    require(len(rows) == len(coefficients), given, "equally many")
    given = f"updates of shape {tuple(rows.shape)} for {len(x)} entries"
    require(rows.shape == (len(rows), len(x)), given, "(updates, entries)")
    fits = covered is None or covered.shape == rows.shape
    require(fits, "covered has another shape", "that of the updates")
    c = torch.as_tensor(np.asarray(coefficients, dtype=float), device="cpu").to(rows.dtype)
    if covered is None:
        return require_finite(torch.addmv(x, rows.T, c, alpha=server_rate))
    return require_finite(_where_covered(x, rows, c, server_rate, covered))


def _where_covered(
    x: Tensor, rows: Tensor, c: Tensor, server_rate: float, covered: Tensor
) -> Tensor:
    heard = covered.T @ c
    if x.dtype != torch.float64 and bool(((heard > 0) & (heard < _LEAST_HEARD)).any()):
        exact = (x.double(), rows.double(), c.double(), server_rate, covered.double())
        return _where_covered(*exact).to(x.dtype)
    scale = torch.where(heard > 0, c.sum() / heard, 0.0)
    return x + server_rate * scale * ((rows * covered).T @ c)
