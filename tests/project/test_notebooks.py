"""Every notebook runs as a student and solved, prints the same in both, and can be read without running."""

import base64
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from ftte_lab.course import LESSONS
from ftte_lab.course.exercises import EXERCISES
from notebooks._build import course

ROOT = Path(__file__).parents[2]
NOTEBOOKS = course.notebooks()
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
SECTIONS = ["Predict", "Play", "Explain", "Do", "Recap"]
# What runs before and after every notebook: whatever a cell left behind is found.
BEFORE = """
import asyncio as _a, threading as _t
_tasks, _threads = set(_a.all_tasks()), set(_t.enumerate())
"""
AFTER = """
_left = [str(t) for t in set(_a.all_tasks()) - _tasks if not t.done() and "/ipykernel/" not in str(t)]
_library = ("IPythonHistorySavingThread", "tqdm_monitor")  # and the message queue's own
_new = {t for t in set(_t.enumerate()) - _threads if type(t).__name__ != "GarbageCollectorThread"}
_left += [str(t) for t in _new if t.is_alive() and t.name not in _library]
assert not _left, _left
"""


def executed(notebook: Any, folder: Path, name: str, *, after: str = AFTER) -> Any:
    """Run a notebook as papermill does it, in `ci` size."""
    notebook = nbformat.from_dict(notebook)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(BEFORE, id="before"))
    notebook.cells.append(nbformat.v4.new_code_cell(after, id="after"))
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


def outputs(notebook: Any) -> list[Any]:
    return [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]


def hidden_errors(notebook: Any) -> list[str]:
    """Errors which papermill does not see: inside widgets, or printed as a traceback."""
    found = [str(o) for o in outputs(notebook) if o.output_type == "error"]
    found += [
        o.text
        for o in outputs(notebook)
        if o.output_type == "stream" and "Traceback (most recent" in o.text
    ]
    states = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for state in states.values():
        for output in state.get("state", {}).get("outputs", []):
            if output.get("output_type") == "error" or "Traceback (most recent" in str(
                output.get("text", "")
            ):
                found.append(str(output))
    return found


def text_of(cell: Any) -> list[str]:
    """What a reader reads of a cell; without progress bars, which tell wall-clock times."""
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


def is_personal(cell: Any) -> bool:
    """An exercise, its check, or a report on them: the cells in which the two forms differ."""
    return (
        bool(course.exercise_of(cell))
        or re.search(r"^(check|print\(report)\(", cell.source, re.M) is not None
    )


def spoken(notebook: Any) -> list[list[str]]:
    return [text_of(c) for c in notebook.cells if c.cell_type == "code" and not is_personal(c)]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_runs_blank_and_solved_and_prints_the_same(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = nbformat.read(path, as_version=4)
    monkeypatch.delenv("FTTE_CHECK", raising=False)
    student = executed(notebook, tmp_path, "student")
    monkeypatch.setenv("FTTE_CHECK", "strict")  # whatever does not pass fails the run
    solved = executed(course.filled(notebook, course.answered), tmp_path, "solved")
    assert hidden_errors(student) == hidden_errors(solved) == []
    assert spoken(student) == spoken(solved)
    assert sum(len(texts) for texts in spoken(student)) >= 4
    for ran, sign in ((student, "…"), (solved, "✔")):
        verdicts = [t for c in ran.cells if c.source.startswith("check(") for t in text_of(c)]
        assert len(verdicts) == sum(bool(course.exercise_of(c)) for c in notebook.cells)
        assert all(v.startswith(sign) for v in verdicts), verdicts
        if "Lab(" in str(ran):
            assert (
                len(ran.metadata["widgets"][WIDGET_STATE]["state"]) > 3
            )  # real widgets, and their state was scanned


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_control_of_every_lab_can_be_dragged_to_both_ends(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTTE_MODE", "live")
    monkeypatch.setenv("FTTE_PROGRESS", "off")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(path, as_version=4)
    labs = len(
        re.findall(r"\bLab\(", "\n".join(c.source for c in notebook.cells if c.cell_type == "code"))
    )
    assert labs >= 1
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
def test_the_checks_of_this_file_can_fail(tmp_path: Path) -> None:
    """A leftover task, and an error that a widget swallowed."""

    def of(source: str) -> Any:
        parameters = nbformat.v4.new_code_cell("size = 1", metadata={"tags": ["parameters"]})
        notebook = nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell(source)])
        notebook.metadata = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        }
        return notebook

    leftover = of(
        "import asyncio\nasync def lost():\n    await asyncio.sleep(60)\nkept = asyncio.ensure_future(lost())"
    )
    with pytest.raises(papermill.PapermillExecutionError, match="lost"):
        executed(leftover, tmp_path, "leftover")
    swallowed = of(
        "import ipywidgets as w\nfrom IPython.display import display\n"
        "out = w.Output()\ndisplay(out)\nwith out:\n    1 / 0"
    )
    assert "ZeroDivisionError" in str(
        hidden_errors(executed(swallowed, tmp_path, "swallowed", after=""))
    )


