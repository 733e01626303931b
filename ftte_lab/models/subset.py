"""Which tensors, and which of their channels, a device trains: the `Subset` that is sent, trained and returned."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from ftte_lab._common import choice, number, require
from ftte_lab.models.model import Model
from ftte_lab.models.ops import Params, Shape

Channels = tuple[int, ...] | None


@dataclass(frozen=True)
class Subset:
    """Trained tensors by name; each with the indices of its trained channels, or `None` for the whole tensor."""

    parts: Mapping[str, Channels] = field(default_factory=dict)

    @cached_property
    def index(self) -> dict[str, Tensor]:
        """Channel indices of the tensors that are trained in part."""
        return {name: torch.tensor(part) for name, part in self.parts.items() if part is not None}

    def __contains__(self, name: str) -> bool:
        return name in self.parts

    def __len__(self) -> int:
        return len(self.parts)

    def shape(self, model: Model, name: str) -> Shape:
        """Shape of the trained slice of a tensor."""
        info, channels = model.tensors[name], self.parts[name]
        if channels is None:
            return info.shape
        return (*info.shape[: info.axis], len(channels), *info.shape[info.axis + 1 :])

    def entries(self, model: Model) -> int:
        """Number of trained entries."""
        return sum(math.prod(self.shape(model, name)) for name in self.parts)

    def channel_count(self, model: Model, name: str) -> int:
        """Number of trained channels of a tensor, 0 if it is frozen."""
        if name not in self.parts:
            return 0
        channels = self.parts[name]
        return model.tensors[name].channels if channels is None else len(channels)

    def to_json(self) -> str:
        """The index a device needs once to know what it trains."""
        return json.dumps({k: None if v is None else list(v) for k, v in self.parts.items()})

    @classmethod
    def from_json(cls, text: str) -> Subset:
        """Inverse of `to_json`.

        Raises:
            ValueError: if the text is no such index.
        """
        try:
            return cls(
                {
                    str(k): None if v is None else tuple(int(i) for i in v)
                    for k, v in json.loads(text).items()
                }
            )
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(
                f"not a subset index ({error}); allowed: the text that Subset.to_json writes."
            ) from error


def check(model: Model, subset: Subset) -> Subset:
    """Return `subset` with tensors in the model's order, after checking names and channels.

    Raises:
        ValueError: an unknown tensor, an empty subset, or channels out of range, repeated or unsorted.
    """
    require(
        len(subset) > 0,
        "the subset is empty",
        f"1 to {len(model.tensors)} tensors",
        "Train at least the head",
    )
    for name, channels in subset.parts.items():
        choice("tensor", name, model.tensors)
        if channels is not None:
            info = model.tensors[name]
            require(
                info.kind == "weight",
                f"{name} has no channels to choose from",
                "None, the whole tensor",
            )
            ok = (
                len(channels) > 0
                and list(channels) == sorted(set(channels))
                and 0 <= channels[0] <= channels[-1] < info.channels
            )
            require(
                ok,
                f"channels of {name} = {channels!r}",
                f"sorted different indices from 0 to {info.channels - 1}",
            )
    return Subset({name: _whole(model, subset, name) for name in model.tensors if name in subset})


def _whole(model: Model, subset: Subset, name: str) -> Channels:
    channels = subset.parts[name]
    return (
        None if channels is not None and len(channels) == model.tensors[name].channels else channels
    )


def full(model: Model) -> Subset:
    """Everything is trained."""
    return Subset(dict.fromkeys(model.tensors))


def head(model: Model) -> Subset:
    """Only the classifier."""
    return last_blocks(model, 1)


def last_blocks(model: Model, count: int) -> Subset:
    """The last `count` blocks that hold tensors.

    Raises:
        ValueError: if `count` is not between 1 and the number of blocks.
    """
    names = list(dict.fromkeys(name.split(".")[0] for name in model.tensors))
    require(
        1 <= count <= len(names), f"count = {count!r}", f"a whole number from 1 to {len(names)}"
    )
    return Subset({name: None for name in model.tensors if name.split(".")[0] in names[-count:]})


def biases(model: Model) -> Subset:
    """All biases (for a normalised convolution: the norm's), and the classifier's."""
    return Subset({t.name: None for t in model.tensors.values() if t.kind == "bias"})


def channel_order(model: Model, name: str, weight: Tensor) -> list[int]:
    """Channels of a weight by falling L2 norm: the `magnitude+` rule of Lin et al. 2022 (sparse tensor update)."""
    info = model.tensors[name]
    norms = weight.detach().double().movedim(info.axis, 0).flatten(1).norm(dim=1)
    return torch.argsort(norms, descending=True, stable=True).tolist()


def at_ratio(model: Model, params: Params, ratios: Mapping[str, float]) -> Subset:
    """Train the given share of each named tensor, its channels with the largest norm first.

    Raises:
        ValueError: an unknown tensor, or a ratio outside (0, 1].
    """
    parts: dict[str, Channels] = {}
    for name, ratio in ratios.items():
        choice("tensor", name, model.tensors)
        number(f"ratio of {name}", ratio, 0.0, 1.0)
        info = model.tensors[name]
        count = channels_at(info.channels, ratio)
        order = channel_order(model, name, params[name]) if count < info.channels else []
        parts[name] = None if count == info.channels else tuple(sorted(order[:count]))
    return check(model, Subset(parts))


def channels_at(channels: int, ratio: float) -> int:
    """Number of channels a ratio stands for: rounded down, at least one."""
    return max(1, int(channels * ratio + 1e-9))


def take(model: Model, subset: Subset, params: Params) -> Params:
    """Copy the trained slices out of the full parameters: what travels."""
    return {name: value.clone() for name, value in _slices(model, subset, params).items()}


def _slices(model: Model, subset: Subset, params: Params) -> Params:
    """The trained slices; whole tensors are not copied."""
    return {
        name: params[name].index_select(model.tensors[name].axis, subset.index[name])
        if name in subset.index
        else params[name]
        for name in subset.parts
    }


def put(model: Model, subset: Subset, params: Params, slices: Params) -> Params:
    """Return parameters with the trained slices replaced: what arrives. Whole tensors are shared, not copied."""
    out = dict(params)
    for name in subset.parts:
        index = subset.index.get(name)
        out[name] = (
            slices[name]
            if index is None
            else params[name].index_copy(model.tensors[name].axis, index, slices[name])
        )
    return out


def to_rows(slices: Params, lead: int = 0) -> Tensor:
    """Trained slices as one vector `(d,)`, or with `lead` leading axes as rows `(..., d)`: an update is a row."""
    return torch.cat([value.flatten(lead) for value in slices.values()], -1)


def row_of(model: Model, subset: Subset, params: Params) -> Tensor:
    """The trained entries of full parameters as one vector `(d,)`."""
    return to_rows(_slices(model, subset, params))


def from_rows(model: Model, subset: Subset, rows: Tensor) -> Params:
    """Inverse of `to_rows`: views of `(..., d)` by name, `(..., *slice)`."""
    shapes = {name: subset.shape(model, name) for name in subset.parts}
    parts = rows.split([math.prod(shape) for shape in shapes.values()], -1)
    return {
        name: part.unflatten(-1, shape)
        for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }
