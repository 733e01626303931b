"""`show_code` shows lines of the library as they are, and public functions only."""

import ast
import re
from typing import Any

import nbformat
import pytest

from ftte_lab.course import show_code
from notebooks._build import course


def calls_in_notebooks() -> list[tuple[list[Any], dict[str, Any]]]:
    """Return the arguments of every `show_code` in the notebooks."""
    found = []
    for path in course.notebooks():
        cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        for node in ast.walk(ast.parse("\n".join(cells))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "show_code":
                named = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
                found.append(([ast.literal_eval(a) for a in node.args], named))
    return found


@pytest.mark.parametrize("call", calls_in_notebooks(), ids=lambda call: call[0][0])
def test_show_code_of_a_lesson_shows_the_library(call: Any, capsys: Any) -> None:
    """A line that was renamed or moved fails here first."""
    show_code(*call[0], **call[1])
    where, *code = capsys.readouterr().out.strip().split("\n")
    match = re.fullmatch(r"# (ftte_lab/[\w/]+\.py), line (\d+)", where)
    assert match
    source = (course.HERE.parent / match[1]).read_text().split("\n")
    lines = source[int(match[2]) - 1 :][: len(code)]
    assert [text.strip() for text in lines] == [text.strip() for text in code]
    assert 1 <= len(code) <= 12
    assert '"""' not in "".join(code)


def test_show_code_is_in_every_lesson() -> None:
    assert len(calls_in_notebooks()) >= 15


@pytest.mark.parametrize(
    "name",
    ["server.combine", "simulation.History.time_to", "course.one_round", "data.split"],
)
def test_show_code_finds_public_names(name: str, capsys: Any) -> None:
    show_code(name, lines=3)
    assert capsys.readouterr().out.startswith("# ftte_lab/")


@pytest.mark.parametrize(
    "name",
    [
        "server.combined",
        "nothing",
        "server",
        "server.",
        "server.STALENESS",
        "server.History",
        "server.aggregation.combine",
        "server.timeline.clock.Clock.arrive",
        "server._poly",
        "_common.require",
        "course.show_code._body",
        "simulation.History._times",
        "simulation.History",
        "os.getcwd",
    ],
)
def test_show_code_refuses_names_that_are_not_public(name: str) -> None:
    with pytest.raises(ValueError, match="is not a public function of this kit; allowed: "):
        show_code(name)


def test_show_code_refuses_unknown_lines_and_too_many() -> None:
    with pytest.raises(ValueError, match=r"begins = 'magic' is not in server\.combine"):
        show_code("server.combine", begins="magic")
    with pytest.raises(ValueError, match="lines = 40"):
        show_code("server.combine", lines=40)
