"""Run the notebooks from top to bottom and keep what a reader needs: PNG pictures and text."""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import papermill

KEPT = ("image/png", "text/plain")


def tidy(notebook: Any) -> Any:
    """Drop warnings, progress bars, widget state and times: what is left is the same after every run."""
    notebook.metadata = {key: notebook.metadata[key] for key in ("kernelspec", "language_info")}
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = {"tags": tags} if tags else {}
        if cell.cell_type == "code":
            cell.outputs = [tidied for output in cell.outputs if (tidied := _tidy_output(output))]
    notebook.cells = [c for c in notebook.cells if "injected-parameters" not in c.metadata.get("tags", [])]
    return notebook


def _tidy_output(output: Any) -> Any:
    if output.output_type == "stream":
        return output if output.name == "stdout" else None
    if "data" not in output or "application/vnd.jupyter.widget-view+json" in output.data:
        return None
    output.data = {kind: output.data[kind] for kind in KEPT if kind in output.data}
    output.metadata = {}
    return output


def refresh(path: Path) -> None:
    """Execute one notebook as it stands and write it back, whole or not at all."""
    with tempfile.TemporaryDirectory() as folder:
        done = Path(folder) / path.name
        papermill.execute_notebook(path, done, cwd=path.parent, progress_bar=sys.stderr.isatty())
        notebook = tidy(nbformat.read(done, as_version=4))
    unfinished = path.with_suffix(".part")
    nbformat.write(notebook, unfinished)
    os.replace(unfinished, path)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def picture(path: Path, begins: str, to: Path) -> None:
    """Copy one picture of a notebook, found by the first words of its sentence, for the README."""
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            if output.get("data", {}).get("text/plain", "").startswith(begins):
                to.write_bytes(base64.b64decode(output.data["image/png"]))


if __name__ == "__main__":
    for notebook_path in sorted(Path(__file__).parent.glob("*.ipynb")):
        refresh(notebook_path)
    here = Path(__file__).parent
    picture(here / "00_start_here.ipynb", "Line chart", here.parent / "docs" / "headline.png")
