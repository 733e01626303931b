"""Write what students get, as one zip: no solutions, no notes for teachers, no key of the quiz.

    python notebooks/_build/bundle.py [FILE]     default: ftte_lab_students.zip

The zip has the notebooks in their student form, the library, and the pages that these link to. The
library must check answers without a network, so its tests of the exercises are in it.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import course
import nbformat

ROOT = course.HERE.parent
TOP = "ftte_lab_students"
PARTS = (
    "ftte_lab/**/*",
    "notebooks/*.ipynb",
    "docs/*.md",
    "docs/*.png",
    "benchmarks/study/STUDY.md",
    "benchmarks/study/*.png",
    "GLOSSARY.md",
    "LICENSE",
    "README.md",
    "pyproject.toml",
)
START = """\
# Start

Python 3.11 or newer. In this folder:

    python -m venv .venv
    .venv/bin/python -m pip install -e ".[lab]"
    .venv/bin/jupyter lab notebooks/00_start_here.ipynb

On Windows the programs are in `.venv\\Scripts`. Only the second line needs a network.
"""
_LEFT_OUT = {"__pycache__", ".ipynb_checkpoints"}
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)")
_MOMENT = (2026, 1, 1, 0, 0, 0)  # equal files make an equal zip


def files() -> dict[str, bytes]:
    """Return the files of the bundle by their path in it."""
    paths = {path for part in PARTS for path in ROOT.glob(part) if path.is_file()}
    kept = sorted(path for path in paths if not _LEFT_OUT & set(path.parts))
    found = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in kept}
    found["START.md"] = START.encode()
    for name, content in found.items():
        if name.endswith(".md"):
            found[name] = linked(content.decode(), name, found).encode()
        elif name.endswith(".ipynb"):
            found[name] = _notebook(content.decode(), name, found).encode()
    return found


def linked(text: str, name: str, found: Mapping[str, bytes]) -> str:
    """Return a page without its links to what students do not get; their words stay."""

    def keep(match: re.Match[str]) -> str:
        target = match[2].partition("#")[0]
        there = not target or ":" in target or _place(name, target) in found
        return match[0] if there else match[1]

    return _LINK.sub(keep, text)


def _place(name: str, target: str) -> str:
    """Return where a link of a page leads, as a path of the bundle."""
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / target).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _notebook(text: str, name: str, found: Mapping[str, bytes]) -> str:
    notebook = course.filled(nbformat.reads(text, as_version=4), course.blank)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source, name, found)
    return f"{nbformat.writes(notebook)}\n"


def entries() -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    """Yield the entries of the zip."""
    for name, content in sorted(files().items()):
        entry = zipfile.ZipInfo(f"{TOP}/{name}", _MOMENT)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        yield entry, content


def main(arguments: list[str]) -> int:
    """Write the zip to the file that the first argument names."""
    if len(arguments) > 1 or any(one.startswith("-") for one in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    path = Path(arguments[0] if arguments else f"{TOP}.zip")
    with zipfile.ZipFile(path, "w") as bundle:
        for entry, content in entries():
            bundle.writestr(entry, content)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
