"""Damage a valid text: a table of what happens to files, and seeded mutations of their values."""

import json
import pickle
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

DEEP = 10_000


class Evil:
    """Write a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.canary,)


def _twice(content: bytes) -> bytes:
    return content + content


TEXTS: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda c: b"",
    "a space": lambda c: b" ",
    "cut to a byte": lambda c: c[:1],
    "cut in half": lambda c: c[: len(c) // 2],
    "without its last byte": lambda c: c[:-1],
    "without its first byte": lambda c: c[1:],
    "zeros": lambda c: bytes(len(c)),
    "zeros at the end": lambda c: c + bytes(512),
    "a zero inside": lambda c: c[: len(c) // 2] + b"\0" + c[len(c) // 2 :],
    "twice": _twice,
    "utf-16": lambda c: c.decode("latin-1").encode("utf-16"),
    "utf-32": lambda c: c.decode("latin-1").encode("utf-32"),
    "a byte that is no utf-8": lambda c: c[:20] + b"\xff" + c[20:],
    "a merge conflict": lambda c: b"<<<<<<< HEAD\n" + c + b"\n=======\n" + c + b"\n>>>>>>> b\n",
    "a web page": lambda c: b"<!DOCTYPE html><html><body>404</body></html>",
    "a twin of macOS": lambda c: b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        \xb0",
    "python": lambda c: b"__import__('os').system('touch canary')",
    "yaml": lambda c: b"!!python/object/apply:os.system ['touch canary']",
    "megabytes": lambda c: b'{"a": "' + b"x" * 3_000_000 + b'"}',
    "megabytes of nothing": lambda c: b" " * 3_000_000,
    "deep lists": lambda c: b"[" * DEEP + b"]" * DEEP,
    "deep objects": lambda c: b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep and open": lambda c: b"[" * DEEP,
    "a list": lambda c: b"[]",
    "a number": lambda c: b"3",
    "null": lambda c: b"null",
    "a text": lambda c: b'"ftte"',
    "an empty object": lambda c: b"{}",
    "an object of somebody else": lambda c: b'{"name": "not ours", "version": "1.0"}',
    "a newer format": lambda c: b'{"format": "ftte_lab history 9", "scenario": {}}',
}


def texts(content: bytes, canary: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each damage of the table."""
    for name, damage in TEXTS.items():
        yield name, damage(content)
    yield "a pickle", pickle.dumps(Evil(canary))


NASTY: tuple[Callable[[random.Random], str], ...] = (
    lambda r: "null",
    lambda r: "true",
    lambda r: "-1",
    lambda r: "0",
    lambda r: "1e308",
    lambda r: "1e999",
    lambda r: "-1e999",
    lambda r: "NaN",
    lambda r: "Infinity",
    lambda r: "9" * 5_000,
    lambda r: "1" + "0" * 300,
    lambda r: "0.1",
    lambda r: '""',
    lambda r: '"' + "x" * 200_000 + '"',
    lambda r: '"\\u0000"',
    lambda r: '"\\ud800"',
    lambda r: '"../../etc/passwd"',
    lambda r: "\"__import__('os').system('touch canary')\"",
    lambda r: '"{0.__class__}"',
    lambda r: "[]",
    lambda r: "{}",
    lambda r: '{"__class__": "Scenario"}',
    lambda r: "[[[[[[1]]]]]]",
    lambda r: "[" * 30 + "]" * 30,
    lambda r: "[" * DEEP + "]" * DEEP,
    lambda r: '{"a":' * DEEP + "1" + "}" * DEEP,
    lambda r: "[" + ",".join(["1"] * 50_000) + "]",
    lambda r: str(r.randint(-(10**9), 10**9)),
    lambda r: json.dumps("".join(chr(r.randint(1, 0x2FFF)) for _ in range(8))),
)


def mutations(content: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield valid JSON in which one value, or one name, is replaced by something nasty."""
    r = random.Random(seed)  # noqa: S311
    whole = json.loads(content)
    paths = list(_paths(whole))
    for k in range(count):
        path, kind = r.choice(paths), r.choice(("value", "value", "value", "name", "twice", "gone"))
        nasty = r.choice(NASTY)(r)
        yield f"{k}: {kind} at {path} {nasty[:30]}", _put(whole, path, kind, nasty).encode()


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inside = enumerate(value[:3])
    for key, one in inside:
        yield (*at, key)
        yield from _paths(one, (*at, key))


def _put(whole: Any, path: tuple[Any, ...], kind: str, nasty: str) -> str:
    marked = json.loads(json.dumps(whole))
    inside = marked
    for key in path[:-1]:
        inside = inside[key]
    last = path[-1]
    if kind == "gone":
        del inside[last]
    elif kind == "name" and isinstance(inside, dict):
        inside[f"{last}s"] = inside.pop(last)
    elif kind == "twice" and isinstance(inside, dict):
        inside["@twice"] = "@nasty"
        name = json.dumps(last)
        return json.dumps(marked).replace('"@twice"', name).replace('"@nasty"', nasty)
    else:
        inside[last] = "@nasty"
    return json.dumps(marked).replace('"@nasty"', nasty)
