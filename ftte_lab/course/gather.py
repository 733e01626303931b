"""Read a folder of students' reports: what cannot be read is named, and never stops the rest."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from ftte_lab._common import brief, require, shown
from ftte_lab._common import size as size_text
from ftte_lab.course.exercises import EXERCISES
from ftte_lab.course.report import Report

_LARGEST = 2 * 2**20  # bytes of a file; a report has a few thousand
_MOST = 2_000  # files
_LINE = re.compile(r'^\s*(\{"format".*\})\s*$', re.M)


@dataclass(frozen=True)
class Gathered:
    """The reports of a class, one per student.

    Attributes:
        reports: by student, sorted by name.
        files: which file each report is from, by student.
        notes: one sentence for each file that was left out, or read differently than it says.
    """

    reports: dict[str, Report]
    files: dict[str, str]
    notes: tuple[str, ...]


def gather(folder: Path, leave_out: Path | None = None) -> Gathered:
    """Read all reports below a folder, whatever their files are called.

    A file holds one report (the line of `report("name").to_json()`), or several, a line each.
    Hidden files are not read, and no links are followed.

    Args:
        folder: with the files, in it or in folders of it.
        leave_out: a folder in it that is not read.

    Raises:
        ValueError: the folder does not exist.
    """
    found: list[tuple[str, Report]] = []
    notes: list[str] = []
    for path in files(folder, notes, leave_out):
        name = path.relative_to(folder).as_posix()
        try:
            texts = _texts(path)
        except (OSError, ValueError) as error:
            notes.append(left_out(name, error))
            continue
        for number, text in enumerate(texts, 1):
            place = name if len(texts) == 1 else f"{name}, report {number}"
            try:
                found.append((place, _named(Report.from_json(text), place, notes)))
            except ValueError as error:
                notes.append(left_out(place, error))
    return _one_each(found, notes)


def files(folder: Path, notes: list[str], leave_out: Path | None = None) -> list[Path]:
    """Return what students handed in, in the order of the names; note if it is too much.

    Raises:
        ValueError: the folder does not exist.
    """
    there = folder.is_dir()
    require(there, f"folder {str(folder)!r} does not exist", "an existing folder")
    found = list(islice(_walk(folder, leave_out), _MOST + 1))
    if len(found) > _MOST:
        notes.append(f"There are more than {_MOST:,} files: only the first {_MOST:,} are read.")
    return found[:_MOST]


def _walk(folder: Path, leave_out: Path | None) -> Iterator[Path]:
    skipped = None if leave_out is None else leave_out.resolve()
    for here, folders, names in os.walk(folder):
        place = Path(here)
        wanted = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        folders[:] = [name for name in wanted if (place / name).resolve() != skipped]
        yield from (place / name for name in sorted(names) if not name.startswith("."))


def _texts(path: Path) -> list[str]:
    """Return the reports in a file as texts; the complete file if no line looks like one."""
    text = text_of(path)
    if '"exercises"' in text and '"format"' not in text:
        raise ValueError("it holds the progress of one lesson: ask for `report(...).to_json()`")
    return _LINE.findall(text) or [text.strip()]


def text_of(path: Path) -> str:
    """Return the text of a file that somebody else wrote.

    Raises:
        OSError: it cannot be read.
        ValueError: no plain file, too large, empty, or no text.
    """
    if path.is_symlink() or not path.is_file():
        raise ValueError("it is no plain file")
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it is larger than {size_text(_LARGEST)}, and a report is a short line")
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))  # redirected output on Windows
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeError:
        raise ValueError("it is no text") from None
    if not text.strip():
        raise ValueError("it is empty")
    return text


def _named(report: Report, place: str, notes: list[str]) -> Report:
    """Return a report with a name that can be listed, and only the exercises of this course."""
    name = " ".join(unicodedata.normalize("NFC", report.student).split())
    if not name:
        name = re.sub(r"\.[^./]*(?=,|$)", "", place)
        notes.append(f"{shown(place)} has no name in it: it is listed as {shown(name)}.")
    foreign = [one for one in report.exercises if one not in EXERCISES]
    if foreign:
        listed = ", ".join(shown(one) for one in foreign[:3])
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        notes.append(f"{shown(place)} has exercises that are not counted: {listed}{more}.")
    own = {key: value for key, value in report.exercises.items() if key in EXERCISES}
    return replace(report, student=name, exercises=own)


def _one_each(found: list[tuple[str, Report]], notes: list[str]) -> Gathered:
    """Keep one report per student: the one that got further."""
    kept: dict[str, tuple[str, Report]] = {}
    for place, report in found:
        key = report.student.casefold()
        if key not in kept:
            kept[key] = (place, report)
            continue
        first, other = kept[key]
        if other.to_dict() == report.to_dict():
            notes.append(f"{shown(place)} is a copy of {shown(first)}: it is counted once.")
            continue
        better = place if _far(report) > _far(other) else first
        if better == place:
            kept[key] = (place, report)
        pair = f"{shown(first)} and {shown(place)}"
        notes.append(f"{pair} have the name {shown(report.student)}: {shown(better)} is counted.")
    listed = sorted(kept.items())
    return Gathered(
        {report.student: report for _, (_, report) in listed},
        {report.student: place for _, (place, report) in listed},
        tuple(notes),
    )


def _far(report: Report) -> tuple[int, int, int]:
    attempts = sum(entry["attempts"] for entry in report.exercises.values())
    return report.passed, attempts, len(report.predictions)


def left_out(place: str, error: Exception) -> str:
    """Say in one sentence why a file is left out."""
    why = brief(error).split("; allowed:")[0]
    return f"{shown(place)} is left out: {why}."
