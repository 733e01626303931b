"""The project's own rules: one list of versions, small modules, one command."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.release import pages_without

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"torch": "pytorch-cpu"}
MODULES = sorted(
    path
    for folder in ("ftte_lab", "benchmarks", "docs", "notebooks")
    for path in (ROOT / folder).rglob("*.py")
)


def wanted(*lists: list[str]) -> dict[str, SpecifierSet]:
    """Return versions by conda-forge's names."""
    requirements = [Requirement(text) for texts in lists for text in texts]
    return {CONDA_NAMES.get(r.name, r.name): r.specifier for r in requirements}


def conda(name: str) -> tuple[dict[str, SpecifierSet], list[str]]:
    """Return the versions of an environment file, and what pip installs in it."""
    content = yaml.safe_load((ROOT / name).read_text())
    assert content["channels"] == ["conda-forge", "nodefaults"]
    [of_pip] = [line["pip"] for line in content["dependencies"] if isinstance(line, dict)]
    lines = [line for line in content["dependencies"] if isinstance(line, str) and line != "pip"]
    return {
        n: SpecifierSet(version) for n, _, version in (line.partition(" ") for line in lines)
    }, [str(line) for line in of_pip]


def test_environment_yml_is_library_and_lab_and_nothing_for_developers() -> None:
    found, of_pip = conda("environment.yml")
    assert of_pip == ["-e ."]
    assert found.pop("python") == SpecifierSet(PROJECT["requires-python"])
    assert found == wanted(PROJECT["dependencies"], PROJECT["optional-dependencies"]["lab"])


def test_environment_for_developers_is_the_extra_dev() -> None:
    found, of_pip = conda("environment-dev.yml")
    names = [line.partition(" ") for line in of_pip]
    assert found | {n: SpecifierSet(version) for n, _, version in names} == wanted(
        PROJECT["optional-dependencies"]["dev"]
    )


def test_extras_are_by_role() -> None:
    extras = PROJECT["optional-dependencies"]
    assert set(extras) >= {"lab", "privacy", "real", "cluster", "voila", "dev"}
    of_students = {Requirement(text).name for text in [*PROJECT["dependencies"], *extras["lab"]]}
    assert not of_students & {"mypy", "playwright", "pytest", "ruff", "hypothesis", "distributed"}


def test_makefile_installs_the_same_torch_first() -> None:
    [torch] = [d for d in PROJECT["dependencies"] if d.startswith("torch")]
    recipe = (ROOT / "Makefile").read_text()
    assert f"TORCH := '{torch}'" in recipe
    assert recipe.index("$(TORCH); fi") < recipe.index("-e '.[lab]'")


