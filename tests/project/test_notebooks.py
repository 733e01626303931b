"""Every notebook runs blank, solved and live, and can be read without running."""

import ast
import base64
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from ftte_lab.course import EXERCISES, LESSONS
from notebooks._build import course

ROOT = Path(__file__).parents[2]
NOTEBOOKS = course.notebooks()
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
SECTIONS = ["Predict", "Play", "Explain", "Do", "Recap"]
FACES = {
    "ftte_lab",
    "ftte_lab.course",
    "ftte_lab.deployment",
    "ftte_lab.experiments",
    "ftte_lab.lab",
    "ftte_lab.models",
    "ftte_lab.training",
}
"""What a notebook may import of the kit."""
# What runs before and after every notebook, to find what a cell leaves behind.
BEFORE = """
import asyncio as _a, threading as _t
_tasks, _threads = set(_a.all_tasks()), set(_t.enumerate())
"""
AFTER = """
_left = [
    str(t) for t in set(_a.all_tasks()) - _tasks if not t.done() and "/ipykernel/" not in str(t)
]
_library = ("IPythonHistorySavingThread", "tqdm_monitor")  # and the message queue's own
_new = {t for t in set(_t.enumerate()) - _threads if type(t).__name__ != "GarbageCollectorThread"}
_left += [str(t) for t in _new if t.is_alive() and t.name not in _library]
assert not _left, _left
"""


def cell_of(source: str, cell_id: str) -> Any:
    return nbformat.v4.new_code_cell(source, id=cell_id)


def executed(notebook: Any, folder: Path, name: str, *, after: str = AFTER) -> Any:
    """Run a notebook as papermill does it, in `ci` size."""
    notebook = nbformat.from_dict(notebook)
    notebook.cells = [cell_of(BEFORE, "before"), *notebook.cells, cell_of(after, "after")]
    nbformat.write(notebook, folder / f"in_{name}.ipynb")
    done = folder / f"{name}.ipynb"
    papermill.execute_notebook(
        folder / f"in_{name}.ipynb",
        done,
        parameters={"size": "ci"},
        cwd=course.HERE,
        progress_bar=False,
    )
    return nbformat.read(done, as_version=4)


def blank_then_solved(notebook: Any) -> Any:
    """Return a copy in which each exercise is checked blank, then solved under strict checks.

    A second run of all other cells would add nothing, because they do not use the exercises:
    see `test_notebook_does_not_use_its_exercises`.
    """
    notebook, cells, waiting = nbformat.from_dict(notebook), [], None
    solved = {c.id: c.source for c in course.filled(notebook, course.answered).cells}
    for cell in notebook.cells:
        cells.append(cell)
        if course.exercise_of(cell):
            waiting = cell.id
        elif waiting and cell.source.startswith("check("):
            strict = f"import os\nos.environ['FTTE_CHECK'] = 'strict'\n{solved[waiting]}"
            cells.append(cell_of(strict, f"{waiting}-solved"))
            lenient = f"{cell.source};\ndel os.environ['FTTE_CHECK']"
            cells.append(cell_of(lenient, f"{waiting}-strict"))
            waiting = None
    notebook.cells = cells
    return notebook


def outputs(notebook: Any) -> list[Any]:
    return [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]


def hidden_errors(notebook: Any) -> list[str]:
    """Return errors that papermill does not see: inside widgets, or printed as a traceback."""
    found = [str(o) for o in outputs(notebook) if o.output_type == "error"]
    found += [
        o.text
        for o in outputs(notebook)
        if o.output_type == "stream" and "Traceback (most recent" in o.text
    ]
    states = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for state in states.values():
        for output in state.get("state", {}).get("outputs", []):
            text = str(output.get("text", ""))
            if output.get("output_type") == "error" or "Traceback (most recent" in text:
                found.append(str(output))
    return found


def text_of(cell: Any) -> list[str]:
    """Return what a reader reads of a cell, without progress bars: they show wall-clock times."""
    out = [
        "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")
    ]
    out += [
        o.data["text/plain"]
        for o in cell.outputs
        if "data" in o and "widget-view" not in str(list(o.data))
    ]
    assert "Box(children=" not in "".join(out), "a live widget in a batch run"
    return [text for text in out if text and "virtual s [" not in text]


