"""Every notebook runs from top to bottom, twice alike, and can be read without running."""

import base64
import re
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def executed(path: Path, folder: Path) -> Any:
    done = folder / path.name
    papermill.execute_notebook(path, done, parameters={"size": "ci"}, cwd=path.parent, progress_bar=False)
    return nbformat.read(done, as_version=4)


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def hidden_errors(notebook: Any) -> list[str]:
    """Errors which papermill does not see: inside widgets, or printed as a traceback."""
    found = [str(o) for o in outputs(notebook) if o.output_type == "error"]
    found += [o.text for o in outputs(notebook) if o.output_type == "stream" and "Traceback (most recent" in o.text]
    states = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for state in states.values():
        for output in state.get("state", {}).get("outputs", []):
            if output.get("output_type") == "error" or "Traceback (most recent" in str(output.get("text", "")):
                found.append(str(output))
    return found


def texts(notebook: Any) -> list[str]:
    """What a reader reads; without the progress bar, which tells wall-clock times."""
    out = [o.text for o in outputs(notebook) if o.output_type == "stream" and o.name == "stdout"]
    assert "Box(children=" not in "".join(out), "a live widget in a batch run"
    return out + [o.data["text/plain"] for o in outputs(notebook) if "image/png" in o.get("data", {})]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_runs_without_hidden_errors_and_twice_alike(path: Path, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    first, second = executed(path, tmp_path), executed(path, tmp_path / "again")
    assert hidden_errors(first) == []
    assert texts(first) == texts(second)
    assert len(texts(first)) >= 4


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_can_be_read_without_running(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert WIDGET_STATE not in notebook.metadata.get("widgets", {})
    shown = outputs(notebook)
    assert shown, "run `make notebooks`"
    for output in shown:
        assert output.output_type != "error"
        if output.output_type == "stream":
            assert output.name == "stdout"
        else:
            assert set(output.data) <= {"image/png", "text/plain"}
    pictures = [o.data for o in shown if "image/png" in o.get("data", {})]
    assert len(pictures) >= 1
    for data in pictures:
        assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
        assert re.fullmatch(r"[A-Z].{30,}\.", data["text/plain"], re.S)  # a sentence for who cannot see it
    assert path.stat().st_size < 600_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_its_form(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].source.startswith("# ")
    parameters = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    assert [c.source.split()[:3] for c in parameters] == [["size", "=", '"lab"']]
    if path.stem == "playground":
        return  # no lesson: all knobs on one page
    headings = re.findall(r"^## (\w+)", "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown"), re.M)
    assert [h for h in headings if h in ("Predict", "Play", "Explain", "Do", "Recap")] == [
        "Predict", "Play", "Explain", "Do", "Recap",
    ]  # fmt: skip


def test_there_are_notebooks() -> None:
    assert {"00_start_here", "playground"} <= {p.stem for p in NOTEBOOKS}
