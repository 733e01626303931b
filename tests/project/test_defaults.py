"""Tensors are made with a stated device and type: torch's defaults belong to the user."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "ftte_lab").rglob("*.py"))
FROM_NOTHING = {"empty", "zeros", "ones", "randn", "rand", "full", "linspace", "eye"}
FROM_VALUES = {"tensor", "as_tensor", "arange", "randint", "randperm"}  # integers, or arrays
GLOBALS = {
    "torch": {"manual_seed", "set_default_dtype", "set_default_device", "set_printoptions"},
    "np": {"seterr", "set_printoptions"},
    "pd": {"set_option"},
    "alt": {"data_transformers", "renderers", "theme"},
    "locale": {"setlocale"},
    "warnings": {"filterwarnings", "simplefilter"},
}
MAY_PUT_BACK = "belongings.py"  # restores what an answer has changed


def careless(tree: ast.AST) -> Iterator[str]:
    """Yield what depends on a default of the session, or changes one."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        if node.attr in GLOBALS.get(node.value.id, ()):
            yield f"line {node.lineno}: {node.value.id}.{node.attr}"
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        f, given = node.func, {keyword.arg for keyword in node.keywords}
        if not (isinstance(f.value, ast.Name) and f.value.id == "torch"):
            continue
        if f.attr in FROM_NOTHING and not {"dtype", "device"} <= given:
            yield f"line {node.lineno}: torch.{f.attr}"
        if f.attr in FROM_VALUES and "device" not in given:
            yield f"line {node.lineno}: torch.{f.attr}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_file_depends_on_defaults_of_the_session(path: Path) -> None:
    if path.name == MAY_PUT_BACK:
        return
    assert list(careless(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "code",
    ["torch.zeros(2)", "torch.zeros(2, dtype=d)", "torch.tensor(x)", "np.seterr(all='raise')"],
)
def test_the_search_finds_what_depends_on_defaults(code: str) -> None:
    assert list(careless(ast.parse(code)))
