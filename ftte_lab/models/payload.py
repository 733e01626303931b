"""What travels: trained slices as safetensors, the index of a subset as JSON.

The lengths of these messages are the bytes that the kit reports.
"""

from __future__ import annotations

from safetensors import SafetensorError
from safetensors.torch import load, save

from ftte_lab.models.ops import Params
from ftte_lab.models.subset import Subset


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


def index_bytes(subset: Subset) -> int:
    """Return the bytes of the index that a device gets once: which entries it trains.

    Example:
        >>> index_bytes(Subset({"head.weight": (0, 3), "head.bias": None}))
        42
    """
    return len(subset.to_json().encode())
