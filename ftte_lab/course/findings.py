"""What a student found in the Lab: a share code, a number that is checked, and sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ftte_lab.course.lessons import SIZES, lesson
from ftte_lab.course.sandbox import call, examine
from ftte_lab.course.values import show
from ftte_lab.lab import Settings
from ftte_lab.simulation import Scenario

_LEAST_WORDS, _MOST_CHARACTERS = 10, 600
_ENDS = re.compile(r"[.!?](\s|$)")
_FORM = "return three things: lab.code, a number, and two sentences as one text."


@dataclass(frozen=True)
class Found:
    """A test of a function that returns a share code, a number and two sentences.

    Attributes:
        number: of the lesson; the code must be of its fleet.
        free: fields of the scenario that the question lets one choose.
        measure: the number that these settings have.
        asks: why settings do not answer the question, or `None`.
        within: tolerance of the number, as a share of it.
    """

    number: str
    free: tuple[str, ...]
    measure: Callable[[Settings], float]
    asks: Callable[[Settings], str | None]
    within: float = 0.05

    def __call__(self, answer: Any) -> str | None:
        """Return what is missing, in words."""
        parts = _parts(answer)
        if parts is None:
            return f"the answer is not of the form that is asked for: {_FORM}"
        code, number, words = parts
        settings = Settings.restore(code)
        changed = self._changed(settings.scenario)
        if changed:
            return f"that code is of another fleet: leave {', '.join(changed)} as on this page."
        why = self.asks(settings)
        if why is not None:
            return why
        measured = self.measure(settings)
        if not (math.isfinite(number) and abs(number - measured) <= self.within * abs(measured)):
            return f"the number {show(number)} is not what these settings give. Measure it again."
        return _poor_words(words)

    def _changed(self, given: Scenario) -> list[str]:
        """Return the fields in which a scenario is neither size of the lesson."""
        found, own = given.to_dict(), [_plain(self.number, size) for size in SIZES]
        wrong = [[name for name in one if found[name] != one[name]] for one in own]
        return [name for name in min(wrong, key=len) if name not in self.free]


def kept(answer: Any) -> Mapping[str, str]:
    """Return the code and the sentences of an answer that passed, for the teacher."""
    parts = _parts(answer)
    return {} if parts is None else {"code": parts[0], "words": " ".join(parts[2].split())}


def _parts(answer: Any) -> tuple[str, float, str] | None:
    if not callable(answer):
        return None
    value = call(answer, ())
    if not (isinstance(value, tuple | list) and len(value) == 3):
        return None
    code, number, words = value
    if not (isinstance(code, str) and isinstance(words, str)):
        return None
    try:
        return code.strip(), float(examine(lambda: float(number))), words
    except Exception:  # no number: whatever the student's value does
        return None


def _poor_words(words: str) -> str | None:
    if len(words) > _MOST_CHARACTERS:
        return f"the sentences have {len(words)} characters; at most {_MOST_CHARACTERS}, please."
    if len(words.split()) < _LEAST_WORDS or len(_ENDS.findall(words)) < 2:
        return f"write two sentences, of {_LEAST_WORDS} words or more together."
    return None


@cache
def _plain(number: str, size: str) -> dict[str, Any]:
    return lesson(number, size).scenario.to_dict()
