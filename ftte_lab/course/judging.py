"""Judge the capstone of a class: codes in a folder, on seeds that a secret makes."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ftte_lab._common import require
from ftte_lab.course.capstone import Judgement, changed_fields, judge
from ftte_lab.course.gather import files, left_out, text_of
from ftte_lab.lab import Settings

_CODE = re.compile(r"ftte\d-[\w-]+")
_SEEDS = 3
_SHORTEST = 8  # characters of a secret
_LARGEST_SEED = 2**31


@dataclass(frozen=True)
class Judged:
    """The submissions of a class, the best first.

    Attributes:
        results: student and judgement.
        notes: one sentence for each file that was not judged.
    """

    results: tuple[tuple[str, Judgement], ...]
    notes: tuple[str, ...]

    def table(self) -> str:
        """Return a ranking as CSV, with what was reached and the margin of each line."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        lines = ("memory", "bytes", "accuracy", "slowest")
        head = [f"{name} {what}" for name in lines for what in ("value", "margin")]
        rows.writerow(["rank", "student", "meets", *head])
        for rank, (student, one) in enumerate(self.results, 1):
            cells = [f"{x:.2f}" for name in lines for x in _reached(one, name)]
            rows.writerow([rank, student, "yes" if one.meets else "no", *cells])
        return text.getvalue()

    def __str__(self) -> str:
        lines = [
            f"{rank:3}  {'meets' if one.meets else 'fails'}  {student}: "
            f"accuracy {one.lines['accuracy'].value:+.1f} points"
            for rank, (student, one) in enumerate(self.results, 1)
        ]
        return "\n".join([*lines, *self.notes])


def _reached(one: Judgement, name: str) -> tuple[float, float]:
    return one.lines[name].value, one.lines[name].margin


def seeds_of(secret: str) -> tuple[int, ...]:
    """Return the seeds that a secret makes: always the same ones, and nobody can guess them.

    Raises:
        ValueError: a secret of fewer than eight characters.

    Example:
        >>> seeds_of("a sentence of ours") == seeds_of("a sentence of ours")
        True
        >>> len(set(seeds_of("a sentence of ours")))
        3
    """
    long = len(secret) >= _SHORTEST
    require(long, f"a secret of {len(secret)} characters", f"{_SHORTEST} or more")
    digests = (hashlib.sha256(f"{k} {secret}".encode()).digest() for k in range(_SEEDS))
    return tuple(int.from_bytes(digest[:8], "big") % _LARGEST_SEED for digest in digests)


def judge_folder(
    folder: str | Path, secret: str, *, progress: Callable[[str], None] | None = None
) -> Judged:
    """Judge every code of a folder; a file that has none is named, and stops nobody.

    Args:
        folder: with one file per student, called as the student, with the code somewhere in it.
        secret: of the class; it makes the seeds.
        progress: called with each student's name before half a minute of training.

    Raises:
        ValueError: the folder does not exist, or the secret is too short.
    """
    seeds, notes = seeds_of(secret), list[str]()
    results: list[tuple[str, Judgement]] = []
    for path in files(Path(folder), notes):
        student = path.relative_to(folder).with_suffix("").as_posix()
        try:
            settings = _settings(text_of(path))
            if progress is not None:
                progress(student)
            results.append((student, judge(settings, seeds)))
        except (OSError, ValueError) as error:
            notes.append(left_out(student, error))
    results.sort(key=lambda one: (not one[1].meets, -one[1].lines["accuracy"].value, one[0]))
    return Judged(tuple(results), tuple(notes))


def _settings(text: str) -> Settings:
    codes = list(dict.fromkeys(_CODE.findall(text)))
    if len(codes) != 1:
        raise ValueError(
            f"it holds {len(codes)} codes, and one counts" if codes else "no code in it"
        )
    settings = Settings.restore(codes[0])
    if foreign := changed_fields(settings):
        raise ValueError(f"another fleet than the brief's: {', '.join(foreign)}")
    return settings
