"""The proven optimum: a mixed-integer program solved by HiGHS (through scipy), one row per event of the step."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from ftte_lab.devices import mask_links
from ftte_lab.models import GroupNorm
from ftte_lab.server.search.problem import Counts, Problem

# A row of the program: coefficients by variable, and the bounds of their sum.
_Line = tuple[dict[str, float], float, float]


def exact(problem: Problem, seed: int) -> Counts:
    """The choice of largest predicted gain whose every event stays within the budget.

    Raises:
        RuntimeError: if the solver stops without a proof (it never did in our tests).
    """
    lines = [*_memory_lines(problem), *_logic_lines(problem)]
    objective = {_option(name, count): -gain for name, count, gain in problem.options}
    names = list(
        dict.fromkeys(
            [*problem.memory.variables, *objective, *(v for line in lines for v in line[0])]
        )
    )
    at = {name: k for k, name in enumerate(names)}
    cost = np.zeros(len(names))
    for name, value in objective.items():
        cost[at[name]] = value
    cost /= max(np.abs(cost).max(), 1e-300)
    rows = [(r, at[v], c) for r, line in enumerate(lines) for v, c in line[0].items()]
    r, k, c = (np.array(part) for part in zip(*rows, strict=True))
    matrix = csr_array((c, (r, k)), shape=(len(lines), len(names)))
    counted = np.array([v.startswith("count:") for v in names])
    upper = np.array([_upper(problem, v) for v in names])
    with _silent():
        found = milp(
            cost,
            integrality=np.where(counted, 0, 1),
            bounds=Bounds(np.zeros(len(names)), upper),
            constraints=LinearConstraint(
                matrix, [line[1] for line in lines], [line[2] for line in lines]
            ),
            options={"mip_rel_gap": 0.0},
        )
    if not found.success:
        raise RuntimeError(f"the subset search ended without a proof: {found.message}")
    chosen = {
        name: count for name, count, _ in problem.options if found.x[at[_option(name, count)]] > 0.5
    }
    return problem.required | chosen


def _option(name: str, count: int) -> str:
    return f"option:{name}:{count}"


def _upper(problem: Problem, variable: str) -> float:
    kind, _, rest = variable.partition(":")
    return float(problem.memory.model.tensors[rest].channels) if kind == "count" else 1.0


def _memory_lines(problem: Problem) -> Iterator[_Line]:
    """Every event within the budget (in KiB, so that the numbers stay near one); the payload limit."""
    table = problem.memory
    for constant, row in zip(table.constant, table.matrix, strict=True):
        coefficients = {v: c / 1024 for v, c in zip(table.variables, row, strict=True) if c}
        yield coefficients, -np.inf, (problem.budget_bytes - constant) / 1024
    if problem.max_entries is not None:
        tensors = table.model.tensors.values()
        yield (
            {f"count:{t.name}": t.size / t.channels for t in tensors},
            -np.inf,
            float(problem.max_entries),
        )


def _logic_lines(problem: Problem) -> Iterator[_Line]:
    """What ties the decisions together: options to counts, depth to options, masks and norms to depth."""
    model = problem.memory.model
    for name, info in model.tensors.items():
        if name in problem.required:
            yield {f"count:{name}": 1.0}, float(info.channels), float(info.channels)
            yield {f"reach:{info.op}": 1.0}, 1.0, 1.0
            if info.kind == "weight":
                yield {f"whole:{name}": 1.0}, 1.0, 1.0
            continue
        options = {_option(name, c): float(c) for c in problem.contributions.gain[name]}
        yield dict.fromkeys(options, 1.0), 0.0, 1.0
        yield {f"count:{name}": -1.0, **options}, 0.0, 0.0
        yield {f"reach:{info.op}": 1.0, **dict.fromkeys(options, -1.0)}, 0.0, np.inf
        if info.kind == "weight":
            whole = _option(name, info.channels)
            taken = {whole: 1.0} if whole in options else {}
            yield {f"whole:{name}": -1.0, **taken}, 0.0, 0.0
    for i in range(len(model.ops) - 1):
        yield {f"reach:{i + 1}": 1.0, f"reach:{i}": -1.0}, 0.0, np.inf
    yield from _norm_lines(problem)
    yield from _mask_lines(problem)


def _norm_lines(problem: Problem) -> Iterator[_Line]:
    for i, op in enumerate(problem.memory.model.ops):
        if isinstance(op, GroupNorm):
            yield {f"norm:{i}": 1.0, f"reach:{i - 1}": -1.0}, 0.0, np.inf
            yield {f"norm:{i}": 1.0, f"count:{op.gain}": -1.0}, 0.0, np.inf


def _mask_lines(problem: Problem) -> Iterator[_Line]:
    """A mask is stored if the gradient passes and the next operation does not store the whole output anyway."""
    for i, weight in mask_links(problem.memory.model):
        whole = {f"whole:{weight}": 1.0} if weight else {}
        yield {f"mask:{i}": 1.0, f"reach:{i}": -1.0, **whole}, 0.0, np.inf


@contextmanager
def _silent() -> Iterator[None]:
    """Send file descriptor 1 nowhere: HiGHS prints stray lines that no option stops."""
    sys.stdout.flush()
    saved, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(nowhere)
