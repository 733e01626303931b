"""Check refusals to the letter: a sentence is what a student sees, so it is a value like others."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

Refusals = list[tuple[Callable[[], object], str]]
"""Calls that must be refused, each with its sentence."""


def check_refused(call: Callable[[], object], sentence: str) -> None:
    """Require a `ValueError` with this very sentence; "(…)" stands for another library's words."""
    words = re.escape(sentence).replace(re.escape("(…)"), r"\(.+\)")
    with pytest.raises(ValueError, match=f"^{words}$"):
        call()
