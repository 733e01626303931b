"""`ftte-lab bundle`: the zip for students, without solutions and notes for teachers."""

from __future__ import annotations

import subprocess
import sys

import click

from ftte_lab._common import is_file, require
from ftte_lab.cli.course_copy import course_source


@click.command()
@click.argument("file", default="ftte_lab_students.zip", metavar="[FILE]")
def bundle(file: str) -> int:
    """Write the zip for students: no solutions, no answers, no quiz.

    It needs a checkout of the repository.
    """
    script = course_source() / "notebooks" / "_build" / "bundle.py"
    require(
        is_file(script),
        "this installation is from a wheel, which has no sources of the pages",
        "a checkout of the repository",
        "Or give students the wheel itself: ftte-lab start copies pages without solutions",
    )
    return subprocess.run([sys.executable, str(script), file], check=False).returncode  # noqa: S603
