"""Thirty reports become one table; a bad one is named in one sentence and stops nobody."""

import csv
import io
import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ftte_lab.cli import main
from ftte_lab.course import EXERCISES, LESSONS, Report, check, collect, predict, progress, report

CHOICES = ["slower", "the same", "faster"]
SUM = next(iter(EXERCISES["01a"].mistakes))


def of(student: str, rng: random.Random) -> Report:
    """Return a report as a student may write it: some lessons, some mistakes."""
    exercises: dict[str, dict[str, Any]] = {
        name: {"attempts": rng.randint(0, 4), "passed": False} for name in EXERCISES
    }
    for entry in exercises.values():
        entry["passed"] = entry["attempts"] > 0 and rng.random() < 0.7
    if rng.random() < 0.5:
        exercises["01a"] = {"attempts": 2, "passed": True, "mistakes": [SUM]}
    predictions = {
        number: {
            progress.GUESS: rng.choice([*CHOICES, None]),
            "measured": "faster",
            "question": f"How fast is it in {number}?",
            "choices": CHOICES,
        }
        for number in rng.sample(sorted(LESSONS), 5)
    }
    return Report(student, exercises, predictions)


@pytest.fixture
def thirty() -> list[Report]:
    rng = random.Random(7)  # noqa: S311  # which students, no secret
    return [of(f"Student {number:02}", rng) for number in range(30)]


@pytest.fixture
def folder(tmp_path: Path, thirty: list[Report]) -> Path:
    place = tmp_path / "reports"
    for number, one in enumerate(thirty):
        path = place / f"group {number % 3}" / f"upload_{number}_{'.txt' if number % 2 else ''}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{one.to_json()}\n")
    return place


def rows_of(place: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((place / "class.csv").read_text("utf-8-sig"))))


def test_thirty_reports_are_one_table(folder: Path, thirty: list[Report], tmp_path: Path) -> None:
    done = collect(folder, tmp_path / "out")
    assert done.notes == ()
    rows = rows_of(tmp_path / "out")
    assert [row["student"] for row in rows] == [one.student for one in thirty]
    for row, one in zip(rows, thirty, strict=True):
        assert (int(row["passed"]), int(row["of"])) == (one.passed, len(EXERCISES))
        for name, entry in one.exercises.items():
            assert int(row[f"{name} attempts"]) == entry["attempts"]
            assert row[f"{name} passed"] == str(int(entry["passed"]))
        for name, entry in one.predictions.items():
            assert row[f"{name} prediction"] == (entry[progress.GUESS] or "")
    made = sum(SUM in one.exercises["01a"].get("mistakes", []) for one in thirty)
    assert f"{made} in 01a {EXERCISES['01a'].title}: {SUM}" in done.summary
    passed = sum(one.exercises["05a"]["passed"] for one in thirty)
    tried = sum(one.exercises["05a"]["attempts"] > 0 for one in thirty)
    assert f": {passed} of {tried} who tried have passed" in done.summary.split("05a")[1]


def test_histograms_count_each_prediction(
    folder: Path, thirty: list[Report], tmp_path: Path
) -> None:
    done = collect(folder, tmp_path / "out")
    for name, one in done.slides.items():
        said = [r.predictions[name][progress.GUESS] for r in thirty if name in r.predictions]
        expected = Counter(guess for guess in said if guess)
        drawn = {row["name"]: row["count"] for row in one.figure.rows("choices")}
        assert drawn == {choice: expected[choice] for choice in CHOICES}
        assert "measured" not in one.figure.alt_text
    pictures = sorted((tmp_path / "out").glob("*.png"))
    assert [path.stem[-2:] for path in pictures] == sorted(done.slides)
    assert Image.open(pictures[0]).size == (1280, 720)
    again = collect(folder, tmp_path / "out", measured=True)
    assert all(one.figure.alt_text.endswith("measured: faster.") for one in again.slides.values())


