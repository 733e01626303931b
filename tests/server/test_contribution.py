"""Check gain measures against their definitions."""

import dataclasses
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ftte_lab.devices import memory_model
from ftte_lab.models import Model, Params, Subset, full, head
from ftte_lab.server import MEASURES, Contributions, measure
from tests.oracles import autograd, data, make

MODEL, PARAMS = make("mcunet-s")
TABLE = memory_model(MODEL, 8)
X, Y = data(MODEL, 40)
FLOOR, MOST = TABLE.peak_of(head(MODEL)), TABLE.peak_of(full(MODEL))
SMALL = (*make("cnn"), *data(make("cnn")[0], 40))
WORTH = MEASURES["fisher"](MODEL, PARAMS, X, Y)
FISHER = measure(MODEL, PARAMS, X, Y, "fisher")


def test_measure_gradient_is_the_squared_norm_of_the_mean_gradient() -> None:
    gains = measure(MODEL, PARAMS, X, Y, "gradient")
    _, grads = autograd(MODEL, PARAMS, X, Y)
    for name, by_count in gains.gain.items():
        assert by_count[max(by_count)] == pytest.approx(
            float(grads[name].square().sum()), rel=1e-3, abs=1e-9
        )


def test_measure_fisher_is_the_mean_of_squared_gradients() -> None:
    model, params = make("mlp")
    x, y = data(model, 12)
    gains = measure(model, params, x, y, "fisher")
    each = [autograd(model, params, x[i : i + 1], y[i : i + 1])[1] for i in range(12)]
    for name, by_count in gains.gain.items():
        want = sum(float(g[name].square().sum()) for g in each) / 12
        assert by_count[max(by_count)] == pytest.approx(want, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("by", ["magnitude", "gain"])
@pytest.mark.parametrize("kind", MEASURES)
def test_measure_gains_rise_with_the_channels(kind: str, by: str) -> None:
    gains = measure(MODEL, PARAMS, X, Y, kind, channels_by=by)
    for name, by_count in gains.gain.items():
        values = [by_count[c] for c in sorted(by_count)]
        assert all(v >= 0 for v in values), name
        if kind != "finetune":
            assert values == sorted(values), name
    chosen = gains.subset({"head.weight": MODEL.tensors["head.weight"].channels, "stem.weight": 1})
    assert isinstance(chosen, Subset)
    assert chosen.parts["stem.weight"] == (gains.order["stem.weight"][0],)


@pytest.mark.parametrize("by", ["magnitude", "gain"])
@pytest.mark.parametrize("kind", MEASURES)
def test_measure_raises_each_tensors_sum_to_the_exponent(kind: str, by: str) -> None:
    plain = measure(*SMALL, kind, channels_by=by)
    root = measure(*SMALL, kind, channels_by=by, exponent=0.5)
    assert root.order == plain.order
    for name, by_count in plain.gain.items():
        for count, gain in by_count.items():
            assert root.gain[name][count] == pytest.approx(math.copysign(abs(gain) ** 0.5, gain))


@pytest.mark.parametrize("exponent", [1.0, 0.5])
@pytest.mark.parametrize("kind", MEASURES)
def test_value_of_a_subset_is_the_value_of_its_counts(kind: str, exponent: float) -> None:
    """Where the best channels train, both ways to predict a gain agree."""
    gains = measure(*SMALL, kind, channels_by="gain", exponent=exponent)
    counts = {name: sorted(t)[len(t) // 2] for name, t in gains.gain.items()}
    assert gains.value_of(gains.subset(counts)) == pytest.approx(gains.value(counts), rel=1e-5)
    everything = gains.value({n: t.channels for n, t in SMALL[0].tensors.items()})
    assert gains.value_of(full(SMALL[0])) == pytest.approx(everything, rel=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.data(), st.sampled_from([1.0, 0.5, 0.1]))
def test_value_of_any_subset_is_the_sum_over_its_channels(draw: Any, exponent: float) -> None:
    """Against a plain loop over the measure; with exponent 1 it is one sum over all channels."""
    names = draw.draw(st.sets(st.sampled_from(sorted(MODEL.tensors)), min_size=1))
    parts: dict[str, tuple[int, ...] | None] = {}
    for name in sorted(names):
        info = MODEL.tensors[name]
        some = st.sets(st.integers(0, info.channels - 1), min_size=1)
        parts[name] = tuple(sorted(draw.draw(some))) if info.kind == "weight" else None
    total = 0.0
    for name, part in parts.items():
        each = WORTH[name] if part is None else WORTH[name][list(part)]
        total += float(each.double().sum()) ** exponent
    gains = FISHER if exponent == 1 else dataclasses.replace(FISHER, exponent=exponent)
    assert gains.value_of(Subset(parts)) == pytest.approx(total)


def test_channels_share_what_their_option_adds_if_not_measured_alone() -> None:
    table = {"w": {1: 2.0, 3: 8.0}, "b": {1: -1.0}}
    gains = Contributions("mine", {"w": (2, 0, 3, 1)}, table)
    assert gains.channel_gains("w") == (3.0, 0.0, 2.0, 3.0)
    assert gains.channel_gains("b") == (-1.0,)
    assert gains.value_of(Subset({"w": (0, 2), "b": None})) == 4.0
    root = Contributions("mine", {"w": (2, 0, 3, 1)}, table, exponent=0.5)
    assert root.value_of(Subset({"w": (0, 2, 3)})) == pytest.approx(8.0)
    assert root.value_of(Subset({"b": None})) == -1.0


def test_measure_explains_wrong_arguments() -> None:
    for exponent in (0.05, 2.0):
        with pytest.raises(ValueError, match=f"exponent = {exponent}; allowed: .* from 0.1 to 1"):
            measure(MODEL, PARAMS, X, Y, "fisher", exponent=exponent)
    with pytest.raises(ValueError, match="Did you mean 'fisher'"):
        measure(MODEL, PARAMS, X, Y, "fischer")
    with pytest.raises(ValueError, match="channels_by"):
        measure(MODEL, PARAMS, X, Y, "fisher", channels_by="size")


def test_measure_offers_the_best_channels_first() -> None:
    """Order channels by falling gain: a choice of n channels trains the n best ones."""
    gains = measure(MODEL, PARAMS, X, Y, "fisher", channels_by="gain")
    worth = MEASURES["fisher"](MODEL, PARAMS, X, Y)
    for name, order in gains.order.items():
        by_channel = worth[name][list(order)]
        assert (by_channel.diff() <= 0).all(), name
        for count, gain in gains.gain[name].items():
            best = worth[name].sort(descending=True).values[:count]
            assert gain == pytest.approx(float(best.sum()), rel=1e-5)
    assert len(set(worth["stem.weight"].tolist())) > 1


def test_measure_magnitude_offers_the_largest_channels_first() -> None:
    gains = measure(MODEL, PARAMS, X, Y, "fisher", channels_by="magnitude")
    for name, order in gains.order.items():
        info = MODEL.tensors[name]
        norms = PARAMS[name].movedim(info.axis, 0).flatten(1).norm(dim=1)[list(order)]
        assert (norms.diff() <= 1e-6).all(), name


def test_measure_of_your_own_is_used() -> None:
    def by_position(model: Model, params: Params, x: Tensor, y: Tensor) -> dict[str, Any]:
        """Prefer the last channels of each tensor."""
        return {t.name: range(t.channels) for t in model.tensors.values()}

    MEASURES["mine"] = by_position
    try:
        gains = measure(MODEL, PARAMS, X, Y, "mine", channels_by="gain", ratios=(0.5, 1.0))
    finally:
        del MEASURES["mine"]
    channels = MODEL.tensors["head.weight"].channels
    assert gains.order["head.weight"] == tuple(reversed(range(channels)))
    assert gains.gain["head.weight"][channels] == sum(range(channels))
    assert gains.gain["head.weight"][channels // 2] == sum(
        range(channels - channels // 2, channels)
    )
    assert gains.measure == "mine"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda gains: None, "gain measure 'mine' returned NoneType; allowed: a dict"),
        (lambda gains: {}, "returned nothing for .'stem.weight'."),
        (lambda gains: gains | {"stem.weight": [1.0]}, "returned 1 gains for 'stem.weight'"),
        (lambda gains: gains | {"head.bias": [float("nan")]}, "'head.bias' that is not finite"),
        (lambda gains: gains | {"head.bias": ["much"]}, "'mine' returned .* for 'head.bias'"),
    ],
)
def test_measure_of_your_own_is_checked(change: Any, says: str) -> None:
    ones = {t.name: torch.ones(t.channels) for t in MODEL.tensors.values()}
    MEASURES["mine"] = lambda model, params, x, y: change(ones)
    try:
        with pytest.raises(ValueError, match=says):
            measure(MODEL, PARAMS, X, Y, "mine")
    finally:
        del MEASURES["mine"]
