"""Register solvers that draw one subset each: many draws at random in one and the same world.

A scenario's seed makes its fleet, data and start, and also seeds the search. So another draw in the
same world needs a solver of its own, which shifts the seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ftte_lab.server import SOLVERS, Problem

KINDS = ("random", "pure_random")
"""Tensors and shares at random with the best channels first, and with channels at random, too."""

DRAWS = 10
_FAR = 1_000_003  # no two draws of the study's seeds get the same number


def names(draws: int = DRAWS) -> Iterator[str]:
    """Yield the names of the draws of each kind, and make sure that they are registered."""
    for kind in KINDS:
        for number in range(1, draws + 1):
            name = f"{kind} {number}"
            if name not in SOLVERS:
                SOLVERS[name] = _draw(kind, number)
            yield name


def register() -> None:
    """Register all draws in this process: a worker needs it before it reads a scenario."""
    list(names())


def _draw(kind: str, number: int) -> Any:
    def solver(problem: Problem, seed: int) -> Any:
        return SOLVERS[kind](problem, seed + _FAR * number)

    return solver
