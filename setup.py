"""Put the course into the wheel, beside the command that copies it; the rest is pyproject.toml."""

import runpy
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
LIST = runpy.run_path(str(ROOT / "ftte_lab" / "cli" / "course_list.py"))


class BuildWithCourse(build_py):
    """Build the package, and copy notebooks, glossary, pages and slides into it."""

    def run(self) -> None:
        """Build; an editable installation finds the course in its checkout."""
        super().run()
        if self.editable_mode:
            return
        pages = Path(self.build_lib) / "ftte_lab" / "cli" / "pages"
        shutil.rmtree(pages, ignore_errors=True)  # of an earlier build
        for name in LIST["course_files"](ROOT, LIST["STUDENT"] + LIST["TEACHER"]):
            (pages / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, pages / name)


setup(cmdclass={"build_py": BuildWithCourse})
