"""Measure what training a tensor, or a share of its channels, is worth on the server's public data.

The search adds these gains up. That they add is an assumption (Lin et al. 2022 make it too). Within
a tensor it can be weakened by an exponent below 1. Which measure FTTE uses is not public, so the
three here are our reconstruction. Add your own:

    MEASURES["mine"] = lambda model, params, x, y: {name: one gain per channel, ...}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ftte_lab._common import Registry, callable_entry, choice, number, pause_point, require
from ftte_lab.models import (
    Model,
    Params,
    Plan,
    Subset,
    channel_order,
    channels_at_ratio,
    flatten_trained,
    from_rows,
    full,
    insert,
    make_plan,
)
from ftte_lab.server.search.problem import Contributions, power
from ftte_lab.training import (
    FrozenFeatures,
    StackedNet,
    draw_batches,
    logits_gradient,
    minus_one_hot,
    train_cohort,
)

Measure = Callable[[Model, Params, Tensor, Tensor], Mapping[str, Any]]
Orders = Mapping[str, tuple[int, ...]]

RATIOS = (0.125, 0.25, 0.5, 1.0)
_FINETUNE_STEPS = 20
_FINETUNE_BATCH = 16
_FINETUNE_RATE = 0.05
_SAMPLES_AT_ONCE = 64


def gradient(model: Model, params: Params, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Square the mean gradient: to first order, the fall of the loss for one step of unit rate."""
    return _per_channel(model, _squared_gradients(model, params, x, y, per_sample=False))


def fisher(model: Model, params: Params, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Average the squared gradients of single samples: it also sees what cancels in the mean."""
    return _per_channel(model, _squared_gradients(model, params, x, y, per_sample=True))


def finetune(model: Model, params: Params, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Order the channels as `gradient` does; `measure` then trains each option and reads the loss.

    The gain of an option is the fall of the loss when it is trained for a few steps beside the
    classifier: contribution analysis in the sense of Lin et al. 2022, with the loss in place of the
    accuracy because it is less noisy.
    """
    return gradient(model, params, x, y)


MEASURES: Registry[Measure] = Registry(
    "gain measure",
    {"gradient": gradient, "fisher": fisher, "finetune": finetune},
    callable_entry("gain measure"),
)
"""Functions `f(model, params, x, y)` that return one gain per channel of each tensor, by name."""


def measure(
    model: Model,
    params: Params,
    x: Tensor,
    y: Tensor,
    kind: str = "gradient",
    *,
    ratios: tuple[float, ...] = RATIOS,
    channels_by: str = "magnitude",
    exponent: float = 1.0,
    seed: int = 0,
) -> Contributions:
    """Measure the contribution of every tensor at every channel ratio.

        v(k) = (sum of the gains of the tensor's first k channels) ** exponent

    Below 1 returns diminish: a second channel is worth less than the first, because the first can
    do part of its work. FTTE's formula is not public; the exponent is our reconstruction.

    Args:
        model: the net.
        params: the server's parameters.
        x: public inputs `(n, *input_shape)`.
        y: public labels `(n,)`.
        kind: an entry of `MEASURES`.
        ratios: shares of a weight's channels offered to the search, in (0, 1].
        channels_by: `magnitude` (Lin et al. 2022: largest L2 norm first) or `gain` (largest
            measured gain first).
        exponent: of the gains of a tensor, 0.1 to 1; 1 just adds up.
        seed: of the mini-batches of `finetune`.

    Raises:
        ValueError: an unknown measure or order, no data, a ratio or exponent out of range, or a
            measure of your own that does not return one finite gain per channel of every tensor.

    Example:
        >>> import torch
        >>> from ftte_lab.models import build
        >>> model = build("mlp", (1, 8, 8), 10)
        >>> params = model.init(seed=0)
        >>> x, y = torch.randn(20, 1, 8, 8), torch.arange(20) % 10
        >>> gains = measure(model, params, x, y, "fisher", ratios=(0.5, 1.0))
        >>> sorted(gains.gain["hidden1.weight"])
        [32, 64]
    """
    choice("contribution", kind, MEASURES)
    choice("channels_by", channels_by, ("magnitude", "gain"))
    given = f"{len(x)} public samples, {len(y)} labels"
    require(len(x) == len(y) and len(x) >= 2, given, "equally many, at least 2")
    for ratio in ratios:
        number("ratio", ratio, 1e-9, 1.0)
    number("exponent", exponent, 0.1, 1.0)
    by_channel = _checked(model, kind, MEASURES[kind](model, params, x, y))
    order = _orders(model, params, by_channel, channels_by)
    options = {
        t.name: sorted({channels_at_ratio(t.channels, ratio) for ratio in ratios})
        for t in model.tensors.values()
    }
    if kind == "finetune":
        sums, alone = _Finetuning(model, params, x, y, seed).gains(order, options), {}
    else:
        sums = {
            name: {k: _sum_of_best(by_channel[name], order.get(name), k) for k in counts}
            for name, counts in options.items()
        }
        alone = {name: tuple(gains.tolist()) for name, gains in by_channel.items()}
    gains = {
        name: {count: power(total, exponent) for count, total in by_count.items()}
        for name, by_count in sums.items()
    }
    return Contributions(kind, order, gains, alone, exponent)


def _checked(model: Model, kind: str, returned: Any) -> dict[str, Tensor]:
    """Require one finite gain per channel of every tensor from the measure `kind`."""
    head = f"gain measure {kind!r} returned"
    allowed = "one finite gain per channel of every tensor (a vector has one)"
    require(
        isinstance(returned, Mapping), f"{head} {type(returned).__name__}", f"a dict: {allowed}"
    )
    missing = [name for name in model.tensors if name not in returned]
    require(not missing, f"{head} nothing for {missing[:1]}", allowed)
    gains = {}
    for name, info in model.tensors.items():
        try:
            value = torch.as_tensor(returned[name], device="cpu").reshape(-1)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"{head} {returned[name]!r} for {name!r}; allowed: {allowed}."
            ) from error
        shape = tuple(value.shape)
        require(shape == (info.channels,), f"{head} {shape[0]} gains for {name!r}", allowed)
        finite = bool(torch.isfinite(value).all())
        require(finite, f"{head} a gain for {name!r} that is not finite", allowed)
        gains[name] = value
    return gains


