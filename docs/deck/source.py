"""Read the deck's source: slides in Markdown, with placeholders for what the runs give.

    # 05 · Waiting for the slowest          a section, one per page of the course
    ## One slow device in ten ...           a slide; its title states the message
    [chart: gantt]                          a chart by name, or predict:05 for the page's question
    - a line                                at most four, or
    | 81 % | of the time saved |            a tile with a large number
        code                                lines of code, indented
    > what the speaker says                 the notes

`{waits[times]:.1f}` in any text is filled in by the facts of the chart `waits`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).with_name("slides.md")
PREDICT = "predict:"
_TILE = re.compile(r"^\| (.+?) \| (.+?) \|$")


@dataclass(frozen=True)
class Slide:
    """One slide.

    Attributes:
        section: its page of the course, as "05 · Waiting for the slowest"; empty on the first.
        title: the message.
        chart: name of a chart, `predict:NN`, or empty.
        lines: of text.
        tiles: pairs of a large number and what it is.
        code: lines of code.
        notes: what the speaker says.
    """

    section: str
    title: str
    chart: str = ""
    lines: list[str] = field(default_factory=list)
    tiles: list[tuple[str, str]] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    notes: str = ""

    @property
    def page(self) -> str:
        """Return the number of the page, such as "05", or nothing."""
        return self.section[:2] if self.section[:2].isdigit() else ""


def read_slides(text: str) -> list[Slide]:
    """Return the slides of a source."""
    section, slides = "", list[Slide]()
    for line in text.splitlines():
        if line.startswith("# "):
            section = line[2:].strip()
        elif line.startswith("## "):
            slides.append(Slide(section, line[3:].strip()))
        elif line.strip() and slides:
            slides[-1] = _with(slides[-1], line)
    return slides


def _with(slide: Slide, line: str) -> Slide:
    """Return a slide with one more line of its source."""
    if found := re.match(r"^\[chart: (.+)\]$", line):
        return replace(slide, chart=found[1])
    if line.startswith("- "):
        return replace(slide, lines=[*slide.lines, line[2:]])
    if found := _TILE.match(line):
        return replace(slide, tiles=[*slide.tiles, (found[1], found[2])])
    if line.startswith("    "):
        return replace(slide, code=[*slide.code, line[4:]])
    if line.startswith(">"):
        return replace(slide, notes=f"{slide.notes} {line[1:].strip()}".strip())
    raise ValueError(f"no part of a slide: {line!r}")


def filled(slide: Slide, facts: dict[str, Any]) -> Slide:
    """Return a slide with its placeholders filled in by the facts of the charts."""

    def fill(text: str) -> str:
        return text.format_map(facts)

    return replace(
        slide,
        title=fill(slide.title),
        lines=[fill(line) for line in slide.lines],
        tiles=[(fill(number), fill(what)) for number, what in slide.tiles],
        notes=fill(slide.notes),
    )


def question_of(page: str) -> tuple[str, list[str]]:
    """Return the question that a page asks before its runs, and the choices."""
    [path] = ROOT.glob(f"notebooks/{page}_*.ipynb")
    choices: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if isinstance(node.value, ast.Tuple) and name.isupper():
                    choices[name] = list(ast.literal_eval(node.value))
                elif isinstance(node.value, ast.Constant):
                    names[name] = str(node.value.value)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "predict":
                asked = node.args[1]
                text = names[asked.id] if isinstance(asked, ast.Name) else ast.literal_eval(asked)
                return str(text), choices[ast.unparse(node.args[2])]
    raise ValueError(f"page {page} asks for no prediction")
