"""What travels: trained slices as safetensors or as bare rows, the index of a subset as JSON.

The lengths of these messages are the bytes that the kit reports.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save as save_arrays
from safetensors.torch import load, save
from torch import Tensor

from ftte_lab._common import choice, require
from ftte_lab.models.model import Model
from ftte_lab.models.ops import Params, Shape
from ftte_lab.models.subset import Subset

BITS = (32, 16, 8)
"""Bits of an entry that a message may have."""

_WIRE_TYPE = {32: "<f4", 16: "<f2", 8: "<i1"}
_LEVELS = 127  # whole steps from 0 to the largest entry of a tensor: int8 without -128
_LEAST_SCALE = np.float32(np.finfo(np.float32).tiny)  # below it, a step would be subnormal
_SCALES = "scales"  # no tensor has this name: theirs have a dot


def pack(slices: Params) -> bytes:
    """Serialise named tensors.

    The length depends on names, shapes and types alone, never on values.

    Example:
        >>> import torch
        >>> len(pack({"head.bias": torch.zeros(10)}))
        112
    """
    return save({name: value.contiguous() for name, value in slices.items()})


def unpack(message: bytes) -> Params:
    """Return the named tensors of a message: the inverse of `pack`.

    Raises:
        ValueError: the message is cut off or not in this format.

    Example:
        >>> import torch
        >>> unpack(pack({"head.bias": torch.ones(3)}))
        {'head.bias': tensor([1., 1., 1.])}
    """
    try:
        return load(message)
    except SafetensorError as error:
        raise ValueError(
            f"the message of {len(message)} bytes is unreadable ({error}); allowed: what pack made."
        ) from error


@dataclass(frozen=True, eq=False)
class RowFormat:
    """Write the trained entries of a net, a row `(d,)`, as a message, and read it back.

    With 8 bits an entry is a whole number of steps, and each tensor has a step of its own, its
    *scale*: the largest size of its entries / 127. With draws the rounding is stochastic: up with
    the probability of the remainder, so that the mean over many messages is the value (Gupta et al.
    2015, "Deep Learning with Limited Numerical Precision"; for updates QSGD, Alistarh et al. 2017;
    the scale per tensor is our reconstruction). Without draws it is to the nearest step.

    With 16 bits an entry is the nearest float16: 11 significant bits, where bfloat16 has 8. The
    range that this gives up is not needed. An entry above 65504 becomes infinite, and the server
    rejects it; below 6e-5 the error is at most 3e-8.

    Attributes:
        shapes: of the trained slices by name, in the order of the row.
        bits: of an entry: 32 (float32), 16 or 8.
        names: whether the names of the tensors travel too, as safetensors; without them a message
            is the scales and then the entries, in the order of the index.

    Raises:
        ValueError: other bits.

    Example:
        >>> import torch
        >>> row = torch.tensor([0.5, -1.27, 3.0])
        >>> form = RowFormat({"head.weight": (1, 2), "head.bias": (1,)}, bits=8, names=False)
        >>> message = form.pack(row)
        >>> len(message), form.unpack(message)
        (11, tensor([ 0.5000, -1.2700,  3.0000]))
    """

    shapes: Mapping[str, Shape]
    bits: int = 32
    names: bool = True

    def __post_init__(self) -> None:
        choice("bits", self.bits, BITS)

    @classmethod
    def of(cls, model: Model, subset: Subset, bits: int = 32, *, names: bool = True) -> RowFormat:
        """Return the format of the rows of a subset."""
        return cls({name: subset.shape(model, name) for name in subset.parts}, bits, names)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Return the entries of each slice."""
        return np.array([math.prod(shape) for shape in self.shapes.values()], np.int64)

    def length(self) -> int:
        """Return the bytes of each message, 0 without slices.

        One message is made per format, and measured: it stands for all.

        Example:
            >>> RowFormat({"head.weight": (1, 2), "head.bias": (1,)}, bits=8, names=False).length()
            11
        """
        return _length(tuple(self.shapes.items()), self.bits, self.names) if self.shapes else 0

    def pack(self, row: Tensor, draws: NDArray[np.float64] | None = None) -> bytes:
        """Serialise a row of float32 `(d,)`.

        The length depends on shapes, bits and names alone. An entry that is not finite survives; at
        8 bits it makes its complete tensor nan.

        Args:
            row: the entries.
            draws: even random numbers from 0 to below 1, `(d,)`, for stochastic rounding at 8 bits;
                `None`: round to the nearest.

        Raises:
            ValueError: a row of another length.
        """
        count = int(self.sizes.sum())
        given = f"a row of shape {tuple(row.shape)}"
        require(row.shape == (count,), given, f"({count},), the entries of the slices")
        scales = np.empty(0, "<f4")
        if self.bits == 8:
            scales, entries = self._steps(row.numpy(), draws)
        else:
            kind = torch.float16 if self.bits == 16 else torch.float32
            entries = row.to(kind).numpy()
        entries = entries.astype(_WIRE_TYPE[self.bits], copy=False)
        if not self.names:
            return scales.tobytes() + entries.tobytes()
        parts = np.split(entries, np.cumsum(self.sizes)[:-1])
        named = zip(self.shapes.items(), parts, strict=True)
        slices = {name: part.reshape(shape) for (name, shape), part in named}
        return save_arrays(slices | ({_SCALES: scales} if self.bits == 8 else {}))

    def unpack(self, message: bytes) -> Tensor:
        """Return the row of a message, as float32 `(d,)`: the inverse of `pack`, but for rounding.

        Raises:
            ValueError: a message of another format or length.
        """
        scales, entries = self._named(message) if self.names else self._bare(message)
        row = entries.float()
        return row * scales.repeat_interleave(torch.from_numpy(self.sizes)) if len(scales) else row

    def _steps(
        self, row: NDArray[np.float32], draws: NDArray[np.float64] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return the scale of each tensor and the whole number of steps of each entry."""
        largest = np.zeros(len(self.sizes), np.float32)
        filled = self.sizes > 0
        if filled.any():
            begin = np.cumsum(self.sizes) - self.sizes
            largest[filled] = np.maximum.reduceat(np.abs(row), begin[filled])
        scales = np.maximum(largest / np.float32(_LEVELS), _LEAST_SCALE)
        # A tensor with an entry that is not finite has such a scale: 0 steps of it are nan.
        finite = np.isfinite(scales)
        divisor = scales.astype(np.float64)
        if not finite.all():
            row = np.where(finite.repeat(self.sizes), row, np.float32(0))
            divisor = np.where(finite, divisor, 1.0)
        steps = row / divisor.repeat(self.sizes)
        steps = np.rint(steps) if draws is None else np.floor(steps + draws)
        return scales, steps.clip(-_LEVELS, _LEVELS)

    def _bare(self, message: bytes) -> tuple[Tensor, Tensor]:
        """Cut scales and entries out of a message without names."""
        tensors = len(self.sizes) if self.bits == 8 else 0
        wanted = 4 * tensors + self.bits // 8 * int(self.sizes.sum())
        problem = f"the message of {len(message)} bytes is unreadable"
        require(len(message) == wanted, problem, f"{wanted} bytes, as pack makes them")
        scales = np.frombuffer(message, "<f4", tensors)
        entries = np.frombuffer(message, _WIRE_TYPE[self.bits], offset=4 * tensors)
        return torch.from_numpy(scales.copy()), torch.from_numpy(entries.copy())

    def _named(self, message: bytes) -> tuple[Tensor, Tensor]:
        """Read scales and entries by their names."""
        slices = unpack(message)
        scales = slices.pop(_SCALES, torch.empty(0, dtype=torch.float32, device="cpu"))
        shapes = {name: tuple(value.shape) for name, value in slices.items()}
        types = {value.element_size() for value in slices.values()}
        tensors = len(self.sizes) if self.bits == 8 else 0
        ok = shapes == dict(self.shapes) and types <= {self.bits // 8} and len(scales) == tensors
        problem = f"the message of {len(message)} bytes holds other tensors"
        require(ok, problem, "what pack made in the same format")
        return scales, torch.cat([slices[name].flatten() for name in self.shapes])


@lru_cache(maxsize=256)
def _length(shapes: tuple[tuple[str, Shape], ...], bits: int, names: bool) -> int:
    form = RowFormat(dict(shapes), bits, names)
    row = torch.zeros(int(form.sizes.sum()), dtype=torch.float32, device="cpu")
    return len(form.pack(row))


def index_bytes(subset: Subset) -> int:
    """Return the bytes of the index that a device gets once: which entries it trains.

    Example:
        >>> index_bytes(Subset({"head.weight": (0, 3), "head.bias": None}))
        42
    """
    return len(subset.to_json().encode())
