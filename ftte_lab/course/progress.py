"""What one student did in one lesson: attempts, what passed, what was predicted.

In a live notebook it lives in `progress/`, a small JSON file per lesson, so that it survives a restart and no two
kernels write the same file. In a batch run it lives in memory: a class's CI leaves no traces.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ftte_lab._common import write_atomic
from ftte_lab.lab import is_live

VARIABLE = "FTTE_PROGRESS"
_memory: dict[str, dict[str, Any]] = {}


def folder() -> Path | None:
    """Where progress is kept: the folder named by `FTTE_PROGRESS` ("off": nowhere), else `progress/` if live."""
    given = os.environ.get(VARIABLE)
    if given:
        return None if given == "off" else Path(given)
    return Path("progress") if is_live() else None


def read(lesson: str) -> dict[str, Any]:
    """One lesson's record; an unreadable file is set aside under another name, and the lesson begins anew."""
    if lesson in _memory:
        return _memory[lesson]
    home, content = folder(), None
    if home is not None and (path := home / f"{lesson}.json").exists():
        try:
            content = json.loads(path.read_text())
            assert isinstance(content["exercises"], dict)  # noqa: S101
            assert isinstance(content["predictions"], dict)  # noqa: S101
        except (OSError, ValueError, KeyError, TypeError, AssertionError):
            aside = path.with_suffix(".unreadable")
            path.replace(aside)
            print(
                f"{path} could not be read; it is kept as {aside.name}, and this lesson's record begins anew."
            )
            content = None
    _memory[lesson] = content or {"exercises": {}, "predictions": {}}
    return _memory[lesson]


def write(lesson: str) -> None:
    """Keep one lesson's record, whole or not at all; a folder that cannot be written is said once per call."""
    home = folder()
    if home is None:
        return
    try:
        home.mkdir(parents=True, exist_ok=True)
        write_atomic(home / f"{lesson}.json", json.dumps(read(lesson), indent=1).encode())
    except OSError as error:
        print(
            f"Your progress could not be kept in {str(home)!r} ({error}); set {VARIABLE} to a folder of yours."
        )


def lessons() -> list[str]:
    """All lessons of which there is a record."""
    home = folder()
    kept = (
        {path.stem for path in home.glob("*.json")} if home is not None and home.is_dir() else set()
    )
    return sorted(kept | set(_memory))


def forget() -> None:
    """Drop what is in memory; files stay."""
    _memory.clear()
