"""What travels: messages, their lengths, and the index."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from ftte_lab.models import (
    BITS,
    MODELS,
    RowFormat,
    extract,
    flatten_trained,
    full,
    index_bytes,
    pack,
    unpack,
)
from tests.oracles import make, subsets

FloatRow = NDArray[np.float32]


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


ROWS = st.lists(st.integers(0, 7), min_size=1, max_size=5).flatmap(
    lambda sizes: st.tuples(
        st.just(sizes),
        arrays(np.float32, sum(sizes), elements=st.floats(-(2.0**100), 2.0**100, width=32)),
    )
)


def row_format(sizes: list[int], bits: int, names: bool) -> RowFormat:
    return RowFormat({f"op{k}.weight": (size,) for k, size in enumerate(sizes)}, bits, names)


@given(ROWS, st.booleans())
def test_rows_of_32_bits_come_back_to_the_bit(
    case: tuple[list[int], FloatRow], names: bool
) -> None:
    sizes, values = case
    form, row = row_format(sizes, 32, names), torch.from_numpy(values)
    assert torch.equal(form.unpack(form.pack(row)), row)


@given(ROWS, st.booleans())
def test_16_bits_keep_eleven_digits(case: tuple[list[int], FloatRow], names: bool) -> None:
    sizes, values = case
    values = np.clip(values, -65504, 65504)
    form = row_format(sizes, 16, names)
    got = form.unpack(form.pack(torch.from_numpy(values))).numpy()
    bound = np.maximum(np.abs(values) * 2.0**-11, 2.0**-25)
    assert (np.abs(got - values) <= bound).all()


@given(ROWS, st.booleans(), st.none() | st.integers(0, 2**32 - 1))
def test_8_bits_are_off_by_less_than_a_step(
    case: tuple[list[int], FloatRow], names: bool, seed: int | None
) -> None:
    """Off by at most the scale, by half of it without draws; the scale is 1/127 of the largest."""
    sizes, values = case
    form = row_format(sizes, 8, names)
    draws = None if seed is None else np.random.default_rng(seed).random(len(values))
    got = form.unpack(form.pack(torch.from_numpy(values), draws)).double().numpy()
    for mine, back in zip(
        np.split(values.astype(float), np.cumsum(sizes)),
        np.split(got, np.cumsum(sizes)),
        strict=True,
    ):
        scale = max(np.abs(mine).max(initial=0.0) / 127, float(np.finfo(np.float32).tiny))
        rounding = 1 + 1e-5  # of scale and product to float32
        assert (np.abs(back - mine) <= scale * (0.5 if seed is None else 1.0) * rounding).all()
        assert (np.abs(back) <= np.abs(mine).max(initial=0.0) * rounding).all()


def test_stochastic_rounding_has_the_right_mean_and_nearest_has_not() -> None:
    """Four values between two steps, 4,000 messages: the mean is off by no more than its error."""
    values = np.array([127.0, 0.1, -0.35, 2.5, -126.9], np.float32)  # the scale is 1
    form, rng, count = row_format([5], 8, False), np.random.default_rng(0), 4000
    got = np.stack(
        [form.unpack(form.pack(torch.from_numpy(values), rng.random(5))) for _ in range(count)]
    )
    share = values - np.floor(values)
    error = np.sqrt(share * (1 - share) / count)
    assert (np.abs(got.mean(0) - values) <= 4 * error + 1e-5).all()
    assert (got.std(0)[1:] > 0.25).all()
    nearest = form.unpack(form.pack(torch.from_numpy(values))).numpy()
    assert np.abs(nearest - values).max() > 0.3


@given(ROWS, st.sampled_from(BITS), st.booleans())
def test_length_depends_on_shapes_and_bits_alone(
    case: tuple[list[int], FloatRow], bits: int, names: bool
) -> None:
    sizes, values = case
    form = row_format(sizes, bits, names)
    length = len(form.pack(torch.from_numpy(values)))
    assert length == len(form.pack(torch.zeros(len(values))))
    if not names:
        assert length == bits // 8 * len(values) + (4 * len(sizes) if bits == 8 else 0)


@given(ROWS, st.sampled_from(BITS))
def test_names_change_no_value(case: tuple[list[int], FloatRow], bits: int) -> None:
    sizes, values = case
    row, draws = torch.from_numpy(values), np.random.default_rng(1).random(len(values))
    named, bare = row_format(sizes, bits, True), row_format(sizes, bits, False)
    a, b = named.unpack(named.pack(row, draws)), bare.unpack(bare.pack(row, draws))
    assert torch.equal(a, b)


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_stays_so(bits: int, names: bool, broken: float) -> None:
    """The server can still reject it; at 8 bits the other tensors arrive as they are."""
    form = row_format([2, 2], bits, names)
    got = form.unpack(form.pack(torch.tensor([1.0, broken, 0.5, -2.0]), np.zeros(4)))
    assert not bool(got[1].isfinite())
    assert torch.allclose(got[2:], torch.tensor([0.5, -2.0]), atol=2 / 127)


@pytest.mark.parametrize("name", list(MODELS))
def test_a_row_with_names_is_the_message_of_its_slices(name: str) -> None:
    model, params = make(name)
    for subset in subsets(model, params).values():
        row = flatten_trained(model, subset, params)
        form = RowFormat.of(model, subset)
        assert form.pack(row) == pack(extract(model, subset, params))
        small = RowFormat.of(model, subset, 8, names=False)
        assert len(small.pack(row)) == subset.entries(model) + 4 * len(subset)


def test_row_format_explains_what_it_cannot_read() -> None:
    form = row_format([3, 2], 8, False)
    with pytest.raises(ValueError, match=r"of 12 bytes is unreadable; allowed: 13 bytes"):
        form.unpack(form.pack(torch.ones(5))[:-1])
    with pytest.raises(ValueError, match=r"a row of shape \(4,\); allowed: \(5,\)"):
        form.pack(torch.ones(4))
    with pytest.raises(ValueError, match="bits = 4 is not known; allowed: 32, 16, 8"):
        row_format([3], 4, False)
    for other in (row_format([3, 2], 16, True), row_format([3], 8, True)):
        with pytest.raises(ValueError, match="holds other tensors"):
            row_format([3, 2], 8, True).unpack(other.pack(torch.ones(int(other.sizes.sum()))))
