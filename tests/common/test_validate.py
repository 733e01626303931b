"""Argument checks: what they accept, and the text of their errors."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab._common import choice, integer, number, require


def test_require_passes_and_is_silent() -> None:
    require(True, "never printed", "anything")


@pytest.mark.parametrize(
    ("fix", "text"),
    [
        ("", "x = 1; allowed: 2."),
        ("Use 2", "x = 1; allowed: 2. Use 2."),
        ("Use 2.", "x = 1; allowed: 2. Use 2."),
        ("Did you mean 2?", "x = 1; allowed: 2. Did you mean 2?"),
    ],
)
def test_require_names_problem_allowed_and_fix(fix: str, text: str) -> None:
    with pytest.raises(ValueError, match=text.replace(".", r"\.").replace("?", r"\?") + "$"):
        require(False, "x = 1", "2", fix)


@pytest.mark.parametrize("value", [0, 1, 0.5, 1.0])
def test_number_accepts_the_range_with_its_ends(value: float) -> None:
    number("momentum", value, 0, 1)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf, True, "0.5", None, 1j])
def test_number_refuses_outside_nonfinite_and_other_types(value: object) -> None:
    with pytest.raises(ValueError, match=r"^momentum = .*; allowed: a number from 0 to 1\.$"):
        number("momentum", value, 0, 1)


def test_number_without_upper_end_prints_upwards() -> None:
    with pytest.raises(ValueError, match=r"allowed: a number from 0\.001 upwards\. Raise it\.$"):
        number("alpha", 0, 1e-3, fix="Raise it")


@given(st.integers(2, 10**12))
def test_integer_accepts_every_integer_from_its_low_end(value: int) -> None:
    integer("clients", value, 2)


@pytest.mark.parametrize("value", [1, 2.0, True, "3", None])
def test_integer_refuses_outside_and_other_types(value: object) -> None:
    with pytest.raises(ValueError, match=r"^clients = .*; allowed: an integer from 2 upwards\.$"):
        integer("clients", value, 2)


def test_integer_prints_both_ends() -> None:
    with pytest.raises(ValueError, match="an integer from 1 to 9"):
        integer("count", 10, 1, 9)


def test_choice_accepts_a_name() -> None:
    choice("model", "cnn", ["mlp", "cnn"])


def test_choice_suggests_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"allowed: mlp, cnn\. Did you mean 'cnn'\?$"):
        choice("model", "cnm", ["mlp", "cnn"])


@pytest.mark.parametrize("value", ["name7x", None, 3])
def test_choice_among_very_many_lists_the_nearest(value: object) -> None:
    names = [f"name{k}" for k in range(100)]
    with pytest.raises(ValueError, match=r"and 88 more\.") as refusal:
        choice("model", value, names)
    assert str(refusal.value).count("name") == 12 + (2 if value == "name7x" else 0)
    if value == "name7x":
        assert "Did you mean 'name7" in str(refusal.value)


@pytest.mark.parametrize("value", ["zzz", None, 3, [1]])
def test_choice_without_a_near_name_lists_them(value: object) -> None:
    with pytest.raises(ValueError, match=r"allowed: mlp, cnn\. Choose one of these\.$"):
        choice("model", value, ["mlp", "cnn"])
