"""State how many bytes each kind of entry takes, in fp32 and on a tiny device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Accounting:
    """State the bytes per entry of everything that can be alive.

    `pytorch`: what fp32 tensors take, masks one byte an entry, all gradients kept until the
    optimiser steps. `pytorch-fused`: the same, but each gradient is applied and dropped as soon as
    it is known.
    `tiny`: the setting of Lin et al. 2022 as we reconstruct it: 8-bit weights and activations,
    32-bit gains and biases, 1-bit masks, 8-bit activation gradients, 32-bit weight gradients that
    are applied and dropped at once. The position of a maximum takes an int64 in the first two and
    two bits in the last.
    """

    name: str
    weight_bytes: float
    vector_bytes: float
    activation_bytes: float
    activation_grad_bytes: float
    grad_bytes: float
    index_bytes: float
    mask_bits: int
    position_bits: int
    label_bytes: int
    fused: bool


_PYTORCH = Accounting(
    name="pytorch",
    weight_bytes=4,
    vector_bytes=4,
    activation_bytes=4,
    activation_grad_bytes=4,
    grad_bytes=4,
    index_bytes=8,
    mask_bits=8,
    position_bits=64,
    label_bytes=8,
    fused=False,
)
_TINY = Accounting(
    name="tiny",
    weight_bytes=1,
    vector_bytes=4,
    activation_bytes=1,
    activation_grad_bytes=1,
    grad_bytes=4,
    index_bytes=1,
    mask_bits=1,
    position_bits=2,
    label_bytes=1,
    fused=True,
)
ACCOUNTINGS: Mapping[str, Accounting] = {
    "pytorch": _PYTORCH,
    "pytorch-fused": replace(_PYTORCH, name="pytorch-fused", fused=True),
    "tiny": _TINY,
}