def code_of(notebook: Any) -> str:
    return "\n".join(c.source for c in notebook.cells if c.cell_type == "code")


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_runs_blank_and_solved(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FTTE_CHECK", raising=False)
    ran = executed(blank_then_solved(nbformat.read(path, as_version=4)), tmp_path, "both")
    assert hidden_errors(ran) == []
    printed = [text for c in ran.cells if c.cell_type == "code" for text in text_of(c)]
    shown = [t for c in ran.cells if c.source.startswith("check(") for t in text_of(c)]
    verdicts = [text for text in shown if text[0] in "…✔✘"]  # the others describe a picture
    exercises = sum(bool(course.exercise_of(c)) for c in ran.cells)
    assert [v[0] for v in verdicts] == ["…", "✔"] * exercises, verdicts
    assert len(printed) >= 4 + len(shown)
    if "Lab(" in str(ran):  # real widgets, and their state was scanned
        assert len(ran.metadata["widgets"][WIDGET_STATE]["state"]) > 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_does_not_use_its_exercises(path: Path) -> None:
    """Blank and solved forms print the same: no other cell than a check names a student's code."""
    cells = nbformat.read(path, as_version=4).cells
    defined: set[str] = set()
    for cell in cells:
        if course.exercise_of(cell):
            nodes = ast.parse(cell.source).body
            defined |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        elif cell.cell_type == "code" and not cell.source.startswith("check("):
            names = {n.id for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Name)}
            assert not names & defined, cell.id


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_survives_dragging_every_control(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drag every control of every Lab to both ends, on a live page.

    What comes after the last Lab, and the checks of exercises, run in the test above.
    """
    monkeypatch.setenv("FTTE_MODE", "live")
    monkeypatch.setenv("FTTE_PROGRESS", "off")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(path, as_version=4)
    labs = len(re.findall(r"\bLab\(", code_of(notebook)))
    assert labs >= 1
    last = max(k for k, c in enumerate(notebook.cells) if re.search(r"\bLab\(", c.source))
    notebook.cells = [c for c in notebook.cells[: last + 1] if not c.source.startswith("check(")]
    drags = (
        "from tests.browser.drag import drag\nfrom ftte_lab.lab import Lab\n"
        "_labs = {id(v): v for v in list(globals().values()) if isinstance(v, Lab)}\n"
        f"assert len(_labs) == {labs}\n"
        "for _lab in _labs.values():\n"
        "    print(len(_lab.controls.knobs), 'knobs', drag(_lab))\n    _lab._runner.close()"
    )
    ran = executed(notebook, tmp_path, "dragged", after=drags)
    assert hidden_errors(ran) == []
    assert "".join(text_of(ran.cells[-1])).count("knobs") == labs


@pytest.mark.slow
def test_executed_finds_leftover_tasks_and_hidden_errors(tmp_path: Path) -> None:
    """The checks of this file can fail: a leftover task, and an error that a widget swallowed."""

    def of(source: str) -> Any:
        parameters = nbformat.v4.new_code_cell("size = 1", metadata={"tags": ["parameters"]})
        notebook = nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell(source)])
        notebook.metadata = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        }
        return notebook

    leftover = of(
        "import asyncio\nasync def lost():\n    await asyncio.sleep(60)\n"
        "kept = asyncio.ensure_future(lost())"
    )
    with pytest.raises(papermill.PapermillExecutionError, match="lost"):
        executed(leftover, tmp_path, "leftover")
    swallowed = of(
        "import ipywidgets as w\nfrom IPython.display import display\n"
        "out = w.Output()\ndisplay(out)\nwith out:\n    1 / 0"
    )
    found = hidden_errors(executed(swallowed, tmp_path, "swallowed", after=""))
    assert "ZeroDivisionError" in str(found)


def test_notebooks_have_the_student_form_of_every_solution() -> None:
    asked = []
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        student = course.marked(course.filled(notebook, course.blank))
        assert student == notebook, "run `python notebooks/_build/course.py blank`"
        asked += [name for c in notebook.cells if (name := course.exercise_of(c))]
    assert asked == sorted(EXERCISES)
    assert {p.stem for p in course.SOLUTIONS.glob("*.py")} == set(EXERCISES)


def test_notebooks_import_from_seven_faces() -> None:
    imported: set[str] = set()
    for path in NOTEBOOKS:
        code = code_of(nbformat.read(path, as_version=4))
        imported |= set(re.findall(r"^\s*(?:from|import) (ftte_lab[\w.]*)", code, re.M))
    assert imported <= FACES


def test_notebooks_have_what_nbgrader_needs(tmp_path: Path) -> None:
    assert course.main(["nbgrader", str(tmp_path)]) == 0
    for path in NOTEBOOKS:
        source = nbformat.read(tmp_path / path.name, as_version=4)
        marks = {c.id: c.metadata["nbgrader"] for c in source.cells if "nbgrader" in c.metadata}
        assert len({m["grade_id"] for m in marks.values()}) == len(marks)
        for cell in source.cells:
            if name := course.exercise_of(cell):
                assert cell.metadata["nbgrader"]["solution"]
                assert cell.source.count("### BEGIN SOLUTION") == 1
                assert cell.source.count("### END SOLUTION") == 1
                graded = next(m for m in marks.values() if m["grade_id"] == f"check-{name}")
                assert graded["locked"]
                assert graded["points"] == EXERCISES[name].points
    assert course.main([]) == 2
    assert course.main(["solved", str(tmp_path / "solved")]) == 0
    assert "NotImplementedError" not in (tmp_path / "solved" / "05_waiting.ipynb").read_text()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_keeps_key_pictures_only(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    assert path.stat().st_size < 300_000
    key = [c for c in notebook.cells if "picture" in c.metadata.get("tags", [])]
    assert len(key) >= 1
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        assert cell.execution_count is None
        if cell not in key:
            assert cell.outputs == []
            continue
        [output] = cell.outputs
        assert set(output.data) == {"image/png", "text/plain"}
        assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")
        # a sentence for readers who cannot see the picture
        assert re.fullmatch(r"[A-Z].{30,}\.", output.data["text/plain"], re.S)


def test_slides_are_those_of_the_notebooks() -> None:
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        slides = [c for c in cells if "slide" in c.metadata.get("tags", [])]
        assert len(slides) == (path.stem != "playground")
        for cell in slides:
            slide = ROOT / "docs" / "slides" / f"{path.stem[:2]}.png"
            picture = base64.b64decode(cell.outputs[0].data["image/png"])
            assert slide.read_bytes() == picture, "run `make notebooks`"


def anchors(text: str) -> set[str]:
    """Return the headings of a page as GitHub links to them."""
    heads = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


def prose_of(notebook: Any) -> str:
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    return re.sub(r"```.*?```", "", text, flags=re.S)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_has_the_common_form(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    prose = prose_of(notebook)
    assert len(re.findall(r"^# ", prose, re.M)) == 1
    assert prose.startswith("# ")
    assert not re.findall(r"^#{3,} ", prose, re.M)  # headings do not skip a level
    assert not re.search(r"\]\(https?:", prose)  # a class without network
    assert not re.search(r"\[(here|click|this)\]", prose, re.I)
    parameters = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    assert [c.source.split()[:3] for c in parameters] == [["size", "=", '"lab"']]
    longest = max(len(c.source.splitlines()) for c in notebook.cells if c.cell_type == "code")
    assert longest <= 22


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", prose_of(nbformat.read(path, as_version=4))):
        file, _, anchor = target.partition("#")
        page = path.parent / file
        assert page.exists(), target
        assert not anchor or anchor in anchors(page.read_text()), target


@pytest.mark.parametrize("path", NOTEBOOKS[:-1], ids=lambda p: p.stem)
def test_lesson_has_its_five_sections(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    prose, number = prose_of(notebook), path.stem[:2]
    lesson = LESSONS[number]
    title = f"# {number} · {lesson.title}\n\n**You will** ({lesson.minutes} minutes"
    assert prose.startswith(title)
    goals = prose.split("## ")[0].split("FTTE, the")[0]
    assert re.findall(r"^(\d)\. ", goals, re.M)[:3] == ["1", "2", "3"]
    assert re.findall(r"^## (.+)$", prose, re.M) == SECTIONS
    heads = "In the real world|Limits|Read more|Go further"
    closing = re.findall(rf"^\*\*({heads})\.\*\* ", prose, re.M)
    assert closing == heads.split("|")
    assert "GLOSSARY.md#" in prose or number == "10"
    for call in ("predict(", "reveal(", "check(", "show_code(", "Lab("):
        assert call in code_of(notebook)


@pytest.mark.parametrize("path", NOTEBOOKS[:-1], ids=lambda p: p.stem)
def test_lesson_takes_about_its_minutes(path: Path) -> None:
    estimate, planned = course.minutes(nbformat.read(path, as_version=4))
    assert planned == LESSONS[path.stem[:2]].minutes
    assert planned - 8 <= estimate <= planned + 2


def test_notebooks_are_the_complete_course() -> None:
    assert [p.stem[:2] for p in NOTEBOOKS[:-1]] == sorted(LESSONS)
    assert NOTEBOOKS[-1].stem == "playground"
