"""The course as students get it, solved, and as a source for nbgrader.

These are three forms of the same notebooks. An exercise has one source, a file in
`_build/solutions`: the complete cell, with its answer between `### BEGIN SOLUTION` and
`### END SOLUTION`. Students get the cell without the answer; tests run both forms.

    python notebooks/_build/course.py blank             put the student form into the notebooks
    python notebooks/_build/course.py solved FOLDER     write solved notebooks
    python notebooks/_build/course.py nbgrader FOLDER   write instructor versions for nbgrader
    python notebooks/_build/course.py minutes           estimate how long each page takes
"""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from ftte_lab.course import EXERCISES

SOLUTIONS = Path(__file__).parent / "solutions"
HERE = Path(__file__).parents[1]
FORMS = ("blank", "solved", "nbgrader")
_ANSWER = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION\n?", re.S | re.M)
_STUB = r"\1# YOUR CODE HERE\n\1raise NotImplementedError()\n"
_MARK = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.M)
_CHECK = re.compile(r'^check\("(\w+)"', re.M)
_TAG = "exercise-"


def notebooks() -> list[Path]:
    """Return all notebooks of the course, the playground last."""
    return sorted(HERE.glob("*.ipynb"))


def blank(solution: str) -> str:
    """Return an exercise as a student gets it, with nbgrader's two lines instead of the answer."""
    return _ANSWER.sub(_STUB, solution).rstrip("\n")


def answered(solution: str) -> str:
    """Return an exercise with its answer, without the marks."""
    return _MARK.sub("", solution).rstrip("\n")


def exercise_of(cell: Any) -> str | None:
    """Return which exercise a cell asks, if any."""
    tags = (tag for tag in cell.metadata.get("tags", []) if tag.startswith(_TAG))
    return next((tag.removeprefix(_TAG) for tag in tags), None)


def filled(notebook: Any, form: Callable[[str], str]) -> Any:
    """Return a copy of a notebook with its exercise cells in another form of their solutions."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if name := exercise_of(cell):
            cell.source = form((SOLUTIONS / f"{name}.py").read_text(encoding="utf-8"))
    return notebook


def marked(notebook: Any) -> Any:
    """Return a copy with nbgrader's marks: what is to be filled in, and points for each check."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        graded = _CHECK.search(cell.source) if cell.cell_type == "code" else None
        if name := exercise_of(cell):
            cell.metadata["nbgrader"] = _mark(name, graded=False)
        elif graded:
            cell.metadata["nbgrader"] = {
                **_mark(f"check-{graded[1]}", graded=True),
                "points": EXERCISES[graded[1]].points,
            }
    return notebook


def _mark(grade_id: str, *, graded: bool) -> dict[str, Any]:
    return {
        "grade": graded,
        "grade_id": grade_id,
        "locked": graded,
        "schema_version": 3,
        "solution": not graded,
        "task": False,
    }


def minutes(notebook: Any) -> tuple[float, int]:
    """Return an estimate, and the minutes in the title (0 if there are none).

    Reading at 200 words a minute, 4 seconds per line of code that is not an exercise, 1 minute per
    prediction, 3 per Lab, 4 per exercise (30 for the capstone's). It is not measured with students:
    please report it if your class disagrees.
    """
    prose = " ".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    asked = [name for c in notebook.cells if (name := exercise_of(c))]
    code = [c.source for c in notebook.cells if c.cell_type == "code" and not exercise_of(c)]
    calls = "\n".join(code)
    reading = len(prose.split()) / 200 + sum(len(source.splitlines()) for source in code) * 4 / 60
    playing = calls.count("predict(") + 3 * calls.count("Lab(")
    solving = sum(30 if name.startswith("10") else 4 for name in asked)
    planned = re.search(r"\*\*You will\*\* \((\d+) minutes", prose)
    return reading + playing + solving, int(planned[1]) if planned else 0


def main(arguments: list[str]) -> int:
    """Do what the first argument names."""
    if arguments == ["minutes"]:
        for path in notebooks():
            estimate, planned = minutes(nbformat.read(path, as_version=4))
            print(f"{path.stem:16} {estimate:5.1f} estimated, {planned or '-':>3} planned")
        return 0
    form = arguments[0] if arguments else ""
    if form not in FORMS or len(arguments) != (1 if form == "blank" else 2):
        print(__doc__, file=sys.stderr)
        return 2
    write(form, HERE if form == "blank" else Path(arguments[1]))
    return 0


def write(form: str, folder: Path) -> None:
    """Write all notebooks in one of the `FORMS` into a folder."""
    forms: dict[str, Callable[[str], str]] = {
        "blank": blank,
        "solved": answered,
        "nbgrader": str.rstrip,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for path in notebooks():
        notebook = marked(filled(nbformat.read(path, as_version=4), forms[form]))
        nbformat.write(notebook, folder / path.name)
    print(f"{len(notebooks())} notebooks in {folder}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
