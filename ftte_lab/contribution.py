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
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ftte_lab import tape
from ftte_lab._require import in_range, one_of, require, whole
from ftte_lab.local import draw_batches, train_cohort
from ftte_lab.models import Model
from ftte_lab.ops import Params, TensorInfo
from ftte_lab.plan import Plan, make_plan
from ftte_lab.trainable import Subset, channel_order, channels_at, full, put, take

MEASURES = ("gradient", "fisher", "finetune")
RATIOS = (0.125, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Contributions:
    """Gains per tensor and number of trained channels.

    `order`: channels of each weight, best first. `gain`: tensor -> {channels trained: gain}; a vector has the one
    option 1. Unit: the measure's own; only sums and comparisons within one table mean something.
    """

    measure: str
    order: Mapping[str, tuple[int, ...]]
    gain: Mapping[str, Mapping[int, float]]

    def subset(self, counts: Mapping[str, int]) -> Subset:
        """The subset with the best `counts[name]` channels of each named tensor (0 leaves it frozen)."""
        parts: dict[str, tuple[int, ...] | None] = {}
        for name, count in counts.items():
            if count:
                order = self.order.get(name, (0,))
                parts[name] = None if count == len(order) else tuple(sorted(order[:count]))
        return Subset(parts)

    def value(self, counts: Mapping[str, int]) -> float:
        """Predicted gain of a choice: the sum of its parts."""
        return sum(self.gain[name][count] for name, count in counts.items() if count)


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
    options = {t.name: sorted({channels_at(t.channels, r) for r in ratios}) for t in model.tensors.values()}
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
    x: Tensor, y: Tensor, kind: str, ratios: tuple[float, ...], channels_by: str, steps: int, rate: float
) -> None:
    one_of("contribution", kind, MEASURES)
    one_of("channels_by", channels_by, ("magnitude", "gain"))
    require(
        len(x) == len(y) and len(x) >= 2,
        f"{len(x)} public samples, {len(y)} labels",
        "equally many, at least 2",
    )
    whole("steps", steps, 1)
    in_range("rate", rate, 1e-9)
    for ratio in ratios:
        in_range("ratio", ratio, 1e-9, 1.0)


def _per_channel(info: TensorInfo, squared: Tensor) -> Tensor:
    return squared.movedim(info.axis, 0).flatten(1).sum(1) if info.kind == "weight" else squared.sum().reshape(1)


def _squared_gradients(model: Model, params: Params, x: Tensor, y: Tensor, per_sample: bool) -> Params:
    """Squared gradient per entry: of the mean over samples, or the mean of each sample's own."""
    plan = make_plan(model, full(model))
    total = {name: torch.zeros_like(p) for name, p in params.items()}
    for xs, ys in zip(x.split(64), y.split(64), strict=True):
        n = len(xs)
        clients = n if per_sample else 1
        stacked = {k: v.unsqueeze(0).expand(clients, *v.shape).contiguous() for k, v in params.items()}
        batch = (xs.unsqueeze(0), ys.unsqueeze(0)) if per_sample else (xs.unsqueeze(1), ys.unsqueeze(1))
        kept = tape.forward(plan, stacked, batch[0].clone())

        def sink(name: str, grad: Tensor, n: int = n) -> None:
            total[name] += grad.square().sum(0) if per_sample else grad.squeeze(0) * n

        tape.backward(plan, stacked, kept, batch[1], sink)
    mean = {name: value / len(x) for name, value in total.items()}
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
    batches = torch.as_tensor(draw_batches(len(x), steps, min(16, len(x)), seed=seed, client=0, visit=0)).unsqueeze(0)

    def loss_after(parts: Mapping[str, tuple[int, ...] | None]) -> float:
        plan = Plan(model, Subset(dict(parts)))
        start = plan.start
        inputs = model.forward(params, x.clone(), 0, start)
        deltas = train_cohort(plan, params, inputs, y, batches, rate=rate, start=start).deltas
        before = take(model, plan.subset, params)
        slices = {k: before[k] + d.squeeze(0) for k, d in deltas.items()}
        trained = put(model, plan.subset, params, slices)
        return float(cross_entropy(model.forward(trained, inputs, start), y))

    alone = loss_after(base)
    gains: dict[str, dict[int, float]] = {}
    for name, counts in options.items():
        if name in base:
            gains[name] = dict.fromkeys(counts, 0.0)  # always trained, so worth nothing *more*
            continue
        gains[name] = {}
        for c in counts:
            part = None if name not in order or c == len(order[name]) else tuple(sorted(order[name][:c]))
            gains[name][c] = alone - loss_after({**base, name: part})
    return gains
