"""`say`: what cannot be shown is written otherwise, and nothing dies."""

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab._common import say


@given(text=st.text(max_size=40), encoding=st.sampled_from(["ascii", "cp1252", "cp437", "utf-8"]))
def test_say_prints_any_text_in_any_encoding(text: str, encoding: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    say(text, stream)
    stream.flush()
    shown = raw.getvalue().decode(encoding)
    assert shown.endswith("\n")
    if text.isascii():
        assert shown == text + "\n"


def test_say_writes_signs_in_plain_letters() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="cp1252")
    say("✔ α = 0.1 → fine … × 2", stream)
    stream.flush()
    assert raw.getvalue().decode("cp1252").strip() == "OK alpha = 0.1 -> fine ... x 2"


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_say_without_an_output_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed, Broken()):
        monkeypatch.setattr(sys, "stdout", stream)
        say("anything")
