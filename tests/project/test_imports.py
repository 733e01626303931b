"""The six rules of the house, as tests: order of packages, faces, and who may import what."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "ftte_lab"
MODULES = sorted(HOUSE.rglob("*.py"))
# The order of packages is the order of imports: a package imports only packages above it.
PACKAGES = [
    "_common",
    "data",
    "models",
    "devices",
    "training",
    "server",
    "simulation",
    "experiments",
    "charts",
    "lab",
    "course",
]


def package_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def house_imports(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each `from ftte_lab... import names` of a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(a.name.split(".")[0] == "ftte_lab" for a in node.names), path
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path}"
            if node.module and node.module.split(".")[0] == "ftte_lab":
                yield node.module, [alias.name for alias in node.names]


def face(package: str) -> set[str]:
    """Names that a package's `__init__` lists in `__all__`."""
    for node in ast.parse((HOUSE / package / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def test_house_has_these_packages_and_two_faces() -> None:
    entries = {p.name for p in HOUSE.iterdir() if p.name != "__pycache__"}
    assert entries == {*PACKAGES, "__init__.py", "__main__.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(HOUSE).as_posix())
def test_imports_follow_the_order_and_use_faces(path: Path) -> None:
    here = package_of(path)
    for module, names in house_imports(path):
        if here in ("__init__", "__main__"):
            continue
        parts = module.split(".")[1:] or names
        for package in parts[:1] if module != "ftte_lab" else names:
            assert PACKAGES.index(package) <= PACKAGES.index(here), f"{here} imports {package}"
            if package == here:
                files = all((HOUSE / package / f"{name}.py").exists() for name in names)
                assert len(parts) > 1 or files, f"{path}: inside a package, import the file"
            elif module != "ftte_lab":
                assert len(parts) == 1, f"{path}: import the package {package}, not its files"
                missing = set(names) - face(package)
                assert not missing, f"{path}: {missing} is not named by ftte_lab.{package}"


def test_only_init_files_start_with_an_underscore() -> None:
    for path in MODULES:
        parts = path.relative_to(HOUSE).parts
        assert not any(p.startswith("_") for p in parts[:-1] if p != "_common"), path
        assert not parts[-1].startswith("_") or parts[-1] in ("__init__.py", "__main__.py"), path


def test_scenario_is_known_from_simulation_upwards_only() -> None:
    below = PACKAGES[: PACKAGES.index("simulation")]
    for path in MODULES:
        if package_of(path) in below:
            assert not re.search(r"\bscenario\.|\bScenario\(", path.read_text()), path


def test_widgets_and_charts_stay_upstairs_and_nothing_is_unsafe() -> None:
    for path in MODULES:
        text, package = path.read_text(), package_of(path)
        banned = ["pickle", "marshal", "shelve"]
        if package not in ("lab", "course"):
            banned += ["ipywidgets", "anywidget", "IPython"]
        if package not in ("charts", "lab", "course"):
            banned += ["altair"]
        assert not re.search(rf"^\s*(import|from) ({'|'.join(banned)})\b", text, re.M), path
        assert not re.search(r"(?<![\w.])(eval|exec)\(", text), path
        assert "allow_pickle=True" not in text, path
