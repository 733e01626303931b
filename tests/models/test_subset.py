"""Subsets: what they hold, slices in and out, and the plan of their training step."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.models import (
    MODELS,
    Subset,
    at_ratio,
    biases,
    build,
    channels_at_ratio,
    extract,
    flatten_trained,
    from_rows,
    frozen,
    full,
    head,
    insert,
    last_blocks,
    make_plan,
    to_rows,
    validated_subset,
)
from tests.oracles import make, subsets, trained_part

NAMES = list(MODELS)


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(NAMES), st.data())
def test_extract_and_insert_touch_the_subset_alone(name: str, draw: st.DataObject) -> None:
    model, params = make(name)
    weights = [t.name for t in model.tensors.values() if t.kind == "weight"]
    chosen = draw.draw(st.dictionaries(st.sampled_from(weights), st.floats(0.05, 1.0), min_size=1))
    subset = at_ratio(model, params, chosen)
    slices = extract(model, subset, params)
    assert sum(s.numel() for s in slices.values()) == subset.entries(model)
    for part, s in trained_part(model, subset, params).items():
        assert torch.equal(slices[part], s)
    changed = insert(model, subset, params, {k: v + 1 for k, v in slices.items()})
    moved = sum(int((changed[k] != params[k]).sum()) for k in params)
    assert moved == subset.entries(model)
    assert Subset.from_json(subset.to_json()) == subset


@pytest.mark.parametrize("name", NAMES)
def test_frozen_is_all_that_a_subset_leaves_out(name: str) -> None:
    model, params = make(name)
    for subset in subsets(model, params).values():
        rest = frozen(model, subset)
        ones = {key: torch.zeros_like(value) for key, value in params.items()}
        for part in (subset, rest):
            slices = extract(model, part, ones)
            ones = insert(model, part, ones, {key: value + 1 for key, value in slices.items()})
        assert all(bool((value == 1).all()) for value in ones.values())
        assert rest.entries(model) == model.size - subset.entries(model)
        assert not len(rest) or validated_subset(model, rest) == rest


@pytest.mark.parametrize("name", NAMES)
def test_from_rows_inverts_to_rows(name: str) -> None:
    model, params = make(name)
    for subset in subsets(model, params).values():
        slices = extract(model, subset, params)
        row = flatten_trained(model, subset, params)
        assert torch.equal(row, to_rows(slices))
        for key, value in from_rows(model, subset, row).items():
            assert torch.equal(value, slices[key])
        stacked = from_rows(model, subset, torch.stack([row, 2 * row]))
        assert all(torch.equal(stacked[k][1], 2 * v) for k, v in slices.items())
        assert torch.equal(to_rows(stacked, 1)[1], 2 * row)


def test_extract_copies() -> None:
    model, params = make("mlp")
    before = params["head.bias"].clone()
    extract(model, head(model), params)["head.bias"].add_(1)
    assert torch.equal(params["head.bias"], before)


@pytest.mark.parametrize("name", NAMES)
def test_subset_counts_match_the_slices(name: str) -> None:
    model, params = make(name)
    for subset in subsets(model, params).values():
        for part, value in extract(model, subset, params).items():
            assert value.shape == subset.shape(model, part)
            info = model.tensors[part]
            if info.kind == "weight":
                assert subset.channel_count(model, part) == value.shape[info.axis]
        frozen = [t for t in model.tensors if t not in subset]
        assert all(subset.channel_count(model, t) == 0 for t in frozen)


def test_ready_made_subsets_name_their_tensors() -> None:
    model = build("cnn", (1, 8, 8), 10)
    assert full(model).entries(model) == model.size
    assert set(head(model).parts) == {"head.weight", "head.bias"}
    assert {n.split(".")[0] for n in last_blocks(model, 2).parts} == {"conv3", "head"}
    assert all(n.endswith(".bias") for n in biases(model).parts)
    assert len(biases(model)) == 4


def test_at_ratio_takes_the_channels_of_largest_norm() -> None:
    model = build("mlp", (1, 8, 8), 5)
    params = model.init(0)
    params["hidden2.weight"] = torch.zeros(32, 64)
    params["hidden2.weight"][:, [7, 3]] = torch.tensor([2.0, 1.0])
    subset = at_ratio(model, params, {"hidden2.weight": 2 / 64, "head.weight": 1.0})
    assert subset.parts == {"hidden2.weight": (3, 7), "head.weight": None}


@pytest.mark.parametrize(("ratio", "count"), [(0.0, 1), (0.05, 1), (0.3, 3), (0.99, 9), (1.0, 10)])
def test_channels_at_ratio_rounds_down_to_at_least_one(ratio: float, count: int) -> None:
    assert channels_at_ratio(10, ratio) == count


def test_validated_subset_orders_tensors_and_simplifies_complete_ones() -> None:
    model = build("mlp", (1, 8, 8), 5)
    subset = Subset({"head.weight": tuple(range(32)), "hidden1.bias": None})
    assert list(validated_subset(model, subset).parts.items()) == [
        ("hidden1.bias", None),
        ("head.weight", None),
    ]


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({}, "empty"),
        ({"head.wieght": None}, "Did you mean 'head.weight'"),
        ({"head.weight": ()}, "channels of head.weight"),
        ({"head.weight": (3, 1)}, "sorted"),
        ({"head.weight": (1, 1)}, "different"),
        ({"head.weight": (0, 32)}, "0 to 31"),
        ({"head.bias": (0,)}, "None, the complete tensor"),
    ],
)
def test_validated_subset_refuses(parts: dict[str, tuple[int, ...] | None], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        validated_subset(build("mlp", (1, 8, 8), 5), Subset(parts))


def test_ready_made_subsets_refuse_wrong_numbers() -> None:
    model = build("mlp", (1, 8, 8), 5)
    with pytest.raises(ValueError, match="count = 9; allowed: an integer from 1 to 3"):
        last_blocks(model, 9)
    with pytest.raises(ValueError, match=r"ratio of head\.weight = 1\.5"):
        at_ratio(model, model.init(0), {"head.weight": 1.5})


@pytest.mark.parametrize("text", ["", "[1]", "3", '{"a": 1}', '{"a": ["x"]}'])
def test_subset_from_json_refuses_other_texts(text: str) -> None:
    with pytest.raises(ValueError, match="not a subset index"):
        Subset.from_json(text)


@pytest.mark.parametrize("name", NAMES)
def test_plan_of_everything_starts_at_the_first_operation(name: str) -> None:
    model, _ = make(name)
    plan = make_plan(model, full(model))
    assert plan.start == plan.first_trained == 0
    assert not plan.needs_input_gradient(0)
    assert plan.forward_flops() == model.flops()
    assert plan.forward_flops() < plan.backward_flops() < 2 * plan.forward_flops() + 1


def test_plan_starts_at_the_fork_of_a_residual_block() -> None:
    model = build("mcunet-s", (3, 64), 5)
    plan = make_plan(model, Subset({"block2.project.weight": None}))
    assert model.ops[plan.start].name == "block2.fork"
    assert model.ops[plan.first_trained].name == "block2.project"
    # The join of block2 is not open: nothing before its fork trains.
    joins = {i for i, op in enumerate(model.ops) if op.name == "block4.join"}
    assert plan.open_joins == joins


def test_plan_keeps_what_the_gradients_need() -> None:
    model = build("cnn", (1, 8, 8), 5)
    at = {op.name: i for i, op in enumerate(model.ops)}
    plan = make_plan(model, Subset({"conv2.weight": None, "conv3.weight": (0, 1)}))
    assert plan.keeps_input(at["conv2"])
    assert not plan.keeps_input(at["conv3"])
    assert not plan.keeps_norm_input(at["conv1.norm"])
    assert plan.keeps_norm_input(at["conv2.norm"])
    assert not plan.keeps_mask(at["conv1.relu"])
    assert plan.keeps_mask(at["conv2.relu"])
    assert plan.needs_output_gradient(at["conv2"])
    assert not plan.needs_input_gradient(at["conv2"])
