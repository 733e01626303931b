"""The examples in docstrings of `_common`, `data` and `models` run as they stand."""

import doctest
import importlib
import pkgutil

import pytest

import ftte_lab._common
import ftte_lab.data
import ftte_lab.models

PACKAGES = (ftte_lab._common, ftte_lab.data, ftte_lab.models)
MODULES = sorted(
    f"{package.__name__}.{module.name}"
    for package in PACKAGES
    for module in pkgutil.iter_modules(package.__path__)
    if module.name != "__main__"
)


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
