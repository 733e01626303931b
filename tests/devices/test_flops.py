"""FLOPs of the backward pass: by hand for small nets, and counted in the device's own pass."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from ftte_lab.devices.backward import backward, forward
from ftte_lab.models import MODELS, Conv, Linear, Subset, build, full, make_plan
from tests.oracles import data, make, subsets

Channels = tuple[int, ...] | None
MLP = (1, 8, 8)
"""Forward FLOPs: hidden1 8192, relu 64, hidden2 4096, relu 32, head 128."""
CNN = (1, 8)
"""Forward FLOPs from conv2 on: 20480, norm 1024, relu 128, conv3 20480, norm 512, relu 64, pool 32,
head 128."""


@pytest.mark.parametrize(
    ("parts", "flops"),
    [
        ({"head.bias": None}, 0),
        ({"head.weight": None}, 128),
        ({"head.weight": tuple(range(8))}, 128 * 8 // 32),
        ({"hidden2.bias": None}, 128 + 32),
        ({"hidden2.weight": tuple(range(16))}, 128 + 32 + 4096 * 16 // 64),
        ({"hidden2.bias": None, "head.weight": None}, 2 * 128 + 32),
        ({"hidden1.bias": None}, 128 + 32 + 4096 + 64),
        ({"hidden1.weight": None}, 128 + 32 + 4096 + 64 + 8192),
    ],
)
def test_backward_flops_of_a_perceptron(parts: dict[str, Channels], flops: int) -> None:
    model = build("mlp", MLP, 2)
    assert make_plan(model, Subset(parts)).backward_flops() == flops


def test_backward_flops_of_everything_stop_at_the_input() -> None:
    """The first operation passes no gradient on: nothing before it wants one."""
    model = build("mlp", MLP, 2)
    assert make_plan(model, full(model)).backward_flops() == 2 * 128 + 32 + 2 * 4096 + 64 + 8192


@pytest.mark.parametrize(
    ("parts", "flops"),
    [
        ({"conv3.norm.bias": None}, 128 + 32 + 64),
        ({"conv3.weight": tuple(range(8))}, 128 + 32 + 64 + 512 + 20480 * 8 // 32),
        ({"conv2.norm.gain": None}, 128 + 32 + 64 + 512 + 20480 + 128),
        ({"conv2.weight": None}, 128 + 32 + 64 + 512 + 20480 + 128 + 1024 + 20480),
    ],
)
def test_backward_flops_of_a_convolutional_net(parts: dict[str, Channels], flops: int) -> None:
    model = build("cnn", CNN, 2)
    assert make_plan(model, Subset(parts)).backward_flops() == flops


def convolution_backward_flops(
    g: tuple[int, ...], x: tuple[int, ...], w: tuple[int, ...], *rest: Any, **out: Any
) -> int:
    """Count a grouped convolution as such; the library's own count takes it as dense."""
    wanted = sum(rest[-1][:2])
    return 2 * math.prod(g) * math.prod(w[1:]) * int(wanted)


@pytest.mark.parametrize("name", list(MODELS))
def test_backward_flops_are_those_of_the_device(name: str) -> None:
    """Products and convolutions of the device's backward pass, counted as they run."""
    model, params = make(name)
    for kind, subset in subsets(model, params).items():
        plan = make_plan(model, subset)
        x, y = data(model, 3)
        saved = forward(plan, params, x)
        mapping = {torch.ops.aten.convolution_backward: convolution_backward_flops}
        counter = FlopCounterMode(display=False, custom_mapping=mapping)
        with torch.no_grad(), counter:
            backward(plan, params, saved, y, lambda name, grad: None)
        rest = sum(
            op.flops()
            for i, op in enumerate(model.ops)
            if plan.needs_input_gradient(i) and not isinstance(op, Conv | Linear)
        )
        want = 3 * (plan.backward_flops() - rest)
        assert counter.get_total_flops() == pytest.approx(want, rel=1e-6), kind
