"""Nets, the subset of a net that is trained, and how it travels."""

from ftte_lab.models.forward import geometry, infer, normalise, pooled, sizes, window
from ftte_lab.models.model import Model
from ftte_lab.models.ops import Conv, Fork, GroupNorm, Join, Linear, MaxPool, Op, Params, Pool, ReLU, TensorInfo
from ftte_lab.models.payload import index_bytes, pack, unpack
from ftte_lab.models.plan import Plan, consumer, make_plan
from ftte_lab.models.subset import (
    Subset,
    at_ratio,
    biases,
    channel_order,
    channels_at,
    check,
    from_rows,
    full,
    head,
    last_blocks,
    put,
    row_of,
    take,
    to_rows,
)
from ftte_lab.models.zoo import MODELS, build

__all__ = [
    "MODELS",
    "Conv",
    "Fork",
    "GroupNorm",
    "Join",
    "Linear",
    "MaxPool",
    "Model",
    "Op",
    "Params",
    "Plan",
    "Pool",
    "ReLU",
    "Subset",
    "TensorInfo",
    "at_ratio",
    "biases",
    "build",
    "channel_order",
    "channels_at",
    "check",
    "consumer",
    "from_rows",
    "full",
    "geometry",
    "head",
    "index_bytes",
    "infer",
    "last_blocks",
    "make_plan",
    "normalise",
    "pack",
    "pooled",
    "put",
    "row_of",
    "sizes",
    "take",
    "to_rows",
    "unpack",
    "window",
]
