"""Messages survive the way, and garbage never becomes one."""

import json
import math
import string
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab.deployment import JoinLine
from ftte_lab.deployment.join_line import is_name
from ftte_lab.deployment.messages import (
    PARTS,
    Again,
    Beat,
    Bye,
    Job,
    Join,
    Left,
    Message,
    Update,
    Welcome,
)
from ftte_lab.deployment.wire import WireError, from_frames, to_frames
from ftte_lab.deployment.zmq_carrier import framed_bytes

WHOLE = st.integers(0, 2**53 - 1)
SECONDS = st.tuples(*[st.floats(0, 1e6)] * 3)
PAYLOADS = st.binary(max_size=80)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Join, st.text(), st.text(), st.integers(-1, 1000)),
    st.builds(Welcome, st.text(), st.lists(WHOLE, max_size=4).map(tuple), st.text()),
    st.builds(
        Job,
        WHOLE,
        WHOLE,
        WHOLE,
        st.booleans(),
        SECONDS,
        st.dictionaries(st.sampled_from(PARTS), PAYLOADS),
        WHOLE,
    ),
    st.builds(
        Update, WHOLE, PAYLOADS, st.floats(allow_nan=False), SECONDS, st.tuples(*[WHOLE] * 3)
    ),
    st.builds(Bye, st.text()),
    st.sampled_from([Beat(), Again(), Left()]),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(MESSAGES)
def test_a_message_is_what_was_sent(message: Message) -> None:
    frames = to_frames(message)
    assert all(type(frame) is bytes for frame in frames)
    assert from_frames(frames) == message


def test_every_bit_of_a_number_survives() -> None:
    for value in (math.nan, -0.0, 5e-324, math.inf, 0.1 + 0.2):
        received = from_frames(to_frames(Update(1, b"", value)))
        assert isinstance(received, Update)
        assert np.float64(received.step_variance).tobytes() == np.float64(value).tobytes()


@given(st.lists(st.binary(max_size=60), max_size=7))
def test_garbage_is_no_message(frames: list[bytes]) -> None:
    with pytest.raises(WireError):
        from_frames(frames)


@given(MESSAGES, st.data())
def test_a_damaged_message_is_another_one_or_none(message: Message, data: st.DataObject) -> None:
    """Change one byte, or cut off or add frames: a message of known form, or `WireError`."""
    frames = to_frames(message)
    k = data.draw(st.integers(0, len(frames) - 1))
    damaged = bytearray(frames[k])
    if damaged:
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    frames[k] = bytes(damaged)
    try:
        found = from_frames(frames)
    except WireError:
        return
    assert from_frames(to_frames(found)) == found or isinstance(found, Update)


@given(MESSAGES, st.data())
def test_a_head_with_other_values_is_another_message_or_none(
    message: Message, data: st.DataObject
) -> None:
    frames = to_frames(message)
    head: dict[str, Any] = json.loads(frames[0])
    head[data.draw(st.sampled_from([*head, "more"]))] = data.draw(VALUES)
    try:
        frames[0] = json.dumps(head).encode()
        found = from_frames(frames)
    except (WireError, UnicodeEncodeError):
        return
    assert type(found) in (Join, Welcome, Job, Update, Beat, Again, Left, Bye)


@pytest.mark.parametrize(
    ("arrays", "frames"),
    [
        ([["payload", "|O", [1]], ["numbers", "<f8", [7]]], [b"x" * 8, bytes(56)]),
        ([["payload", "|u1", [-1]], ["numbers", "<f8", [7]]], [b"", bytes(56)]),
        ([["payload", "|u1", [2, 2]], ["numbers", "<f8", [7]]], [b"abcd", bytes(56)]),
        ([["payload", "|u1", [3]], ["numbers", "<f8", [7]]], [b"ab", bytes(56)]),
        ([["payload", "|u1", [2]], ["numbers", "<f8", [6]]], [b"ab", bytes(48)]),
        ([["payload", "|u1", [2]], ["payload", "<f8", [7]]], [b"ab", bytes(56)]),
        ([["payload", "<f8", [7]], ["numbers", "<f8", [7]]], [bytes(56), bytes(56)]),
        ([["payload", "|u1", [2**60]], ["numbers", "<f8", [7]]], [b"", bytes(56)]),
        ([["payload", "<i8", [1]], ["numbers", "<f8", [7]]], [bytes(8), bytes(56)]),
    ],
)
def test_other_types_shapes_and_lengths_are_refused(arrays: Any, frames: list[bytes]) -> None:
    head = json.dumps({"kind": "update", "number": 1, "arrays": arrays}).encode()
    with pytest.raises(WireError):
        from_frames([head, *frames])


def test_seconds_must_be_seconds() -> None:
    for seconds in ((math.nan, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, math.inf, 0.0)):
        with pytest.raises(WireError):
            from_frames(to_frames(Update(1, b"", 0.0, seconds)))


def test_memory_must_be_bytes() -> None:
    good = (1, 2, 3)
    assert from_frames(to_frames(Update(1, b"", held=good))) == Update(1, b"", held=good)
    for held in ((-1, 0, 0), (0, math.nan, 0), (0, 0, math.inf), (0.5, 0, 0), (2**53, 0, 0)):
        with pytest.raises(WireError):
            from_frames(to_frames(Update(1, b"", held=held)))  # type: ignore[arg-type]


@given(
    st.binary(min_size=32, max_size=32), st.text(string.ascii_letters + "-", min_size=4, max_size=9)
)
def test_a_join_line_is_read_as_it_was_written(key: bytes, word: str) -> None:
    line = JoinLine("tcp://192.168.1.20:5555", key, word)
    assert JoinLine.read(f"  {line.text()}\n") == line
    assert " " not in line.text()


@given(st.text(max_size=100))
def test_other_text_is_no_join_line(text: str) -> None:
    with pytest.raises(ValueError, match="allowed"):
        JoinLine.read(text)


def test_names_are_plain() -> None:
    assert is_name("a")
    assert is_name("node-1.local_2")
    assert not any(is_name(name) for name in ("", "-a", "a" * 41, "a b", "ä", "a\n", "../a"))


def test_framing_counts_every_frame() -> None:
    assert framed_bytes([b""]) == 35
    assert framed_bytes([bytes(222)]) == 222 + 33 + 2
    assert framed_bytes([bytes(223)]) == 223 + 33 + 9
