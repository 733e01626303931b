"""Every exercise: its solution passes, its common mistakes are recognised, nonsense fails."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from ftte_lab.course import EXERCISES, LESSONS, check
from ftte_lab.course.exercise import Agrees, Holds, as_call
from notebooks._build import course
from tests.course.answers import QUICK, function_of, solution_of, source_of

NONSENSE = [
    lambda *a: None,
    lambda *a: "text",
    lambda *a: [],
    lambda *a: float("nan"),
    lambda *a: {},
    lambda *a: [[[1]]],
    lambda *a: 1 / 0,
    lambda: 3,
    lambda *a: object(),
    3.0,
    "a text",
    [1, 2],
    lambda *a: a,
    lambda *a: -1,
    lambda *a: torch.zeros(2),
    lambda *a: np.array(["a"]),
    lambda *a: iter([1, 2]),
]


def test_exercises_are_sorted_and_every_lesson_has_one() -> None:
    assert list(EXERCISES) == sorted(EXERCISES)
    assert {name[:2] for name in EXERCISES} == set(LESSONS)


@pytest.mark.parametrize("name", sorted(EXERCISES))
def test_exercise_has_one_source_that_is_blank_for_students(name: str) -> None:
    solution = source_of(name)
    stub = course.blank(solution)
    assert stub.endswith("    # YOUR CODE HERE\n    raise NotImplementedError()")
    assert "SOLUTION" not in stub + course.answered(solution)
    verdict = check(name, function_of(stub))
    assert verdict.state == "not yet"
    assert f"{name} {EXERCISES[name].title}: not yet" in verdict.text
    assert len(EXERCISES[name].hints) >= 2


@pytest.mark.parametrize("name", sorted(EXERCISES))
def test_no_hint_is_the_answer(name: str) -> None:
    """The answer comes on request, and is counted: see `solution=True`."""
    lines = (EXERCISES[name].solved() or "").splitlines()
    last = lines[-1].strip().removeprefix("return ") if lines else ""
    assert not [hint for hint in EXERCISES[name].hints if len(last) > 12 and last in hint]


@pytest.mark.parametrize("name", QUICK)
def test_exercise_passes_its_solution(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTTE_CHECK", "strict")
    verdict = check(name, solution_of(name))
    assert verdict
    assert verdict.text.startswith(f"✔ {name}")


@pytest.mark.parametrize("name", QUICK)
def test_exercise_recognises_common_mistakes(name: str) -> None:
    for text, wrong in EXERCISES[name].mistakes.items():
        verdict = check(name, wrong)
        assert verdict.state == "failed"
        assert text in verdict.text


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("wrong", NONSENSE)
def test_exercise_answers_nonsense_in_words(name: str, wrong: Any) -> None:
    verdict = check(name, wrong)
    assert verdict.state == "failed"
    assert len(verdict.text) > 30
    assert "Traceback" not in verdict.text


@pytest.mark.parametrize("name", EXERCISES)
def test_texts_are_printed_so_they_have_no_marks_of_emphasis(name: str) -> None:
    """What `check` prints is plain text. Powers, as `2**16`, are no emphasis."""
    exercise = EXERCISES[name]
    for text in (exercise.title, exercise.shows, *exercise.hints, *exercise.mistakes):
        plain = re.sub(r"`[^`]*`", "", text)
        assert not re.search(r"(?<![\w*])\*{1,2}\w[^*]*\*{1,2}(?!\w)", plain), text


def test_agrees_and_holds_accept_a_right_answer() -> None:
    assert Agrees(lambda a: a, [(1,)])(lambda a: a) is None
    assert Holds(lambda v, a: None, [(1,)])(lambda a: a) is None


def test_as_call_names_lambdas_your_function() -> None:
    assert as_call(lambda a: a, (1.5, [1])) == "your_function(1.5, [1])"
