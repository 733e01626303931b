"""Who asks for an answer gets it after a try of their own, and the report says so."""

import csv
import io
from pathlib import Path

import pytest

from ftte_lab.course import EXERCISES, Report, check, collect, progress, report
from tests.course.answers import solution_of


def wrong(*_: object) -> float:
    return -1.0


def test_answer_comes_after_a_try_and_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    first = check("05a", wrong, solution=True)
    assert "try once yourself" in first.text
    assert "def round_seconds" not in capsys.readouterr().out
    check("05a", wrong)
    asked = check("05a", wrong, solution=True)
    assert asked.state == "not yet"
    assert "def round_seconds" in capsys.readouterr().out
    entry = report().exercises["05a"]
    assert (entry["solutions"], entry["attempts"], entry["passed"]) == (1, 1, False)
    assert "1 attempt, answer shown" in str(report())
    assert check("05a", solution_of("05a"))
    assert Report.from_json(report("Ada").to_json()).exercises["05a"]["solutions"] == 1


def test_last_verdict_says_how_to_ask() -> None:
    hints = len(EXERCISES["05a"].hints)
    texts = [check("05a", wrong).text for _ in range(hints + 3)]
    offered = ["solution=True" in text for text in texts]
    assert offered == [False] * (hints + 1) + [True, True]
    assert "check('05a', wrong, solution=True)" in texts[-1]


def test_question_has_no_single_answer() -> None:
    check("05d", wrong)
    assert "no single answer" in check("05d", wrong, solution=True).text
    assert "There is no exercise '99z'" in check("99z", wrong, solution=True).text


def test_sentences_of_a_question_reach_the_teacher(tmp_path: Path) -> None:
    check("05a", wrong)
    check("05a", wrong, solution=True)
    assert check("05d", solution_of("05d"))
    code, _, words = solution_of("05d")()
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "ada.txt").write_text(report("Ada").to_json())
    done = collect(folder, tmp_path / "out")
    text = (tmp_path / "out" / "words.csv").read_text("utf-8-sig")
    assert text == done.words
    [row] = csv.DictReader(io.StringIO(text))
    assert row == {"exercise": "05d", "student": "Ada", "code": code, "words": words}
    assert "1 asked for the answer" in done.summary


@pytest.mark.parametrize(
    "odd", [{"solutions": -1}, {"solutions": True}, {"words": 3}, {"code": []}]
)
def test_record_of_another_form_is_refused(odd: dict[str, object]) -> None:
    entry = {"attempts": 1, "passed": True, **odd}
    with pytest.raises(ValueError, match="another form"):
        progress.exercises_of({"exercises": {"05a": entry}})


def test_two_kernels_keep_what_either_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path))
    check("05a", wrong)
    check("05a", wrong, solution=True)
    check("05d", solution_of("05d"))
    progress.forget()
    progress.read("05")["exercises"].clear()  # another kernel, which began before
    check("05b", wrong)
    progress.forget()
    kept = progress.read("05")["exercises"]
    assert kept["05a"]["solutions"] == 1
    assert kept["05d"]["words"] == solution_of("05d")()[2]
