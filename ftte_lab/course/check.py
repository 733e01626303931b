"""`check`: report to a student immediately, in words, whether an answer holds."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

from ftte_lab._common import say
from ftte_lab.charts import Figure
from ftte_lab.course import progress
from ftte_lab.course.display import display_rich, display_text
from ftte_lab.course.exercises import EXERCISES
from ftte_lab.course.sandbox import NotYetError, TroubleError

STRICT = "FTTE_CHECK"
"""Environment variable: with "strict" an exercise that is not passed raises, with "partial" the
cell's value is a number of points. Both are for graders."""

_SIGNS = {"passed": "✔", "failed": "✘", "not yet": "…"}
_COLOURS = {"passed": "#2e9e5b", "failed": "#c62828", "not yet": "#8a8a8a"}


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        exercise: its name.
        state: `passed`, `failed` or `not yet`.
        text: the reason.
        points: for a grader that gives partial credit; else `None`.
    """

    exercise: str
    state: str
    text: str
    points: float | None = None

    def __bool__(self) -> bool:
        return self.state == "passed"

    def _ipython_display_(self) -> None:
        """Show nothing, as `check` has shown the verdict; points are shown by the next method."""
        if self.points is not None:
            raise NotImplementedError

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Write the points alone: nbgrader takes a cell's value for partial credit."""
        printer.text(repr(self) if self.points is None else str(self.points))

    def as_html(self) -> str:
        """Return the text beside a coloured line; sign and text are enough without the colour."""
        style = f"border-left:4px solid {_COLOURS[self.state]};padding:4px 12px;max-width:56em"
        lines = "<br>".join(html.escape(line) for line in self.text.split("\n"))
        return f'<div role="status" style="{style}">{lines}</div>'


def check(exercise: str, answer: Any, *, solution: bool = False) -> Verdict:
    """Check an answer, show the verdict, and continue whatever the verdict is.

    The same inputs are tried each time. After the first attempt every further one brings a hint.

    Args:
        exercise: its name, such as "01a".
        answer: a function, or what the exercise asks for; `None` if there is none yet.
        solution: show an answer of the kit instead, once you have tried. The report counts it.

    Raises:
        AssertionError: only with `FTTE_CHECK=strict` in the environment, unless the answer passes.
    """
    verdict = (_shown if solution else _verdict)(exercise, answer)
    display_text(verdict.text, verdict.as_html())
    if verdict:
        _draw(EXERCISES[exercise].picture, answer)
    if os.environ.get(STRICT) == "strict" and not verdict:
        raise AssertionError(verdict.text)
    if os.environ.get(STRICT) == "partial" and exercise in EXERCISES:
        return replace(verdict, points=EXERCISES[exercise].credit(answer))
    return verdict


def _draw(picture: Callable[[Any], Figure] | None, answer: Any) -> None:
    """Show what an answer that passed does in the fleet; without a notebook, in words."""
    if picture is None:
        return
    try:
        figure = picture(answer)
    except (NotYetError, TroubleError):  # it passed a moment ago; a picture is no second test
        return
    if get_ipython() is None:
        say(figure.alt_text)
    else:
        display(figure)


def _unknown(name: str) -> Verdict:
    known = ", ".join(EXERCISES)
    return Verdict(name, "not yet", f"… There is no exercise {name!r}; there are {known}.")


def _shown(name: str, _: Any) -> Verdict:
    """Show the kit's own answer to whoever has tried, and count it."""
    exercise = EXERCISES.get(name)
    if exercise is None:
        return _unknown(name)
    head, lines = f"… {name} {exercise.title}: ", exercise.solved()
    entry = _entry(name)
    if lines is None:
        return Verdict(name, "not yet", f"{head}there is no single answer; ask your teacher.")
    if not entry["attempts"]:
        return Verdict(name, "not yet", f"{head}try once yourself, then ask for the answer.")
    entry["solutions"] = entry.get("solutions", 0) + 1
    progress.write(name[:2])
    display_rich(lines, "text/markdown", f"```python\n{lines}\n```")
    text = f"{head}this is one answer; your report says that you asked for it. Write your own."
    return Verdict(name, "not yet", text)


def _verdict(name: str, answer: Any) -> Verdict:
    exercise = EXERCISES.get(name)
    if exercise is None:
        return _unknown(name)
    state, reason = exercise.judge(answer)
    head = f"{_SIGNS[state]} {name} {exercise.title}: "
    if state == "not yet":
        text = f"{head}not yet; {reason}."
    else:
        mistake = next((text for text in exercise.mistakes if text in reason), None)
        attempts = _record_attempt(name, state == "passed", mistake)
        if state == "passed":
            text = f"{head}passed. {reason}"
            if exercise.keeps is not None:
                _entry(name).update(exercise.keeps(answer))
        else:
            text = f"{head}not right yet, {reason}{_hints(name, answer, attempts)}"
    progress.write(name[:2])
    return Verdict(name, state, text)


def _record_attempt(name: str, passed: bool, mistake: str | None) -> int:
    """Record one more attempt and return how many there are; what was passed once stays passed.

    A mistake that was recognised is kept too, so that a teacher can count it.
    """
    entry = _entry(name)
    entry["attempts"] += 1
    entry["passed"] = entry["passed"] or passed
    if mistake and mistake not in entry.get("mistakes", []):
        entry["mistakes"] = [*entry.get("mistakes", []), mistake]
    return int(entry["attempts"])


def _entry(name: str) -> dict[str, Any]:
    """Return the record of an exercise; a new one is empty."""
    exercises = progress.read(name[:2])["exercises"]
    entry: dict[str, Any] = exercises.setdefault(name, {"attempts": 0, "passed": False})
    return entry


def _hints(name: str, answer: Any, attempts: int) -> str:
    """Return one more hint with every attempt; the first comes with the second attempt."""
    hints = EXERCISES[name].hints
    given = hints[: attempts - 1]
    if not given:
        return "\nTry again; a hint comes with the next attempt."
    text = "".join(f"\nHint {k} of {len(hints)}: {hint}" for k, hint in enumerate(given, 1))
    if len(given) < len(hints) or attempts - 1 == len(hints) or EXERCISES[name].solved() is None:
        return text
    mine = getattr(answer, "__name__", "your_answer")
    return f"{text}\nStill stuck? `check({name!r}, {mine}, solution=True)` shows an answer."
