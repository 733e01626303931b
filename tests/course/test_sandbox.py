"""`call`: whatever a student's function does, the kernel goes on and the answer is in words."""

import builtins
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ftte_lab.course import EXERCISES, check
from ftte_lab.course.belongings import MOST_PRINTED
from ftte_lab.course.exercise import Agrees, Exercise
from ftte_lab.course.sandbox import THREAD, TroubleError, call, examine


def left() -> int:
    """Return how many functions of students still compute."""
    return sum(thread.name == THREAD for thread in threading.enumerate())


def loop(*_: Any) -> None:
    while True:
        pass


def swallow(*_: Any) -> None:
    while True:
        try:  # noqa: SIM105
            sum(range(1000))
        except Exception:  # noqa: S110
            pass


def swallow_everything(*_: Any) -> None:
    while True:
        try:  # noqa: SIM105
            sum(range(1000))
        except BaseException:  # noqa: S110
            pass


def swallow_in_a_generator(*_: Any) -> int:
    def numbers() -> Any:
        while True:
            try:  # noqa: SIM105
                yield 1
            except BaseException:  # noqa: S110
                pass

    return sum(numbers())


@pytest.mark.parametrize("function", [loop, swallow, swallow_everything, swallow_in_a_generator])
def test_call_stops_what_never_returns(function: Callable[..., Any]) -> None:
    with pytest.raises(TroubleError, match=r"did not return within 0\.2 seconds"):
        call(function, (1,), limit_s=0.2)
    assert left() == 0


def test_call_ends_the_function_when_a_person_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    join = threading.Thread.join
    turns = iter([KeyboardInterrupt])

    def interrupted(self: threading.Thread, timeout: float | None = None) -> None:
        for error in turns:
            raise error
        join(self, timeout)

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call(loop, (1,))
    assert left() == 0


def test_call_refuses_when_too_many_calls_are_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftte_lab.course.sandbox._PERSISTENCE_S", 0.01)
    over = threading.Event()

    def stuck(*_: Any) -> None:
        while not over.is_set():
            try:  # noqa: SIM105
                time.sleep(0.5)  # nothing is raised inside before it returns
            except BaseException:  # noqa: S110
                pass

    try:
        for _ in range(3):
            with pytest.raises(TroubleError, match="did not return"):
                call(stuck, (), limit_s=0.05)
        with pytest.raises(TroubleError, match="Restart the kernel"):
            call(sorted, ([2, 1],))
    finally:
        over.set()
    while left():
        time.sleep(0.01)
    assert call(sorted, ([2, 1],)) == [1, 2]


class DeafError(Exception):
    """An exception that raises when it is asked what it says."""

    def __str__(self) -> str:
        raise RuntimeError


class Endless:
    """A value that takes for ever to be printed or compared."""

    def __repr__(self) -> str:
        loop()
        return ""

    def __eq__(self, other: object) -> bool:
        loop()
        return True

    __hash__ = None  # type: ignore[assignment]


class Rude:
    """A value that raises whatever one does with it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("no")


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def itself() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def raiser(error: BaseException) -> Callable[..., Any]:
    def raises(*_: Any) -> None:
        raise error

    return raises


def deep(*a: Any) -> Any:
    return deep(*a)


MONSTERS: dict[str, Callable[..., Any]] = {
    "endless": lambda *_: Endless(),
    "rude": lambda *_: Rude(),
    "nested": lambda *_: nested(100_000),
    "itself": lambda *_: itself(),
    "huge number": lambda *_: 10**100_000,
    "long text": lambda *_: "x" * 10_000_000,
    "large array": lambda *_: np.zeros(1_000_000),
    "generator": lambda *_: (k for k in iter(int, 1)),
    "module": lambda *_: sys,
    "class": lambda *_: Endless,
    "exit": raiser(SystemExit(3)),
    "interrupt": raiser(KeyboardInterrupt()),
    "deaf": raiser(DeafError()),
    "recursion": deep,
    "wrong arguments": lambda: 1,
    "tensor with a graph": lambda *_: torch.ones(2, requires_grad=True) * 2,
    "surrogate": lambda *_: "\ud800",
}


@pytest.mark.parametrize("name", sorted(MONSTERS))
@pytest.mark.parametrize("exercise", ["01b", "06a"])
def test_check_answers_monsters_in_words(
    exercise: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = call.__defaults__, examine.__defaults__
    monkeypatch.setattr(call, "__defaults__", (0.3,))
    monkeypatch.setattr(examine, "__defaults__", (0.3,))
    verdict = check(exercise, MONSTERS[name])
    assert defaults == ((10.0,), (10.0,))
    assert verdict.state == "failed"
    assert 30 < len(verdict.text) < 1500
    assert left() == 0


PATCHES: dict[str, Callable[[], Any]] = {
    "builtins.sum": lambda: setattr(builtins, "sum", None),
    "builtins.bin": lambda: delattr(builtins, "bin"),
    "numpy.mean": lambda: setattr(np, "mean", lambda *_: 7),
    "the working folder": lambda: os.chdir("/"),
    "environment variables": lambda: os.environ.update(FTTE_CHECK="strict"),
    "ftte_lab.server.weights": lambda: setattr(sys.modules["ftte_lab.server"], "weights", 1),
}


@pytest.mark.parametrize("name", sorted(PATCHES))
def test_check_puts_back_what_an_answer_patches(name: str) -> None:
    def patching(x: int) -> int:
        PATCHES[name]()
        return x

    kept = builtins.sum, builtins.bin, np.mean, os.getcwd(), dict(os.environ)
    exercise = Exercise("t", [Agrees(lambda x: x, [(1,)])], [], "shown.")
    state, why = exercise.judge(patching)
    assert (state, why[:6]) == ("passed", "shown.")
    assert f"It also changed {name}, which was put back." in why
    assert kept == (builtins.sum, builtins.bin, np.mean, os.getcwd(), dict(os.environ))


def test_check_restores_settings_that_have_no_name() -> None:
    def setting(x: int) -> int:
        torch.set_default_dtype(torch.float64)
        np.seterr(all="raise")
        sys.setrecursionlimit(5000)
        sys.stdout = None
        return x

    kept = torch.get_default_dtype(), np.geterr(), sys.getrecursionlimit(), sys.stdout
    exercise = Exercise("t", [Agrees(lambda x: x, [(1,)])], [], "shown.")
    assert exercise.judge(setting) == ("passed", "shown.")
    now = torch.get_default_dtype(), np.geterr(), sys.getrecursionlimit(), sys.stdout
    assert now == kept


def test_check_shows_only_the_beginning_of_what_an_answer_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def chatty(x: int) -> int:
        for _ in range(200_000):
            print("still here")
        return x

    exercise = Exercise("t", [Agrees(lambda x: x, [(1,)])], [], "shown.")
    assert exercise.judge(chatty)[0] == "passed"
    print("afterwards")
    out = capsys.readouterr().out
    assert out.count("still here") > 100
    assert len(out) < MOST_PRINTED + 200
    assert "your function prints more" in out
    assert out.endswith("afterwards\n")


def test_every_exercise_ends_with_an_endless_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "__defaults__", (0.1,))
    for name in EXERCISES:
        assert check(name, swallow).state == "failed"
    assert left() == 0
