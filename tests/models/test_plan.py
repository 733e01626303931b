"""The plan of a training step: which operation stores what, and what the backward pass costs."""

from __future__ import annotations

import math

import pytest

from ftte_lab.models import MODELS, Model, Plan, Subset, build, full, head, make_plan
from ftte_lab.models.ops import Conv, Fork, GlobalAvgPool, GroupNorm, Join, Linear, ReLU
from ftte_lab.models.plan import consumer

SHAPES = {"mlp": (1, 8, 8), "cnn": (1, 8, 8), "mcunet-s": (3, 128)}


@pytest.fixture(params=sorted(MODELS))
def model(request: pytest.FixtureRequest) -> Model:
    return build(request.param, SHAPES.get(request.param, (3, 32, 32)), 10)


def test_the_reader_of_an_output_is_the_next_operation_that_computes(model: Model) -> None:
    computing = [i for i, op in enumerate(model.ops) if not isinstance(op, Fork)]
    for i in range(len(model.ops) - 1):
        assert consumer(model, i) == min(j for j in computing if j > i)


def test_two_forks_in_a_row_are_both_skipped() -> None:
    shape = (4, 8)
    forks = [Fork("a", shape, shape), Fork("b", shape, shape)]
    ops = [ReLU("first", shape, shape), *forks, GlobalAvgPool("pool", shape, (4,))]
    ops = [Conv("conv", shape, shape, kernel=1, stride=1), *ops]
    net = Model("two forks", shape, 4, tuple(ops))
    assert [consumer(net, i) for i in range(4)] == [1, 4, 4, 4]


def masks(plan: Plan) -> list[str]:
    """Return the rectifiers that store a mask."""
    return [op.name for i, op in enumerate(plan.model.ops) if plan.keeps_mask(i)]


def test_a_mask_is_stored_where_a_gradient_passes_and_nothing_else_tells_the_sign() -> None:
    net = build("mlp", (1, 8, 8), 10)
    linear = [op.name for op in net.ops if isinstance(op, Linear)]
    relus = [op.name for op in net.ops if isinstance(op, ReLU)]
    weights = [f"{name}.weight" for name in linear]
    # The next layer's weight trains as a whole, so it stores the rectifier's output.
    assert masks(make_plan(net, Subset(dict.fromkeys(weights)))) == []
    # Only the first weight trains: each rectifier behind it needs a mask of its own.
    assert masks(make_plan(net, Subset({weights[0]: None}))) == relus
    # Only the last one trains: no gradient passes any rectifier.
    assert masks(make_plan(net, Subset({weights[-1]: None}))) == []
    # Nothing but a rectifier stores a mask, whatever trains.
    for subset in (full(net), head(net)):
        plan = make_plan(net, subset)
        assert not any(plan.keeps_mask(net.ops.index(op)) for op in net.ops if op.name in linear)


def test_backward_flops_are_those_counted_by_hand() -> None:
    """A net of three maps: 64 to 4 to 3 channels, two per multiply-add."""
    ops = (
        Linear("a", (64,), (4,)),
        ReLU("relu", (4,), (4,)),
        Linear("b", (4,), (3,)),
    )
    net = Model("by hand", (64,), 3, ops)
    a, relu, b = (op.flops() for op in ops)
    assert (a, b) == (2 * 64 * 4, 2 * 4 * 3)
    cases = {
        "b.weight": b,  # its own gradient, and no input's
        "b.bias": 0,
        "a.weight": b + relu + a,  # back through b and the rectifier, then its own
        "a.bias": b + relu,
    }
    for name, flops in cases.items():
        assert make_plan(net, Subset({name: None})).backward_flops() == flops, name
    both = Subset({"a.weight": None, "b.weight": None})
    assert make_plan(net, both).backward_flops() == 2 * b + relu + a


def test_backward_flops_fall_with_the_channels_that_train() -> None:
    net = build("mlp", (1, 8, 8), 10)
    weight = next(op.weight for op in net.ops if isinstance(op, Linear))
    channels = net.tensors[weight].channels

    def cost(count: int) -> int:
        part = Subset({weight: tuple(range(count))})
        return make_plan(net, part).backward_flops()

    own = net.ops[net.tensors[weight].op].flops()
    assert cost(channels // 2) - cost(channels // 4) == own / 4
    assert make_plan(net, Subset({weight: None})).backward_flops() == cost(channels // 2) + own / 2


def test_flops_are_whole_numbers_and_forks_are_free(model: Model) -> None:
    for op in model.ops:
        assert type(op.flops()) is int
        if isinstance(op, Fork):
            assert op.flops() == 0
        if isinstance(op, Join):
            assert op.flops() == math.prod(op.out_shape)
        if isinstance(op, GroupNorm):
            assert op.flops() > 0
