"""Add the noise that hides one device in the sum of a buffer, from a random stream of its own.

    mean = (sum_i d_i + N(0, (zC)^2 I)) / K

K is fixed: it is the buffer's capacity, however many updates came. The noise of a simulation
follows from its seed, so that a run can be repeated. A real server must draw it from a secret
source, and tell nobody the seed.

Source: McMahan et al. 2018; the Gaussian mechanism is Dwork and Roth 2014, appendix A.
"""

from __future__ import annotations

import math

import numpy as np

from ftte_lab._common import integer, number
from ftte_lab.server.privacy.clip import LARGEST_CLIP

LARGEST_NOISE = 1e6
"""A noise multiplier is at most this."""

_TAG = 0xD9  # keeps the noise apart from every other use of the same seed
_LARGEST_SEED = 2**64


def noise_row(
    entries: int, clip_norm: float, noise_multiplier: float, *, seed: int, step: int
) -> np.ndarray:
    """Draw the noise of one server step, N(0, (zC)^2) for each entry, `(entries,)`.

    Args:
        entries: how many entries the step moves.
        clip_norm: C, the largest norm of one device's part.
        noise_multiplier: z; 0: no noise.
        seed: of the run.
        step: of the server; each has its own draws.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> row = noise_row(10_000, 2.0, 4.0, seed=0, step=0)
        >>> bool(7.8 < row.std() < 8.2), noise_row(2, 1.0, 0.0, seed=0, step=0).tolist()
        (True, [0.0, 0.0])
    """
    entries = integer("entries", entries, 0, 10**9)
    sigma = number("clip_norm", clip_norm, 0.0, LARGEST_CLIP) * number(
        "noise_multiplier", noise_multiplier, 0.0, LARGEST_NOISE
    )
    seed, step = integer("seed", seed, 0, _LARGEST_SEED), integer("step", step, 0, _LARGEST_SEED)
    if sigma == 0:
        return np.zeros(entries)
    return np.random.default_rng([_TAG, seed, step]).normal(0.0, sigma, entries)


def noise_to_clip(noise_multiplier: float, entries: int, updates: int) -> float:
    """Compare the noise in a mean of updates with the longest update: `z · sqrt(d) / K`.

    Far above 1 nothing is learned. It falls with the number of updates, and with the square root
    of the entries: a quarter of the parameters halves it.

    Args:
        noise_multiplier: z.
        entries: d, how many entries are trained.
        updates: K, how many updates are averaged.

    Raises:
        ValueError: a number out of range.

    Source: the mean length of a Gaussian row; our arithmetic.

    Example:
        >>> [round(noise_to_clip(4.0, 9936, k), 1) for k in (10, 100, 1000)]
        [39.9, 4.0, 0.4]
    """
    z = number("noise_multiplier", noise_multiplier, 0.0, LARGEST_NOISE)
    d, k = integer("entries", entries, 0, 10**12), integer("updates", updates, 1)
    return z * math.sqrt(d) / k


def split_noise(noise_multiplier: float, share: float = 0.05) -> tuple[float, float]:
    """Split a noise multiplier between the updates and the count of an adaptive clip.

    Both answers together cost what the noise multiplier alone would: z^-2 = z_D^-2 + (2 s_b)^-2.

    Args:
        noise_multiplier: z of both together.
        share: of the privacy cost that the count takes, above 0 and below 1.

    Returns:
        z_D, the multiplier of the updates, and s_b, the standard deviation of the count.

    Raises:
        ValueError: a number out of range.

    Source: Andrew et al. 2021, "Differentially Private Learning with Adaptive Clipping", theorem 1;
    the share is ours.

    Example:
        >>> z, count = split_noise(4.0)
        >>> round(z, 3), round(count, 3), round((z**-2 + (2 * count) ** -2) ** -0.5, 9)
        (4.104, 8.944, 4.0)
    """
    z = number("noise_multiplier", noise_multiplier, 0.0, LARGEST_NOISE)
    share = number("share", share, 1e-9, 1 - 1e-9)
    return z / math.sqrt(1 - share), z / (2 * math.sqrt(share))
