"""`check`: hints grow, inputs stay the same, and only a grader gets an exception."""

from typing import Any

import pytest

from ftte_lab.course import EXERCISES, check, report
from tests.course.answers import solution_of


def always_zero(*_: Any) -> float:
    return 0.0


def test_check_adds_hints_and_keeps_the_inputs() -> None:
    texts = [check("05a", always_zero).text for _ in range(6)]
    hints = EXERCISES["05a"].hints
    assert [sum(hint in text for hint in hints) for text in texts] == [0, 1, 2, 3, 3, 3]
    assert len({text.split("\n")[0] for text in texts}) == 1


def test_check_keeps_an_exercise_passed() -> None:
    for _ in range(6):
        check("05a", always_zero)
    assert check("05a", solution_of("05a")).state == "passed"
    assert check("05a", always_zero).state == "failed"
    assert report().exercises["05a"] == {"attempts": 8, "passed": True}


def test_check_gives_copies_of_the_inputs() -> None:
    def spoils(rows: list[list[float]], samples: list[int]) -> list[float]:
        mean = [sum(c) for c in zip(*rows, strict=True)]
        rows.clear()
        samples.clear()
        return mean

    first = check("01a", spoils).text.split("\n")[0]
    assert check("01a", spoils).text.split("\n")[0] == first
    assert check("01a", solution_of("01a"))


def test_check_raises_only_if_strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTTE_CHECK", "strict")
    with pytest.raises(AssertionError, match="05a"):
        check("05a", always_zero)
    with pytest.raises(AssertionError, match="not yet"):
        check("05a", None)
    monkeypatch.delenv("FTTE_CHECK")
    assert not check("05a", None)


def test_check_explains_an_unknown_exercise() -> None:
    assert "There is no exercise '99z'" in check("99z", 1).text
