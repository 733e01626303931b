"""The subset of a net that a device trains: which tensors, and which of their channels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from ftte_lab._common import brief, choice, integer, number, read_json, require, write_json
from ftte_lab.models.model import Model
from ftte_lab.models.ops import Params, Shape, TensorInfo

Channels = tuple[int, ...] | None


@dataclass(frozen=True)
class Subset:
    """Name what is sent, trained and returned.

    Attributes:
        parts: trained tensors by name, each with the indices of its trained channels, or with
            `None` if all of it is trained.

    Example:
        >>> from ftte_lab.models import Subset, build
        >>> model = build("mlp", (1, 8, 8), 10)
        >>> subset = Subset({"hidden2.weight": (0, 5), "head.bias": None})
        >>> subset.shape(model, "hidden2.weight"), subset.entries(model)
        ((32, 2), 74)
    """

    parts: Mapping[str, Channels] = field(default_factory=dict)

    @cached_property
    def index(self) -> dict[str, Tensor]:
        """Return the channel indices of the tensors that are trained in part."""
        return {
            name: torch.tensor(part, device="cpu")
            for name, part in self.parts.items()
            if part is not None
        }

    def __contains__(self, name: str) -> bool:
        return name in self.parts

    def __len__(self) -> int:
        return len(self.parts)

    def shape(self, model: Model, name: str) -> Shape:
        """Return the shape of the trained slice of a tensor."""
        info, channels = model.tensors[name], self.parts[name]
        if channels is None:
            return info.shape
        return (*info.shape[: info.axis], len(channels), *info.shape[info.axis + 1 :])

    def entries(self, model: Model) -> int:
        """Return the number of trained entries."""
        return sum(math.prod(self.shape(model, name)) for name in self.parts)

    def channel_count(self, model: Model, name: str) -> int:
        """Return the number of trained channels of a tensor, 0 if it is frozen."""
        if name not in self.parts:
            return 0
        channels = self.parts[name]
        return model.tensors[name].channels if channels is None else len(channels)

    def to_json(self) -> str:
        """Return the index as text; a device gets it once."""
        return write_json({k: None if v is None else list(v) for k, v in self.parts.items()})

    @classmethod
    def from_json(cls, text: str) -> Subset:
        """Return the subset that `to_json` wrote.

        Raises:
            ValueError: the text is not such an index.
        """
        raw = read_json(text, "not a subset index: it", "what Subset.to_json writes")
        try:
            return cls({str(k): None if v is None else tuple(map(int, v)) for k, v in raw.items()})
        except (AttributeError, OverflowError, TypeError, ValueError) as error:
            raise ValueError(
                f"not a subset index ({brief(error)}); "
                "allowed: the text that Subset.to_json writes."
            ) from error


def validated_subset(model: Model, subset: Subset) -> Subset:
    """Check names and channels, and return the subset with tensors in the model's order.

    A tensor whose channels are all named becomes `None`, trained completely.

    Raises:
        ValueError: an unknown tensor, an empty subset, or channels that are out of range, repeated
            or unsorted.
    """
    allowed = f"1 to {len(model.tensors)} tensors"
    require(len(subset) > 0, "the subset is empty", allowed, "Train at least the head")
    for name, channels in subset.parts.items():
        choice("tensor", name, model.tensors)
        if channels is not None:
            _check_channels(model.tensors[name], channels)
    inside = [name for name in model.tensors if name in subset]
    return Subset({name: _simplified(model, subset, name) for name in inside})


def _check_channels(info: TensorInfo, channels: tuple[int, ...]) -> None:
    problem = f"{info.name} has no channels to choose from"
    require(info.kind == "weight", problem, "None, the complete tensor")
    ok = (
        len(channels) > 0
        and list(channels) == sorted(set(channels))
        and 0 <= channels[0] <= channels[-1] < info.channels
    )
    allowed = f"sorted different indices from 0 to {info.channels - 1}"
    require(ok, f"channels of {info.name} = {channels!r}", allowed)


def _simplified(model: Model, subset: Subset, name: str) -> Channels:
    """Return the channels of a tensor, `None` for all of them."""
    complete = subset.channel_count(model, name) == model.tensors[name].channels
    return None if complete else subset.parts[name]


def full(model: Model) -> Subset:
    """Return the subset that trains everything.

    Example:
        >>> from ftte_lab.models import build, full
        >>> model = build("mlp", (1, 8, 8), 10)
        >>> full(model).entries(model) == model.size
        True
    """
    return Subset(dict.fromkeys(model.tensors))


def frozen(model: Model, subset: Subset) -> Subset:
    """Return what a subset leaves out: other tensors, and the other channels of its own.

    Example:
        >>> from ftte_lab.models import build, frozen, full, head
        >>> model = build("mlp", (1, 8, 8), 10)
        >>> frozen(model, head(model)).entries(model) + head(model).entries(model) == model.size
        True
        >>> len(frozen(model, full(model)))
        0
    """
    parts: dict[str, Channels] = {}
    for name, info in model.tensors.items():
        if name not in subset:
            parts[name] = None
        elif subset.channel_count(model, name) < info.channels:
            trained = set(subset.parts[name] or ())
            parts[name] = tuple(c for c in range(info.channels) if c not in trained)
    return Subset(parts)


def head(model: Model) -> Subset:
    """Return the subset that trains the classifier alone.

    Example:
        >>> from ftte_lab.models import build, head
        >>> list(head(build("mlp", (1, 8, 8), 10)).parts)
        ['head.weight', 'head.bias']
    """
    return last_blocks(model, 1)


def last_blocks(model: Model, count: int) -> Subset:
    """Return the subset that trains the last `count` blocks that hold tensors.

    Raises:
        ValueError: `count` is not an integer from 1 to the number of blocks.
    """
    names = list(dict.fromkeys(name.split(".")[0] for name in model.tensors))
    count = integer("count", count, 1, len(names))
    return Subset({name: None for name in model.tensors if name.split(".")[0] in names[-count:]})


def biases(model: Model) -> Subset:
    """Return the subset of all biases: those of norms and linear maps."""
    return Subset({t.name: None for t in model.tensors.values() if t.kind == "bias"})


def channel_order(model: Model, name: str, weight: Tensor) -> list[int]:
    """Return the channels of a weight by falling L2 norm.

    Source:
        The `magnitude+` rule of Lin et al. 2022, arXiv 2206.15472.
    """
    info = model.tensors[name]
    norms = weight.detach().double().movedim(info.axis, 0).flatten(1).norm(dim=1)
    return torch.argsort(norms, descending=True, stable=True).tolist()


def at_ratio(model: Model, params: Params, ratios: Mapping[str, float]) -> Subset:
    """Return a subset with a share of each named tensor, its channels of largest norm first.

    Args:
        model: the net.
        params: the norms are taken of these.
        ratios: share of the channels by name, 0 to 1; at least one channel is trained.

    Raises:
        ValueError: an unknown tensor, or a ratio outside 0 to 1.
    """
    parts: dict[str, Channels] = {}
    for name, ratio in ratios.items():
        choice("tensor", name, model.tensors)
        number(f"ratio of {name}", ratio, 0.0, 1.0)
        info = model.tensors[name]
        count = channels_at_ratio(info.channels, ratio)
        order = channel_order(model, name, params[name]) if count < info.channels else []
        parts[name] = None if count == info.channels else tuple(sorted(order[:count]))
    return validated_subset(model, Subset(parts))


def channels_at_ratio(channels: int, ratio: float) -> int:
    """Return the number of channels for a ratio: rounded down, at least one.

    Raises:
        ValueError: less than one channel, or a ratio outside 0 to 1.
    """
    channels = integer("channels", channels, 1)
    ratio = number("ratio", ratio, 0.0, 1.0)
    return max(1, int(channels * ratio + 1e-9))


def extract(model: Model, subset: Subset, params: Params) -> Params:
    """Copy the trained slices out of the full parameters: what is sent.

    Example:
        >>> from ftte_lab.models import Subset, build, extract
        >>> model = build("mlp", (1, 8, 8), 10)
        >>> slices = extract(model, Subset({"head.weight": (0, 3)}), model.init(0))
        >>> slices["head.weight"].shape
        torch.Size([10, 2])
    """
    return {name: value.clone() for name, value in _slices(model, subset, params).items()}


def _slices(model: Model, subset: Subset, params: Params) -> Params:
    """Return the trained slices; complete tensors are not copied."""
    return {
        name: params[name].index_select(model.tensors[name].axis, subset.index[name])
        if name in subset.index
        else params[name]
        for name in subset.parts
    }


def insert(model: Model, subset: Subset, params: Params, slices: Params) -> Params:
    """Return full parameters with the trained slices replaced: what arrives is put in place.

    `params` stay as they are. Complete tensors are shared with `slices`, frozen ones with `params`.
    """
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
    """Return trained slices as one vector `(d,)`; with `lead` leading axes as rows `(..., d)`.

    An update is such a row.
    """
    return torch.cat([value.flatten(lead) for value in slices.values()], -1)


def flatten_trained(model: Model, subset: Subset, params: Params) -> Tensor:
    """Return the trained entries of full parameters as one vector `(d,)`."""
    return to_rows(_slices(model, subset, params))


def from_rows(model: Model, subset: Subset, rows: Tensor) -> Params:
    """Return views of rows `(..., d)` by name, `(..., *slice)`: the inverse of `to_rows`.

    Example:
        >>> from ftte_lab.models import build, flatten_trained, from_rows, head
        >>> model = build("mlp", (1, 8, 8), 10)
        >>> row = flatten_trained(model, head(model), model.init(0))
        >>> {name: tuple(part.shape) for name, part in from_rows(model, head(model), row).items()}
        {'head.weight': (10, 32), 'head.bias': (10,)}
    """
    shapes = {name: subset.shape(model, name) for name in subset.parts}
    parts = rows.split([math.prod(shape) for shape in shapes.values()], -1)
    return {
        name: part.unflatten(-1, shape)
        for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }
