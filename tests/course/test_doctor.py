"""`doctor` finds everything here, and names what is missing."""

import importlib
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
