"""Values pinned for whole functions: first parameters, layers of the nets, costs, rounding."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ftte_lab.models import (
    MODELS,
    Conv,
    Fork,
    GlobalAvgPool,
    GroupNorm,
    Join,
    Linear,
    MaxPool,
    Model,
    RowFormat,
    Subset,
    at_ratio,
    build,
    channels_at_ratio,
    flatten_trained,
    from_rows,
    insert,
    pack,
    unpack,
)
from ftte_lab.models.forward import max_pool

NAMES = list(MODELS)
WIDE, SMALL = (3, 16, 16), (3, 15, 15)
SIGNAL, SHORT = (3, 16), (3, 15)


def kernels(model: Model) -> list[tuple[str, int, int, int, bool]]:
    """Return name, output channels, kernel, stride and kind of each convolution."""
    convs = [op for op in model.ops if isinstance(op, Conv)]
    return [(op.name, op.out_shape[0], op.kernel, op.stride, op.depthwise) for op in convs]


@pytest.mark.parametrize("name", NAMES)
def test_first_weights_are_he_normal_gains_one_and_biases_zero(name: str) -> None:
    model = build(name, (3, 16, 16), 4)
    params = model.init(5)
    generator = torch.Generator().manual_seed(5)
    for tensor, value in params.items():
        op = model.ops[model.tensors[tensor].op]
        if isinstance(op, Conv | Linear) and tensor == op.weight:
            drawn = torch.randn(value.shape, generator=generator, dtype=torch.float64)
            inputs = value[0].numel()
            deviation = math.sqrt(1 / inputs) if op is model.ops[-1] else math.sqrt(2 / inputs)
            assert torch.equal(value, (drawn * deviation).float()), tensor
        else:
            gain = isinstance(op, GroupNorm) and tensor == op.gain
            assert torch.equal(value, torch.full_like(value, float(gain))), tensor
        assert value.dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_kinds_of_tensors_are_those_of_their_operations(name: str) -> None:
    model = build(name, WIDE, 4)
    for index, op in enumerate(model.ops):
        infos = op.tensors(index)
        assert [info.op for info in infos] == [index] * len(infos)
        kinds = [info.kind for info in infos]
        if isinstance(op, GroupNorm):
            assert kinds == ["gain", "bias"]
            assert [info.name for info in infos] == [f"{op.name}.gain", f"{op.name}.bias"]
        else:
            wanted = {Linear: ["weight", "bias"], Conv: ["weight"]}
            assert kinds == wanted.get(type(op), [])
        for info in infos:
            complete = info.kind != "weight"
            assert (info.axis, info.channels) == (0, 1) or not complete


@pytest.mark.parametrize("name", NAMES)
def test_groups_of_a_norm_are_four_where_that_divides(name: str) -> None:
    for op in build(name, WIDE, 4).ops:
        if isinstance(op, GroupNorm):
            assert op.groups == next(g for g in (4, 2, 1) if op.in_shape[0] % g == 0)
            assert op.eps == 1e-5


def test_layers_of_the_small_nets() -> None:
    for shape, kernel, stride in (
        (WIDE, 3, 2),
        (SMALL, 3, 1),
        (SIGNAL, 5, 2),
        (SHORT, 5, 1),
    ):
        assert kernels(build("cnn", shape, 4)) == [
            ("conv1", 16, kernel, stride, False),
            ("conv2", 32, kernel, 2, False),
            ("conv3", 32, kernel, 2, False),
        ]
    for name in ("cnn-maxpool", "cnn-gap"):
        model = build(name, WIDE, 4)
        assert kernels(model) == [
            ("conv1", 16, 3, 1, False),
            ("conv2", 32, 3, 1, False),
            ("conv3", 64, 3, 1, False),
        ]
        pools = [op.name for op in model.ops if isinstance(op, MaxPool)]
        assert pools == ["conv1.pool", "conv2.pool", "conv3.pool"]
        means = sum(isinstance(op, GlobalAvgPool) for op in model.ops)
        assert means == (name == "cnn-gap")
        assert [op.name for op in model.ops][-1] == "head"
    mlp = [op for op in build("mlp", WIDE, 4).ops if isinstance(op, Linear)]
    assert [(op.name, op.out_shape) for op in mlp] == [
        ("hidden1", (64,)),
        ("hidden2", (32,)),
        ("head", (4,)),
    ]


def test_only_the_mlp_takes_short_axes() -> None:
    assert build("mlp", (3, 4), 5).size == 12 * 64 + 64 + 64 * 32 + 32 + 32 * 5 + 5


def test_layers_of_the_deep_nets() -> None:
    for shape, stem, stride, wide in (
        (WIDE, 3, 2, 3),
        (SMALL, 3, 1, 3),
        (SIGNAL, 7, 2, 5),
        (SHORT, 7, 1, 5),
    ):
        model = build("mcunet-s", shape, 4)
        wanted = [("stem", 8, stem, stride, False)]
        inside = 8
        for k, (out, step) in enumerate(((16, 2), (16, 1), (24, 2), (24, 1), (32, 2)), 1):
            wanted += [
                (f"block{k}.expand", 2 * inside, 1, 1, False),
                (f"block{k}.depthwise", 2 * inside, wide, step, True),
                (f"block{k}.project", out, 1, 1, False),
            ]
            inside = out
        assert kernels(model) == wanted
        marks = [op.name for op in model.ops if isinstance(op, Fork | Join)]
        assert marks == ["block2.fork", "block2.join", "block4.fork", "block4.join"]
        assert [op.name for op in model.ops][-2:] == ["head.pool", "head"]


def test_costs_of_operations_that_hold_no_tensor() -> None:
    shape = (4, 6)
    assert Fork("f", shape, shape).flops() == 0
    assert Join("j", shape, shape).flops() == 24
    assert GlobalAvgPool("p", shape, (4,)).flops() == 4
    flops = Conv("d", (6, 9), (6, 9), kernel=3, groups=6).flops()
    assert isinstance(flops, int)
    assert flops == 2 * 6 * 9 * 3


def test_positions_of_maxima_have_the_shape_of_the_maxima() -> None:
    x = torch.tensor([[[1.0, 3.0, 2.0, 0.0, 9.0]]])
    y, at = max_pool(MaxPool("m", (1, 5), (1, 2)), x)
    assert y.tolist() == [[[3.0, 2.0]]]
    assert at.tolist() == [[[1, 2]]]
    image = torch.arange(16.0).view(1, 1, 4, 4)
    y, at = max_pool(MaxPool("m", (1, 4, 4), (1, 2, 2)), image)
    assert y.tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
    assert at.tolist() == [[[[5, 7], [13, 15]]]]


def test_the_largest_entry_never_turns_its_sign_at_8_bits() -> None:
    """The scale is rounded, so the largest entry may be a little more than 127 of its steps."""
    values = np.random.default_rng(0).uniform(0.5, 2.0, 300).astype(np.float32)
    form = RowFormat({"a.weight": (1,)}, 8, names=False)
    for value in values:
        for sign in (1.0, -1.0):
            row = torch.tensor([sign * value])
            for draw in (0.0, 1 - 2.0**-53):
                got = float(form.unpack(form.pack(row, np.array([draw])))[0])
                assert abs(got - sign * value) <= value / 127 * (1 + 1e-5)


def test_one_entry_that_is_not_finite_makes_its_tensor_nan_at_8_bits() -> None:
    form = RowFormat({"a.weight": (3,), "b.weight": (1,)}, 8, names=False)
    for broken in (math.nan, math.inf, -math.inf):
        message = form.pack(torch.tensor([1.0, broken, 0.5, 2.0]))
        assert message[8:11] == bytes(3)
        got = form.unpack(message)
        assert bool(got[:3].isnan().all())
        assert float(got[3]) == pytest.approx(2.0)


def test_scales_travel_as_float32_under_their_own_name() -> None:
    form = RowFormat({"a.weight": (1, 2), "b.bias": (1,)}, 8)
    slices = unpack(form.pack(torch.tensor([127.0, -3.0, 254.0])))
    assert set(slices) == {"a.weight", "b.bias", "scales"}
    assert slices["scales"].tolist() == [1.0, 2.0]
    assert slices["scales"].dtype == torch.float32
    assert slices["a.weight"].tolist() == [[127, -3]]
    assert slices["b.bias"].tolist() == [127]
    plain = RowFormat({"a.weight": (2,)}, 32).pack(torch.tensor([1.0, 2.0]))
    assert plain == pack({"a.weight": torch.tensor([1.0, 2.0])})


def test_a_share_of_channels_is_rounded_down_but_for_rounding_of_the_share() -> None:
    assert [channels_at_ratio(10, share) for share in (0.29, 0.3, 0.1 + 0.2)] == [2, 3, 3]
    assert channels_at_ratio(1000, 0.999) == 999
    model = build("mlp", (1, 8, 8), 4)
    params = model.init(0)
    assert at_ratio(model, params, {"head.bias": 0.0}) == Subset({"head.bias": None})
    assert at_ratio(model, params, {"head.weight": 1 / 32}).entries(model) == 4


def test_rows_of_another_length_are_not_cut() -> None:
    model = build("mlp", (1, 8, 8), 4)
    subset = Subset({"head.weight": (1, 3), "head.bias": None})
    params = model.init(0)
    row = flatten_trained(model, subset, params)
    back = insert(model, subset, params, from_rows(model, subset, row + 1))
    assert torch.equal(back["head.weight"][:, [1, 3]], params["head.weight"][:, [1, 3]] + 1)
    assert torch.equal(back["head.weight"][:, [0, 2]], params["head.weight"][:, [0, 2]])
    assert torch.equal(back["head.bias"], params["head.bias"] + 1)
    assert back["hidden1.weight"] is params["hidden1.weight"]
    with pytest.raises(RuntimeError):
        from_rows(model, subset, row[:-1])
