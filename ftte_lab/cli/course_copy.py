"""Copy the course into a student's folder, and never over a student's work.

A small record in the folder keeps the check sum of each file as it was copied. So a file that a
student has changed is recognised: it stays as it is, and a newer edition is put beside it.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ftte_lab._common import is_file, read_json, require, write_atomic, write_json, writing_to
from ftte_lab.cli.course_list import FIRST_PAGE, STUDENT, TEACHER, course_files

RECORD = ".ftte-course.json"
"""The file with the check sums, in the folder of the course."""

_FORMAT = "ftte_lab course 1"


@dataclass
class Copied:
    """What a copy did, as file names.

    Attributes:
        added: files that were not there.
        updated: files that nobody had changed, and that are now of this edition.
        beside: newer editions of changed files, under a name of their own.
        waiting: files of which this edition has a newer one, because no update was asked for.
    """

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


def course_source() -> Path:
    """Return the folder with the course: in the installed kit, or the checkout it runs from.

    Raises:
        ValueError: neither is there.
    """
    installed = Path(__file__).parent / "pages"
    checkout = Path(__file__).parents[2]
    for folder in (installed, checkout):
        if is_file(folder / FIRST_PAGE):
            return folder
    raise ValueError(
        "this installation has no notebooks; allowed: the kit from its wheel, or a checkout. "
        "Install it again."
    )


def copy_course(folder: Path, *, teacher: bool = False, update: bool = False) -> Copied:
    """Copy the course; what a student has written stays as it is.

    Args:
        folder: where to; it is made if it does not exist. The checkout itself is left alone.
        teacher: also plans, answers and slides.
        update: take newer editions. One of a file that was changed is put beside it.

    Raises:
        ValueError: the folder cannot be written, or is a file.
    """
    source, done = course_source(), Copied()
    taken = not folder.exists() or folder.is_dir()
    require(taken, f"{str(folder)!r} is a file", "a folder, or a name that is free")
    if folder.resolve() == source.resolve():
        return done
    with writing_to(folder, "Choose another folder"):
        folder.mkdir(parents=True, exist_ok=True)
        record = _read_record(folder)
        before = dict(record)
        for name in course_files(source, STUDENT + (TEACHER if teacher else ())):
            _place(folder, name, (source / name).read_bytes(), record, done, update=update)
        if record != before:
            content = {"format": _FORMAT, "files": dict(sorted(record.items()))}
            write_atomic(folder / RECORD, write_json(content, indent=1).encode())
    return done


def _place(
    folder: Path, name: str, new: bytes, record: dict[str, str], done: Copied, *, update: bool
) -> None:
    """Put one file into the folder, or leave it, and note which."""
    path, coming = folder / name, _sum(new)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, new)
        done.added.append(name)
    elif (found := _sum(path.read_bytes())) != coming:
        if record.get(name) == coming:
            return  # changed by the student, and nothing is newer
        if not update:
            done.waiting.append(name)
            return
        if found == record.get(name):
            write_atomic(path, new)
            done.updated.append(name)
        else:
            done.beside.append(_beside(folder, name, new))
    record[name] = coming


def _beside(folder: Path, name: str, new: bytes) -> str:
    """Write a newer edition beside a changed file, under a name that is free; return it."""
    page = PurePosixPath(name)
    for count in itertools.count(1):
        other = page.with_name(f"{page.stem}.new{count if count > 1 else ''}{page.suffix}")
        path = folder / other
        if not path.exists():
            write_atomic(path, new)
        elif path.read_bytes() != new:
            continue
        return other.as_posix()
    raise AssertionError("counting ends nowhere")


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_record(folder: Path) -> dict[str, str]:
    """Return the check sums; without a record that can be read, all files count as changed."""
    try:
        content = read_json((folder / RECORD).read_bytes(), "the record", "what start wrote")
    except (OSError, ValueError):
        return {}
    files = content.get("files")
    if content.get("format") != _FORMAT or not isinstance(files, dict):
        return {}
    return {str(name): text for name, text in files.items() if isinstance(text, str)}
