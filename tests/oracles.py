"""The nets in plain `torch.nn.functional` with autograd: the oracle of all that trains."""

from collections.abc import Iterable

import torch
import torch.nn.functional as fn
from torch import Tensor

from ftte_lab.models import (
    Conv,
    Fork,
    GlobalAvgPool,
    GroupNorm,
    Join,
    Linear,
    MaxPool,
    Model,
    Params,
    ReLU,
    Subset,
    at_ratio,
    biases,
    build,
    full,
    head,
    last_blocks,
)

SHAPES = {
    "mlp": (1, 8, 8),
    "cnn": (3, 32),
    "cnn-maxpool": (2, 9, 12),
    "cnn-gap": (1, 12, 9),
    "mcunet-s": (3, 64),
    "mcunet-m": (3, 16, 16),
}


def plain_forward(model: Model, params: Params, x: Tensor) -> Tensor:
    """Return the logits `(B, classes)` of inputs `(B, *input_shape)`."""
    skips: list[Tensor] = []
    for op in model.ops:
        if isinstance(op, Conv):
            conv = fn.conv1d if len(op.in_shape) == 2 else fn.conv2d
            x = conv(
                x, params[op.weight], stride=op.stride, padding=op.kernel // 2, groups=op.groups
            )
        elif isinstance(op, Linear):
            x = fn.linear(x.flatten(1), params[op.weight], params[op.bias])
        elif isinstance(op, GroupNorm):
            x = fn.group_norm(x, op.groups, params[op.gain], params[op.bias], op.eps)
        elif isinstance(op, ReLU):
            x = fn.relu(x)
        elif isinstance(op, MaxPool):
            x = fn.max_pool1d(x, 2) if x.ndim == 3 else fn.max_pool2d(x, 2)
        elif isinstance(op, GlobalAvgPool):
            x = x.flatten(2).mean(2)
        elif isinstance(op, Fork):
            skips.append(x)
        else:
            assert isinstance(op, Join)
            x = x + skips.pop()
    return x


def autograd(model: Model, params: Params, x: Tensor, y: Tensor) -> tuple[float, Params]:
    """Return the mean cross-entropy and its gradient for every tensor."""
    leaves = {name: p.detach().clone().requires_grad_() for name, p in params.items()}
    loss = fn.cross_entropy(plain_forward(model, leaves, x), y)
    loss.backward()
    return float(loss.detach()), {name: p.grad for name, p in leaves.items() if p.grad is not None}


def trained_part(model: Model, subset: Subset, tensors: Params) -> Params:
    """Cut the trained slices out by plain indexing."""
    out = {}
    for name, channels in subset.parts.items():
        axis = model.tensors[name].axis
        out[name] = (
            tensors[name]
            if channels is None
            else tensors[name].movedim(axis, 0)[list(channels)].movedim(0, axis)
        )
    return out


def plain_sgd(
    model: Model,
    params: Params,
    subset: Subset,
    batches: Iterable[tuple[Tensor, Tensor]],
    rate: float,
    momentum: float = 0.0,
) -> Params:
    """Run a plain loop of SGD steps that changes nothing outside the subset."""
    params = {name: p.clone() for name, p in params.items()}
    velocity: Params = {name: torch.zeros_like(p) for name, p in params.items()}
    for x, y in batches:
        _, grads = autograd(model, params, x, y)
        for name, channels in subset.parts.items():
            axis = model.tensors[name].axis
            everything = range(params[name].shape[axis])
            at = torch.tensor(everything if channels is None else channels)
            velocity[name] = momentum * velocity[name] + grads[name]
            move = velocity[name].movedim(axis, 0)[at]
            params[name].movedim(axis, 0)[at] -= rate * move
    return params


def subsets(model: Model, params: Params) -> dict[str, Subset]:
    """Return full, head, last blocks, biases, half of all weights' channels, and a mixture."""
    weights = [t.name for t in model.tensors.values() if t.kind == "weight"]
    mixture = {name: (1.0, 0.25, 0.5)[k % 3] for k, name in enumerate(weights[1:])}
    return {
        "full": full(model),
        "head": head(model),
        "last blocks": last_blocks(model, 2),
        "biases": biases(model),
        "half": at_ratio(model, params, dict.fromkeys(weights, 0.5)),
        "mixture": at_ratio(model, params, mixture),
    }


def make(
    name: str,
    classes: int = 5,
    dtype: torch.dtype = torch.float32,
    shape: tuple[int, ...] | None = None,
) -> tuple[Model, Params]:
    """Build a model for small inputs, with gains and biases away from their initial values."""
    model = build(name, shape or SHAPES[name], classes)
    params = model.init(1, dtype)
    noise = torch.Generator().manual_seed(2)
    return model, {
        k: p + 0.1 * torch.randn(p.shape, generator=noise, dtype=dtype)
        if model.tensors[k].kind != "weight"
        else p
        for k, p in params.items()
    }


def data(
    model: Model, samples: int, dtype: torch.dtype = torch.float32, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Draw random inputs and labels."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, *model.input_shape, generator=g, dtype=dtype)
    return x, torch.randint(0, model.classes, (samples,), generator=g)