[CPU_INDEX] = re.findall(r"^CPU_INDEX := (https://\S+/cpu)$", (ROOT / "Makefile").read_text(), re.M)
# A Python that makes an environment whose pip writes down what it is asked for.
PYTHON_OF_A_TEST = """#!/bin/sh
if [ "$1" = -m ] && [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit 0; fi
if [ "$1" = -c ]; then exit 0; fi
echo "$@" >> "$ASKED"
case "$*" in *--index-url*cpu*) exit "$REACHED";; esac
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has wheels of both kinds")
@pytest.mark.parametrize(
    ("driver", "reached", "chosen", "asks"),
    [
        (False, True, "", [f"--index-url {CPU_INDEX}"]),
        (False, False, "", [f"--index-url {CPU_INDEX}", ""]),
        (True, True, "", [""]),
        (False, True, "--index-url of-a-school", ["--index-url of-a-school"]),
    ],
)
def test_torch_comes_without_cuda_where_no_driver_is(
    driver: bool, reached: bool, chosen: str, asks: list[str], tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(PYTHON_OF_A_TEST)
    python.chmod(0o755)
    (tmp_path / "driver").touch() if driver else None
    asked = tmp_path / "asked"
    done = subprocess.run(  # noqa: S603
        [  # noqa: S607
            "make",
            f"{tmp_path}/env/.torch",
            f"VENV={tmp_path}/env",
            f"PYTHON={python}",
            f"NVIDIA_DRIVER={tmp_path}/driver",
            f"TORCH_ARGS={chosen}",
        ],
        cwd=ROOT,
        env={**os.environ, "ASKED": str(asked), "REACHED": "0" if reached else "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = asked.read_text().splitlines()
    assert len(lines) == len(asks)
    for line, wish in zip(lines, asks, strict=True):
        assert line.endswith("torch>=2.13,<2.14")
        assert wish in line
        assert ("--index-url" in line) == bool(wish)
    assert ("cannot be reached" in done.stdout) == (not reached)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
            doc = ast.get_docstring(node)
            length = node.end_lineno - node.lineno + 1 - (len(doc.splitlines()) + 1 if doc else 0)
            assert length < 40, f"{node.name} has {length} lines without its docstring"


def test_scripts_of_the_page_ship_with_the_package_and_use_no_network() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    shipped = tools["setuptools"]["package-data"]
    static = ROOT / "ftte_lab" / "lab" / "live" / "static"
    files = {path.name for path in static.iterdir()}
    assert shipped["ftte_lab.lab.live"] == ["static/*"]  # all: tests/project/test_security.py
    assert {"stage.js", "fleet.js", "charts.js", "stage.css"} <= files
    for path in static.iterdir():
        text = path.read_text()
        assert len(text.splitlines()) <= 300
        for unsafe in ("http:", "https:", "//cdn", "innerHTML", "eval(", "import(", "fetch("):
            assert unsafe not in text, f"{unsafe} in {path.name}"


def test_workflow_of_a_fork_runs_the_same_command() -> None:
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["test"]
    assert any("make test test-slow" in step.get("run", "") for step in job["steps"])
    assert "\nmake test test-slow\n" in (ROOT / ".ci" / "run").read_text()


def test_the_two_commands_are_all_tests() -> None:
    """One leaves out what the other takes: the same expression, once denied."""
    lines = (ROOT / "Makefile").read_text().splitlines()
    commands = [line.strip() for line in lines if "pytest -n 2 --dist worksteal" in line]
    everything = "$(BIN)/pytest -n 2 --dist worksteal -m "
    assert commands == [f'{everything}"$(QUICK)"', f'{everything}"not ($(QUICK))"']


def test_targets_of_students_only_call_the_command() -> None:
    recipe = (ROOT / "Makefile").read_text()
    assert "$(BIN)/ftte-lab start . $(ARGS)" in recipe
    assert "$(BIN)/ftte-lab headline $(ARGS)" in recipe
    for target in ("lab", "run"):
        assert re.search(rf"^{target}: \$\(LAB\) ## ", recipe, re.M)  # without developers' tools
    assert PROJECT["scripts"] == {"ftte-lab": "ftte_lab.cli:main"}


def test_launchers_start_the_command_as_an_ordinary_user() -> None:
    recipe = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    [torch] = [d for d in PROJECT["dependencies"] if d.startswith("torch")]
    assert f'"{torch}"' in recipe
    assert "s/^CPU_INDEX := //p" in recipe  # the address stands in the Makefile alone
    assert recipe.index("USER student") < recipe.index("CMD")
    assert '"ftte-lab", "start"' in recipe
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert (ROOT / ".devcontainer" / container["build"]["dockerfile"]).resolve().is_file()
    assert container["remoteUser"] == "student"
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".git", ".venv", "dist"} <= set(left_out)
    page = (ROOT / "docs" / "launchers.md").read_text(encoding="utf-8")
    for file in ("Dockerfile", ".devcontainer/devcontainer.json", "environment.yml"):
        assert f"`{file}`" in page


def test_version_is_one_in_project_changelog_and_citation() -> None:
    assert pages_without(PROJECT["version"]) == []
    assert len(pages_without("9.9.9")) == 2


def test_release_workflow_runs_the_same_command_and_uploads_to_no_index() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    workflow = yaml.safe_load(text)
    steps = [step.get("run", "") for step in workflow["jobs"]["build"]["steps"]]
    assert any(step.startswith("make release") for step in steps)
    assert workflow["permissions"] == {"contents": "read"}
    recipe = (ROOT / "Makefile").read_text()
    for upload in ("twine upload", "gh-action-pypi-publish"):
        assert upload not in text + recipe


def test_fast_tests_are_rooms_that_exist() -> None:
    recipe = (ROOT / "Makefile").read_text()
    [rooms, rules] = re.findall(r"\$\(addprefix ([^,]+),([^)]*)\)", recipe)
    for start, names in (rooms, rules):
        for name in names.split():
            assert (ROOT / f"{start}{name}").exists(), name
    assert '-m "not slow" --hypothesis-profile=fast --durations=10' in recipe
