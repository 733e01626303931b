"""The project's own rules: one list of versions, small modules, one command."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"torch": "pytorch-cpu"}
MODULES = sorted(
    path
    for folder in ("ftte_lab", "benchmarks", "docs", "notebooks")
    for path in (ROOT / folder).rglob("*.py")
)


def test_environment_yml_equals_pyproject() -> None:
    wanted: dict[str, SpecifierSet] = {}
    extras = PROJECT["optional-dependencies"]
    for text in [*PROJECT["dependencies"], *extras["lab"], *extras["test"]]:
        requirement = Requirement(text)
        wanted[CONDA_NAMES.get(requirement.name, requirement.name)] = requirement.specifier
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert conda["channels"] == ["conda-forge", "nodefaults"]
    found = {}
    [of_pip] = [line["pip"] for line in conda["dependencies"] if isinstance(line, dict)]
    assert of_pip[0] == "-e ."
    for line in [*conda["dependencies"], *of_pip[1:]]:
        if isinstance(line, str) and line != "pip":
            name, _, version = line.partition(" ")
            found[name] = SpecifierSet(version)
    assert found.pop("python") == SpecifierSet(PROJECT["requires-python"])
    assert found == wanted


def test_makefile_installs_the_same_torch_first() -> None:
    [torch] = [d for d in PROJECT["dependencies"] if d.startswith("torch")]
    recipe = (ROOT / "Makefile").read_text()
    assert f"$(TORCH_ARGS) '{torch}'" in recipe
    assert recipe.index(torch) < recipe.index("-e '.[lab,test]'")


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
    assert shipped == {"ftte_lab.lab": ["stories/*"], "ftte_lab.lab.live": ["static/*"]}
    assert {"stage.js", "fleet.js", "charts.js", "stage.css"} <= files
    for path in static.iterdir():
        text = path.read_text()
        assert len(text.splitlines()) <= 300
        for unsafe in ("http:", "https:", "//cdn", "innerHTML", "eval(", "import(", "fetch("):
            assert unsafe not in text, f"{unsafe} in {path.name}"


def test_workflow_of_a_fork_runs_the_same_command() -> None:
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["test"]
    assert any("make test" in step.get("run", "") for step in job["steps"])
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_make_lab_opens_the_first_notebook_from_the_root() -> None:
    """Links to the glossary must work.

    With a file as its argument Jupyter shows that file's folder only, without `../GLOSSARY.md`.
    """
    [command] = [
        line for line in (ROOT / "Makefile").read_text().splitlines() if "/jupyter lab" in line
    ]
    assert "--ServerApp.root_dir=. " in command
    [first] = re.findall(r"default_url=/lab/tree/(\S+)", command)
    assert (ROOT / first).exists()
    assert not command.split("$(LAB_FLAGS)")[1].strip()
