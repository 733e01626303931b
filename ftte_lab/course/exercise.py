"""An exercise: what is tested, in which words it fails, and hints that grow with the attempts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ftte_lab.course.sandbox import NotYetError, TroubleError, call
from ftte_lab.course.values import difference, same, show

Test = Callable[[Any], str | None]
"""Takes the answer; returns the failing case in words, or `None`. May raise what `_guard.call` raises."""


@dataclass(frozen=True)
class Exercise:
    """One thing to do.

    Attributes:
        title: what is asked for.
        tests: tried in this order; the first that fails is told.
        hints: one more with every attempt, after the first.
        shows: what has been shown once it passes.
        mistakes: common wrong answers, each with what it misses; told when an answer behaves exactly like one.
        told: what else to say of an answer that passed, such as its margins.
    """

    title: str
    tests: Sequence[Test]
    hints: Sequence[str]
    shows: str
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    told: Callable[[Any], str] | None = None

    def judge(self, answer: Any) -> tuple[str, str]:
        """`passed`, `failed` or `not yet`, and why."""
        if answer is None or answer is NotImplemented or answer is Ellipsis:
            return "not yet", "write your answer into the cell above, run it, then this one again"
        try:
            for test in self.tests:
                failing = test(answer)
                if failing is not None:
                    return "failed", failing + self._known(answer)
        except NotYetError:
            return (
                "not yet",
                "replace `raise NotImplementedError()` by your lines, run that cell, then this one again",
            )
        except TroubleError as trouble:
            return "failed", f"your function {trouble}"
        except ValueError as error:  # an answer that the kit itself refuses, in a sentence
            return "failed", f"{error}"
        except Exception as error:  # nothing that a student hands in may stop the notebook
            return "failed", f"this answer could not be checked ({type(error).__name__}: {error})"
        return "passed", f"{self.shows} {self.told(answer)}" if self.told else self.shows

    def _known(self, answer: Any) -> str:
        tried = next((test for test in self.tests if isinstance(test, Agrees | Holds)), None)
        if tried is None:
            return ""
        for says, wrong in self.mistakes.items():
            try:
                if all(_alike(call(answer, given), call(wrong, given)) for given in tried.inputs):
                    return f" {says}"
            except (NotYetError, TroubleError):
                continue
        return ""


@dataclass(frozen=True)
class Agrees:
    """The answer is a function that gives what `oracle` gives, for each of `inputs` (tuples of arguments)."""

    oracle: Callable[..., Any]
    inputs: Sequence[tuple[Any, ...]]
    within: float = 1e-6

    def __call__(self, answer: Any) -> str | None:
        """The first input on which they differ."""
        if not callable(answer):
            return f"a function was expected, but this is {show(answer)}. Pass its name, without brackets."
        for arguments in self.inputs:
            given, expected = _tried(answer, arguments), call(self.oracle, arguments)
            if not same(given, expected, self.within):
                told = f"{asked(answer, arguments)} gave {show(given)}; expected {show(expected)}."
                return told + difference(given, expected)
        return None


@dataclass(frozen=True)
class Holds:
    """For each of `inputs` the function's value has a property: `fails(value, *arguments)` is `None`, or says why."""

    fails: Callable[..., str | None]
    inputs: Sequence[tuple[Any, ...]]

    def __call__(self, answer: Any) -> str | None:
        """The first input on which it has not."""
        if not callable(answer):
            return f"a function was expected, but this is {show(answer)}. Pass its name, without brackets."
        for arguments in self.inputs:
            value = _tried(answer, arguments)
            try:
                why = self.fails(value, *arguments)
            except (
                TypeError,
                ValueError,
                IndexError,
                AttributeError,
            ):  # not even the right kind of thing
                why = "that is not the kind of value that was asked for"
            if why is not None:
                return f"{asked(answer, arguments)} gave {show(value)}: {why}."
        return None


def _alike(answer: Any, wrong: Any) -> bool:
    return same(answer, wrong, 1e-6) or show(answer) == show(
        wrong
    )  # the latter for what is no number


def _tried(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return call(function, arguments)
    except TroubleError as trouble:
        raise TroubleError(f"{trouble} (asked for {asked(function, arguments)})") from None


def asked(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """A call as a student would write it."""
    name = getattr(function, "__name__", "")
    return f"{name if name.isidentifier() else 'your_function'}({', '.join(show(a) for a in arguments)})"
