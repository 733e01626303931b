"""Which files of the repository are the course.

`setup.py` puts them into the wheel, and `ftte-lab start` copies them. The names are patterns below
the repository, so that a link from one page to another is the same everywhere. This file imports
nothing of the kit, because `setup.py` reads it before the kit is installed.
"""

from __future__ import annotations

from pathlib import Path

STUDENT = (
    "notebooks/[0-9][0-9]_*.ipynb",
    "notebooks/playground.ipynb",
    "GLOSSARY.md",
    "docs/privacy.md",
    "docs/reconstruction.md",
    "docs/scenario.md",
    "benchmarks/study/STUDY.md",
    "benchmarks/study/*.png",
)
"""What a student gets: the notebooks, the glossary, and the pages to which these link."""

TEACHER = (
    "INSTRUCTORS.md",
    "docs/teaching/*.md",
    "docs/teaching/quiz.json",
    "docs/slides/*.png",
    "docs/slides/deck.*",
)
"""What a teacher gets besides: plans, answers and slides, which give the predictions away."""

FIRST_PAGE = "notebooks/00_start_here.ipynb"
"""The page on which JupyterLab opens."""


def course_files(root: Path, patterns: tuple[str, ...]) -> list[str]:
    """Return the files below a folder that match the patterns, with `/` between their parts.

    Args:
        root: of the repository, or of the copy in the wheel.
        patterns: such as `STUDENT`.
    """
    found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    return sorted(path.relative_to(root).as_posix() for path in found)
