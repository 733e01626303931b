"""Import Altair as `alt`, without two seconds for a parser that no chart uses.

Altair checks charts by `jsonschema`. That package also offers to check international addresses,
where `rfc3987_syntax` is installed; JupyterLab brings it. Its import builds a parser from a
grammar, which takes as long as importing PyTorch. So `jsonschema` gets a function here that imports
the package when it is called. The checks are the same.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType

__all__ = ["alt"]

_NAME = "rfc3987_syntax"


def _is_valid_syntax(term: str, value: str) -> bool:
    """Stand for the package's function of this name until somebody needs it."""
    return bool(importlib.import_module(_NAME).is_valid_syntax(term, value))


def _import_jsonschema() -> None:
    """Import `jsonschema`; it takes what it finds under the package's name at that moment."""
    if _NAME in sys.modules or "jsonschema" in sys.modules or find_spec(_NAME) is None:
        return
    stand_in = ModuleType(_NAME)
    stand_in.is_valid_syntax = _is_valid_syntax  # type: ignore[attr-defined]
    sys.modules[_NAME] = stand_in
    try:
        importlib.import_module("jsonschema")
    finally:
        del sys.modules[_NAME]


_import_jsonschema()
import altair as alt  # noqa: E402  # after that
