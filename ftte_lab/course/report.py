"""`report`: what a student did, to read, or to paste into a learning platform."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftte_lab._common import brief, read_json, write_json
from ftte_lab.course import progress
from ftte_lab.course.exercises import EXERCISES
from ftte_lab.course.progress import exercises_of, predictions_of

_FORMAT = "ftte_lab report 1"


@dataclass(frozen=True)
class Report:
    """All exercises with attempts and state, and all predictions with what was measured."""

    student: str
    exercises: Mapping[str, Mapping[str, Any]]
    predictions: Mapping[str, Mapping[str, Any]]

    @property
    def passed(self) -> int:
        """How many exercises are passed."""
        return sum(bool(entry["passed"]) for entry in self.exercises.values())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values with a checksum, which finds copying errors but not cheating."""
        content = {
            "format": _FORMAT,
            "student": self.student,
            "passed": self.passed,
            "of": len(self.exercises),
            "exercises": {k: dict(v) for k, v in self.exercises.items()},
            "predictions": {k: dict(v) for k, v in self.predictions.items()},
        }
        return content | {"sum": _checksum(content)}

    def to_json(self) -> str:
        """Return one line for a learning platform."""
        return write_json(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read what `to_json` wrote.

        Raises:
            ValueError: a text that is not a report, or one that was changed on the way.
        """
        allowed = "what Report.to_json writes"
        content = read_json(text, "the report", allowed)
        try:
            if content.get("format") != _FORMAT:
                raise ValueError(f"it is not of the format {_FORMAT!r}")
            given = content.pop("sum")
            student = content["student"]
            if not isinstance(student, str):
                raise ValueError("its student is no name")
            report = cls(student, exercises_of(content), predictions_of(content))
        except (ValueError, KeyError) as error:
            raise ValueError(
                f"the text is not a report ({brief(error)}); allowed: {allowed}."
            ) from error
        if given != _checksum(content):
            raise ValueError(
                "the report was changed on the way; allowed: an unchanged copy. "
                "Copy the complete line again."
            )
        return report

    def __str__(self) -> str:
        owner = f"{self.student}: " if self.student else ""
        lines = [f"{owner}{self.passed} of {len(self.exercises)} exercises passed"]
        lines += [_exercise_line(name, entry) for name, entry in self.exercises.items()]
        for name, entry in self.predictions.items():
            if guess := entry.get(progress.GUESS):
                measured = entry.get("measured") or "–"
                lines.append(f"  prediction {name}: {guess}; measured: {measured}")
        return "\n".join(lines)

    __repr__ = __str__


def report(student: str = "", lesson: str | None = None) -> Report:
    """Return what was done so far; print it, or send `report(...).to_json()`.

    Args:
        student: a name to put on it.
        lesson: "00" to "10"; all by default.
    """
    done: dict[str, Any] = {}
    guesses: dict[str, Any] = {}
    for number in progress.lessons():
        book = progress.read(number)
        done |= book["exercises"]
        guesses |= book["predictions"]

    def wanted(name: str) -> bool:
        return lesson is None or name.startswith(lesson)

    blank = {"attempts": 0, "passed": False}
    return Report(
        student.encode(errors="replace").decode(),  # it must be possible to write it to a file
        {name: done.get(name, blank) for name in EXERCISES if wanted(name)},
        {name: entry for name, entry in guesses.items() if wanted(name)},
    )


def _exercise_line(name: str, entry: Mapping[str, Any]) -> str:
    attempts = entry["attempts"]
    if entry["passed"]:
        state = "passed"
    elif attempts:
        state = "not passed"
    else:
        state = "not tried"
    title = EXERCISES[name].title if name in EXERCISES else ""
    count = f", {attempts} attempt{'s' if attempts > 1 else ''}" if attempts else ""
    asked = ", answer shown" if entry.get("solutions") else ""
    return f"  {name} {title}: {state}{count}{asked}"


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(write_json(content, sort_keys=True).encode()).hexdigest()[:12]
