"""Decide how many clients are trained together."""

from __future__ import annotations

import math

from ftte_lab._common import integer
from ftte_lab.models import Conv, Plan

_DENSE_BYTES = 1_500_000
"""Per client: above it, a single client's kernels are faster than a cohort's columns."""
_COHORT_BYTES = 64 * 2**20
_MOST = 32
_MOST_CLIENTS = 100_000_000


def clients_at_once(plan: Plan, batch: int) -> int:
    """Return how many clients are best trained together.

    It is as many as fit, or one where dense convolutions are large.
    Measured, milliseconds per client and step on one core (`python -m benchmarks kernels` repeats
    it):

        net, input, batch            bytes per client    1     2     4     8     24 at once
        mlp (1, 8, 8), 5                        4 kB   0.08  0.04  0.02  0.01  0.01
        cnn (3, 32), 16                       223 kB   0.70  0.30  0.19  0.15  0.12
        mcunet-s (3, 128), 5                  645 kB   1.69  0.90  0.59  0.44  0.36
        cnn (3, 32, 32), 5                    815 kB   0.83  0.63  0.53  0.47  0.46
        mcunet-s (1, 28, 28), 16            3,115 kB   3.27  2.36  1.98  1.91  1.77
        cnn (3, 32, 32), 16                 2,608 kB   1.28  1.74  1.43  1.40  1.76
        cnn-maxpool (1, 28, 28), 5          2,077 kB   1.28  1.68  1.55  1.49  1.57
        cnn-maxpool (3, 32, 32), 16         9,897 kB   3.24  6.19  6.55  6.46  6.80

    Below about a megabyte per client the cost of calls dominates, and a cohort shares them. Above
    it memory traffic
    does: where columns of trained dense convolutions are a large part of it, they cost more than
    sharing saves. Other layers lose nothing.

    Raises:
        ValueError: a batch below 1.
    """
    batch = integer("batch", batch, 1)
    outputs, columns = 0, 0
    for op in plan.model.ops[plan.start :]:
        outputs += math.prod(op.out_shape)
        if isinstance(op, Conv) and _needs_columns(plan, op):
            taps = op.kernel ** (len(op.in_shape) - 1)
            columns += taps * op.in_shape[0] * math.prod(op.out_shape[1:])
    size = 4 * batch * (outputs + columns)
    if size > _DENSE_BYTES and columns > outputs / 2:
        return 1
    return max(3, min(_MOST, _COHORT_BYTES // size))


def _needs_columns(plan: Plan, op: Conv) -> bool:
    return not op.pointwise and not op.depthwise and op.weight in plan.subset


def chunk_sizes(clients: int, most: int) -> list[int]:
    """Return the sizes of the fewest chunks of at most `most` clients, as even as can be.

    No clients make no chunks.

    A single client runs through other kernels than a cohort (the same sums in another order). With
    `most` of three or more, no chunk of a larger cohort is ever a single client. So the same cohort
    gives the same bits however it is split further.

    Raises:
        ValueError: a negative number of clients, or chunks of less than one.
    """
    clients, most = integer("clients", clients, 0, _MOST_CLIENTS), integer("most", most, 1)
    count = -(-clients // most)
    return [clients // count + (k < clients % count) for k in range(count)]
