"""`ftte-lab quiz`: both forms of the quiz, for paper and for learning platforms."""

from __future__ import annotations

from pathlib import Path

import click

from ftte_lab._common import say, write_atomic, writing_to
from ftte_lab.cli.course_copy import course_source
from ftte_lab.cli.quiz_file import gift, page, qti, read_quiz


@click.command()
@click.argument("folder", default="quiz", metavar="[FOLDER]")
def quiz(folder: str) -> None:
    """Write the quiz, forms A and B, as a page, as GIFT (Moodle) and as QTI 2.1."""
    forms, to = read_quiz(course_source()), Path(folder)
    files = {"quiz.md": page(forms).encode()}
    for form, questions in forms.items():
        files[f"quiz_{form}.gift.txt"] = gift(questions, form).encode()
        files[f"quiz_{form}.qti.zip"] = qti(questions, form)
    with writing_to(to, "Choose another folder"):
        to.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_atomic(to / name, content)
    say(f"Written to {folder}: {', '.join(files)}. quiz.md has the key.")
