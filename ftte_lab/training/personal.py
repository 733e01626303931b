"""Make a model personal after the federation: fine-tune a part on the client's own data, safely.

    w_i   = x;  some steps of  w_i[P] -= rate · (grad f_i(w_i)[P] + pull · (w_i[P] - x[P]))
    alpha = argmin over 0, 1/4, 1/2, 3/4, 1 of the loss on the client's own validation fifth
    ship    x + alpha · (w_i - x)          alpha = 0 keeps the shared model

P is the head, the head and the norms, or any subset that the client's memory can train. Nothing is
sent, so it costs no byte. With a pull above 0 this is Ditto, applied once after the federation.

Sources: Wu et al. 2022, "Motley", arXiv 2206.13190, for fine-tuning as the baseline to beat; Li et
al. 2021, "Ditto", objective 1, for the pull. The choice of alpha is our reconstruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ftte_lab._common import choice, integer, number, require
from ftte_lab.models import (
    GroupNorm,
    Model,
    Params,
    Plan,
    Subset,
    flatten_trained,
    from_rows,
    head,
    insert,
)
from ftte_lab.training.batches import draw_batches
from ftte_lab.training.cohort import train_cohort
from ftte_lab.training.features import FrozenFeatures

Array = np.ndarray
Shards = Sequence[Array]

PARTS = ("head", "norms", "head+norms")
"""The parts of a model that `personal_part` knows by name."""

ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""The mixes that a client tries: 0 keeps the shared model, 1 takes its own."""

OWN_VISIT = 2**32
"""The visit under which fine-tuning draws; those of the federation count from 0."""
_TAG = 0x9E1F  # keeps the choice of a validation fifth apart from every other use of a seed


@dataclass(frozen=True)
class FineTuning:
    """State how a client trains its personal part.

    Attributes:
        steps: gradient steps, from 1.
        batch: samples per step, from 1.
        rate: learning rate, above 0.
        pull: Ditto's lambda: how strongly the shared model pulls back; 0: not at all.
        seed: of the batches.
        micro_batch: samples at once on the device, from 1; the same step in less memory. `None`: as
            in the federation.

    Raises:
        ValueError: a number out of range.
    """

    steps: int = 20
    batch: int = 8
    rate: float = 0.05
    pull: float = 0.0
    seed: int = 0
    micro_batch: int | None = None

    def __post_init__(self) -> None:
        for name, low, high in (("steps", 1, 10**6), ("batch", 1, 10**6), ("seed", 0, 2**63)):
            object.__setattr__(self, name, integer(name, getattr(self, name), low, high))
        object.__setattr__(self, "rate", number("rate", self.rate, 1e-12, 1e6))
        object.__setattr__(self, "pull", number("pull", self.pull, 0.0, 1e6))
        if self.micro_batch is not None:
            at_once = integer("micro_batch", self.micro_batch, 1, self.batch)
            object.__setattr__(self, "micro_batch", at_once)


def personal_part(model: Model, part: str) -> Subset:
    """Return the subset of a part by its name.

    Args:
        model: the net.
        part: one of `PARTS`: "head", the classifier; "norms", every gain and bias of a group norm,
            which adapt to how a sensor is worn; or both.

    Raises:
        ValueError: an unknown part.

    Example:
        >>> from ftte_lab.models import build
        >>> net = build("cnn", (1, 8, 8), 10)
        >>> list(personal_part(net, "head").parts)
        ['head.weight', 'head.bias']
        >>> "head.bias" in personal_part(net, "head+norms")
        True
    """
    choice("part", part, PARTS)
    chosen = set() if part == "norms" else set(head(model).parts)
    if part != "head":
        norms = (op for op in model.ops if isinstance(op, GroupNorm))
        chosen |= {name for op in norms for name in (op.gain, op.bias)}
    return Subset({name: None for name in model.tensors if name in chosen})


def own_parts(shards: Shards, share: float = 0.2, seed: int = 0) -> tuple[list[Array], list[Array]]:
    """Divide each client's samples into those it trains on and its own validation part.

    At least one sample stays on each side.

    Args:
        shards: sample indices of each client, at least two.
        share: of the validation part, 0 to 1.
        seed: of the draw.

    Returns:
        For each client the indices for training, and those for validation.

    Raises:
        ValueError: a client with fewer than two samples, or a number out of range.

    Example:
        >>> train, own = own_parts([np.arange(10), np.arange(10, 14)])
        >>> [len(part) for part in train], [len(part) for part in own]
        ([8, 3], [2, 1])
    """
    share, seed = number("share", share, 0.0, 1.0), integer("seed", seed, 0, 2**63)
    train, validation = [], []
    for client, shard in enumerate(shards):
        require(len(shard) >= 2, f"client {client} has {len(shard)} samples", "at least 2")
        order = np.random.default_rng([_TAG, seed, client]).permutation(np.asarray(shard))
        kept = min(len(order) - 1, max(1, round(share * len(order))))
        train.append(order[kept:])
        validation.append(order[:kept])
    return train, validation


def first_samples(shards: Shards, count: int, seed: int = 0) -> list[Array]:
    """Draw a few samples of each client: what a newcomer has after a short time.

    Args:
        shards: sample indices of each client.
        count: samples of each; whoever has fewer keeps all.
        seed: of the draw; a larger count keeps the samples of a smaller one.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> few, more = (first_samples([np.arange(9)], count)[0] for count in (2, 5))
        >>> len(few), len(more), more[:2].tolist() == few.tolist()
        (2, 5, True)
    """
    count, seed = integer("count", count, 1, 10**9), integer("seed", seed, 0, 2**63)
    streams = (np.random.default_rng([_TAG, 1, seed, client]) for client in range(len(shards)))
    return [
        rng.permutation(np.asarray(shard))[:count]
        for rng, shard in zip(streams, shards, strict=True)
    ]


