"""Run the notebooks from top to bottom, and keep one picture per key chart and a set of slides."""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import course
import nbformat
import papermill

SLIDES = course.HERE.parent / "docs" / "slides"


def tidy(notebook: Any) -> Any:
    """Return a notebook with the PNG of cells tagged `picture`, and without all other outputs."""
    kernel = notebook.metadata["kernelspec"]
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook.cells = [c for c in notebook.cells if "injected-parameters" not in tags_of(c)]
    for cell in notebook.cells:
        tags = tags_of(cell)
        cell.metadata = {"tags": tags} if tags else {}
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = _picture(cell.outputs) if "picture" in tags else []
    return course.marked(course.filled(notebook, course.blank))


def tags_of(cell: Any) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.metadata.get("tags", []))


def _picture(outputs: list[Any]) -> list[Any]:
    drawn = [o for o in outputs if "image/png" in o.get("data", {})][:1]
    for output in drawn:
        output.data = {kind: output.data[kind] for kind in ("image/png", "text/plain")}
        output.metadata = {}
        if "execution_count" in output:
            output.execution_count = None
    return drawn


def refresh(path: Path) -> None:
    """Execute one notebook as it is, and write it back completely or not at all."""
    with tempfile.TemporaryDirectory() as folder:
        done = Path(folder) / path.name
        papermill.execute_notebook(path, done, cwd=path.parent, progress_bar=sys.stderr.isatty())
        notebook = tidy(nbformat.read(done, as_version=4))
    unfinished = path.with_suffix(".part")
    nbformat.write(notebook, unfinished)
    os.replace(unfinished, path)
    keep_slide(notebook, path.stem[:2])
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", flush=True)


def keep_slide(notebook: Any, number: str) -> None:
    """Copy the slide of a notebook, if it has one, into the set for instructors."""
    SLIDES.mkdir(exist_ok=True)
    for cell in notebook.cells:
        if "slide" in tags_of(cell):
            picture = cell.outputs[0].data["image/png"]
            (SLIDES / f"{number}.png").write_bytes(base64.b64decode(picture))


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for notebook_path in course.notebooks():
        if not wanted or notebook_path.stem[:2] in wanted or notebook_path.stem in wanted:
            refresh(notebook_path)
