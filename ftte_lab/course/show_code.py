"""`show_code`: the lines of the library that matter, as they stand in it: a lesson never shows a retold version."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from typing import Any

from ftte_lab._common import integer, require
from ftte_lab.course.display import display_rich

_MOST = 12


def show_code(name: str, begins: str = "", lines: int = 10) -> None:
    """Show some lines of a function of this kit, without its docstring.

    Args:
        name: where it is, such as "aggregation.combine" or "history.History.time_to".
        begins: words of the first line to show; by default the function's first.
        lines: how many at most, 1 to 12.

    Raises:
        ValueError: an unknown name, no such line, or too many lines.
    """
    integer("lines", lines, 1, _MOST)
    function = _find(name)
    first, body = _body(function)
    at = next((k for k, line in enumerate(body) if begins in line), None)
    require(
        at is not None, f"begins = {begins!r} is nowhere in {name}", "words of one of its lines"
    )
    assert at is not None  # noqa: S101  # for the type checker
    code = textwrap.dedent("\n".join(body[at : at + lines])).rstrip()
    where = f"# {function.__module__.replace('.', '/')}.py, line {first + at}"
    display_rich(f"{where}\n{code}", "text/markdown", f"```python\n{where}\n{code}\n```")


def _find(name: str) -> Any:
    """The function behind a dotted name below `ftte_lab`."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(["ftte_lab", *parts[:cut]]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, None)
        found = inspect.unwrap(found) if callable(found) else None
        if found is not None:
            return found
    raise ValueError(
        f"name = {name!r} is no function of this kit; allowed: such as 'aggregation.combine'."
    )


def _body(function: Any) -> tuple[int, list[str]]:
    """The number of the first line, and the lines, of what a function does."""
    source, start = inspect.getsourcelines(function)
    tree = ast.parse(textwrap.dedent("".join(source))).body[0]
    assert isinstance(tree, ast.FunctionDef)  # noqa: S101
    told = tree.body[1:] if ast.get_docstring(tree) else tree.body
    skip = told[0].lineno - 1
    return start + skip, [line.rstrip("\n") for line in source[skip:]]