def fine_tune(
    plan: Plan,
    params: Params,
    x: Tensor | FrozenFeatures,
    y: Tensor,
    shards: Shards,
    how: FineTuning = FineTuning(),
) -> Tensor:
    """Train every client's part on its own samples; return `w_i - x`, `(clients, d)`.

    Args:
        plan: the net and the personal part.
        params: the shared model; left untouched.
        x: samples `(n, *input_shape)`, or `FrozenFeatures` of them.
        y: labels `(n,)`.
        shards: sample indices of each client, at least one.
        how: steps, batch, rate and pull.

    Raises:
        ValueError: no client, a client without samples, or training that left the range of float32.

    Example:
        >>> from ftte_lab.models import build, make_plan
        >>> net = build("mlp", (1, 4, 4), 2)
        >>> plan, x = make_plan(net, personal_part(net, "head")), torch.rand(6, 1, 4, 4)
        >>> rows = fine_tune(plan, net.init(0), x, torch.zeros(6).long(), [np.arange(6)] * 3)
        >>> rows.shape == (3, plan.subset.entries(net))
        True
    """
    require(len(shards) > 0, "no client", "at least one")
    batches = []
    for client, shard in enumerate(shards):
        require(len(shard) > 0, f"client {client} has no samples", "at least one")
        drawn = draw_batches(
            len(shard), how.steps, how.batch, seed=how.seed, client=client, visit=OWN_VISIT
        )
        batches.append(np.asarray(shard)[drawn])
    at = torch.as_tensor(np.stack(batches), device="cpu")
    rows = train_cohort(plan, params, x, y, at, rate=how.rate, proximal=how.pull).rows
    require(
        bool(rows.isfinite().all()),
        f"fine-tuning at rate {how.rate:g} diverged",
        "a rate at which it learns",
        "Lower the rate or the pull",
    )
    return rows


def personal_params(plan: Plan, params: Params, row: Tensor) -> Params:
    """Return the shared model with one client's row added to its personal part.

    Args:
        plan: the net and the personal part.
        params: the shared model; left untouched.
        row: `alpha · (w_i - x)`, `(d,)`.
    """
    mine = flatten_trained(plan.model, plan.subset, params) + row
    return insert(plan.model, plan.subset, params, from_rows(plan.model, plan.subset, mine))


def choose_alpha(
    plan: Plan,
    params: Params,
    rows: Tensor,
    x: Tensor | FrozenFeatures,
    y: Tensor,
    validation: Shards,
) -> Array:
    """Choose each client's mix by the loss on its own validation samples, `(clients,)`.

    Of equal losses the smaller mix wins, which keeps more of the shared model.

    Args:
        plan: the net and the personal part.
        params: the shared model.
        rows: what `fine_tune` returned, `(clients, d)`.
        x: samples `(n, *input_shape)`, or `FrozenFeatures` of them.
        y: labels `(n,)`.
        validation: sample indices of each client that it did not train on, at least one.

    Raises:
        ValueError: unlike numbers of rows and clients, or a client without validation samples.
    """
    given = f"{len(rows)} rows, {len(validation)} clients"
    require(len(rows) == len(validation), given, "equally many")
    chosen = np.zeros(len(rows))
    for client, own in enumerate(validation):
        require(len(own) > 0, f"client {client} has no validation samples", "at least one")
        samples = _selected(plan, params, x, own)
        labels = y[torch.as_tensor(np.asarray(own), device="cpu")]
        losses = [
            float(cross_entropy(samples.logits(personal_params(plan, params, a * row)), labels))
            for row in (rows[client],)
            for a in ALPHAS
        ]
        chosen[client] = ALPHAS[int(np.argmin(losses))]
    return chosen


def personal_right(
    plan: Plan, params: Params, rows: Tensor, x: Tensor | FrozenFeatures, y: Tensor
) -> Array:
    """Mark which samples each personal model gets right, bool `(clients, n)`.

    With rows of zeros this is the shared model. Take the columns of a client's own test samples for
    its gain, and all columns for what it has forgotten.

    Args:
        plan: the net and the personal part.
        params: the shared model.
        rows: `alpha · (w_i - x)` of each client, `(clients, d)`.
        x: samples `(n, *input_shape)`, or `FrozenFeatures` of them.
        y: labels `(n,)`.
    """
    inputs = _features(plan, params, x)
    labels = y.numpy()
    found = [inputs.logits(personal_params(plan, params, row)).argmax(1).numpy() for row in rows]
    return np.stack(found) == labels if found else np.empty((0, len(labels)), bool)


def _features(plan: Plan, params: Params, x: Tensor | FrozenFeatures) -> FrozenFeatures:
    return x if isinstance(x, FrozenFeatures) else FrozenFeatures(plan.model, params, x, plan.start)


def _selected(plan: Plan, params: Params, x: Tensor | FrozenFeatures, at: Array) -> FrozenFeatures:
    """Return some of the samples as the personal part takes them."""
    places = torch.as_tensor(np.asarray(at), device="cpu")
    samples = x.x if isinstance(x, FrozenFeatures) else x
    return FrozenFeatures(plan.model, params, samples[places], plan.start)
