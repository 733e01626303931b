"""`report`: what was done, to read, or to paste into a learning platform."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftte_lab.course import progress as _record
from ftte_lab.course.exercises import EXERCISES

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
        """Plain values, with a check sum over them: it finds slips of copying, not cheats."""
        content = {
            "format": _FORMAT,
            "student": self.student,
            "passed": self.passed,
            "of": len(self.exercises),
            "exercises": {k: dict(v) for k, v in self.exercises.items()},
            "predictions": {k: dict(v) for k, v in self.predictions.items()},
        }
        return content | {"sum": _sum(content)}

    def to_json(self) -> str:
        """One line for a learning platform."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Inverse of `to_json`.

        Raises:
            ValueError: a text that is no report, or one that was changed on the way.
        """
        try:
            content = json.loads(text)
            told = content.pop("sum")
            report = cls(content["student"], content["exercises"], content["predictions"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"the text is no report ({error}); allowed: what Report.to_json writes."
            ) from error
        if told != _sum(content):
            raise ValueError(
                "the report was changed on the way; allowed: an unchanged copy. Copy the whole line again."
            )
        return report

    def __str__(self) -> str:
        lines = [
            f"{self.student + ': ' if self.student else ''}{self.passed} of {len(self.exercises)} exercises passed"
        ]
        for name, entry in self.exercises.items():
            tries = entry["attempts"]
            state = "passed" if entry["passed"] else "not passed" if tries else "not tried"
            after = f", {tries} attempt{'s' if tries > 1 else ''}" if tries else ""
            lines.append(
                f"  {name} {EXERCISES[name].title if name in EXERCISES else ''}: {state}{after}"
            )
        for name, entry in self.predictions.items():
            if entry.get("said"):
                lines.append(
                    f"  prediction {name}: said {entry['said']}, measured {entry.get('measured') or '–'}"
                )
        return "\n".join(lines)

    __repr__ = __str__


def report(student: str = "", lesson: str | None = None) -> Report:
    """What was done so far, in all lessons or in one; print it, or send `report(...).to_json()`.

    Args:
        student: a name to put on it.
        lesson: "00" to "10"; all by default.
    """
    done: dict[str, Any] = {}
    guesses: dict[str, Any] = {}
    for number in _record.lessons():
        book = _record.read(number)
        done |= book["exercises"]
        guesses |= book["predictions"]
    blank = {"attempts": 0, "passed": False}
    names = [name for name in EXERCISES if lesson is None or name.startswith(lesson)]
    return Report(
        student,
        {name: done.get(name, blank) for name in names},
        {
            name: entry
            for name, entry in guesses.items()
            if lesson is None or name.startswith(lesson)
        },
    )


def _sum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
