"""A class's capstones: judged on seeds of a secret, ranked, and nobody stops the rest."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from ftte_lab.cli import main
from ftte_lab.course import LIMITS, judge_folder, seeds_of
from ftte_lab.course.capstone import Judgement, Line
from ftte_lab.lab import Settings

SECRET = "twelve grey cats"  # noqa: S105  # of this test
JUDGED = "ftte_lab.course.judging.judge"


def judged(settings: Settings, seeds: tuple[int, ...]) -> Judgement:
    """Judge without training: the smaller the budget, the higher the gain."""
    budget_kib = float(settings.scenario.budget_kib or 0.0)
    gain = 2.0 - budget_kib / 190.0
    values = {"memory": budget_kib, "bytes": 40.0, "accuracy": gain}
    lines = {name: Line(v, 0.0, gain - 0.9, "points") for name, v in values.items()}
    assert seeds == seeds_of(SECRET)
    return Judgement({**lines, "slowest": Line(0.1, 0.0, 0.1, "points")}, [])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(JUDGED, judged)
    place = tmp_path / "codes"
    place.mkdir()
    for student, budget_kib in (("Ada", 190.0), ("Bob", 170.0), ("Cem", 250.0)):
        code = LIMITS.start(budget_kib=budget_kib).code()
        (place / f"{student}.txt").write_text(f"my code: {code}\nthree sentences\n")
    return place


def test_codes_are_ranked_and_bad_ones_named(folder: Path) -> None:
    bad = {
        "other fleet": LIMITS.start(clients=50).code(),
        "no code": "I forgot it",
        "two": f"{LIMITS.start().code()} {LIMITS.start(budget_kib=180.0).code()}",
        "mistyped": LIMITS.start().code()[:-4],
        "empty": "",
    }
    for student, text in bad.items():
        (folder / f"{student}.md").write_text(text)
    named: list[str] = []
    done = judge_folder(folder, SECRET, progress=named.append)
    assert [student for student, _ in done.results] == ["Bob", "Ada", "Cem"]
    assert sorted(named) == ["Ada", "Bob", "Cem"]
    assert len(done.notes) == len(bad)
    for student in bad:
        [note] = [note for note in done.notes if student in note.split(" is left out")[0]]
        assert note.endswith(".")
    rows = list(csv.DictReader(io.StringIO(done.table())))
    assert [(row["rank"], row["meets"]) for row in rows] == [
        ("1", "yes"),
        ("2", "yes"),
        ("3", "no"),
    ]


def test_secret_makes_seeds_that_are_not_the_open_ones() -> None:
    assert seeds_of(SECRET) == seeds_of(SECRET)
    assert len(set(seeds_of(SECRET)) | set(seeds_of("twelve grey cat"))) == 6
    assert not set(seeds_of(SECRET)) & {*LIMITS.open_seeds, *LIMITS.check_seeds}
    with pytest.raises(ValueError, match="8 or more"):
        seeds_of("short")


def test_seeds_of_a_secret_can_be_run() -> None:
    for seed in seeds_of(SECRET):
        LIMITS.start("ci", seed=seed)


def test_command_judges_or_says_why_not(folder: Path, tmp_path: Path, capsys: Any) -> None:
    to = ["--to", str(tmp_path / "judged.csv")]
    assert main(["judge", str(folder), "--secret", SECRET, *to]) == 0
    assert "Bob" in (tmp_path / "judged.csv").read_text("utf-8-sig").splitlines()[1]
    capsys.readouterr()
    for wrong in ([str(folder), "--secret", "short"], [str(tmp_path / "no"), "--secret", SECRET]):
        assert main(["judge", *wrong, *to]) == 2
        assert capsys.readouterr().err.count("\n") == 1
