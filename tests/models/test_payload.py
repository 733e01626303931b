"""What travels: messages, their lengths, and the index."""

import pytest
import torch

from ftte_lab.models import MODELS, extract, full, index_bytes, pack, unpack
from tests.oracles import make, subsets


@pytest.mark.parametrize("name", list(MODELS))
def test_unpack_inverts_pack(name: str) -> None:
    model, params = make(name)
    for subset in subsets(model, params).values():
        slices = extract(model, subset, params)
        got = unpack(pack(slices))
        assert set(got) == set(slices)
        assert all(torch.equal(got[k], v) for k, v in slices.items())


def test_pack_length_does_not_depend_on_values() -> None:
    model, params = make("cnn")
    slices = extract(model, full(model), params)
    zeros = {k: torch.zeros_like(v) for k, v in slices.items()}
    assert len(pack(slices)) == len(pack(zeros)) >= 4 * model.size


def test_pack_takes_views() -> None:
    square = torch.arange(6.0).view(2, 3)
    assert torch.equal(unpack(pack({"a": square.t()}))["a"], square.t())


@pytest.mark.parametrize("cut", [0, 5, -1])
def test_unpack_refuses_a_message_that_is_cut_off(cut: int) -> None:
    with pytest.raises(ValueError, match=r"unreadable .*; allowed: what pack made"):
        unpack(pack({"a": torch.ones(3)})[:cut])


@pytest.mark.parametrize("name", list(MODELS))
def test_index_bytes_is_the_length_of_the_index(name: str) -> None:
    model, params = make(name)
    for subset in subsets(model, params).values():
        assert index_bytes(subset) == len(subset.to_json())
