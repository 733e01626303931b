"""Account for privacy: how much of a device the models show, from how often it took part.

A device that takes part c times goes through c Gaussian mechanisms of noise multiplier z. Two runs
are neighbours if one of them counts all updates of one device as 0.

    zcdp    rho = c / (2 z^2),  epsilon = rho + 2 sqrt(rho ln(1/delta)): an upper bound
    exact   mu = sqrt(c) / z,   delta = Phi(mu/2 - epsilon/mu) - e^epsilon Phi(-mu/2 - epsilon/mu)
    pld     privacy loss distributions of the package dp-accounting

No amplification is claimed: nobody promises that a buffer is a random sample of the devices.

Sources: Bun and Steinke 2016, "Concentrated Differential Privacy", propositions 1.3 and 1.6; Balle
and Wang 2018, "Improving the Gaussian Mechanism for Differential Privacy", theorem 8, which stays
exact under composition (Dong, Roth and Su 2022, corollaries 2 and 4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ftte_lab._common import choice, number, require

Array = np.ndarray

ACCOUNTANTS = ("zcdp", "exact", "pld")
"""The ways to account for privacy."""

LARGEST_DELTA = 0.1
"""A delta is at most this; it should be well below one in the number of devices."""

_LEAST_DELTA = 1e-100
_LARGEST_RHO = 1e6  # beyond it there is no privacy left to compute digits of
_HALVINGS = 100


def epsilon(
    participations: Sequence[float] | Array,
    noise_multiplier: float,
    delta: float,
    how: str = "zcdp",
) -> Array:
    """Compute the privacy loss of devices that took part so often, `(devices,)`.

    Args:
        participations: c, the applied updates of each device, from 0 upwards.
        noise_multiplier: z; 0: no guarantee, infinity for whoever took part.
        delta: probability with which the bound may fail, at most `LARGEST_DELTA`.
        how: one of `ACCOUNTANTS`.

    Raises:
        ValueError: a number out of range, or "pld" without the package dp-accounting.

    Source: see the module.

    Example:
        >>> epsilon([0, 10, 37, 100], 8.0, 1e-5).round(3).tolist()
        [0.0, 1.975, 3.938, 6.779]
        >>> epsilon([37], 8.0, 1e-5, how="exact").round(3).tolist()
        [3.196]
    """
    choice("how", how, ACCOUNTANTS)
    counts = np.asarray(participations, dtype=float)
    fits = counts.ndim == 1 and bool((np.isfinite(counts) & (counts >= 0)).all())
    require(fits, "a number of participations is out of range", "a row of numbers from 0 upwards")
    z = number("noise_multiplier", noise_multiplier, 0.0)
    delta = number("delta", delta, _LEAST_DELTA, LARGEST_DELTA)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        rho = np.where(counts > 0, counts / 2 / z / z if z else np.inf, 0.0)
    bound = rho + 2 * np.sqrt(rho * math.log(1 / delta))
    if how == "zcdp" or not len(counts):
        return bound
    each, at = np.unique(counts, return_inverse=True)
    if how == "pld":
        return np.array([_pld(c, z, delta) for c in each])[at]
    first = np.array([np.flatnonzero(at == k)[0] for k in range(len(each))])
    return _exact(rho[first], bound[first], delta)[at]


def _exact(rho: Array, bound: Array, delta: float) -> Array:
    """Halve the interval from 0 to the bound until it holds one number."""
    answered = (rho > 0) & (rho < _LARGEST_RHO)
    low, high = np.zeros(len(rho)), np.where(answered, bound, 1.0)
    mu = np.sqrt(2 * np.where(answered, rho, 0.5))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        lost = _delta(middle, mu) > delta
        low, high = np.where(lost, middle, low), np.where(lost, high, middle)
    return np.where(answered, high, bound)


def _delta(eps: Array, mu: Array) -> Array:
    """Return the delta of a Gaussian mechanism at an epsilon: Balle and Wang 2018, theorem 8."""
    from scipy.special import log_ndtr  # a third of a second of importing

    with np.errstate(under="ignore", over="ignore"):
        above = np.exp(log_ndtr(mu / 2 - eps / mu))
        return np.asarray(above - np.exp(eps + log_ndtr(-mu / 2 - eps / mu)))


def _pld(count: float, z: float, delta: float) -> float:
    """Ask the package dp-accounting for one number of participations."""
    try:
        from dp_accounting import GaussianDpEvent, SelfComposedDpEvent
        from dp_accounting.pld import PLDAccountant
    except ImportError:
        problem, fix = "how = 'pld' without dp-accounting", "pip install 'ftte_lab[privacy]'"
        require(False, problem, "'zcdp' or 'exact', or that package", fix)
    if count == 0 or z == 0:
        return math.inf if count else 0.0
    accountant = PLDAccountant()
    accountant.compose(SelfComposedDpEvent(GaussianDpEvent(z), round(count)))
    return float(accountant.get_epsilon(delta))
