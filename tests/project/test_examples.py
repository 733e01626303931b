"""The examples in docstrings give what they show; every public name is described."""

import doctest
import importlib
import inspect
import io
from pathlib import Path

import pytest

from tests.project.test_imports import PACKAGES

ROOT = Path(__file__).parents[2]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
# Without an import: modules without an example cost nothing.
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("ftte_lab", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if ">>>" in path.read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each docstring runs on its own, with the names of its module."""
    monkeypatch.setenv("FTTE_PROGRESS", "off")
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(verbose=False, optionflags=FLAGS)
    output = io.StringIO()
    for example in doctest.DocTestFinder(exclude_empty=True).find(module):
        runner.run(example, out=output.write)
    assert runner.tries > 0
    assert runner.failures == 0, output.getvalue()


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_described_in_one_line(package: str) -> None:
    """The first line of a docstring is one sentence that fits into a list."""
    module = importlib.import_module(f"ftte_lab.{package}")
    for name in module.__all__:
        found = getattr(module, name)
        if inspect.isfunction(found) or inspect.isclass(found):
            first = (inspect.getdoc(found) or "").partition("\n")[0]
            assert first.endswith("."), f"{package}.{name}: {first!r}"
            assert len(first) <= 100, f"{package}.{name}: {first!r}"
