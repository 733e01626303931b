"""The six rules of the house, as tests: order of packages, faces, and who may import what."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
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
    "deployment",
    "experiments",
    "charts",
    "lab",
    "course",
    "cli",
]
ENTRIES = 15  # packages (cli is the thirteenth), the two faces; nothing else at the top
FLOORS = 10  # packages that stand on each other
CHAIN = 24  # files that import each other one after the other
# What stands outside of the house, and the packages without a public face that it may use.
OUTSIDE: Mapping[str, set[str]] = {
    "benchmarks": {"_common"},
    "docs": {"_common"},
    "notebooks": set(),
}
READERS = sorted(
    path
    for folder in OUTSIDE
    for suffix in ("*.py", "*.ipynb")
    for path in (ROOT / folder).rglob(suffix)
    if ".ipynb_checkpoints" not in path.parts
)
# Private names of other libraries, which offer no other way.
FOREIGN_PRIVATE = {"_widget", "_instances"}


def package_of(path: Path) -> str:
    """Return the package of a file, or `__init__` and `__main__` for the two faces."""
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def house_imports(tree: ast.Module, where: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each `from ftte_lab... import names` of a module; any other form is an error."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not any(a.name.split(".")[0] == "ftte_lab" for a in node.names), where
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {where}"
            if node.module and node.module.split(".")[0] == "ftte_lab":
                yield node.module, [alias.name for alias in node.names]


@cache
def tree_of(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(path.read_text())


@cache
def face(package: str) -> frozenset[str]:
    """Return the names that a package's `__init__` lists in `__all__`."""
    for node in tree_of(HOUSE / package / "__init__.py").body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


@cache
def defining_file(package: str, name: str) -> Path:
    """Return the file from which a package's `__init__` takes a name."""
    init = HOUSE / package / "__init__.py"
    for module, names in house_imports(tree_of(init), init):
        if name in names:
            return file_of(module) or file_of(f"{module}.{name}") or init
    return init


def file_of(module: str) -> Path | None:
    """Return the file of a module's name, if there is one."""
    place = ROOT.joinpath(*module.split("."))
    found = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in found if path.is_file()), None)


@cache
def imported_files(path: Path) -> frozenset[Path]:
    """Return the files whose names a file uses, looked up through the faces."""
    found: set[Path] = set()
    for module, names in house_imports(tree_of(path), path):
        package = module.partition(".")[2]
        for name in names:
            if package in PACKAGES and package != package_of(path):
                found.add(defining_file(package, name))
            else:
                place = file_of(f"{module}.{name}") or file_of(module)
                assert place is not None, f"{path} imports {module}"
                found.add(place)
    return frozenset(found)


def longest_chain(graph: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the longest chain of a graph without circles; a circle is an error."""
    done: dict[str, list[str]] = {}

    def chain(node: str, above: tuple[str, ...]) -> list[str]:
        assert node not in above, f"circle: {' -> '.join([*above, node])}"
        if node not in done:
            tails = [chain(other, (*above, node)) for other in sorted(graph[node])]
            done[node] = [node, *max(tails, key=len, default=[])]
        return done[node]

    return max((chain(node, ()) for node in sorted(graph)), key=len)


def test_house_has_these_packages_and_two_faces() -> None:
    entries = {p.name for p in HOUSE.iterdir() if p.name != "__pycache__"}
    assert entries == {*PACKAGES, "__init__.py", "__main__.py"}
    assert len(entries) <= ENTRIES


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(HOUSE).as_posix())
def test_imports_follow_the_order_and_use_faces(path: Path) -> None:
    here = package_of(path)
    if here in ("__init__", "__main__"):
        return
    for module, names in house_imports(tree_of(path), path):
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


def test_files_import_without_circles_and_in_short_chains() -> None:
    inner = [path for path in MODULES if path.name != "__init__.py"]
    graph = {
        path.relative_to(HOUSE).as_posix(): frozenset(
            other.relative_to(HOUSE).as_posix() for other in imported_files(path) & set(inner)
        )
        for path in inner
    }
    chain = longest_chain(graph)
    assert len(chain) <= CHAIN, f"{len(chain)} files: {' -> '.join(chain)}"


def test_packages_stand_on_few_floors() -> None:
    graph: dict[str, set[str]] = {package: set() for package in PACKAGES}
    for path in MODULES:
        here = package_of(path)
        if here in graph:
            graph[here] |= {package_of(other) for other in imported_files(path)} - {here}
    chain = longest_chain({package: frozenset(others) for package, others in graph.items()})
    assert len(chain) <= FLOORS, f"{len(chain)} floors: {' -> '.join(chain)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_face_names_what_it_imports(package: str) -> None:
    """Every name of `__all__` exists, no name is private, and nothing is imported for nobody."""
    init = HOUSE / package / "__init__.py"
    taken = {n for _, names in house_imports(tree_of(init), init) for n in names}
    assert not [name for name in face(package) if name.startswith("_")]
    assert taken <= face(package) | {
        node.id for node in ast.walk(tree_of(init)) if isinstance(node, ast.Name)
    }


def test_only_init_files_start_with_an_underscore() -> None:
    for path in MODULES:
        parts = path.relative_to(HOUSE).parts
        assert not any(p.startswith("_") for p in parts[:-1] if p != "_common"), path
        assert not parts[-1].startswith("_") or parts[-1] in ("__init__.py", "__main__.py"), path


def test_scenario_is_known_from_simulation_upwards_only() -> None:
    below = PACKAGES[: PACKAGES.index("simulation")]
    for path in MODULES:
        if package_of(path) in below:
            assert not re.search(r"\bscenario\.|\bScenario\b", path.read_text()), path


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


def code_of(path: Path) -> str:
    """Return a file's code: all of a module, the code cells of a notebook without magics."""
    if path.suffix == ".py":
        return path.read_text()
    cells = json.loads(path.read_text())["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    return re.sub(r"^\s*[%!].*$", "", code, flags=re.M)


@pytest.mark.parametrize("path", READERS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_readers_import_faces_and_name_nothing_private(path: Path) -> None:
    """Benchmarks, documents and notebooks use what a package names, as a user would."""
    allowed = OUTSIDE[path.relative_to(ROOT).parts[0]]
    tree = ast.parse(code_of(path))
    for module, names in house_imports(tree, path):
        package = module.partition(".")[2]
        if not package:
            assert not [name for name in names if name.startswith("_")], f"{path}: {names}"
            continue
        assert package in PACKAGES, f"{path}: import a package, not its file {module}"
        assert not package.startswith("_") or package in allowed, f"{path}: {module} is private"
        assert set(names) <= face(package), f"{path}: {set(names) - face(package)}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match(r"_(?!_)", node.attr):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            assert own or node.attr in FOREIGN_PRIVATE, f"{path}:{node.lineno}: {node.attr}"


def test_architecture_picture_shows_the_imports() -> None:
    edges = {
        (package_of(path), package)
        for path in MODULES
        for module, names in house_imports(tree_of(path), path)
        for package in (module.split(".")[1:2] or names)
        if {package, package_of(path)} <= set(PACKAGES) and package != package_of(path)
    }

    def reachable(start: str, end: str, left_out: tuple[str, str]) -> bool:
        steps = [b for a, b in edges if a == start and (a, b) != left_out]
        return end in steps or any(reachable(b, end, left_out) for b in steps)

    needed = {edge for edge in edges if not reachable(*edge, edge)}
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", page, re.M))
    assert drawn == needed
