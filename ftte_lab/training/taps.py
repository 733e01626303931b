"""List which positions of the input each tap of a filter reads."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import NamedTuple

from ftte_lab.models import Conv

Positions = tuple[slice, ...]


class Tap(NamedTuple):
    """Pair the input positions that a filter entry reads with the outputs they serve."""

    number: int
    source: Positions
    target: Positions


@lru_cache(maxsize=256)
def taps(op: Conv) -> tuple[Tap, ...]:
    """Return the taps of a convolution, the middle one first.

    Padding is never made: a tap does not reach the positions beyond the rim. The slices are for
    arrays `(clients, batch, *space, channels)`.
    """
    axes = [
        _taps_of_axis(op.kernel, op.stride, size, out)
        for size, out in zip(op.in_shape[1:], op.out_shape[1:], strict=True)
    ]
    every = slice(None), slice(None)
    found = []
    for combination in product(*axes):
        ks, sources, targets = zip(*combination, strict=True)
        number = sum(k * op.kernel ** (len(ks) - 1 - axis) for axis, k in enumerate(ks))
        found.append(Tap(number, (*every, *sources), (*every, *targets)))
    centre = op.kernel ** (len(op.in_shape) - 1) // 2
    return tuple(sorted(found, key=lambda tap: abs(tap.number - centre)))


def _taps_of_axis(kernel: int, stride: int, size: int, out: int) -> list[tuple[int, slice, slice]]:
    """Number, input positions and output positions of each tap along one axis."""
    found = []
    for k in range(kernel):
        shift = k - kernel // 2
        first = max(0, -(shift // stride))  # the first output position that reads inside the input
        last = min(out, (size - 1 - shift) // stride + 1)
        if first < last:
            begin = stride * first + shift
            end = begin + stride * (last - first - 1) + 1
            found.append((k, slice(begin, end, stride), slice(first, last)))
    return found