def test_bad_reports_are_named_and_stop_nobody(
    folder: Path, thirty: list[Report], tmp_path: Path
) -> None:
    line = thirty[3].to_json()
    foreign = Report("Zoe", {"99z": {"attempts": 1, "passed": True}}, {})
    further = {name: {"attempts": 9, "passed": True} for name in EXERCISES}
    bad: dict[str, bytes] = {
        "a copy.json": line.encode(),
        "again.json": Report("student 04", further, {}).to_json().encode(),
        "changed.json": line.replace("Student", "Hacker").encode(),
        "cut off.json": line[:200].encode(),
        "empty.json": b"",
        "foreign.json": foreign.to_json().encode(),
        "huge.json": b'{"format": "' + b"x" * 3 * 2**20 + b'"}',
        "nested.json": b"[" * 100_000,
        "nobody.txt": Report("", {}, {}).to_json().encode(),
        "picture.png": b"\x89PNG\r\n\xff\xfe\x00",
        "progress.json": b'{"exercises": {}, "predictions": {}}',
        "redirected.txt": Report("Wide", {}, {}).to_json().encode("utf-16"),
        "several.txt": b"\n".join(
            Report(name, {}, {}).to_json().encode() for name in ("One", "Two")
        ),
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
    (folder / ".DS_Store").write_bytes(b"\x00")
    os.symlink("/etc/hostname", folder / "link.json")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = collect(folder, folder / "results")
    for name in (*bad, "link.json"):
        about = [note for note in done.notes if name in note]
        assert len(about) == (name not in ("redirected.txt", "several.txt")), name
        for note in about:
            assert note.endswith(".")
            assert "Traceback" not in note
            assert ". " not in note.replace(name, "")
            assert len(note) < 320
    listed = {row["student"]: row for row in rows_of(folder / "results")}
    names = {one.student for one in thirty} - {"Student 04"}
    assert set(listed) == names | {"student 04", "Zoe", "nobody", "Wide", "One", "Two"}
    assert int(listed["student 04"]["passed"]) == len(EXERCISES)  # the one that got further
    assert before == {path: path.read_bytes() for path in before}
    assert collect(folder, folder / "results").notes == done.notes  # its own results are not read


def test_table_holds_no_formulas_and_one_row_each(tmp_path: Path) -> None:
    names = ["=HYPERLINK(1)", "+1", "@x", "a\nb", 'quo"te, comma']
    for number, name in enumerate(names):
        (tmp_path / f"{number}.json").write_text(Report(name, {}, {}).to_json())
    collect(tmp_path, tmp_path / "out")
    expected = ["'=HYPERLINK(1)", "'+1", "'@x", "a b", 'quo"te, comma']
    assert sorted(row["student"] for row in rows_of(tmp_path / "out")) == sorted(expected)


def test_no_single_report_changes_the_question(tmp_path: Path, thirty: list[Report]) -> None:
    rude = {"05": {progress.GUESS: "x" * 500, "question": "Rude?", "choices": ["x" * 500, "y"]}}
    for number, one in enumerate([*thirty, Report("Eve", {}, rude)]):
        (tmp_path / f"{number}").write_text(one.to_json())
    slide = collect(tmp_path, tmp_path / "out").slides["05"]
    assert slide.sentence == "How fast is it in 05?"
    counts = {row["name"]: row["count"] for row in slide.figure.rows("choices")}
    assert list(counts) == [*CHOICES, "another answer"]
    assert counts["another answer"] == 1


def test_what_a_student_does_is_what_is_collected(tmp_path: Path) -> None:
    predict("05", "How long?", CHOICES)
    progress.prediction("05")[progress.GUESS] = "faster"
    check("01a", lambda rows, samples: [sum(c) / len(c) for c in zip(*rows, strict=True)])
    (tmp_path / "ada").write_text(report("Ada").to_json())
    done = collect(tmp_path, tmp_path / "out")
    assert f"1 in 01a {EXERCISES['01a'].title}: {SUM}" in done.summary
    assert [row["count"] for row in done.slides["05"].figure.rows("choices")] == [0, 0, 1]


def test_command_collects_or_says_why_not(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["collect", str(folder), "--to", str(tmp_path / "out")]) == 0
    assert "30 reports" in capsys.readouterr().out
    for wrong in ([str(tmp_path / "nowhere")], [str(folder), "--to", str(folder)]):
        assert main(["collect", *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / "file").write_text("")
    assert main(["collect", str(folder), "--to", str(tmp_path / "file" / "below")]) == 2


def test_reports_of_before_have_no_choices(tmp_path: Path) -> None:
    for number, guess in enumerate(("b", "b", "a")):
        one = Report(f"{number}", {}, {"05": {progress.GUESS: guess, "measured": "a"}})
        (tmp_path / f"{number}").write_text(json.dumps(one.to_dict()))
    slide = collect(tmp_path, tmp_path / "out").slides["05"]
    assert [row["name"] for row in slide.figure.rows("choices")] == ["b", "a"]
