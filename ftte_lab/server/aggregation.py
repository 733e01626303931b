"""How the server weighs what arrives: age, variance, samples, and one formula for four methods.

    w_i = (n_i / mean n)^p · s(tau_i) · (1 + v_i / v_ref)^(-b)
    x  <- x + eta_g · sum_i w_i D_i / sum_i w_i          ("sum")
    x  <- x + eta_g · sum_i w_i D_i / K                  ("count")

FedAvg: p = 1, s = 1, b = 0, "sum". FedAsync: K = 1, b = 0, "count" (its mixing form, with the client's *update* in
place of its model). FedBuff (Nguyen et al. 2022): p = 0, s = (1 + tau)^-1/2, b = 0, "count". FTTE: age *and* variance,
p = 0, a = 1/2, b = 1, "sum". That FTTE uses both is the paper's; this formula is our reconstruction, since the paper's
method section is not public to us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import choice, number, require

Array = np.ndarray


def _constant(age: Array, a: float, b: float) -> Array:
    return np.ones_like(age)


def _poly(age: Array, a: float, b: float) -> Array:
    return (1.0 + age) ** -a


def _hinge(age: Array, a: float, b: float) -> Array:
    return np.where(age <= b, 1.0, 1.0 / (a * np.maximum(age - b, 0.0) + 1.0))


def _exponential(age: Array, a: float, b: float) -> Array:
    return np.exp(-a * age)


STALENESS: Mapping[str, Callable[[Array, float, float], Array]] = {
    "poly": _poly,
    "hinge": _hinge,
    "exponential": _exponential,
    "constant": _constant,
}
VARIANCES = ("entries", "steps", "buffer")
NORMALISATIONS = ("sum", "count")


def staleness_weight(
    age: Sequence[float] | Array, kind: str = "poly", exponent: float = 0.5, hinge_at: float = 6.0
) -> Array:
    """Weight by age alone, 1 for a fresh update and never rising with age.

    Args:
        age: staleness of each update, in server steps, at least 0.
        kind: `poly` (1+tau)^-a, `hinge` 1 up to b then 1/(a(tau-b)+1), `exponential` e^(-a tau), or `constant`.
        exponent: a, at least 0.
        hinge_at: b, used by `hinge` only.

    Raises:
        ValueError: a negative age, exponent or hinge, or an unknown kind.

    Source: FedAsync (Xie et al. 2019) for constant, poly and hinge; the exponential form is common in later work.
    """
    choice("staleness", kind, STALENESS)
    number("age_exponent", exponent, 0.0)
    number("hinge_at", hinge_at, 0.0)
    ages = np.asarray(age, dtype=float)
    require(
        bool((ages >= 0).all()),
        "an age is negative",
        "staleness from 0 upwards",
        "No update can come from the future",
    )
    return STALENESS[kind](ages, exponent, hinge_at)


def weights(
    age: Sequence[float] | Array,
    variance: Sequence[float] | Array,
    samples: Sequence[float] | Array,
    *,
    variance_ref: float = 1.0,
    staleness: str = "poly",
    age_exponent: float = 0.5,
    hinge_at: float = 6.0,
    variance_exponent: float = 1.0,
    sample_exponent: float = 0.0,
    normalise: str = "sum",
) -> Array:
    """Coefficients of the updates in one server step, `(K,)`; with "sum" they add up to 1.

    Args:
        age: staleness per update, in server steps.
        variance: one non-negative number per update (see `variance_entries` and its sisters).
        samples: training samples behind each update, at least 1.
        variance_ref: what counts as an ordinary variance, above 0 (the server keeps a running median).
        staleness: kind of the weight by age, see `staleness_weight`.
        age_exponent: a, see `staleness_weight`.
        hinge_at: b of the hinge, see `staleness_weight`.
        variance_exponent: b; 0 ignores the variance.
        sample_exponent: p; 0 treats all clients alike, 1 weighs by samples as FedAvg does.
        normalise: "sum" keeps the step size whatever the ages; "count" shrinks it when everything is stale.

    Raises:
        ValueError: arrays of unlike length, a negative variance, or a setting out of range.

    Source: our reconstruction; `variance_exponent=0, normalise="count"` is FedBuff (Nguyen et al. 2022).
    """
    choice("normalise", normalise, NORMALISATIONS)
    number("variance_exponent", variance_exponent, 0.0)
    number("sample_exponent", sample_exponent, 0.0)
    v, n = np.asarray(variance, dtype=float), np.asarray(samples, dtype=float)
    by_age = staleness_weight(age, staleness, age_exponent, hinge_at)
    same = by_age.ndim == 1 and by_age.shape == v.shape == n.shape and len(v) > 0
    require(
        same,
        f"{by_age.shape} ages, {v.shape} variances, {n.shape} sample counts",
        "equally many, at least one",
    )
    require(
        bool((v >= 0).all()) and variance_ref > 0,
        "a variance or its reference is negative",
        "variance >= 0, reference > 0",
    )
    require(bool((n > 0).all()), "a client has no samples", "at least 1 each")
    w = (n / n.mean()) ** sample_exponent * by_age * (1.0 + v / variance_ref) ** -variance_exponent
    return w / w.sum() if normalise == "sum" else w / len(w)


def variance_entries(rows: Tensor, covered: Tensor | None = None) -> Array:
    """Variance of the entries of each update, `1/d · sum (D_j - mean D)²`, `(K,)`: V-entries of our reconstruction.

    About |D|²/d: the cheapest reading of "variance of client updates", known to the client itself, so that it
    survives secure aggregation. It acts as a soft clip on the norm. An update is a row of `rows` `(K, d)`, and only the
    entries count that it speaks for, where `covered` `(K, d)` is 1.
    """
    if covered is not None:
        count = covered.sum(1)
        mean = (rows * covered).sum(1) / count
        return (((rows - mean[:, None]) * covered).square().sum(1) / count).double().numpy()
    return rows.var(1, unbiased=False).double().numpy()


def variance_buffer(rows: Tensor, by_age: Sequence[float] | Array) -> Array:
    """Squared distance of each update to the age-weighted mean of the *others*, `(K,)`: V-buffer of our reconstruction.

    Penalises outliers, among them the rare data one wants to hear; needs the single updates, so it forbids secure
    aggregation. A buffer of one update has no dispersion: 0. An update is a row of `rows` `(K, d)`.
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
    """Why the server must not average an update, or `None` if it may, for each of `rows` `(K, d)`.

    Reasons, counted and reported: `future version`, `wrong shape` (not `entries` long), `not finite`.
    """
    if rows.shape[1] != entries:
        return ["wrong shape"] * len(rows)
    finite = ((rows - rows).sum(1) == 0).tolist()  # x - x is 0, or nan where x is not finite
    return [
        "future version" if start > version else None if good else "not finite"
        for start, good in zip(start_versions, finite, strict=True)
    ]


