"""Strict JSON: what the kit writes everybody can read, and what it reads is refused in words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

_DEEPEST = 40  # levels of nesting; nothing of ours has more than eight
_MARK = b"\xef\xbb\xbf"  # some editors put it before a text
_LONGEST = 256 * 2**20  # characters; a record of ours has some hundred thousand


def write_json(content: Any, **options: Any) -> str:
    """Return plain values as strict JSON.

    Args:
        content: of texts, finite numbers, lists and mappings.
        options: of `json.dumps`.

    Raises:
        ValueError: a number that is not finite, which JSON cannot hold.

    Example:
        >>> write_json({"a": [1, None]})
        '{"a": [1, null]}'
    """
    return json.dumps(content, allow_nan=False, **options)


def spelled(value: Any) -> Any:
    """Return plain values with each number that JSON does not know as a word: nan, inf, -inf.

    Example:
        >>> spelled({"a": [1.5, float("inf")]})
        {'a': [1.5, 'inf']}
    """
    if isinstance(value, Mapping):
        return {key: spelled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [spelled(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def read_json(
    text: str | bytes, what: str, allowed: str, *, not_finite: bool = False
) -> dict[str, Any]:
    """Read a JSON object that somebody may have damaged, or that may be of somebody else.

    Refused are: another encoding than UTF-8, anything after the object, a name that comes twice,
    numbers that are not finite, texts that cannot be written, and nesting beyond reason.

    Args:
        text: the text, or the bytes of a file.
        what: what it should be, such as "the scenario".
        allowed: who writes such a text, such as "what History.to_json writes".
        not_finite: accept `NaN` and `Infinity`, which older editions wrote.

    Raises:
        ValueError: one sentence with the reason.

    Example:
        >>> read_json('{"a": 1}', "the text", "an object")
        {'a': 1}
        >>> read_json('{"a": NaN}', "the text", "an object")
        Traceback (most recent call last):
        ValueError: the text is not JSON (NaN is no number of JSON); allowed: an object.
        >>> read_json("[]", "the text", "an object")
        Traceback (most recent call last):
        ValueError: the text is not a JSON object; allowed: an object.
    """
    try:
        content = _parsed(text, not_finite)
    except (ValueError, RecursionError, TypeError) as error:
        reason = (
            "too deeply nested" if isinstance(error, RecursionError) else str(error).rstrip(".")
        )
        raise ValueError(f"{what} is not JSON ({reason}); allowed: {allowed}.") from error
    if not isinstance(content, dict):
        raise ValueError(f"{what} is not a JSON object; allowed: {allowed}.")
    return content


def _parsed(text: str | bytes, not_finite: bool) -> Any:
    if len(text) > _LONGEST:
        raise ValueError(f"{len(text):,} characters")
    if isinstance(text, bytes | bytearray):
        text = bytes(text).removeprefix(_MARK).decode()
    elif text.startswith("\ufeff"):
        text = text[1:]
    content = json.loads(
        text,
        object_pairs_hook=_once,
        parse_constant=float if not_finite else _refuse,
        parse_int=_integer,
    )
    for value in _inside(content):
        if isinstance(value, float) and not not_finite and not math.isfinite(value):
            raise ValueError("a number is too large")
        if isinstance(value, str) and not value.isascii():
            value.encode()  # a half of a pair of code units cannot be written
    return content


def _inside(content: Any) -> Iterator[Any]:
    """Yield all names and values, without recursion."""
    level = [content]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                yield from value
                below += value.values()
            elif isinstance(value, list):
                below += value
            else:
                yield value
        if not below:
            return
        level = below
    raise RecursionError


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:40]!r} comes twice")
    return content


def _integer(digits: str) -> int:
    if len(digits) > 400:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")
