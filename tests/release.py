"""Check what a release would upload: `python -m tests.release dist`, which `make release` calls.

Wheel and source archive hold the same course, the version of pyproject.toml, and nothing that is
not theirs; the changelog and the citation name that version.
"""

from __future__ import annotations

import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import yaml

from ftte_lab.cli import STUDENT, TEACHER
from ftte_lab.cli.course_list import course_files

ROOT = Path(__file__).parents[1]
PAGES = "ftte_lab/cli/pages/"


def faults(folder: Path) -> list[str]:
    """Return what is wrong with the files of a folder, in sentences."""
    version = str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
    wheel = folder / f"ftte_lab-{version}-py3-none-any.whl"
    archive = folder / f"ftte_lab-{version}.tar.gz"
    found = [f"{path.name} is not there" for path in (wheel, archive) if not path.is_file()]
    if found:
        return found
    course = set(course_files(ROOT, STUDENT + TEACHER))
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(archive) as content:
        in_archive = {name.partition("/")[2] for name in content.getnames()}
    pages = {name.removeprefix(PAGES) for name in in_wheel if name.startswith(PAGES)}
    found += [f"the wheel's course differs in {name}" for name in sorted(pages ^ course)]
    found += [f"the archive lacks {name}" for name in sorted((course | OURS) - in_archive)]
    strangers = [n for n in in_wheel if not n.startswith(("ftte_lab/", f"ftte_lab-{version}."))]
    found += [f"the wheel has {name}" for name in strangers]
    return found + pages_without(version)


OURS = {"setup.py", "Makefile", "environment.yml", "ftte_lab/cli/group.py", "tests/tiny.py"}
"""Some files without which the archive could not be built or tested."""


def pages_without(version: str) -> list[str]:
    """Return which pages do not name the version."""
    found = []
    if f"## {version}" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        found.append(f"CHANGELOG.md has no part about {version}")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    if str(citation["version"]) != version:
        found.append(f"CITATION.cff names {citation['version']} and not {version}")
    return found


if __name__ == "__main__":
    wrong = faults(Path(sys.argv[1]))
    print("\n".join(wrong) or "the release is complete; nothing was uploaded")
    sys.exit(bool(wrong))
