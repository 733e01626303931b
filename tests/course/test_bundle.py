"""What students get: everything that works, and nothing that gives an answer away."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import nbformat
import pytest

from ftte_lab.cli import main
from ftte_lab.cli.quiz_file import read_quiz
from ftte_lab.course import LESSONS
from notebooks._build import course

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    assert main(["bundle", str(folder / "class.zip")]) == 0
    with zipfile.ZipFile(folder / "class.zip") as bundle:
        bundle.extractall(folder)
    [top] = [path for path in folder.iterdir() if path.is_dir()]
    return top


def texts(place: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(place.rglob("*")):
        if path.suffix in (".md", ".py", ".ipynb", ".toml"):
            yield path.relative_to(place).as_posix(), path.read_text(encoding="utf-8")


def test_bundle_has_every_notebook_and_nothing_for_teachers(place: Path) -> None:
    paths = [path.relative_to(place).as_posix() for path in place.rglob("*")]
    assert {path[10:12] for path in paths if path.endswith(".ipynb")} >= set(LESSONS)
    kept_back = ("INSTRUCTORS", "teaching", "_build", "solutions", "tests", "__pycache__")
    assert [path for path in paths if any(part in path for part in kept_back)] == []


def test_bundle_holds_no_solution_and_no_quiz(place: Path) -> None:
    answers = [
        re.findall(r"### BEGIN SOLUTION\n(.*?)### END", path.read_text(), re.S)[0].strip()
        for path in course.SOLUTIONS.glob("*.py")
    ]
    quiz = read_quiz(ROOT)
    questions = [one.stem for form in quiz.values() for one in form]
    assert len(answers) > 15
    assert len(questions) == 40
    for name, text in texts(place):
        assert not [one for one in questions if one in text], name
        if name.startswith("ftte_lab/"):  # it checks answers without a network
            continue
        if name.endswith(".ipynb"):
            cells = nbformat.reads(text, as_version=4).cells
            text = "\n\n".join(cell.source for cell in cells)
        assert not [one for one in answers if one in text], name


def test_bundle_links_lead_to_its_own_files(place: Path) -> None:
    for name, text in texts(place):
        if not name.endswith((".md", ".ipynb")):
            continue
        for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", re.sub(r"`[^`]*`", "", text)):
            if ":" not in target and "\\" not in target:
                there = place / PurePosixPath(name).parent / target
                assert there.exists(), f"{name} links to {target}"


def test_bundle_runs_by_itself(place: Path) -> None:
    code = "import ftte_lab; from ftte_lab.course import lesson; print(ftte_lab.__file__)"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.'); {code}"],
        cwd=place,
        check=True,
        capture_output=True,
        text=True,
    )
    assert Path(done.stdout.strip()).is_relative_to(place)
