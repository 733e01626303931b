"""Find the proven optimum: a mixed-integer program, solved by HiGHS (through scipy)."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ftte_lab.devices import Decision, mask_links
from ftte_lab.models import GroupNorm
from ftte_lab.server.search.problem import Counts, Problem

if TYPE_CHECKING:
    from scipy.optimize import LinearConstraint


@dataclass(frozen=True)
class Option:
    """Name one way to train a tensor: with that many of its channels."""

    tensor: str
    channels: int


Variable = Decision | Option
Row = tuple[dict[Variable, float], float, float]
"""A row of the program: coefficients by variable, and the bounds of their sum."""


def exact(problem: Problem, seed: int) -> Counts:
    """Return the choice of largest predicted gain whose every event stays within the budget.

    Raises:
        RuntimeError: if the solver stops without a proof (it never did in our tests).
    """
    from scipy.optimize import Bounds, milp  # half a second of importing, which no node needs

    rows = [*memory_constraints(problem), *_logic_rows(problem), *_layer_rows(problem)]
    gains = {Option(name, count): gain for name, count, gain in problem.options}
    used = (variable for row in rows for variable in row[0])
    variables = list(dict.fromkeys([*problem.memory.variables, *gains, *used]))
    at = {variable: k for k, variable in enumerate(variables)}
    cost = np.zeros(len(variables))
    for option, gain in gains.items():
        cost[at[option]] = -gain
    cost /= max(np.abs(cost).max(), 1e-300)
    counted = [isinstance(v, Decision) and v.kind == "count" for v in variables]
    upper = np.array([_upper(problem, v) for v in variables])
    with _silent:
        found = milp(
            cost,
            integrality=np.where(counted, 0, 1),
            bounds=Bounds(np.zeros(len(variables)), upper),
            constraints=_constraint(rows, at),
            options={"mip_rel_gap": 0.0},
        )
    if not found.success:
        raise RuntimeError(f"the subset search ended without a proof: {found.message}")
    chosen = {one.tensor: one.channels for one in gains if found.x[at[one]] > 0.5}
    return problem.required | chosen


def _constraint(rows: list[Row], at: dict[Variable, int]) -> LinearConstraint:
    """Return the rows as one sparse matrix, given the column of each variable."""
    from scipy.optimize import LinearConstraint
    from scipy.sparse import csr_array

    entries = [(r, at[v], c) for r, row in enumerate(rows) for v, c in row[0].items()]
    r, k, c = (np.array(part) for part in zip(*entries, strict=True))
    matrix = csr_array((c, (r, k)), shape=(len(rows), len(at)))
    return LinearConstraint(matrix, [row[1] for row in rows], [row[2] for row in rows])


def _upper(problem: Problem, variable: Variable) -> float:
    if isinstance(variable, Decision) and variable.kind == "count":
        return float(problem.memory.model.tensors[str(variable.target)].channels)
    return 1.0


def memory_constraints(problem: Problem) -> Iterator[Row]:
    """Keep every event within the budget, and the payload within its limit.

    In KiB, so that the numbers stay near one.
    """
    table = problem.memory
    for constant, row in zip(table.constant, table.matrix, strict=True):
        coefficients: dict[Variable, float] = {
            v: c / 1024 for v, c in zip(table.variables, row, strict=True) if c
        }
        yield coefficients, -np.inf, (problem.budget_bytes - constant) / 1024
    if problem.max_entries is not None:
        tensors = table.model.tensors.values()
        yield (
            {Decision("count", t.name): t.size / t.channels for t in tensors},
            -np.inf,
            float(problem.max_entries),
        )


def _logic_rows(problem: Problem) -> Iterator[Row]:
    """Tie options to counts, depth to options, and masks and norms to depth."""
    model = problem.memory.model
    for name, info in model.tensors.items():
        if name in problem.required:
            yield {Decision("count", name): 1.0}, float(info.channels), float(info.channels)
            yield {Decision("reach", info.op): 1.0}, 1.0, 1.0
            if info.kind == "weight":
                yield {Decision("all", name): 1.0}, 1.0, 1.0
            continue
        options: dict[Variable, float] = {Option(name, c): float(c) for c in problem.offered(name)}
        yield dict.fromkeys(options, 1.0), 0.0, 1.0
        yield {Decision("count", name): -1.0, **options}, 0.0, 0.0
        yield {Decision("reach", info.op): 1.0, **dict.fromkeys(options, -1.0)}, 0.0, np.inf
        if info.kind == "weight":
            every = Option(name, info.channels)
            taken: dict[Variable, float] = {every: 1.0} if every in options else {}
            yield {Decision("all", name): -1.0, **taken}, 0.0, 0.0
    for i in range(len(model.ops) - 1):
        yield {Decision("reach", i + 1): 1.0, Decision("reach", i): -1.0}, 0.0, np.inf
    yield from _norm_rows(problem)
    yield from _mask_rows(problem)


def _layer_rows(problem: Problem) -> Iterator[Row]:
    """Train what is decided as one completely or not at all; a single tensor needs no row."""
    for unit in problem.units:
        tensors = problem.memory.model.tensors
        first, *others = [Option(name, tensors[name].channels) for name in unit]
        for other in others:
            yield {first: 1.0, other: -1.0}, 0.0, 0.0


def _norm_rows(problem: Problem) -> Iterator[Row]:
    for i, op in enumerate(problem.memory.model.ops):
        if isinstance(op, GroupNorm):
            yield {Decision("norm", i): 1.0, Decision("reach", i - 1): -1.0}, 0.0, np.inf
            yield {Decision("norm", i): 1.0, Decision("count", op.gain): -1.0}, 0.0, np.inf


def _mask_rows(problem: Problem) -> Iterator[Row]:
    """Store a mask if the gradient passes, unless the next operation stores the output anyway."""
    for i, weight in mask_links(problem.memory.model):
        every: dict[Variable, float] = {Decision("all", weight): 1.0} if weight else {}
        yield {Decision("mask", i): 1.0, Decision("reach", i): -1.0, **every}, 0.0, np.inf


class _Silence:
    """Discard what is written to standard output: HiGHS prints lines that no option stops.

    The descriptor belongs to the whole process. So it is moved once, however many threads search
    at the same time, and put back when the last one has its answer.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._inside = 0
        self._saved: int | None = None

    def __enter__(self) -> None:
        with self._guard:
            self._inside += 1
            if self._inside > 1:
                return
            _flush()
            with contextlib.suppress(OSError):  # a process without standard output
                self._saved = os.dup(1)
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 1)
                os.close(nowhere)

    def __exit__(self, *_: object) -> None:
        with self._guard:
            self._inside -= 1
            if self._inside or self._saved is None:
                return
            os.dup2(self._saved, 1)
            os.close(self._saved)
            self._saved = None


_silent = _Silence()


def _flush() -> None:
    """Have what was printed so far arrive."""
    with contextlib.suppress(AttributeError, OSError, ValueError):  # none, or a closed one
        sys.stdout.flush()
