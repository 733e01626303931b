"""Build the documentation site: `python -m docs.build_site [FOLDER]`, which `make docs` calls.

The pages of the repository are copied side by side, so that their links stay as they are. Beside
them come a page per package, from its docstrings. The site loads nothing from outside: it has a
search of its own, and works from a folder without a server.
"""

from __future__ import annotations

import json
import pkgutil
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = (
    "GLOSSARY.md",
    "INSTRUCTORS.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "LICENSE",
    "docs/*.md",
    "docs/*.png",
    "docs/teaching/*.md",
    "data/README.md",
    "benchmarks/*.md",
    "benchmarks/*.png",
    "benchmarks/study/README.md",
    "benchmarks/study/STUDY.md",
    "benchmarks/study/*.png",
)
"""Files of the repository that are copied as they are."""

PARTS = {
    "Start": ["docs/install", "docs/launchers"],
    "Course": ["notebooks/*", "GLOSSARY"],
    "Lab and library": ["docs/lab", "docs/library", "docs/scenario", "data/README", "api/*"],
    "Method and results": [
        "docs/reconstruction",
        "docs/results",
        "benchmarks/study/STUDY",
        "benchmarks/study/README",
    ],
    "Properties": [
        "docs/performance",
        "benchmarks/RESULTS",
        "docs/reliability",
        "docs/privacy",
        "docs/real-devices",
        "docs/scale",
        "SECURITY",
    ],
    "Teaching": ["INSTRUCTORS", "docs/teaching/*"],
    "Contributing": ["CONTRIBUTING", "docs/architecture", "docs/decisions", "CHANGELOG"],
}
"""Parts of the site, with their pages in order; `*` stands for all that are left in a folder."""

NOT_SEARCHED = ("INSTRUCTORS.md", "docs/teaching/*.md")
"""Pages with answers: the search does not lead a student there."""

SETTINGS: dict[str, Any] = {
    "project": "ftte_lab",
    "extensions": ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"],
    "html_theme": "furo",
    "html_title": "ftte_lab",
    "html_show_sphinx": False,
    "html_copy_source": False,
    "default_role": "code",
    "myst_heading_anchors": 4,
    "nb_execution_mode": "off",
    "nb_code_prompt_show": "Predict first, then show the {type}",
    "autodoc_member_order": "bysource",
    "autodoc_typehints": "none",
    "autodoc_preserve_defaults": True,
    "napoleon_use_ivar": True,
    "nb_mime_priority_overrides": [("html", "image/png", 1)],
}


def stage(folder: Path) -> None:
    """Write the source of the site: pages, notebooks, one page per package, and the first page."""
    for pattern in PAGES:
        for path in ROOT.glob(pattern):
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for pattern in NOT_SEARCHED:
        for path in folder.glob(pattern):
            path.write_text(f"---\nnosearch: true\n---\n{_text(path)}", encoding="utf-8")
    architecture = folder / "docs" / "architecture.md"
    picture = _text(architecture).replace("```mermaid", "```text")
    architecture.write_text(picture, encoding="utf-8")
    for path in ROOT.glob("notebooks/*.ipynb"):
        _write(folder / "notebooks" / path.name, _covered(json.loads(_text(path))))
    for name in packages():
        title = f"{name}\n{'=' * len(name)}\n\n"
        _write(folder / "api" / f"{name}.rst", f"{title}.. automodule:: {name}\n   :members:\n")
    _write(folder / "index.md", _text(ROOT / "README.md") + _contents(folder))


def packages() -> list[str]:
    """Return the packages with a public face, as full names."""
    found = pkgutil.iter_modules([str(ROOT / "ftte_lab")])
    names = [m.name for m in found if m.ispkg and not m.name.startswith("_")]
    return [f"ftte_lab.{name}" for name in names if name != "cli"]


def _covered(notebook: dict[str, Any]) -> str:
    """Return a notebook with its pictures behind a button: a page asks for a prediction first."""
    for cell in notebook["cells"]:
        if cell.get("outputs"):
            cell["metadata"].setdefault("tags", []).append("hide-output")
    return json.dumps(notebook)


def _contents(folder: Path) -> str:
    """Return the tables of contents, which the first page shows at its side."""
    text = ""
    for caption, entries in PARTS.items():
        lines = "\n".join(line for entry in entries for line in _expanded(folder, entry))
        text += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines}\n```\n"
    return text


def _expanded(folder: Path, entry: str) -> list[str]:
    if "*" not in entry:
        return [entry]
    return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.glob(entry))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def build(folder: Path) -> int:
    """Build the site into `folder/html`; return 0, or 1 if Sphinx had anything to complain about.

    Args:
        folder: for source, cache and result; an earlier source in it is removed.
    """
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    source = folder / "source"
    shutil.rmtree(source, ignore_errors=True)
    stage(source)
    with patch_docutils(), docutils_namespace():
        site = Sphinx(
            srcdir=source,
            confdir=None,
            outdir=folder / "html",
            doctreedir=folder / "cache",
            buildername="html",
            confoverrides=SETTINGS,
            freshenv=True,
            warningiserror=True,
        )
        site.build()
    return int(site.statuscode)


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "build"))
