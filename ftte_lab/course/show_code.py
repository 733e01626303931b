"""`show_code`: show lines of the library itself, so that a lesson never shows another version."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from typing import Any

from ftte_lab._common import integer, require
from ftte_lab.course.display import display_rich

MOST_LINES = 12
"""Lines that one call may show."""


def show_code(name: str, begins: str = "", lines: int = 10) -> None:
    """Show some lines of a public function of this kit, without its docstring.

    Args:
        name: package, public name and, for a class, the method: such as "server.combine" or
            "simulation.History.time_to".
        begins: words of the first line to show; by default the function's first line.
        lines: how many at most, 1 to 12.

    Raises:
        ValueError: a name that is private or that no package lists, no such line, too many lines.

    Example:
        >>> show_code("course.recovered", begins="return")  # doctest: +ELLIPSIS
        # ftte_lab/experiments/inversion.py, line ...
        return float((likeness(guesses, samples)[0] > above).mean())
    """
    integer("lines", lines, 1, MOST_LINES)
    function = _public_function(name)
    first, body = _body(function)
    at = next((k for k, line in enumerate(body) if begins in line), -1)
    require(at >= 0, f"begins = {begins!r} is not in {name}", "words of one of its lines")
    code = textwrap.dedent("\n".join(body[at : at + lines])).rstrip()
    where = f"# {function.__module__.replace('.', '/')}.py, line {first + at}"
    display_rich(f"{where}\n{code}", "text/markdown", f"```python\n{where}\n{code}\n```")


def _public_function(name: str) -> Any:
    """Return the function behind a package, a name of its `__all__`, and a method."""
    package, *path = name.split(".")
    found: Any = None
    public = path and not any(part.startswith("_") for part in (package, *path))
    if public and package in _packages():
        face = importlib.import_module(f"ftte_lab.{package}")
        found = face if path[0] in getattr(face, "__all__", ()) else None
        for part in path:
            found = getattr(found, part, None)
        found = inspect.unwrap(found) if callable(found) else None
    require(
        inspect.isfunction(found),
        f"name = {name!r} is not a public function of this kit",
        "a package, a name that it lists, and a method for a class",
        "Write it as in 'server.combine' or 'simulation.History.time_to'",
    )
    return found


def _packages() -> set[str]:
    """Return the names of the kit's packages."""
    kit = importlib.import_module(__name__.split(".")[0])
    return {module.name for module in pkgutil.iter_modules(kit.__path__)}


def _body(function: Any) -> tuple[int, list[str]]:
    """Return the number of the first line, and the lines, of what a function does."""
    source, start = inspect.getsourcelines(function)
    tree = ast.parse(textwrap.dedent("".join(source))).body[0]
    assert isinstance(tree, ast.FunctionDef)  # noqa: S101  # for the type checker
    statements = tree.body[1:] if ast.get_docstring(tree) else tree.body
    skip = statements[0].lineno - 1
    return start + skip, [line.rstrip("\n") for line in source[skip:]]
