"""Train a cohort: every client at once, each on its own mini-batches."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor

from ftte_lab._common import choice, number, require
from ftte_lab.models import Params, Plan
from ftte_lab.training.features import FrozenFeatures
from ftte_lab.training.local_sgd import LocalSGD, Updates

_LARGEST = 1e6  # of a rate or a strength, which float32 must hold


def train_cohort(
    plan: Plan,
    params: Params,
    x: Tensor | FrozenFeatures,
    y: Tensor,
    batches: Tensor,
    *,
    rate: float,
    momentum: float = 0.0,
    proximal: float = 0.0,
    offsets: Tensor | None = None,
    track: Collection[str] = (),
) -> Updates:
    """Train `C` clients from the same parameters and return their updates.

    The two client corrections change every local gradient before the momentum: `proximal` adds `mu
    (w - w_start)` (FedProx, Li et al. 2020, Algorithm 2), `offsets` adds a constant row `c - c_i`
    (SCAFFOLD, Karimireddy et al. 2020, Algorithm 1). Use one of them at a time.

    Args:
        plan: model and trained subset.
        params: the server's parameters of this version, without client axis; left untouched.
        x: samples `(n, *input_shape)`, or `FrozenFeatures` that hold what the frozen operations
            make of them.
        y: labels `(n,)`.
        batches: sample indices, `(C, steps, batch)`.
        rate: local learning rate.
        momentum: of the local optimiser; its velocity begins at zero.
        proximal: FedProx's mu.
        offsets: `(C, d)`, with d trained entries as in `Updates.rows`, or `None`.
        track: which of "losses" and "variance" to report; variance needs at least two steps and no
            momentum.

    Example:
        >>> import torch
        >>> from ftte_lab.models import build, full, make_plan
        >>> from ftte_lab.training import train_cohort
        >>> net = build("mlp", (1, 8, 8), 5)
        >>> x, y = torch.ones(6, 1, 8, 8), torch.tensor([0, 1, 2, 3, 4, 0])
        >>> batches = torch.tensor([[[0, 1]], [[2, 3]], [[4, 5]]])  # three clients, one step each
        >>> updates = train_cohort(make_plan(net, full(net)), net.init(0), x, y, batches, rate=0.1)
        >>> updates.rows.shape == (3, net.size)
        True

    Raises:
        ValueError: a rate, momentum, mu or batch shape out of range, offsets of another shape, both
            corrections at once, or inputs that begin behind the first trained tensor.
    """
    rate = number("rate", rate, 0.0, _LARGEST)
    momentum = number("momentum", momentum, 0.0, 0.999)
    proximal = number("proximal", proximal, 0.0, _LARGEST)
    for name in track:
        choice("track", name, ("losses", "variance"))
    require(
        batches.ndim == 3 and batches.numel() > 0,
        f"batches of shape {tuple(batches.shape)}",
        "(clients, steps, batch)",
    )
    if "variance" in track:
        enough = batches.shape[1] >= 2 and not momentum
        require(enough, "step variance was asked for", "at least 2 local steps and momentum 0")
    require(len(y) > 0 and len(x) == len(y), f"{len(x)} samples, {len(y)} labels", "equally many")
    if isinstance(x, Tensor):
        x = FrozenFeatures(plan.model, params, x, plan.start, cap_bytes=0)
    require(
        x.start <= plan.start,
        f"inputs of operation {x.start}",
        f"0 to {plan.start}, before anything that trains",
    )
    sgd = LocalSGD(plan, x.start, rate, momentum, proximal, "losses" in track, "variance" in track)
    return sgd.train(params, x, y, batches, offsets=offsets)
