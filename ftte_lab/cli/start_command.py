"""`ftte-lab start`: the course in a folder of one's own, open in JupyterLab."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ftte_lab._common import require, say
from ftte_lab.cli.course_copy import Copied, copy_course
from ftte_lab.cli.jupyter import jupyter_command, open_jupyter


@click.command()
@click.argument("folder", default="ftte-course", type=click.Path(path_type=Path))
@click.argument("jupyter", nargs=-1)
@click.option("--update", is_flag=True, help="Take newer pages; yours stay as they are.")
@click.option("--teacher", is_flag=True, help="Also plans, answers and slides for a class.")
@click.option("--no-open", is_flag=True, help="Copy only.")
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening it.")
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="Port of JupyterLab.")
def start(
    folder: Path,
    jupyter: Sequence[str],
    update: bool,
    teacher: bool,
    no_open: bool,
    no_browser: bool,
    port: int | None,
) -> int:
    """Copy the course into FOLDER, and open it in JupyterLab.

    Nothing that you wrote is ever overwritten. A page that you delete comes back as it was. Options
    of JupyterLab itself follow after FOLDER and two dashes.
    """
    dashes = str(folder).startswith("-")
    require(not dashes, f"the folder is {str(folder)!r}", "a folder's name before the two dashes")
    say("\n".join(sentences(folder, copy_course(folder, teacher=teacher, update=update))))
    if no_open:
        return 0
    options = ["--no-browser"] if no_browser else []
    options += [f"--ServerApp.port={port}"] if port else []
    return open_jupyter(jupyter_command(folder, [*options, *jupyter]))


def sentences(folder: Path, done: Copied) -> list[str]:
    """Write what a copy did, in sentences.

    Example:
        >>> sentences(Path("mine"), Copied(added=["GLOSSARY.md"]))
        ['The course is in mine (1 new file).']
    """
    first = f" ({_count(done.added, 'new')})" if done.added else ""
    lines = [f"The course is in {folder}{first}."]
    if done.updated:
        lines.append(f"Updated: {_count(done.updated, 'which nobody had changed')}.")
    lines += [f"You had changed a page, so its new edition is beside it: {n}" for n in done.beside]
    if done.waiting:
        lines.append(
            f"{len(done.waiting)} of the files here are of another edition; they stay as they are. "
            "Add --update to take the new ones; what you changed is kept."
        )
    return lines


def _count(names: Sequence[str], what: str) -> str:
    noun = "file" if len(names) == 1 else "files"
    return f"{len(names)} {what} {noun}" if what == "new" else f"{len(names)} {noun} {what}"
