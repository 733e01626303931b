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
def test_progress_keeps_an_unreadable_file_under_another_name(
    folder: Path, content: str, capsys: Any
) -> None:
    folder.mkdir()
    (folder / "05.json").write_text(content)
    check("05a", always_zero)
    assert "could not be read; it is kept as 05.unreadable" in capsys.readouterr().out
    assert (folder / "05.unreadable").read_text() == content


def test_progress_names_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "file" / "below"))
    assert check("05a", always_zero).state == "failed"
    assert "could not be written" in capsys.readouterr().out
