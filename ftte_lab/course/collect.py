"""Thirty reports as one table, histograms of the predictions, and the commonest mistakes."""

from __future__ import annotations

import csv
import io
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ftte_lab._common import require, write_atomic, writing_to
from ftte_lab.charts import Slide, guesses, slide
from ftte_lab.course.exercises import EXERCISES
from ftte_lab.course.gather import Gathered, gather
from ftte_lab.course.lessons import LESSONS
from ftte_lab.course.progress import FOUND, GUESS
from ftte_lab.course.report import Report

TABLE, SUMMARY, WORDS = "class.csv", "summary.txt", "words.csv"
_OTHER = "another answer"
_CHOICES = 11  # bars of a histogram, and one for other answers
_LONGEST = 2_000  # characters of a student's sentences or code
_SENTENCE = 180  # characters of a question on a slide


@dataclass(frozen=True)
class Collected:
    """What a class did.

    Attributes:
        table: CSV, a row per student.
        words: CSV, a row for each question that a student answered: share code and sentences.
        slides: a histogram of the predictions, by prediction, for the projector.
        summary: how far the class got, and its commonest mistakes, in words.
        notes: one sentence for each file that was left out, or read differently than it says.
    """

    table: str
    words: str
    slides: Mapping[str, Slide]
    summary: str
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((self.summary, *self.notes))


def collect(folder: str | Path, to: str | Path, *, measured: bool = False) -> Collected:
    """Collect the reports of a class, and write the table, the slides and the summary.

    Reports that are malformed, duplicate, too large or of somebody else are named in the notes;
    the others are collected. No file of the folder is changed.

    Args:
        folder: with the reports, in it or in folders of it; the names of the files do not matter.
        to: folder for `class.csv`, `words.csv`, `summary.txt` and one `predictions_NN.png` per
            lesson.
        measured: mark in the histograms what the students measured. Without it they can be
            projected before the class plays.

    Raises:
        ValueError: the folder does not exist, or the results cannot be written.
    """
    source, place = Path(folder), Path(to)
    same = place.exists() and place.resolve() == source.resolve()
    require(not same, "the results would lie among the reports", "another folder for the results")
    done = collected(gather(source, place), measured=measured)
    with writing_to(place, "Choose another folder"):
        place.mkdir(parents=True, exist_ok=True)
        # With its mark, for spreadsheets that would take the text for another encoding.
        write_atomic(place / TABLE, done.table.encode("utf-8-sig"))
        write_atomic(place / WORDS, done.words.encode("utf-8-sig"))
        write_atomic(place / SUMMARY, f"{done}\n".encode())
    for name, one in done.slides.items():
        one.save(place / f"predictions_{name}.png")
    return done


def collected(class_: Gathered, *, measured: bool = False) -> Collected:
    """Return the table, slides and summary of a class, without writing them."""
    names = sorted({name for one in class_.reports.values() for name in one.predictions})
    names = [name for name in names if name in LESSONS]
    slides = {name: _slide(name, class_.reports, measured) for name in names}
    return Collected(
        _table(class_, names),
        _words(class_.reports),
        {name: one for name, one in slides.items() if one is not None},
        _summary(class_.reports),
        class_.notes,
    )


def _table(class_: Gathered, predictions: list[str]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    of_exercises = [f"{name} {what}" for name in EXERCISES for what in ("passed", "attempts")]
    of_predictions = [
        f"{name} {what}" for name in predictions for what in ("prediction", "measured")
    ]
    rows.writerow(["student", "file", "passed", "of", *of_exercises, *of_predictions])
    for student, one in class_.reports.items():
        cells: list[Any] = [student, class_.files[student], one.passed, len(one.exercises)]
        for name in EXERCISES:
            entry = one.exercises.get(name, {"passed": False, "attempts": 0})
            cells += [int(entry["passed"]), entry["attempts"]]
        for name in predictions:
            entry = one.predictions.get(name, {})
            cells += [entry.get(GUESS), entry.get("measured")]
        rows.writerow([_cell(value) for value in cells])
    return text.getvalue()


def _words(reports: Mapping[str, Report]) -> str:
    """Return what students found, question by question, so that a teacher can read it."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["exercise", "student", *FOUND])
    for name in EXERCISES:
        for student, one in reports.items():
            entry = one.exercises.get(name, {})
            if entry.get("words"):
                found = [textwrap.shorten(str(entry.get(key, "")), _LONGEST) for key in FOUND]
                rows.writerow([_cell(value) for value in (name, student, *found)])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Return a value for a table; a text that a spreadsheet would compute gets a quote before it.

    Example:
        >>> _cell("=1+1"), _cell("Ada"), _cell(None), _cell(3)
        ("'=1+1", 'Ada', '', 3)
    """
    if not isinstance(value, str):
        return "" if value is None else value
    line = " ".join(value.split())
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line


def _slide(name: str, reports: Mapping[str, Report], measured: bool) -> Slide | None:
    """Return the histogram of one prediction, `None` if nobody made it.

    The question and its choices are those of most reports, so that no single one can change them.
    """
    entries = [one.predictions[name] for one in reports.values() if name in one.predictions]
    given = Counter(str(entry[GUESS]) for entry in entries if entry.get(GUESS))
    if not given:
        return None
    offered = Counter(tuple(entry["choices"]) for entry in entries if entry.get("choices"))
    choices = offered.most_common(1)[0][0] if offered else [one for one, _ in given.most_common()]
    counts = {choice: given[choice] for choice in choices[:_CHOICES]}
    if others := given.total() - sum(counts.values()):
        counts[_OTHER] = others
    asked = Counter(str(entry["question"]) for entry in entries if entry.get("question"))
    question = asked.most_common(1)[0][0] if asked else f"Prediction {name}"
    found = Counter(entry.get("measured") for entry in entries if entry.get("measured") in counts)
    right = found.most_common(1)[0][0] if measured and found else None
    question = textwrap.shorten(question, _SENTENCE, placeholder="…") or f"Prediction {name}"
    return slide(guesses(counts, measured=right), question)


def _summary(reports: Mapping[str, Report]) -> str:
    students = len(reports)
    lines = [f"{students} {'report' if students == 1 else 'reports'}"]
    for name, exercise in EXERCISES.items():
        entries = [one.exercises[name] for one in reports.values() if name in one.exercises]
        tries = [entry["attempts"] for entry in entries if entry["attempts"]]
        if not tries:
            continue
        passed = sum(entry["passed"] for entry in entries)
        text = f"{name} {exercise.title}: {passed} of {len(tries)} who tried have passed"
        asked = sum(bool(entry.get("solutions")) for entry in entries)
        shown = f", {asked} asked for the answer" if asked else ""
        lines.append(f"{text}; {median(tries):g} attempts in the median{shown}")
    made = Counter(
        (name, text)
        for one in reports.values()
        for name, entry in one.exercises.items()
        for text in dict.fromkeys(entry.get("mistakes", []))
        if text in EXERCISES[name].mistakes
    )
    if made:
        lines += ["", "Commonest mistakes:"]
        lines += [
            f"{count} in {name} {EXERCISES[name].title}: {text}"
            for (name, text), count in made.most_common(10)
        ]
    return "\n".join(lines)
