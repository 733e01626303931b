"""A student's search chooses in the engine: a good one passes there, and nothing else does."""

import re
from typing import Any

import pytest

from ftte_lab.course import check, lesson
from ftte_lab.course.exercises import lesson04
from ftte_lab.course.own_search import compared, in_fleet, picture
from ftte_lab.lab import Settings
from ftte_lab.server import SOLVERS
from tests.course.answers import solution_of

MINE = solution_of("04b")
SHIPPED = list(SOLVERS)


def everything(options: Any, start: Any, fits: Any, gain: Any) -> Any:
    return {**start, **dict(options)}


def test_search_that_is_good_enough_passes_and_leaves_no_solver_behind() -> None:
    assert in_fleet(MINE) is None
    assert list(SOLVERS) == SHIPPED


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lesson04.largest_first, "of the proven best gain; reach at least 96 %"),
        (lesson04.as_listed, "of the proven best gain; reach at least 96 %"),
        (lambda options, start, fits, gain: start, "of the proven best gain"),
    ],
)
def test_poor_search_is_found_in_the_fleet(wrong: Any, words: str) -> None:
    assert words in str(in_fleet(wrong))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (everything, "bytes; allowed: at most"),
        (lambda *_: {"head": 1}, "tensor"),
        (lambda *_: {}, "without"),
    ],
)
def test_choice_that_the_engine_refuses_is_refused_in_words(wrong: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        in_fleet(wrong)
    assert list(SOLVERS) == SHIPPED


def test_picture_and_words_hold_the_run_of_the_student() -> None:
    drawn = str(picture(MINE).spec()["datasets"])
    assert "'yours'" in drawn
    assert "proven best, the library's" in drawn
    assert re.search(r"has (9[6-9]|100) % of", compared(MINE))


def test_budget_that_sends_no_less_is_refused() -> None:
    settings = Settings(lesson("04"))
    assert "above 192 KiB" in str(lesson04.not_fewer_bytes(settings))
    assert "with 192 KiB it has" in str(lesson04.not_fewer_bytes(settings.set(budget_kib=256.0)))
    code, kib, words = solution_of("04c")()
    assert "Measure it again" in check("04c", lambda: (code, 2 * kib, words)).text
