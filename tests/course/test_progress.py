"""The record survives a restart and damage, and a folder that cannot be written."""

import json
from pathlib import Path
from typing import Any

import pytest

from ftte_lab.course import check, predict, progress


def always_zero(*_: Any) -> int:
    return 0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "mine"))
    return tmp_path / "mine"


def test_progress_survives_a_restart(folder: Path) -> None:
    check("05a", always_zero)
    predict("05", "How long?", ["1", "2"])
    progress.forget()
    assert check("05a", always_zero).text.count("Hint") == 1
    [file] = folder.iterdir()
    assert json.loads(file.read_text())["exercises"]["05a"]["attempts"] == 2


@pytest.mark.parametrize("content", ["{ half", "[]", '{"exercises": 3, "predictions": {}}', "{}"])
def test_progress_leaves_a_file_that_is_no_record_and_writes_beside_it(
    folder: Path, content: str, capsys: Any
) -> None:
    folder.mkdir()
    (folder / "05.json").write_text(content)
    check("05a", always_zero)
    assert "05.json is not a record that can be read" in capsys.readouterr().out
    progress.forget()
    check("05a", always_zero)
    assert (folder / "05.json").read_text() == content
    assert json.loads((folder / "05.ftte.json").read_text())["exercises"]["05a"]["attempts"] == 2
    assert sorted(p.name for p in folder.iterdir()) == ["05.ftte.json", "05.json"]


def test_progress_names_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "file" / "below"))
    assert check("05a", always_zero).state == "failed"
    assert "could not be written" in capsys.readouterr().out


def test_progress_of_two_kernels_adds_up(folder: Path) -> None:
    check("05a", always_zero)
    check("05a", always_zero)
    first = dict(progress._memory)
    progress.forget()  # another kernel, which has read the file
    check("05b", always_zero)
    progress.prediction("05")[progress.GUESS] = "a lot"
    progress.write("05")
    progress._memory.clear()
    progress._memory.update(first)  # the first one, which has not read it again
    check("05a", always_zero)
    progress.forget()
    kept = progress.read("05")
    assert {name: entry["attempts"] for name, entry in kept["exercises"].items()} == {
        "05a": 3,
        "05b": 1,
    }
    assert kept["predictions"]["05"][progress.GUESS] == "a lot"


def test_progress_reads_the_lessons_files_and_no_others(folder: Path) -> None:
    folder.mkdir()
    foreign = {
        "package.json": b'{"name": "not ours"}',
        "._05.json": b"\x00\x05\x16\x07",
        "14.json": b'{"exercises": {}, "predictions": {}}',
        "05.json.bak": b"{}",
    }
    for name, content in foreign.items():
        (folder / name).write_bytes(content)
    assert progress.lessons() == []
    check("05a", always_zero)
    assert progress.lessons() == ["05"]
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "05.json"} == foreign


def test_progress_without_a_readable_folder_is_kept_in_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    folder.mkdir()
    (folder / "05.json").write_text("<<<<<<< HEAD\n{}\n")

    def refused(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    monkeypatch.setattr(progress, "write_atomic", refused)
    for attempt in (1, 2):
        assert check("05a", always_zero).state == "failed"
        assert progress.read("05")["exercises"]["05a"]["attempts"] == attempt
    assert "could not be written" in capsys.readouterr().out
