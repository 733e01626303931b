"""Follow a quantile of numbers that nobody sees: each device only says whether its own is below.

    q <- q · exp(-rate · (share below q - quantile))

An adaptive clip follows a quantile of the updates' norms so. Under masks the ordinary variance is
followed the same way.

Source: Andrew et al. 2021, "Differentially Private Learning with Adaptive Clipping", algorithm 1.
"""

from __future__ import annotations

import math

from ftte_lab._common import number

_LEAST, _LARGEST = 1e-12, 1e12


class MovingQuantile:
    """Hold an estimate of a quantile, above 0.

    Args:
        value: the first estimate, 1e-12 to 1e12.
        quantile: share of the numbers that should lie below it, 0 to 1.
        rate: how fast it moves: by at most this share in a step, roughly.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> median = MovingQuantile(1.0)
        >>> for _ in range(100):
        ...     median.move(float(8.0 <= median.value))  # all numbers are 8
        >>> 7 < median.value < 9
        True
    """

    def __init__(self, value: float, quantile: float = 0.5, rate: float = 0.2) -> None:
        self.value = float(number("value", value, _LEAST, _LARGEST))
        self.quantile = number("quantile", quantile, 0.0, 1.0)
        self.rate = number("rate", rate, 0.0, 10.0)

    def move(self, share_below: float) -> None:
        """Move the estimate after a step.

        Args:
            share_below: of the numbers, at most the estimate; with noise it may leave 0 to 1.

        Raises:
            ValueError: a share that is not finite.
        """
        share = number("share_below", share_below, -1e9, 1e9)
        # At most a factor of e in a step, whatever the noise.
        exponent = max(-1.0, min(1.0, -self.rate * (share - self.quantile)))
        self.value = min(_LARGEST, max(_LEAST, self.value * math.exp(exponent)))
