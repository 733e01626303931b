"""What travels: trained slices as safetensors, the index of a subset as JSON. Lengths here are the bytes we report."""

from __future__ import annotations

from safetensors import SafetensorError
from safetensors.torch import load, save

from ftte_lab.models.ops import Params
from ftte_lab.models.subset import Subset


def pack(slices: Params) -> bytes:
    """Serialise named tensors; the length depends on names, shapes and types alone, never on values."""
    return save({name: value.contiguous() for name, value in slices.items()})


def unpack(message: bytes) -> Params:
    """Inverse of `pack`.

    Raises:
        ValueError: if the message is cut off or no safetensors at all.
    """
    try:
        return load(message)
    except SafetensorError as error:
        raise ValueError(
            f"the message of {len(message)} bytes is unreadable ({error}); allowed: what pack made."
        ) from error


def index_bytes(subset: Subset) -> int:
    """Bytes of the index that tells a device once what it trains."""
    return len(subset.to_json().encode())
