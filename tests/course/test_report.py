"""A report travels as one line, and copying errors are found."""

import pytest

from ftte_lab.course import EXERCISES, Report, check, progress, report
from tests.course.answers import solution_of


@pytest.fixture
def mine() -> Report:
    check("05a", lambda *a: 0)
    check("05b", solution_of("05b"))
    progress.prediction("05")[progress.GUESS] = "a lot"
    return report("Ada")


def test_report_lists_exercises_and_predictions(mine: Report) -> None:
    assert str(mine).startswith(f"Ada: 1 of {len(EXERCISES)} exercises passed")
    assert "05a how long is a synchronous round?: not passed, 1 attempt" in str(mine)
    assert "00a time to target: not tried" in str(mine)
    assert "prediction 05: a lot" in str(mine)


def test_report_of_one_lesson_holds_its_exercises_only(mine: Report) -> None:
    assert report(lesson="05").to_dict()["of"] == sum(name.startswith("05") for name in EXERCISES)


def test_report_comes_back_from_json_or_is_refused(mine: Report) -> None:
    assert str(Report.from_json(mine.to_json())) == str(mine)
    for broken in (mine.to_json().replace("Ada", "Eve"), "{}", "nonsense", "[]"):
        with pytest.raises(ValueError, match=r"report"):
            Report.from_json(broken)
