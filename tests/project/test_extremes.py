"""Numbers at their extremes: a finite answer, a counted rejection, or one sentence; never silence.

Every public function of the packages below is in one of the two tables of `extremes`; a new one
fails the first test until it is there.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from tests.project.extremes import FORMULAS, WITHOUT, Formula

PACKAGES = ("data", "models", "devices", "training", "server", "simulation")
NUMBERS: tuple[Any, ...] = (
    0, -0.0, 5e-324, 1e-300, 1e-30, 1e30, 1e300, 1.7e308, math.nan, math.inf, -math.inf, -1, -1e300,
    2**62, 10**400, np.float32(1e-38), np.float64(0), np.int8(1), np.int8(127),
)  # fmt: skip
ENTRIES: tuple[float, ...] = (
    0.0, 5e-324, 1e-300, 1e-38, 1e30, 3e38, 1e300, 1.7e308, math.nan, math.inf, -math.inf, -1.0,
)  # fmt: skip


def public() -> Iterator[str]:
    """Yield the public functions and classes, by package and name."""
    for package in PACKAGES:
        module = importlib.import_module(f"ftte_lab.{package}")
        for name in module.__all__:
            found = getattr(module, name)
            cached = callable(found) and hasattr(found, "__wrapped__")
            if inspect.isclass(found) or inspect.isfunction(found) or cached:
                yield f"{package}.{name}"


def test_every_public_formula_is_listed() -> None:
    assert not set(FORMULAS) & set(WITHOUT)
    assert set(public()) == {*FORMULAS, *WITHOUT}


def numbers_in(value: Any) -> Iterator[float]:
    """Yield all numbers of an answer, wherever they are."""
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        yield from value.astype(float).ravel().tolist()
    elif isinstance(value, bool | int | float | np.number):
        yield float(value)
    elif isinstance(value, Mapping):
        yield from numbers_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from numbers_in(one)
    elif dataclasses.is_dataclass(value):
        yield from numbers_in(list(vars(value).values()))


def assert_answers(formula: Formula, arguments: dict[str, Any]) -> bool:
    """Call it: a finite answer (true), or a refusal in one sentence (false)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            answer = formula.call(**arguments)
    except ValueError as error:
        text = str(error)
        assert "allowed" in text, text
        assert "\n" not in text, text
        assert len(text) < 600, text
        return False
    bad = [
        x
        for x in numbers_in(answer)
        if (math.isnan(x) and not formula.undefined) or (math.isinf(x) and not formula.infinite)
    ]
    assert not bad, f"{bad[:3]} in {str(answer)[:200]}"
    return True


@pytest.mark.parametrize("name", FORMULAS)
def test_a_plain_call_is_answered(name: str) -> None:
    formula = FORMULAS[name]
    assert formula.numbers or formula.arrays
    assert assert_answers(formula, {**formula.numbers, **formula.arrays})


@pytest.mark.parametrize("name", FORMULAS)
def test_extreme_numbers_are_answered_or_refused(name: str) -> None:
    formula = FORMULAS[name]
    failed = []
    for argument in formula.numbers:
        for extreme in NUMBERS:
            given = {**formula.numbers, **formula.arrays, argument: extreme}
            failed += failure_of(formula, given, argument, extreme)
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("name", [name for name, one in FORMULAS.items() if one.arrays])
def test_extreme_arrays_are_answered_or_refused(name: str) -> None:
    formula = FORMULAS[name]
    failed = []
    for argument, plain in formula.arrays.items():
        for extreme in arrays_like(plain):
            given = {**formula.numbers, **formula.arrays, argument: extreme}
            failed += failure_of(formula, given, argument, extreme)
    assert not failed, "\n".join(failed)


def arrays_like(plain: Any) -> Iterator[Any]:
    """Yield arrays of a shape with one extreme entry, or all of them; and an empty one."""
    yield plain[:0]
    for extreme in ENTRIES:
        for everywhere in (False, True):
            changed: Any
            if isinstance(plain, torch.Tensor):
                changed = plain.clone().float()
                extreme = (
                    float(np.clip(extreme, -3e38, 3e38)) if math.isfinite(extreme) else extreme
                )
            else:
                changed = np.array(plain, dtype=float)
            if everywhere:
                changed[...] = extreme
            else:
                changed.reshape(-1)[0] = extreme
            yield changed


def failure_of(formula: Formula, given: dict[str, Any], argument: str, extreme: Any) -> list[str]:
    """Return what is wrong with an answer, in one line."""
    try:
        assert_answers(formula, given)
    except BaseException as error:  # a panic of another library is none of `Exception`
        if isinstance(error, KeyboardInterrupt):
            raise
        shown = str(extreme).replace("\n", " ")[:60]
        return [f"{argument} = {shown}: {type(error).__name__}: {str(error)[:160]}"]
    return []
