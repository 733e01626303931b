"""The record of one student in one lesson: attempts, passed exercises, predictions.

In a live notebook it lives in `progress/`, a small JSON file per lesson, so that it survives a
restart and no two kernels write the same file. In a batch run it lives in memory, so that a CI job
leaves no files.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ftte_lab._common import write_atomic
from ftte_lab.lab import is_live

VARIABLE = "FTTE_PROGRESS"
"""Environment variable with the folder of the record; "off" keeps it in memory."""

GUESS = "said"
"""The key of a student's prediction in files and reports. Old files have it: do not rename it."""

_memory: dict[str, dict[str, Any]] = {}


def folder() -> Path | None:
    """Return where the record is kept: the folder of `FTTE_PROGRESS`, else `progress/` if live."""
    given = os.environ.get(VARIABLE)
    if given:
        return None if given == "off" else Path(given)
    return Path("progress") if is_live() else None


def read(lesson: str) -> dict[str, Any]:
    """Return one lesson's record; an unreadable file is renamed, and the record starts empty."""
    if lesson not in _memory:
        home = folder()
        path = home / f"{lesson}.json" if home is not None else None
        stored = _load(path) if path is not None and path.exists() else None
        _memory[lesson] = stored or {"exercises": {}, "predictions": {}}
    return _memory[lesson]


def write(lesson: str) -> None:
    """Write one lesson's record, atomically; print a sentence if the folder cannot be written."""
    home = folder()
    if home is None:
        return
    try:
        home.mkdir(parents=True, exist_ok=True)
        write_atomic(home / f"{lesson}.json", json.dumps(read(lesson), indent=1).encode())
    except OSError as error:
        print(
            f"Your progress could not be written to {str(home)!r} ({error}); "
            f"set {VARIABLE} to a folder that you can write."
        )


def lessons() -> list[str]:
    """Return all lessons that have a record."""
    home = folder()
    files = home.glob("*.json") if home is not None and home.is_dir() else ()
    return sorted({path.stem for path in files} | set(_memory))


def forget() -> None:
    """Drop the record in memory; files stay."""
    _memory.clear()


def prediction(name: str) -> dict[str, Any]:
    """Return the entry of one prediction; a new one is empty."""
    entries = read(name[:2])["predictions"]
    entry: dict[str, Any] = entries.setdefault(name, {GUESS: None, "measured": None})
    return entry


def _load(path: Path) -> dict[str, Any] | None:
    """Read a record; rename a file that is not one, print a sentence and return `None`."""
    try:
        content = json.loads(path.read_text())
        if isinstance(content["exercises"], dict) and isinstance(content["predictions"], dict):
            return dict(content)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    aside = path.with_suffix(".unreadable")
    path.replace(aside)
    print(
        f"{path} could not be read; it is kept as {aside.name}, "
        "and this lesson's record starts empty."
    )
    return None
