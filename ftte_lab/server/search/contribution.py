"""What training a tensor, or a share of its channels, is worth: measured on the server's public share of the data.

The search in `subset` adds these gains up. That they add is an assumption (Lin et al. 2022 make it too); which measure
FTTE uses is not public, so the three here are our reconstruction:

* `finetune`: the fall of the loss when a tensor is trained for a few steps beside the classifier (contribution
  analysis in the sense of Lin et al. 2022, with the loss in place of the accuracy because it is less noisy);
* `gradient`: squared norm of the mean gradient, the fall of the loss to first order for one step of unit rate;
* `fisher`: mean over samples of the squared gradient, which also sees what cancels in the mean.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ftte_lab._common import choice, integer, number, require
from ftte_lab.models import (
    Model,
    Params,
    Plan,
    Subset,
    TensorInfo,
    channel_order,
    channels_at,
    from_rows,
    full,
    make_plan,
    put,
    row_of,
)
from ftte_lab.server.search.problem import Contributions
from ftte_lab.training import (
    FrozenFeatures,
    Net,
    draw_batches,
    logits_gradient,
    minus_one_hot,
    train_cohort,
)

MEASURES = ("gradient", "fisher", "finetune")
RATIOS = (0.125, 0.25, 0.5, 1.0)


def measure(
    model: Model,
    params: Params,
    x: Tensor,
    y: Tensor,
    kind: str = "gradient",
    *,
    ratios: tuple[float, ...] = RATIOS,
    channels_by: str = "magnitude",
    steps: int = 20,
    rate: float = 0.05,
    seed: int = 0,
) -> Contributions:
    """Measure the contribution of every tensor at every channel ratio.

    Args:
        model: the net.
        params: the server's parameters.
        x: public inputs `(n, *input_shape)`.
        y: public labels `(n,)`.
        kind: `gradient`, `fisher` or `finetune`.
        ratios: shares of a weight's channels offered to the search, in (0, 1].
        channels_by: `magnitude` (Lin et al. 2022: largest L2 norm first) or `gain` (largest measured gain first).
        steps: local steps of one fine-tuning.
        rate: its learning rate.
        seed: of its mini-batches.

    Raises:
        ValueError: an unknown measure or order, no data, or a ratio, step count or rate out of range.
    """
    _check(x, y, kind, ratios, channels_by, steps, rate)
    entries = _squared_gradients(model, params, x, y, per_sample=kind == "fisher")
    by_channel = {name: _per_channel(model.tensors[name], value) for name, value in entries.items()}
    order = {
        t.name: tuple(
            channel_order(model, t.name, params[t.name])
            if channels_by == "magnitude"
            else torch.argsort(by_channel[t.name], descending=True, stable=True).tolist()
        )
        for t in model.tensors.values()
        if t.kind == "weight"
    }
    options = {
        t.name: sorted({channels_at(t.channels, r) for r in ratios}) for t in model.tensors.values()
    }
    if kind == "finetune":
        gains = _finetunings(model, params, x, y, order, options, steps, rate, seed)
    else:
        gains = {
            name: {
                c: float(by_channel[name][list(order[name][:c])].sum())
                if name in order
                else float(by_channel[name].sum())
                for c in counts
            }
            for name, counts in options.items()
        }
    return Contributions(kind, order, gains)


def _check(
    x: Tensor,
    y: Tensor,
    kind: str,
    ratios: tuple[float, ...],
    channels_by: str,
    steps: int,
    rate: float,
) -> None:
    choice("contribution", kind, MEASURES)
    choice("channels_by", channels_by, ("magnitude", "gain"))
    require(
        len(x) == len(y) and len(x) >= 2,
        f"{len(x)} public samples, {len(y)} labels",
        "equally many, at least 2",
    )
    integer("steps", steps, 1)
    number("rate", rate, 1e-9)
    for ratio in ratios:
        number("ratio", ratio, 1e-9, 1.0)


def _per_channel(info: TensorInfo, squared: Tensor) -> Tensor:
    return (
        squared.movedim(info.axis, 0).flatten(1).sum(1)
        if info.kind == "weight"
        else squared.sum().reshape(1)
    )


class _Squares:
    """Sums up gradients of the mean over samples, or the squares of gradients of single samples."""

    def __init__(self, per_sample: bool) -> None:
        self.per_sample, self.samples = per_sample, 1
        self.total: Params = {}

    def grad(self, name: str, grad: Tensor, client_axis: int = 0) -> None:
        """Take the gradient of one tensor: of the mean over `samples`, or one per sample."""
        part = (
            grad.square().sum(client_axis, keepdim=True) if self.per_sample else grad * self.samples
        )
        self.total[name] = self.total[name].add_(part) if name in self.total else part

    def product(self, name: str, a: Tensor, b: Tensor) -> None:
        """Take the gradient `a @ b`."""
        self.grad(name, a @ b)


def _squared_gradients(
    model: Model, params: Params, x: Tensor, y: Tensor, per_sample: bool
) -> Params:
    """Squared gradient per entry: of the mean over samples, or the mean of each sample's own (a cohort of samples)."""
    net = Net(model, make_plan(model, full(model)))
    inputs, sink = FrozenFeatures(model, params, x), _Squares(per_sample)
    for at in torch.arange(len(x)).split(64):
        sink.samples = len(at)
        at = at.unsqueeze(1 if per_sample else 0)
        stacked = net.stack([params], [len(at)])
        logits = net.forward(inputs.gather(at), stacked)
        net.backward(
            logits_gradient(logits, minus_one_hot(y[at], model.classes, x.dtype)), stacked, sink
        )
    mean = {name: value[0] / len(x) for name, value in net.result(sink.total).items()}
    return mean if per_sample else {name: value.square() for name, value in mean.items()}


def _finetunings(
    model: Model,
    params: Params,
    x: Tensor,
    y: Tensor,
    order: Mapping[str, tuple[int, ...]],
    options: Mapping[str, list[int]],
    steps: int,
    rate: float,
    seed: int,
) -> dict[str, dict[int, float]]:
    """Fall of the public loss by training each option beside the classifier, above the classifier alone."""
    base = {t.name: None for t in model.tensors.values() if t.op == len(model.ops) - 1}
    batches = torch.as_tensor(
        draw_batches(len(x), steps, min(16, len(x)), seed=seed, client=0, visit=0)
    ).unsqueeze(0)

    def loss_after(parts: Mapping[str, tuple[int, ...] | None]) -> float:
        plan = Plan(model, Subset(dict(parts)))
        inputs = FrozenFeatures(model, params, x, plan.start)
        row = train_cohort(plan, params, inputs, y, batches, rate=rate).rows[0]
        after = row_of(model, plan.subset, params) + row
        trained = put(model, plan.subset, params, from_rows(model, plan.subset, after))
        return float(cross_entropy(inputs.logits(trained), y))

    alone = loss_after(base)
    gains: dict[str, dict[int, float]] = {}
    for name, counts in options.items():
        if name in base:
            gains[name] = dict.fromkeys(counts, 0.0)  # always trained, so worth nothing *more*
            continue
        gains[name] = {}
        for c in counts:
            part = (
                None
                if name not in order or c == len(order[name])
                else tuple(sorted(order[name][:c]))
            )
            gains[name][c] = alone - loss_after({**base, name: part})
    return gains
