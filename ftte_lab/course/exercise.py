"""An exercise: what is tested, in which words it fails, and hints that grow with the attempts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ftte_lab.charts import Figure
from ftte_lab.course.belongings import put_back
from ftte_lab.course.sandbox import NotYetError, TroubleError, call, examine
from ftte_lab.course.values import difference, same, show

Test = Callable[[Any], str | None]
"""Takes the answer; returns the failing case in words, or `None`. May raise what `call` raises."""

_NO_ANSWER = "write your answer into the cell above, run it, then this one again"
_STILL_BLANK = (
    "replace `raise NotImplementedError()` by your lines, run that cell, then this one again"
)
_WRONG_KIND = "that is not the kind of value that the exercise asks for"


@dataclass(frozen=True)
class Exercise:
    """One thing to do.

    Attributes:
        title: what is asked for.
        tests: tried in this order; the first that fails is reported.
        hints: one more with every attempt, after the first.
        shows: what the student has shown once it passes.
        mistakes: common wrong answers, each with what it misses. The text is reported when an
            answer behaves exactly like one of them.
        details: returns what else to report about an answer that passed, such as its margins.
        picture: draws what an answer that passed does in the fleet.
        points: for a grader: 1 for a few lines, more where more is asked.
        partial: the share of the points that an answer deserves, where no cases can be counted.
        solution: an answer, for who asks for it; by default the oracle of the first test.
        keeps: returns what of an answer that passed is kept for the teacher, as texts.
    """

    title: str
    tests: Sequence[Test]
    hints: Sequence[str]
    shows: str
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    details: Callable[[Any], str] | None = None
    picture: Callable[[Any], Figure] | None = None
    points: int = 1
    partial: Callable[[Any], float] | None = None
    solution: Callable[..., Any] | None = None
    keeps: Callable[[Any], Mapping[str, str]] | None = None

    def credit(self, answer: Any) -> float:
        """Return the points that an answer deserves: for each case that it passes an equal part."""
        state, _ = self.judge(answer)
        if state != "failed":
            return float(self.points) if state == "passed" else 0.0
        with put_back():
            cases = [case for test in self.tests for case in _cases(test)]
            shares = [_share(self.partial or case, answer) for case in cases]
        return round(self.points * sum(shares) / len(shares), 2)

    def solved(self) -> str | None:
        """Return the lines of an answer, `None` if there is none to show."""
        oracles = (test.oracle for test in self.tests if isinstance(test, Agrees))
        answer = self.solution or next(oracles, None)
        return None if answer is None else inspect.getsource(answer).rstrip()

    def judge(self, answer: Any) -> tuple[str, str]:
        """Return `passed`, `failed` or `not yet`, and why; what the answer changes is put back."""
        if answer is None or answer is NotImplemented or answer is Ellipsis:
            return "not yet", _NO_ANSWER
        with put_back() as changed:
            state, why = self._judge(answer)
        if changed:
            why += f" It also changed {', '.join(changed)}, which was put back."
        return state, why

    def _judge(self, answer: Any) -> tuple[str, str]:
        try:
            for test in self.tests:
                failing = test(answer)
                if failing is not None:
                    return "failed", failing + self._recognised(answer)
        except NotYetError:
            return "not yet", _STILL_BLANK
        except TroubleError as trouble:
            return "failed", f"your function {trouble}"
        except ValueError as error:
            # The kit itself refuses this answer, and the message explains why.
            return "failed", f"{error}"
        except Exception as error:
            # Nothing that a student submits may stop the notebook.
            return "failed", f"this answer could not be checked ({type(error).__name__}: {error})"
        return "passed", f"{self.shows} {self.details(answer)}" if self.details else self.shows

    def _recognised(self, answer: Any) -> str:
        """Return the text of the common mistake that the answer makes, if it makes one."""
        test = next((test for test in self.tests if isinstance(test, Agrees | Holds)), None)
        if test is None:
            return ""
        for text, wrong in self.mistakes.items():
            try:
                if all(_makes(answer, wrong, given) for given in test.inputs):
                    return f" {text}"
            except (NotYetError, TroubleError):
                continue
        return ""


@dataclass(frozen=True)
class Agrees:
    """A test that a function returns what `oracle` returns, for each of `inputs`.

    Attributes:
        oracle: the right function.
        inputs: tuples of arguments.
        within: tolerance, relative above 1.
    """

    oracle: Callable[..., Any]
    inputs: Sequence[tuple[Any, ...]]
    within: float = 1e-6

    def __call__(self, answer: Any) -> str | None:
        """Return the first input on which the two differ, in words."""
        if not callable(answer):
            return _not_a_function(answer)
        for arguments in self.inputs:
            given, expected = _result(answer, arguments), call(self.oracle, arguments)
            why = examine(partial(self._compare, answer, arguments, given, expected))
            if why is not None:
                return str(why)
        return None

    def _compare(self, answer: Any, arguments: Any, given: Any, expected: Any) -> str | None:
        if same(given, expected, self.within):
            return None
        asked = as_call(answer, arguments)
        text = f"{asked} gave {show(given)}; expected {show(expected)}."
        return text + difference(given, expected)


@dataclass(frozen=True)
class Holds:
    """A test that the value of a function has a property, for each of `inputs`.

    Attributes:
        fails: `fails(value, *arguments)` is `None`, or why the property is missing.
        inputs: tuples of arguments.
    """

    fails: Callable[..., str | None]
    inputs: Sequence[tuple[Any, ...]]

    def __call__(self, answer: Any) -> str | None:
        """Return the first input on which the property is missing, in words."""
        if not callable(answer):
            return _not_a_function(answer)
        for arguments in self.inputs:
            why = examine(partial(self._look, answer, arguments, _result(answer, arguments)))
            if why is not None:
                return str(why)
        return None

    def _look(self, answer: Any, arguments: Any, value: Any) -> str | None:
        try:
            why = self.fails(value, *arguments)
        except (TypeError, ValueError, IndexError, AttributeError):
            why = _WRONG_KIND
        return why and f"{as_call(answer, arguments)} gave {show(value)}: {why}."


def _cases(test: Test) -> Iterator[Test]:
    """Yield a test for each input; a test without inputs is one case."""
    if isinstance(test, Agrees | Holds):
        for given in test.inputs:
            yield replace(test, inputs=[given])
    else:
        yield test


def _share(case: Callable[[Any], Any], answer: Any) -> float:
    """Return which share of a case an answer passes; whatever goes wrong is none of it."""
    try:
        found = case(answer)
    except (
        Exception
    ):  # as in `Exercise.judge`: nothing that a student submits may stop the notebook
        return 0.0
    return float(found) if isinstance(found, float) else float(found is None)


def as_call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """Write a call as a student would write it.

    Example:
        >>> as_call(max, ([1, 2, 3],))
        'max([1, 2, 3])'
    """
    name = getattr(function, "__name__", "")
    shown = ", ".join(show(a) for a in arguments)
    return f"{name if name.isidentifier() else 'your_function'}({shown})"


def _not_a_function(answer: Any) -> str:
    return f"expected a function, but this is {show(answer)}. Pass its name, without brackets."


def _makes(answer: Callable[..., Any], wrong: Callable[..., Any], given: tuple[Any, ...]) -> bool:
    """Return whether an answer makes a mistake; text compares what is not a number."""
    a, b = call(answer, given), call(wrong, given)
    return bool(examine(lambda: same(a, b, 1e-6) or show(a) == show(b)))


def _result(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return call(function, arguments)
    except TroubleError as trouble:
        raise TroubleError(f"{trouble} (called as {as_call(function, arguments)})") from None
