"""A student's memory bill is compared with the library's and with a step that is run."""

from typing import Any

import pytest

from ftte_lab.course import check
from ftte_lab.course.exercises import lesson03
from ftte_lab.lab import Settings
from tests.course.answers import solution_of

MINE = solution_of("03c")


def test_bill_of_a_student_is_that_of_the_library() -> None:
    assert lesson03.against_the_library(MINE) is None
    assert "changed" not in check("03c", MINE).text


@pytest.mark.parametrize(
    "wrong",
    [
        lesson03.everything_at_once,
        lesson03.without_gradients,
        lambda layers, batch: lesson03.my_peak(layers, batch) + 4,
        lambda layers, batch: lesson03.my_peak(layers, min(batch, 8)),
    ],
)
def test_another_bill_is_found(wrong: Any) -> None:
    assert "the library's bill differs" in str(lesson03.against_the_library(wrong))


def test_code_that_does_not_fit_is_refused() -> None:
    code, kib, words = solution_of("03d")()
    assert "Measure it again" in check("03d", lambda: (code, kib + 3, words)).text
    assert lesson03.complete_kib(Settings.restore(code)) < lesson03.SENSOR_KIB
