"""Student answers of every kind: a verdict in words, whatever they are and whatever they do."""

import collections
import itertools
import math
import types
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ftte_lab.course import EXERCISES, check, progress

EXERCISE_NAMES = ("05a", "10a")


class Shy:
    """Raise whatever is asked of it."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    def __len__(self) -> int:
        raise RuntimeError("no")

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError("no")

    def __bool__(self) -> bool:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]


class Loud:
    """Have a text of megabytes."""

    def __repr__(self) -> str:
        return "x" * 5_000_000


def deep(levels: int = 10_000) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def endless_list() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


VALUES: dict[str, Any] = {
    "a number": 3,
    "a huge number": 10**5_000,
    "nan": math.nan,
    "infinity": -math.inf,
    "an empty text": "",
    "megabytes of text": "x" * 3_000_000,
    "half a pair": "\ud800",
    "null bytes": "\0\0",
    "bytes": b"\xff\xfe",
    "a deep list": deep(),
    "a list in itself": endless_list(),
    "a long list": list(range(300_000)),
    "a mapping": {"a": 1},
    "a set": {1, 2},
    "a class": dict,
    "a module": math,
    "an object": object(),
    "a shy object": Shy(),
    "a loud object": Loud(),
    "a generator": (k for k in itertools.count()),
    "an array of objects": np.array([Shy(), None], dtype=object),
    "an array of nothing": np.zeros((0, 3)),
    "a table": pd.DataFrame({"a": [1]}),
    "pandas' NA": pd.NA,
    "a tensor without data": torch.empty(3, device="meta"),
    "an error": ValueError("no"),
    "an error's class": KeyboardInterrupt,
    "a namespace": types.SimpleNamespace(a=1),
    "a counter": collections.Counter("abc"),
}


def _raise(error: BaseException) -> Callable[..., Any]:
    def answer(*_: Any, **__: Any) -> Any:
        raise error

    return answer


def recursion(*given: Any) -> Any:
    return recursion(*given)


FUNCTIONS: dict[str, Any] = {
    "too few arguments": lambda: 0,
    "too many arguments": lambda a, b, c, d, e, f, g, h: 0,
    "nothing": lambda *_: None,
    "not implemented": _raise(NotImplementedError()),
    "an error": _raise(RuntimeError("x" * 100_000)),
    "an error of several lines": _raise(ValueError("a\nb\nc")),
    "an error without a text": _raise(KeyError()),
    "the end of the program": _raise(SystemExit(3)),
    "an interrupt": _raise(KeyboardInterrupt()),
    "the end of a generator": _raise(GeneratorExit()),
    "an error that is shy": _raise(type("ShyError", (Exception,), {"__str__": Shy.__repr__})()),
    "endless recursion": recursion,
    "a builtin": print,
    "a partial": partial(max, 1),
    "a class": type("Answer", (), {"__init__": lambda self, *a: None}),
    "a generator": lambda *_: (k for k in itertools.count()),
} | {
    f"a function that returns {name}": partial(lambda v, *_: v, value)
    for name, value in VALUES.items()
}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress"))
    progress.forget()
    yield
    progress.forget()


@pytest.mark.parametrize("exercise", EXERCISE_NAMES)
def test_every_answer_gets_a_verdict(
    exercise: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exercise in EXERCISES
    for name, answer in (VALUES | FUNCTIONS).items():
        try:
            verdict = check(exercise, answer)
        except BaseException as error:
            raise AssertionError(f"{name}: {type(error).__name__}: {error}") from error
        assert verdict.state in ("failed", "not yet"), name
        assert len(verdict.text) < 4_000, f"{name}: {len(verdict.text)} characters"
        assert "Traceback" not in verdict.text, name
        assert len(capsys.readouterr().out) < 10_000, name
    progress.forget()
    kept = progress.read(exercise[:2])["exercises"][exercise]
    assert kept["attempts"] > len(FUNCTIONS) // 2
    assert not kept["passed"]
    assert [p.name for p in (tmp_path / "progress").iterdir()] == [f"{exercise[:2]}.json"]
