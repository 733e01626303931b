"""Operations and the forward pass, against the same nets in plain torch."""

import json

import pytest
import torch

from ftte_lab.models import MODELS, Conv, GroupNorm, Linear, MaxPool, Model, ReLU, build
from tests.oracles import data, make, plain_forward

NAMES = list(MODELS)


@pytest.mark.parametrize("name", NAMES)
def test_forward_matches_plain_torch(name: str) -> None:
    model, params = make(name, dtype=torch.float64)
    x, _ = data(model, 7, torch.float64)
    torch.testing.assert_close(model.forward(params, x.clone()), plain_forward(model, params, x))


@pytest.mark.parametrize("name", NAMES)
def test_forward_can_be_cut_outside_residual_blocks(name: str) -> None:
    model, params = make(name)
    x, _ = data(model, 3)
    at_once = model.forward(params, x.clone())
    depth = 0
    for k, op in enumerate(model.ops):
        if depth == 0:
            first = model.forward(params, x.clone(), 0, k) if k else x.clone()
            torch.testing.assert_close(model.forward(params, first, k), at_once)
        depth += {"Fork": 1, "Join": -1}.get(type(op).__name__, 0)


@pytest.mark.parametrize("name", NAMES)
def test_ops_shapes_follow_each_other(name: str) -> None:
    model, params = make(name)
    x, _ = data(model, 2)
    assert model.ops[0].in_shape == model.input_shape
    for k, op in enumerate(model.ops):
        assert k == 0 or model.ops[k - 1].out_shape == op.in_shape
        if not {"Fork", "Join"} & {type(o).__name__ for o in model.ops[: k + 1]}:
            assert model.forward(params, x.clone(), 0, k + 1).shape[1:] == op.out_shape


@pytest.mark.parametrize("name", NAMES)
def test_tensors_describe_the_parameters(name: str) -> None:
    model, params = make(name)
    assert list(model.tensors) == list(params)
    assert model.size == sum(p.numel() for p in params.values())
    for info in model.tensors.values():
        assert params[info.name].shape == info.shape
        assert info.size == params[info.name].numel()
        if info.kind == "weight":
            assert info.shape[info.axis] == info.channels


def test_flops_count_two_per_multiply_add() -> None:
    conv = Conv("c", (3, 32, 32), (16, 16, 16), kernel=3, stride=2)
    assert conv.flops() == 2 * 16 * 16 * 16 * 3 * 9
    depthwise = Conv("d", (8, 10), (8, 10), kernel=5, groups=8)
    assert depthwise.flops() == 2 * 8 * 10 * 5
    assert Linear("l", (8, 4), (10,)).flops() == 2 * 32 * 10


def test_flops_of_cheap_operations_are_per_entry() -> None:
    shape = (4, 6, 6)
    assert GroupNorm("n", shape, shape).flops() == 8 * 4 * 36
    assert ReLU("r", shape, shape).flops() == 4 * 36
    assert MaxPool("m", shape, (4, 3, 3)).flops() == 4 * 36


@pytest.mark.parametrize("name", NAMES)
def test_init_depends_on_the_seed_alone(name: str) -> None:
    model, _ = make(name)
    again = model.init(3)
    for key, value in model.init(3).items():
        assert torch.equal(value, again[key])
    weight = next(iter(model.tensors))
    assert not torch.equal(model.init(4)[weight], again[weight])
    double = model.init(3, torch.float64)
    torch.testing.assert_close({k: v.float() for k, v in double.items()}, again)


@pytest.mark.parametrize("name", NAMES)
def test_model_json_is_inverse(name: str) -> None:
    model, _ = make(name)
    assert Model.from_json(model.to_json()) == model


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"ops": [["Nothing", {}]]}'])
def test_model_from_json_refuses_other_texts(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^the text does not describe a net .*; allowed: what Model\.to_json"
    ):
        Model.from_json(text)


def test_model_from_json_refuses_unknown_fields() -> None:
    raw = json.loads(build("mlp", (1, 8, 8), 5).to_json())
    raw["ops"][0][1]["colour"] = "red"
    with pytest.raises(ValueError, match=r"^the text does not describe a net \(.*colour"):
        Model.from_json(json.dumps(raw))
