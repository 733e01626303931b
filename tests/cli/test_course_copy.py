"""The course in a folder: complete, never over a student's work, updated on request."""

import json
import re
import shutil
from pathlib import Path

import pytest

from ftte_lab.cli import course_copy as module
from ftte_lab.cli.course_copy import RECORD, copy_course, course_source
from ftte_lab.cli.course_list import FIRST_PAGE, STUDENT, TEACHER, course_files

ROOT = Path(__file__).parents[2]
PAGE = "notebooks/06_buffer.ipynb"


@pytest.fixture
def edition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of three files, which a test may change as a new edition does."""
    source = tmp_path / "edition"
    for name in (FIRST_PAGE, PAGE, "GLOSSARY.md"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(f"first edition of {name}", encoding="utf-8")
    monkeypatch.setattr(module, "course_source", lambda: source)
    return source


def state(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != RECORD
    }


def test_course_is_complete_and_its_links_resolve(tmp_path: Path) -> None:
    folder = tmp_path / "Kurs für alle"
    done = copy_course(folder)
    assert sorted(done.added) == course_files(ROOT, STUDENT)
    assert len([name for name in done.added if name.endswith(".ipynb")]) >= 12
    assert not [name for name in state(folder) if "_build" in name or "answers" in name]
    for name in done.added:
        text = (folder / name).read_text(encoding="utf-8") if not name.endswith(".png") else ""
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
            place = target.partition("#")[0]
            if place and not re.match(r"[a-z]+:", place):
                assert ((folder / name).parent / place).exists(), f"{name} links to {target}"


def test_teacher_gets_answers_and_slides_besides(tmp_path: Path) -> None:
    done = copy_course(tmp_path / "t", teacher=True)
    assert sorted(done.added) == course_files(ROOT, STUDENT + TEACHER)
    assert "docs/slides/00.png" in done.added
    assert "docs/teaching/answers.md" in done.added


def test_second_copy_changes_nothing(edition: Path, tmp_path: Path) -> None:
    copy_course(tmp_path / "mine")
    before = state(tmp_path / "mine")
    assert copy_course(tmp_path / "mine") == module.Copied()
    assert copy_course(tmp_path / "mine", update=True) == module.Copied()
    assert state(tmp_path / "mine") == before == state(edition)


@pytest.mark.parametrize("update", [False, True])
def test_work_of_a_student_is_never_overwritten(
    update: bool, edition: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    copy_course(mine)
    (mine / PAGE).write_text("my answers", encoding="utf-8")
    (mine / "notebooks" / "06_buffer.new.ipynb").write_text("mine, too", encoding="utf-8")
    (edition / PAGE).write_text("second edition", encoding="utf-8")
    (edition / "GLOSSARY.md").write_text("second edition", encoding="utf-8")
    done = copy_course(mine, update=update)
    assert (mine / PAGE).read_text(encoding="utf-8") == "my answers"
    assert (mine / "notebooks" / "06_buffer.new.ipynb").read_text(encoding="utf-8") == "mine, too"
    if update:
        assert done.updated == ["GLOSSARY.md"]
        assert done.beside == ["notebooks/06_buffer.new2.ipynb"]
        assert (mine / done.beside[0]).read_text(encoding="utf-8") == "second edition"
        assert copy_course(mine, update=True) == module.Copied()  # once is enough
    else:
        assert done.waiting == ["GLOSSARY.md", PAGE]
        assert (mine / "GLOSSARY.md").read_text(encoding="utf-8").startswith("first edition")


def test_deleted_page_comes_back_as_it_was(edition: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    copy_course(mine)
    (mine / PAGE).unlink()
    assert copy_course(mine).added == [PAGE]
    assert state(mine) == state(edition)


@pytest.mark.parametrize(
    "record", [None, "", "[]", "{", '{"format": "x", "files": {}}', '{"files": 3}', "\x00" * 9]
)
def test_without_a_record_everything_counts_as_changed(
    record: str | None, edition: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    copy_course(mine)
    (mine / RECORD).unlink()
    if record is not None:
        (mine / RECORD).write_text(record, encoding="utf-8")
    (edition / PAGE).write_text("second edition", encoding="utf-8")
    before = state(mine)
    done = copy_course(mine, update=True)
    assert done.beside == ["notebooks/06_buffer.new.ipynb"]
    assert {name: state(mine)[name] for name in before} == before
    assert json.loads((mine / RECORD).read_text(encoding="utf-8"))["format"]


def test_checkout_itself_is_left_alone(tmp_path: Path, edition: Path) -> None:
    before = state(edition)
    assert copy_course(edition) == module.Copied()
    assert state(edition) == before
    assert not (edition / RECORD).exists()


def test_folder_that_is_a_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match="is a file; allowed: a folder"):
        copy_course(tmp_path / "file")
    with pytest.raises(ValueError, match="cannot be written"):
        copy_course(tmp_path / "file" / "below")


def test_full_disk_is_a_sentence(
    edition: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_atomic", full)
    with pytest.raises(ValueError, match=r"No space left.*Choose another folder"):
        copy_course(tmp_path / "mine")


def test_installed_pages_come_before_those_of_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert course_source() == ROOT
    here = tmp_path / "site-packages" / "ftte_lab" / "cli"
    monkeypatch.setattr(module, "__file__", str(here / "course_copy.py"))
    with pytest.raises(ValueError, match="no notebooks"):
        course_source()
    (here / "pages" / "notebooks").mkdir(parents=True)
    shutil.copy(ROOT / FIRST_PAGE, here / "pages" / FIRST_PAGE)
    assert course_source() == here / "pages"