def combine(
    x: Tensor,
    rows: Tensor,
    coefficients: Sequence[float] | Array,
    server_rate: float,
    covered: Tensor | None = None,
) -> Tensor:
    """The server's trained entries `(d,)` after a step, `x + eta_g · sum c_i D_i`, from updates `(K, d)`.

    Where devices train different subsets, `covered` `(K, d)` is 1 for the entries that an update speaks for. An entry
    is then moved by the updates that cover it, as far as all would have moved it:
    `x_j + eta_g · sum_i c_i · sum_i c_i m_ij D_ij / sum_i c_i m_ij` (our reconstruction).

    Raises:
        ValueError: a server rate that is not positive, or unlike numbers of updates and coefficients.
    """
    number("server_rate", server_rate, 1e-12, fix="Typical values lie between 0.1 and 3")
    require(
        len(rows) == len(coefficients),
        f"{len(rows)} updates, {len(coefficients)} coefficients",
        "equally many",
    )
    c = torch.as_tensor(np.asarray(coefficients, dtype=float)).to(rows.dtype)
    if covered is None:
        return torch.addmv(x, rows.T, c, alpha=server_rate)
    heard = covered.T @ c
    scale = torch.where(heard > 0, c.sum() / heard.clamp_min(1e-12), 0.0)
    return x + server_rate * scale * ((rows * covered).T @ c)
