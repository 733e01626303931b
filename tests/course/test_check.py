"""`check`: hints grow, inputs stay the same, and only a grader gets an exception."""

from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from ftte_lab.course import EXERCISES, LIMITS, check, report
from ftte_lab.course.capstone import Judgement, Line
from ftte_lab.course.exercises.lesson05 import PHASES
from notebooks._build import course
from tests.course.answers import QUICK, function_of, solution_of, source_of


def always_zero(*_: Any) -> float:
    return 0.0


def test_check_adds_hints_and_keeps_the_inputs() -> None:
    texts = [check("05a", always_zero).text for _ in range(6)]
    hints = EXERCISES["05a"].hints
    assert len(hints) > 1
    shown = [sum(hint in text for hint in hints) for text in texts]
    assert shown == [min(k, len(hints)) for k in range(6)]
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


@pytest.mark.parametrize("name", QUICK)
def test_partial_credit_is_full_for_the_solution_and_none_for_a_blank(name: str) -> None:
    exercise = EXERCISES[name]
    assert exercise.credit(solution_of(name)) == exercise.points
    assert exercise.credit(None) == 0.0
    stub = function_of(course.blank(source_of(name)))
    assert exercise.credit(stub) == 0.0


def test_partial_credit_counts_the_cases_that_pass() -> None:
    """Adding the slowest phases up is right where one device is the slowest in all of them."""
    exercise = EXERCISES["05a"]
    wrong = next(iter(exercise.mistakes.values()))
    right = solution_of("05a")
    passed = [wrong(*given) == pytest.approx(right(*given)) for given in PHASES]
    assert 0 < sum(passed) < len(passed)
    assert exercise.credit(wrong) == round(sum(passed) / len(passed), 2)


def test_partial_credit_survives_an_error_in_some_cases() -> None:
    def fails_on_the_first(share: float, cohort: int) -> float:
        if cohort == 30:
            raise RuntimeError("no")
        return 1 - (1 - share) ** cohort

    assert EXERCISES["05b"].credit(fails_on_the_first) == 0.5


def test_grader_reads_the_points_as_the_value_of_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """As nbgrader does: the text of the value is a number, or the cell has no value."""
    shell = InteractiveShell.instance()
    formatter = shell.display_formatter
    assert formatter is not None
    try:
        plain, _ = formatter.format(check("05b", always_zero))
        assert plain == {}
        monkeypatch.setenv("FTTE_CHECK", "partial")
        value, _ = formatter.format(check("05b", always_zero))
        assert float(value["text/plain"]) == 0.25  # without stragglers, zero is right
        done, _ = formatter.format(check("05b", solution_of("05b")))
        assert float(done["text/plain"]) == 1.0
        assert check("99z", 1).points is None
    finally:
        InteractiveShell.clear_instance()


def test_capstone_earns_points_for_each_line_that_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = Line(1.0, 2.0, 1.0, "KiB"), Line(3.0, 2.0, -1.0, "KiB")
    lines = {"memory": good, "bytes": good, "accuracy": bad, "slowest": good}
    monkeypatch.setattr("ftte_lab.course.capstone.judge", lambda *_: Judgement(lines, ()))
    exercise = EXERCISES["10a"]
    assert exercise.points == 5
    assert exercise.credit(LIMITS.start().code()) == 3.75
    assert exercise.credit(LIMITS.start(clients=50).code()) == 0.0
    assert exercise.credit("ftte1-nonsense") == 0.0
    assert exercise.credit(lambda: 1 / 0) == 0.0
