"""A student's search for the subset, run in the engine beside the proven best and random draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from ftte_lab._common import percent
from ftte_lab.charts import Figure, accuracy
from ftte_lab.course.lessons import lesson
from ftte_lab.course.sandbox import call, examine
from ftte_lab.server import SOLVERS, Problem
from ftte_lab.simulation import History, Scenario, prepare, run

BUDGETS_KIB = (160.0, 256.0)
"""Budgets on which a search is tried; the first is drawn."""

GOOD_SHARE = 0.96
"""Share of the proven best gain that a search must reach: one pass, largest first, does not."""

LIBRARY = {
    "exact": "proven best, the library's",
    "random": "tensors at random",
    "pure_random": "channels at random, too",
}
"""What a search is compared with, in words."""

_NAME = "yours"


def fleet(budget_kib: float, solver: str) -> Scenario:
    """Return the small fleet of lesson 04 with one budget and solver."""
    small = lesson("04", "ci").set(budget_kib=budget_kib, horizon_s=1200.0, evaluations=20)
    return small.run("ftte").replace(solver=solver)


def in_fleet(answer: Callable[..., Any]) -> str | None:
    """Let a student's search choose in the fleet; return under which budget it gains too little."""
    for budget_kib in BUDGETS_KIB:
        gained, best = _gains(answer, budget_kib)
        if gained < GOOD_SHARE * best:
            return (
                f"in the fleet, with {budget_kib:.0f} KiB, your choice has "
                f"{percent(gained / best)} of the proven best gain; "
                f"reach at least {percent(GOOD_SHARE)}."
            )
    return None


def picture(answer: Callable[..., Any]) -> Figure:
    """Draw the run with a student's choice beside the proven best and two random draws."""
    with _registered(lambda problem, _: _asked(answer, problem)):
        mine = run(fleet(BUDGETS_KIB[0], _NAME), processes=1)
    shown = {label: _library(solver) for solver, label in LIBRARY.items()}
    return accuracy({**shown, "yours": mine})


def compared(answer: Callable[..., Any]) -> str:
    """Say which share of the proven best gain a student's choice has."""
    gained, best = _gains(answer, BUDGETS_KIB[0])
    share = percent(gained / best)
    return f"With {BUDGETS_KIB[0]:.0f} KiB your choice has {share} of the proven best gain."


@contextmanager
def _registered(solver: Callable[[Problem, int], Any]) -> Iterator[None]:
    """Offer a solver to the engine for a while."""
    SOLVERS[_NAME] = solver
    try:
        yield
    finally:
        del SOLVERS[_NAME]


def _gains(answer: Callable[..., Any], budget_kib: float) -> tuple[float, float]:
    """Return the gain of a student's choice, and the largest that there is."""
    asked: list[tuple[Problem, dict[str, int]]] = []

    def solver(problem: Problem, seed: int) -> Mapping[str, int]:
        asked[:] = [(problem, _asked(answer, problem))]
        return asked[0][1]

    with _registered(solver):
        prepare(fleet(budget_kib, _NAME))  # refuses in words what breaks a rule
    [(problem, chosen)] = asked
    return problem.value(chosen), problem.value(SOLVERS["exact"](problem, 0))


@lru_cache(maxsize=len(LIBRARY))
def _library(solver: str) -> History:
    return run(fleet(BUDGETS_KIB[0], solver), processes=1)


def _asked(answer: Callable[..., Any], problem: Problem) -> dict[str, int]:
    """Return a student's choice for a problem of the engine, as plain numbers by name."""

    def fits(chosen: Mapping[str, int]) -> bool:
        return problem.fits(chosen)

    def gain(chosen: Mapping[str, int]) -> float:
        return problem.value(chosen)

    options = [(tensor, channels) for tensor, channels, _ in problem.options]
    chosen = call(answer, (options, dict(problem.required), fits, gain))
    return examine(lambda: {str(name): int(count) for name, count in dict(chosen).items()})
