"""The record of one student in one lesson: attempts, passed exercises, predictions.

In a live notebook it lives in `progress/`, a small JSON file per lesson, so that it survives a
restart. Two kernels that write the same lesson add to each other's record. In a batch run it lives
in memory, so that a CI job leaves no files.

No file is ever renamed or deleted. A file that is not a record (cut off, or of somebody else) stays
as it is, and the record is kept beside it, as `05.ftte.json`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ftte_lab._common import brief, changing, read_json, say, write_atomic, write_json
from ftte_lab.lab import is_live

VARIABLE = "FTTE_PROGRESS"
"""Environment variable with the folder of the record; "off" keeps it in memory."""

GUESS = "said"
"""The key of a student's prediction in files and reports. Old files have it: do not rename it."""

FOUND = ("code", "words")
"""Keys of what a student handed in for a question: a share code, and sentences."""

_memory: dict[str, dict[str, Any]] = {}
_named: set[Path] = set()


LESSONS = tuple(f"{number:02}" for number in range(14))
"""The lessons that have a record; files of other names are never read."""

_SUFFIXES = (".json", ".ftte.json")


def folder() -> Path | None:
    """Return where the record is kept: the folder of `FTTE_PROGRESS`, else `progress/` if live."""
    given = os.environ.get(VARIABLE)
    if given:
        return None if given == "off" else Path(os.path.expanduser(given))
    return Path("progress") if is_live() else None


def read(lesson: str) -> dict[str, Any]:
    """Return one lesson's record; it starts empty if there is no file that can be read."""
    if lesson not in _memory:
        home = folder()
        stored = None if home is None else _stored(home, lesson)[1]
        _memory[lesson] = stored or {"exercises": {}, "predictions": {}}
    return _memory[lesson]


def write(lesson: str) -> None:
    """Write one lesson's record, atomically; print a sentence if the folder cannot be written."""
    home = folder()
    if home is None:
        return
    own = read(lesson)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with changing(home / lesson):
            path, stored = _stored(home, lesson)
            if stored is not None:
                _add(own, stored)
            if path is None:
                raise OSError(f"other files have the names {lesson}.json and {lesson}.ftte.json")
            write_atomic(path, write_json(own, indent=1).encode())
    except OSError as error:
        say(
            f"Your progress could not be written to {str(home)!r} ({brief(error)}); "
            f"set {VARIABLE} to a folder that you can write."
        )


def lessons() -> list[str]:
    """Return all lessons that have a record."""
    home = folder()
    kept = [] if home is None else [n for n in LESSONS if _stored(home, n)[1] is not None]
    return sorted({*kept, *_memory})


def forget() -> None:
    """Drop the record in memory; files stay."""
    _memory.clear()
    _named.clear()


def prediction(name: str) -> dict[str, Any]:
    """Return the entry of one prediction; a new one is empty."""
    entries = read(name[:2])["predictions"]
    entry: dict[str, Any] = entries.setdefault(name, {GUESS: None, "measured": None})
    return entry


def exercises_of(content: Any) -> dict[str, dict[str, Any]]:
    """Return the exercises of a record or report, checked.

    Raises:
        ValueError: not a mapping of names to attempts and whether it was passed.
    """
    return _checked(content, "exercises", _is_exercise)


def predictions_of(content: Any) -> dict[str, dict[str, Any]]:
    """Return the predictions of a record or report, checked.

    Raises:
        ValueError: not a mapping of names to texts.
    """
    return _checked(content, "predictions", _is_prediction)


def _checked(content: Any, key: str, ok: Callable[[Any], bool]) -> dict[str, dict[str, Any]]:
    entries = content.get(key)
    if not isinstance(entries, dict) or not all(ok(entry) for entry in entries.values()):
        raise ValueError(f"its {key} are of another form")
    return {name: dict(entry) for name, entry in entries.items()}


def _is_exercise(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    attempts = entry.get("attempts")
    counted = isinstance(attempts, int) and not isinstance(attempts, bool) and attempts >= 0
    solutions = entry.get("solutions", 0)
    asked = isinstance(solutions, int) and not isinstance(solutions, bool) and solutions >= 0
    texts = _are_texts([entry[key] for key in FOUND if key in entry])
    listed = _are_texts(entry.get("mistakes", []))
    return counted and asked and texts and listed and isinstance(entry.get("passed"), bool)


def _is_prediction(entry: Any) -> bool:
    if not isinstance(entry, dict) or not _are_texts(entry.get("choices", [])):
        return False
    plain = str | int | float | None
    return all(isinstance(value, plain) for key, value in entry.items() if key != "choices")


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _stored(home: Path, lesson: str) -> tuple[Path | None, dict[str, Any] | None]:
    """Return the file of a lesson and the record in it.

    Returns:
        The first file that is a record or does not exist yet, and its record, `None` if it does not
        exist. Twice `None` if both names are taken by something else.
    """
    for suffix in _SUFFIXES:
        path = home / f"{lesson}{suffix}"
        try:
            return path, _load(path)
        except FileNotFoundError:
            return path, None
        except (OSError, ValueError) as error:
            _warn(path, error)
    return None, None


def _load(path: Path) -> dict[str, Any]:
    """Read a record.

    Raises:
        OSError: the file is not there, or may not be read.
        ValueError: it is no record.
    """
    content = read_json(path.read_bytes(), "the file", "a record of the kit")
    return content | {
        "exercises": exercises_of(content),
        "predictions": predictions_of(content),
    }


def _warn(path: Path, error: Exception) -> None:
    """Say once that a file is no record."""
    if path not in _named:
        _named.add(path)
        say(
            f"{path} is not a record that can be read ({brief(error)}); it stays as it is, and "
            f"this lesson's record is kept beside it. Set {VARIABLE} to a folder of your own."
        )


def _add(own: dict[str, Any], stored: dict[str, Any]) -> None:
    """Add what another kernel has recorded meanwhile; nothing that was achieved is lost."""
    for name, entry in stored["exercises"].items():
        mine = own["exercises"].setdefault(name, entry)
        mine["attempts"] = max(mine["attempts"], entry["attempts"])
        mine["passed"] = mine["passed"] or entry["passed"]
        if mistakes := [*mine.get("mistakes", []), *entry.get("mistakes", [])]:
            mine["mistakes"] = list(dict.fromkeys(mistakes))
        if solutions := max(mine.get("solutions", 0), entry.get("solutions", 0)):
            mine["solutions"] = solutions
        for key in FOUND:
            if key in entry:
                mine.setdefault(key, entry[key])
    for name, entry in stored["predictions"].items():
        mine = own["predictions"].setdefault(name, entry)
        for key, value in entry.items():
            if mine.get(key) is None:
                mine[key] = value
    for key, value in stored.items():
        own.setdefault(key, value)
