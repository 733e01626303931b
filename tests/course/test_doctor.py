"""`doctor` finds everything here, and names what is missing."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from ftte_lab.course import doctor


def test_doctor_finds_everything_here(capsys: Any) -> None:
    assert doctor()
    assert "no network is needed" in capsys.readouterr().out


def test_doctor_names_a_missing_package(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    module: Any = importlib.import_module("ftte_lab.course.doctor")
    monkeypatch.setattr(module, "_NEEDED", ("torch", "no-such-package"))
    assert not doctor()
    out = capsys.readouterr().out
    assert "✘ not installed: no-such-package. Run `make lab`" in out
    assert "Fix what is marked ✘" in out


def test_doctor_names_the_command_where_no_makefile_is(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    """As in an installed wheel."""
    module: Any = importlib.import_module("ftte_lab.course.doctor")
    monkeypatch.setattr(module, "_NEEDED", ("no-such-package",))
    monkeypatch.setattr(module, "__file__", str(tmp_path / "ftte_lab" / "course" / "doctor.py"))
    assert not doctor()
    out = capsys.readouterr().out
    assert "Run `pip install 'ftte_lab[lab]'`, then `ftte-lab start`" in out
    assert "make" not in out
