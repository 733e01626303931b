"""Bound what one device can change: clip its weighted update, and weigh it without the others.

    d_i = w_i D_i · min(1, C / |w_i D_i|)
    w_i = min(1, n_i / n_ref)^p · s(tau_i) · (1 + v_i / v_ref)^-b

Whatever a device sends, it moves the sum of a buffer by at most C. That holds only if nobody else's
part depends on it. So a weight takes its references from public numbers, never from the buffer.

Source: McMahan et al. 2018, "Learning Differentially Private Recurrent Language Models", section 2,
for the clip and the capped weight by samples; the weights by age and variance are our
reconstruction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import number, require
from ftte_lab.server.aggregation import FTTE, WeightRule
from ftte_lab.server.staleness import staleness_weight

Array = np.ndarray

LARGEST_CLIP = 1e12
"""A clip norm is at most this."""

_ROUNDING = 1 - 2.0**-22  # float32 may lengthen a row by 2^-24 of its norm


def clip_rows(rows: Tensor, clip_norm: float) -> tuple[Tensor, Array]:
    """Shorten the rows that are longer than a norm, and leave the others alone.

    No row is longer afterwards, also after rounding to float32.

    Args:
        rows: one update per row, already weighted, `(K, d)`.
        clip_norm: C, above 0.

    Returns:
        The rows, `(K, d)`, and the factor of each, at most 1, `(K,)`.

    Raises:
        ValueError: a norm of 0 or less, or rows that are not finite.

    Example:
        >>> import torch
        >>> rows, factors = clip_rows(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 1.0)
        >>> [round(x, 3) for x in rows.flatten().tolist()], factors.round(3).tolist()
        ([0.6, 0.8, 0.3, 0.4], [0.2, 1.0])
    """
    clip_norm = number("clip_norm", clip_norm, 1e-12, LARGEST_CLIP)
    exact = rows.double()
    # The largest entry first: squares of float64 leave its range, too.
    largest = exact.abs().amax(1) if rows.shape[1] else exact.new_zeros(len(rows))
    problem = "an update is not finite"
    require(bool(largest.isfinite().all()), problem, "finite entries", "Reject such an update")
    scale = torch.where(largest > 0, largest, 1.0)
    norms = scale * torch.linalg.vector_norm(exact / scale[:, None], dim=1)
    factors = torch.where(norms > clip_norm, _ROUNDING * (clip_norm / norms), 1.0)
    clipped = torch.where(factors[:, None] < 1, exact * factors[:, None], exact)
    return clipped.to(rows.dtype), factors.numpy()


def own_weights(
    age: Sequence[float] | Array,
    variance: Sequence[float] | Array,
    samples: Sequence[float] | Array,
    rule: WeightRule = FTTE,
    *,
    variance_ref: float,
    samples_ref: float,
) -> Array:
    """Weigh each update from its own numbers and public references, from 0 to 1, `(K,)`.

    `weights` divides by what the other updates of the buffer are. Here no weight depends on
    another update, so that a device can compute its own, and clipping bounds its influence.

    Args:
        age: staleness per update, in server steps.
        variance: one non-negative number per update.
        samples: training samples behind each update, at least 1.
        rule: how much each of the three counts; its `normalise` is not used.
        variance_ref: what counts as an ordinary variance, above 0; public.
        samples_ref: samples from which on a device has its full weight, above 0; public.

    Raises:
        ValueError: arrays of unlike length, or a number out of range.

    Source: McMahan et al. 2018 for the samples, else our reconstruction.

    Example:
        >>> rule = WeightRule(variance_exponent=1.0, sample_exponent=1.0)
        >>> refs = {"variance_ref": 1.0, "samples_ref": 40}
        >>> own_weights([0, 3, 0, 0], [0, 0, 1, 0], [40, 80, 40, 10], rule, **refs).tolist()
        [1.0, 0.5, 0.5, 0.25]
    """
    v, n = np.asarray(variance, dtype=float), np.asarray(samples, dtype=float)
    by_age = staleness_weight(age, rule.staleness, rule.age_exponent, rule.hinge_at)
    given = f"{by_age.shape} ages, {v.shape} variances, {n.shape} sample counts"
    require(by_age.ndim == 1 and by_age.shape == v.shape == n.shape, given, "equally many")
    variance_ref = number("variance_ref", variance_ref, 1e-300)
    samples_ref = number("samples_ref", samples_ref, 1e-300)
    fits = bool((np.isfinite(v) & (v >= 0) & np.isfinite(n) & (n > 0)).all())
    require(fits, "a variance or a sample count is out of range", "variance >= 0, samples > 0")
    with np.errstate(over="ignore", under="ignore"):
        by_samples = np.minimum(1.0, n / samples_ref) ** rule.sample_exponent
        by_variance = (1.0 + v / variance_ref) ** -rule.variance_exponent
        return np.asarray(np.minimum(1.0, by_samples * by_age * by_variance))
