"""Average updates so that a few wrong ones cannot move the mean: median and trimmed mean.

Both look at each entry of the model by itself. They sort the values that the updates have there,
cut the ends, and average what is left. They need every single update, so that they forbid secure
aggregation. They also cut what is rare but right: a class that few clients hold.

Source: Yin et al. 2018, coordinate-wise median and trimmed mean. That the updates keep their
weights is our reconstruction: with equal weights both are the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import number, require
from ftte_lab.server.aggregation import require_finite

MEANS = ("weighted", "median", "trimmed")
"""The means that a server step knows."""

MEDIAN_TRIM = 0.5 - 1e-6
"""The share cut from each end that makes the trimmed mean the median."""

LARGEST_TRIM = 0.45
"""The largest share that may be cut from each end for a trimmed mean."""

_ROUNDING = 1e-9  # a share of the weight that rounding alone may leave


def robust_mean(
    rows: Tensor,
    coefficients: Sequence[float] | np.ndarray,
    trim: float = MEDIAN_TRIM,
    covered: Tensor | None = None,
) -> Tensor:
    """Compute the weighted trimmed mean of each entry, `(d,)`; by default the weighted median.

    The values of an entry are sorted. From each end as many are cut as have the share `trim` of the
    weight, the last of them in part. What is left is averaged with the weight that is left. So
    values with at most the share `trim` of the weight, however wrong, stay without influence.

    Args:
        rows: one update per row, `(K, d)`.
        coefficients: their weights, 0 or more, `(K,)`; only their proportions matter.
        trim: share of the weight that is cut from each end, 0 to `MEDIAN_TRIM`.
        covered: 1 for the entries that an update trained, `(K, d)`; only they count. `None`: all.

    Returns:
        The mean of each entry; 0 where no update has any weight.

    Raises:
        OverflowStepError: what is left of an entry is not finite.
        ValueError: a share out of range, or unlike numbers of updates and coefficients.

    Source: Yin et al. 2018 for equal weights; the weights are our reconstruction.

    Example:
        >>> import torch
        >>> rows = torch.tensor([[1.0], [2.0], [3.0], [4.0], [500.0]])
        >>> robust_mean(rows, [1, 1, 1, 1, 1]).tolist()
        [3.0]
        >>> robust_mean(rows, [1, 1, 1, 1, 1], trim=0.2).tolist()
        [3.0]
        >>> round(float(robust_mean(rows, [3, 1, 1, 1, 1], trim=0.2)), 3)
        2.143
    """
    number("trim", trim, 0.0, MEDIAN_TRIM)
    given = f"{len(rows)} updates, {len(coefficients)} coefficients"
    require(len(rows) == len(coefficients), given, "equally many")
    fits = covered is None or covered.shape == rows.shape
    require(fits, "covered has another shape", "that of the updates")
    values, order = rows.sort(0)
    weight = torch.as_tensor(np.asarray(coefficients, dtype=np.float64), device="cpu")[
        :, None
    ].expand(rows.shape)
    if covered is not None:
        weight = weight * covered
    weight = weight.gather(0, order)
    share = weight / weight.sum(0).clamp_min(torch.finfo(weight.dtype).tiny)
    upper = share.cumsum(0)
    kept = upper.clamp_max(1.0 - trim) - (upper - share).clamp_min(trim)
    # A wrong value may be huge: what rounding leaves of its weight must be nothing at all.
    kept = torch.where(kept > _ROUNDING, kept, 0.0)
    # What is cut may be infinite, which no weight of 0 takes away.
    values = torch.where(kept > 0, values, 0.0)
    mean = (kept * values).sum(0) / kept.sum(0).clamp_min(_ROUNDING)
    return require_finite(mean.to(rows.dtype))
