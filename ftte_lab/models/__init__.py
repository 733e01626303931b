"""Nets, the subset of a net that is trained, and how it travels.

`build` makes a `Model`, a `Subset` names what of it is trained, a `Plan` holds what that asks of
each operation, and `pack` makes the message.
"""

from ftte_lab.models.forward import (
    conv_geometry,
    group_norm,
    infer,
    max_pool,
    norm_sizes,
    pool_window,
)
from ftte_lab.models.model import Model
from ftte_lab.models.ops import (
    Conv,
    Fork,
    GlobalAvgPool,
    GroupNorm,
    Join,
    Linear,
    MaxPool,
    Op,
    Params,
    ReLU,
    TensorInfo,
)
from ftte_lab.models.payload import BITS, RowFormat, index_bytes, pack, unpack
from ftte_lab.models.plan import Plan, consumer, make_plan
from ftte_lab.models.subset import (
    Subset,
    at_ratio,
    biases,
    channel_order,
    channels_at_ratio,
    extract,
    flatten_trained,
    from_rows,
    frozen,
    full,
    head,
    insert,
    last_blocks,
    to_rows,
    validated_subset,
)
from ftte_lab.models.zoo import MODELS, Builder, build

__all__ = [
    "BITS",
    "MODELS",
    "Builder",
    "Conv",
    "Fork",
    "GlobalAvgPool",
    "GroupNorm",
    "Join",
    "Linear",
    "MaxPool",
    "Model",
    "Op",
    "Params",
    "Plan",
    "ReLU",
    "RowFormat",
    "Subset",
    "TensorInfo",
    "at_ratio",
    "biases",
    "build",
    "channel_order",
    "channels_at_ratio",
    "consumer",
    "conv_geometry",
    "extract",
    "flatten_trained",
    "from_rows",
    "frozen",
    "full",
    "group_norm",
    "head",
    "index_bytes",
    "infer",
    "insert",
    "last_blocks",
    "make_plan",
    "max_pool",
    "norm_sizes",
    "pack",
    "pool_window",
    "to_rows",
    "unpack",
    "validated_subset",
]
