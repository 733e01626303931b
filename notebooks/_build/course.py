"""The course as students get it, solved, and as a source for nbgrader: three forms of the same notebooks.

An exercise has one source, `_build/solutions/<name>.py`: the whole cell, its answer between `### BEGIN SOLUTION` and
`### END SOLUTION`. Students get the cell without the answer; tests run both forms.

    python notebooks/_build/course.py blank             put the student form of every exercise into the notebooks
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

SOLUTIONS = Path(__file__).parent / "solutions"
HERE = Path(__file__).parents[1]
_ANSWER = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION\n?", re.S | re.M)
_MARK = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.M)
_CHECK = re.compile(r'^check\("(\w+)"', re.M)


def notebooks() -> list[Path]:
    """All notebooks of the course, the playground last."""
    return sorted(HERE.glob("*.ipynb"))


def blank(solution: str) -> str:
    """An exercise as a student gets it: the answer replaced by the two lines that nbgrader writes there."""
    return _ANSWER.sub(r"\1# YOUR CODE HERE\n\1raise NotImplementedError()\n", solution).rstrip("\n")


def answered(solution: str) -> str:
    """An exercise with its answer, without the marks."""
    return _MARK.sub("", solution).rstrip("\n")


def exercise_of(cell: Any) -> str | None:
    """Which exercise a cell asks, if any."""
    return next((tag.removeprefix("exercise-") for tag in cell.metadata.get("tags", []) if "exercise-" in tag), None)


def filled(notebook: Any, form: Callable[[str], str]) -> Any:
    """A copy of a notebook with its exercise cells in another form of their solutions."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if name := exercise_of(cell):
            cell.source = form((SOLUTIONS / f"{name}.py").read_text())
    return notebook


def marked(notebook: Any) -> Any:
    """A copy with nbgrader's marks: what is to be filled in, and what is graded (a point for each check)."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        graded = _CHECK.search(cell.source) if cell.cell_type == "code" else None
        name = exercise_of(cell)
        if name or graded:
            grade_id = name or f"check-{graded[1]}"  # type: ignore[index]
            cell.metadata["nbgrader"] = {
                "grade": not name, "grade_id": grade_id, "locked": not name, "schema_version": 3,
                "solution": bool(name), "task": False,
            } | ({} if name else {"points": 1})
    return notebook


def minutes(notebook: Any) -> tuple[float, int]:
    """An estimate, and the minutes in the title (0 if there are none).

    Reading at 200 words a minute, 4 seconds per line of code that is not an exercise, 1 minute per prediction, 3 per
    Lab, 4 per exercise (30 for the capstone's). Not measured with students: tell us if your class disagrees.
    """
    prose = " ".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    asked = [name for c in notebook.cells if (name := exercise_of(c))]
    code = [c.source for c in notebook.cells if c.cell_type == "code" and not exercise_of(c)]
    lines, calls = sum(len(source.splitlines()) for source in code), "\n".join(code)
    work = sum(30 if name.startswith("10") else 4 for name in asked)
    total = len(prose.split()) / 200 + lines * 4 / 60 + calls.count("predict(") + 3 * calls.count("Lab(") + work
    planned = re.search(r"\*\*You will\*\* \((\d+) minutes", prose)
    return total, int(planned[1]) if planned else 0


def main(arguments: list[str]) -> int:
    """Do what the first argument says."""
    if arguments == ["minutes"]:
        for path in notebooks():
            estimate, planned = minutes(nbformat.read(path, as_version=4))
            print(f"{path.stem:16} {estimate:5.1f} estimated, {planned or '-':>3} planned")
        return 0
    forms: dict[str, Callable[[str], str]] = {"blank": blank, "solved": answered, "nbgrader": str.rstrip}
    what = arguments[0] if arguments else ""
    if what not in forms or len(arguments) != (1 if what == "blank" else 2):
        print(__doc__, file=sys.stderr)
        return 2
    folder = HERE if what == "blank" else Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    for path in notebooks():
        notebook = marked(filled(nbformat.read(path, as_version=4), forms[what]))
        nbformat.write(notebook, folder / path.name)
    print(f"{len(notebooks())} notebooks in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