def test_the_student_form_comes_from_the_solutions() -> None:
    asked = []
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        assert course.marked(course.filled(notebook, course.blank)) == notebook, (
            "run `make notebooks`"
        )
        asked += [name for c in notebook.cells if (name := course.exercise_of(c))]
    assert asked == sorted(EXERCISES)
    assert {p.stem for p in course.SOLUTIONS.glob("*.py")} == set(EXERCISES)


def test_nbgrader_finds_what_it_needs(tmp_path: Path) -> None:
    assert course.main(["nbgrader", str(tmp_path)]) == 0
    for path in NOTEBOOKS:
        source = nbformat.read(tmp_path / path.name, as_version=4)
        marks = {c.id: c.metadata["nbgrader"] for c in source.cells if "nbgrader" in c.metadata}
        assert len({m["grade_id"] for m in marks.values()}) == len(marks)
        for cell in source.cells:
            if name := course.exercise_of(cell):
                assert cell.metadata["nbgrader"]["solution"]
                assert (
                    cell.source.count("### BEGIN SOLUTION")
                    == cell.source.count("### END SOLUTION")
                    == 1
                )
                graded = next(m for m in marks.values() if m["grade_id"] == f"check-{name}")
                assert graded["locked"]
                assert graded["points"] == 1
    assert course.main([]) == 2
    assert course.main(["solved", str(tmp_path / "solved")]) == 0
    assert "NotImplementedError" not in (tmp_path / "solved" / "05_waiting.ipynb").read_text()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_only_key_pictures_are_kept(path: Path) -> None:
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
        assert re.fullmatch(
            r"[A-Z].{30,}\.", output.data["text/plain"], re.S
        )  # a sentence for who cannot see it


def test_slides_are_those_of_the_notebooks() -> None:
    for path in NOTEBOOKS:
        kept = [
            c
            for c in nbformat.read(path, as_version=4).cells
            if "slide" in c.metadata.get("tags", [])
        ]
        assert len(kept) == (path.stem != "playground")
        for cell in kept:
            slide = ROOT / "docs" / "slides" / f"{path.stem[:2]}.png"
            assert slide.read_bytes() == base64.b64decode(cell.outputs[0].data["image/png"]), (
                "run `make notebooks`"
            )


def anchors(text: str) -> set[str]:
    """Headings of a page as GitHub links to them."""
    heads = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_its_form(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    assert len(re.findall(r"^# ", prose, re.M)) == 1
    assert prose.startswith("# ")
    assert not re.findall(r"^#{3,} ", prose, re.M)  # headings do not skip a level
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        file, _, anchor = target.partition("#")
        page = path.parent / file
        assert page.exists(), target
        assert not anchor or anchor in anchors(page.read_text()), target
    assert not re.search(r"\]\(https?:", prose)  # a class without network
    assert not re.search(r"\[(here|click|this)\]", prose, re.I)
    parameters = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    assert [c.source.split()[:3] for c in parameters] == [["size", "=", '"lab"']]
    longest = max(len(c.source.splitlines()) for c in notebook.cells if c.cell_type == "code")
    assert longest <= 22
    if path.stem == "playground":
        return  # no lesson: all knobs on one page
    number, lesson = path.stem[:2], LESSONS[path.stem[:2]]
    assert prose.startswith(
        f"# {number} · {lesson.title}\n\n**You will** ({lesson.minutes} minutes"
    )
    assert re.findall(r"^(\d)\. ", prose.split("## ")[0].split("FTTE, the")[0], re.M)[:3] == [
        "1",
        "2",
        "3",
    ]
    headings = re.findall(r"^## (.+)$", prose, re.M)
    assert headings == SECTIONS
    assert "**What this toy hides.**" in prose
    assert "GLOSSARY.md#" in prose or number == "10"
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    for call in ("predict(", "reveal(", "check(", "show_code(", "Lab("):
        assert call in code


@pytest.mark.parametrize("path", NOTEBOOKS[:-1], ids=lambda p: p.stem)
def test_its_minutes_are_about_what_reading_and_doing_take(path: Path) -> None:
    estimate, planned = course.minutes(nbformat.read(path, as_version=4))
    assert planned == LESSONS[path.stem[:2]].minutes
    assert planned - 8 <= estimate <= planned + 2


def test_the_whole_course_is_there() -> None:
    assert [p.stem[:2] for p in NOTEBOOKS[:-1]] == sorted(LESSONS)
    assert NOTEBOOKS[-1].stem == "playground"
