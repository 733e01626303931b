"""`check`: tell a student at once, in words, whether an answer holds."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from typing import Any

from ftte_lab.course import progress as _record
from ftte_lab.course.display import display_text
from ftte_lab.course.exercises import EXERCISES

STRICT = "FTTE_CHECK"
_SIGNS = {"passed": "✔", "failed": "✘", "not yet": "…"}
_COLOURS = {"passed": "#2e9e5b", "failed": "#d55e00", "not yet": "#8a8a8a"}


@dataclass(frozen=True)
class Verdict:
    """What a check found: `state` is `passed`, `failed` or `not yet`, `text` says it in words."""

    exercise: str
    state: str
    text: str

    def __bool__(self) -> bool:
        return self.state == "passed"

    def _ipython_display_(self) -> None:
        """`check` has shown it already."""

    def as_html(self) -> str:
        """The words beside a coloured line; the sign and the words say it without the colour."""
        style = f"border-left:4px solid {_COLOURS[self.state]};padding:4px 12px;max-width:56em"
        lines = "<br>".join(html.escape(line) for line in self.text.split("\n"))
        return f'<div role="status" style="{style}">{lines}</div>'


def check(exercise: str, answer: Any) -> Verdict:
    """Check an answer, show what was found, and go on whatever it was.

    The same inputs are tried each time. After the first attempt a hint comes with every further one.

    Args:
        exercise: its name, such as "01a".
        answer: a function, or what the exercise asks for; `None` if there is none yet.

    Raises:
        AssertionError: only if the environment says `FTTE_CHECK=strict`, unless the answer passes.
    """
    verdict = _judged(exercise, answer)
    display_text(verdict.text, verdict.as_html())
    if os.environ.get(STRICT) == "strict" and not verdict:
        raise AssertionError(verdict.text)
    return verdict


def _judged(name: str, answer: Any) -> Verdict:
    exercise = EXERCISES.get(name)
    if exercise is None:
        return Verdict(
            name, "not yet", f"… There is no exercise {name!r}; there are {', '.join(EXERCISES)}."
        )
    state, words = exercise.judge(answer)
    book = _record.read(name[:2])
    entry = book["exercises"].setdefault(name, {"attempts": 0, "passed": False})
    head = f"{_SIGNS[state]} {name} {exercise.title}: "
    if state == "not yet":
        text = f"{head}not yet; {words}."
    else:
        entry["attempts"] += 1
        entry["passed"] = entry["passed"] or state == "passed"
        text = f"{head}passed. {words}" if state == "passed" else f"{head}not right yet, {words}"
        text += "" if state == "passed" else _hints(exercise.hints, entry["attempts"])
    _record.write(name[:2])
    return Verdict(name, state, text)


def _hints(hints: Any, attempts: int) -> str:
    """One more hint with every attempt; the first comes with the second attempt."""
    given = hints[: attempts - 1]
    if not given:
        return "\nTry again; a hint comes with the next attempt."
    return "".join(f"\nHint {k} of {len(hints)}: {hint}" for k, hint in enumerate(given, 1))