def _orders(model: Model, params: Params, by_channel: Params, channels_by: str) -> Orders:
    """Return the channels of each weight, best first."""
    orders: dict[str, tuple[int, ...]] = {}
    for info in model.tensors.values():
        if info.kind != "weight":
            continue
        if channels_by == "magnitude":
            order = list(channel_order(model, info.name, params[info.name]))
        else:
            order = torch.argsort(by_channel[info.name], descending=True, stable=True).tolist()
        orders[info.name] = tuple(order)
    return orders


def _sum_of_best(gains: Tensor, order: tuple[int, ...] | None, count: int) -> float:
    """Add up the gains of the first channels in an order; a vector (no order) counts completely."""
    return float(gains.sum() if order is None else gains[list(order[:count])].sum())


def _per_channel(model: Model, squared: Params) -> dict[str, Tensor]:
    """Sum the entries of each channel of a weight, and all entries of a vector."""
    gains = {}
    for name, value in squared.items():
        info = model.tensors[name]
        if info.kind == "weight":
            gains[name] = value.movedim(info.axis, 0).flatten(1).sum(1)
        else:
            gains[name] = value.sum().reshape(1)
    return gains


class _Squares:
    """Sum up gradients of the mean over samples, or the squares of gradients of single samples."""

    def __init__(self, per_sample: bool) -> None:
        self.per_sample = per_sample
        self.samples = 1
        self.total: Params = {}

    def grad(self, name: str, grad: Tensor, client_axis: int = 0) -> None:
        """Take the gradient of one tensor: of the mean over `samples`, or one per sample."""
        if self.per_sample:
            part = grad.square().sum(client_axis, keepdim=True)
        else:
            part = grad * self.samples
        self.total[name] = self.total[name].add_(part) if name in self.total else part

    def product(self, name: str, a: Tensor, b: Tensor) -> None:
        """Take the gradient `a @ b`."""
        self.grad(name, a @ b)


def _squared_gradients(
    model: Model, params: Params, x: Tensor, y: Tensor, per_sample: bool
) -> Params:
    """Square the gradient per entry: of the mean over samples, or the mean of each sample's own.

    Single samples are trained as a cohort of clients with one sample each.
    """
    net = StackedNet(model, make_plan(model, full(model)))
    inputs, sink = FrozenFeatures(model, params, x), _Squares(per_sample)
    for at in torch.arange(len(x), device="cpu").split(_SAMPLES_AT_ONCE):
        pause_point()
        sink.samples = len(at)
        at = at.unsqueeze(1 if per_sample else 0)
        stacked = net.stack([params], [len(at)])
        logits = net.forward(inputs.gather(at), stacked)
        targets = minus_one_hot(y[at], model.classes, x.dtype)
        net.backward(logits_gradient(logits, targets), stacked, sink)
    mean = {name: value[0] / len(x) for name, value in net.result(sink.total).items()}
    return mean if per_sample else {name: value.square() for name, value in mean.items()}


class _Finetuning:
    """Train options beside the classifier, all on the same mini-batches."""

    def __init__(self, model: Model, params: Params, x: Tensor, y: Tensor, seed: int) -> None:
        self.model, self.params = model, params
        self.x, self.y = x, y
        size = min(_FINETUNE_BATCH, len(x))
        batches = draw_batches(len(x), _FINETUNE_STEPS, size, seed=seed, client=0, visit=0)
        self.batches = torch.as_tensor(batches, device="cpu").unsqueeze(0)

    def gains(self, order: Orders, options: Mapping[str, list[int]]) -> dict[str, dict[int, float]]:
        """Return how much more the loss falls by each option than by the classifier alone."""
        last = len(self.model.ops) - 1
        base: dict[str, tuple[int, ...] | None] = {
            t.name: None for t in self.model.tensors.values() if t.op == last
        }
        alone = self._loss_after(base)
        gains: dict[str, dict[int, float]] = {}
        for name, counts in options.items():
            if name in base:
                # Always trained, so worth nothing more.
                gains[name] = dict.fromkeys(counts, 0.0)
                continue
            gains[name] = {}
            for count in counts:
                channels = order.get(name, (0,))
                part = None if count == len(channels) else tuple(sorted(channels[:count]))
                gains[name][count] = alone - self._loss_after({**base, name: part})
        return gains

    def _loss_after(self, parts: Mapping[str, tuple[int, ...] | None]) -> float:
        model, params = self.model, self.params
        plan = Plan(model, Subset(dict(parts)))
        inputs = FrozenFeatures(model, params, self.x, plan.start)
        done = train_cohort(plan, params, inputs, self.y, self.batches, rate=_FINETUNE_RATE)
        after = flatten_trained(model, plan.subset, params) + done.rows[0]
        trained = insert(model, plan.subset, params, from_rows(model, plan.subset, after))
        return float(cross_entropy(inputs.logits(trained), self.y))
