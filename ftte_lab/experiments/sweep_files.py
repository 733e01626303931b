"""The files of a sweep: one per run, under the digest of its scenario."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from ftte_lab._common import brief, read_json, require, write_atomic, write_json, writing_to
from ftte_lab.simulation import History, Scenario

FAILED = "failed"
"""The ending of a file that says why a run failed."""

_BEGINS = b'{"format": "ftte_lab history'


def path_of(home: Path, scenario: Scenario, kind: str = "json") -> Path:
    """Return the file of a run, or with `FAILED` of its failure."""
    return home / f"{scenario.digest()}.{kind}"


def writing(home: Path) -> AbstractContextManager[None]:
    """Answer any `OSError` of a block that writes into the folder, in one sentence."""
    return writing_to(home, "What is kept stays: choose another folder, or start again")


def keep_result(home: Path, scenario: Scenario, text: str) -> None:
    """Write the text of a history.

    Raises:
        ValueError: the folder cannot be written, or is full.
    """
    _write(path_of(home, scenario), text)


def keep_failure(home: Path, scenario: Scenario, error: str, trace: str) -> None:
    """Write why a run failed.

    Raises:
        ValueError: the folder cannot be written, or is full.
    """
    _write(path_of(home, scenario, FAILED), write_json({"error": error, "traceback": trace}))


def _write(path: Path, text: str) -> None:
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)  # somebody may have cleared up meanwhile
        write_atomic(path, text.encode())


def result(home: Path, scenario: Scenario) -> History | None:
    """Return a kept result; `None` if there is none, or one that is cut off.

    Raises:
        ValueError: a file that may not be read, or one that is whole and something else: such a
            file is never replaced.
    """
    path = path_of(home, scenario)
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ValueError(
            f"{str(path)!r} cannot be read ({brief(error)}); allowed: results that you may read. "
            "Choose another folder."
        ) from error
    if _is_cut_off(text):
        return None
    history = History.load(path)
    require(_is_of(history, scenario), f"{str(path)!r} holds another run", "the run of its name")
    return history


def _is_cut_off(text: bytes) -> bool:
    """Report whether a file is the beginning of a history, or nothing but zeros."""
    if not text.strip(b"\0"):
        return True
    if not text.startswith(_BEGINS):
        return _BEGINS.startswith(text)
    try:
        read_json(text, "the result", "a history", not_finite=True)
    except ValueError:
        return True
    return False


def _is_of(history: History, scenario: Scenario) -> bool:
    try:
        return Scenario.from_dict(history.scenario).digest() == scenario.digest()
    except ValueError:
        return False


def failure(home: Path, scenario: Scenario) -> dict[str, str] | None:
    """Return the error and the traceback of a run that failed; `None` if it did not."""
    try:
        text = path_of(home, scenario, FAILED).read_bytes()
        content = read_json(text, "the failure", "what a sweep writes")
        return {key: str(content[key]) for key in ("error", "traceback")}
    except (OSError, ValueError, KeyError):
        return None
