"""The project's own solutions, as functions that a student could pass to `check`."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ftte_lab.course import EXERCISES, LIMITS
from notebooks._build import course

TRAINS = {"10a"}
"""Exercises that are judged by training; tests/project/test_notebooks.py solves them."""
QUICK = sorted(set(EXERCISES) - TRAINS)


def source_of(name: str) -> str:
    return (course.SOLUTIONS / f"{name}.py").read_text()


def function_of(source: str) -> Callable[..., Any]:
    """Run a cell as a notebook would, and return the function that it defines."""
    names: dict[str, Any] = {"np": np, "math": math, "LIMITS": LIMITS}
    given = set(names)
    exec(compile(source, "cell", "exec"), names)  # noqa: S102  # the project's own exercise
    return next(v for k, v in names.items() if callable(v) and k not in given)


def solution_of(name: str) -> Callable[..., Any]:
    return function_of(course.answered(source_of(name)))
