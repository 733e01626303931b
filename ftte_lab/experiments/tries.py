"""Which values of a scale to try next, given what was found so far.

Both searches begin with values spread over the whole scale, which show the curve and whether it is
monotone. They know places on the scale only, so that they can be tested without any run.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

from ftte_lab._common import integer

COARSE = 5
"""Values that are tried first, spread over the scale."""
MOST_FOR_CHEAPEST = 13
"""Values that the search for a minimum tries at most."""


def threshold_tries(count: int, reached: Mapping[int, bool]) -> list[int]:
    """Return the places to try next, to find the lowest place that reaches something.

    It halves the gap between the lowest place that does and the place below it that does not. So
    the end is exact where reaching is monotone. Elsewhere it is a place that does beside one that
    does not.

    Args:
        count: places on the scale, 2 or more.
        reached: what was found so far, by place.

    Returns:
        The places, none if the search is over.

    Example:
        >>> threshold_tries(9, {})
        [0, 2, 4, 6, 8]
        >>> threshold_tries(9, {0: False, 2: False, 4: True, 6: True, 8: True})
        [3]
    """
    integer("count", count, 2)
    if first := [k for k in coarse(count, COARSE) if k not in reached]:
        return first
    good = min((k for k, ok in reached.items() if ok), default=0)
    below = max((k for k in reached if k < good), default=good)
    return [(good + below) // 2] if good - below > 1 else []


def most_threshold_tries(count: int) -> int:
    """Return how many places a search for a threshold tries at most.

    Example:
        >>> most_threshold_tries(9)
        6
    """
    first = coarse(count, COARSE)
    widest = max(b - a for a, b in itertools.pairwise(first))
    return len(first) + math.ceil(math.log2(widest))


def cheapest_tries(count: int, cost: Mapping[int, float]) -> list[int]:
    """Return the places to try next, to find the lowest cost.

    It halves the gaps on both sides of the cheapest place. So the end is exact where the costs
    first fall and then rise, unless the number of tries is used up.

    Args:
        count: places on the scale, 2 or more.
        cost: what was found so far, by place; infinite: not reached.

    Returns:
        The places, none if the search is over.

    Example:
        >>> cheapest_tries(9, {})
        [0, 2, 4, 6, 8]
        >>> cheapest_tries(9, {0: 9.0, 2: 4.0, 4: 5.0, 6: 7.0, 8: 9.0})
        [1, 3]
    """
    integer("count", count, 2)
    if first := [k for k in coarse(count, COARSE) if k not in cost]:
        return first
    best = min(cost, key=lambda k: (cost[k], k))
    if not math.isfinite(cost[best]):
        return []
    below = max((k for k in cost if k < best), default=best)
    above = min((k for k in cost if k > best), default=best)
    near = sorted({(below + best) // 2, (best + above + 1) // 2} - set(cost))
    return near[: max(0, MOST_FOR_CHEAPEST - len(cost))]


def coarse(count: int, points: int) -> list[int]:
    """Return some places of a scale, both ends among them.

    Example:
        >>> coarse(50, 5), coarse(3, 5)
        ([0, 12, 24, 37, 49], [0, 1, 2])
    """
    last = max(1, min(count, points) - 1)
    return sorted({round(k * (count - 1) / last) for k in range(last + 1)})
