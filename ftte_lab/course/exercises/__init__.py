"""All exercises of the course, by name: two digits of the lesson and a letter."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ftte_lab.course.exercise import Exercise
from ftte_lab.course.exercises import (
    lesson00,
    lesson01,
    lesson02,
    lesson03,
    lesson04,
    lesson05,
    lesson06,
    lesson07,
    lesson08,
    lesson09,
    lesson10,
    lesson11,
    lesson12,
    lesson13,
)

_MODULES = (
    lesson00,
    lesson01,
    lesson02,
    lesson03,
    lesson04,
    lesson05,
    lesson06,
    lesson07,
    lesson08,
    lesson09,
    lesson10,
    lesson11,
    lesson12,
    lesson13,
)

EXERCISES: Mapping[str, Exercise] = MappingProxyType(
    {name: exercise for module in _MODULES for name, exercise in module.EXERCISES.items()}
)
"""Exercises by name, "00a" to "13d"."""
