"""Strict JSON: what is written comes back, and anything else is refused in one sentence."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab._common import read_json, spelled, write_json

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abc"), PLAIN))
def test_what_is_written_comes_back(content: dict[str, object]) -> None:
    assert read_json(write_json(content), "it", "this") == content
    assert read_json(write_json(content).encode(), "it", "this") == content


REFUSED = {
    "empty": "",
    "cut off": '{"a": 1',
    "two objects": '{"a": 1}{"a": 1}',
    "a name twice": '{"a": 1, "a": 2}',
    "nan": '{"a": NaN}',
    "infinity": '{"a": -Infinity}',
    "beyond floats": '{"a": 1e999}',
    "many digits": '{"a": ' + "9" * 100_000 + "}",
    "deep": '{"a": ' + "[" * 10_000 + "]" * 10_000 + "}",
    "deep objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "rather deep": '{"a": ' + "[" * 60 + "]" * 60 + "}",
    "half a pair": '{"a": "\\ud800"}',
    "half a pair as a name": '{"\\udfff": 1}',
    "null bytes": "\0\0\0\0",
    "other encoding": '{"a": "ä"}'.encode("utf-16"),
    "latin": '{"a": "ä"}'.encode("latin-1"),
    "list": "[1]",
    "number": "3",
    "single quotes": "{'a': 1}",
    "comment": '{"a": 1} // note',
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused_in_one_sentence(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"^the text is not .*; allowed: this\.$") as caught:
        read_json(text, "the text", "this")
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


def test_a_mark_before_the_text_is_no_error() -> None:
    assert read_json('\ufeff{"a": 1}', "it", "this") == {"a": 1}
    assert read_json(b'\xef\xbb\xbf{"a": 1}', "it", "this") == {"a": 1}


def test_numbers_of_older_editions_are_read_on_request() -> None:
    text = json.dumps({"a": float("inf")})
    assert read_json(text, "it", "this", not_finite=True) == {"a": float("inf")}


def test_numbers_that_json_lacks_are_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"a": float("nan")})


def test_spelled_makes_anything_writable() -> None:
    nan = float("nan")
    assert write_json(spelled({"a": (nan, -float("inf"), 1)})) == '{"a": ["nan", "-inf", 1]}'
