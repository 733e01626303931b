"""Search for a good subset without proof, in five ways; `exact` has the one with proof."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ftte_lab.devices import Decision, decisions
from ftte_lab.models import Plan, Subset
from ftte_lab.server.search.problem import Counts, Problem


def last(problem: Problem, seed: int) -> Counts:
    """Add complete layers from the output backwards, until one does not fit: usual fine-tuning."""
    counts = dict(problem.required)
    tensors = problem.memory.model.tensors
    for op in sorted({t.op for t in tensors.values()}, reverse=True):
        wider = {**counts, **{t.name: t.channels for t in tensors.values() if t.op == op}}
        if not problem.fits(wider):
            break
        counts = wider
    return counts


def random_order(problem: Problem, seed: int) -> Counts:
    """Add options in random order, each if it still fits: the baseline of every other solver."""
    rng = np.random.default_rng([2201, seed])
    counts = dict(problem.required)
    for k in rng.permutation(len(problem.options)):
        name, count, _ = problem.options[k]
        if name not in counts and problem.fits({**counts, name: count}):
            counts[name] = count
    return counts


def greedy(problem: Problem, seed: int) -> Counts:
    """Add the option with the most gain per added byte of the true peak, until nothing fits."""
    counts = dict(problem.required)
    peak = problem.peak(counts)
    while True:
        best: tuple[float, float, Counts, int] | None = None
        for name, count, gain in problem.options:
            more = gain - problem.contributions.gain[name].get(counts.get(name, 0), 0.0)
            if count <= counts.get(name, 0) or more <= 0:
                continue
            wider = {**counts, name: count}
            if not problem.fits(wider):
                continue
            wider_peak = problem.peak(wider)
            rank = (more / max(wider_peak - peak, 1), more)
            if best is None or rank > best[:2]:
                best = (*rank, wider, wider_peak)
        if best is None:
            return counts
        counts, peak = best[2], best[3]


def evolution(
    problem: Problem, seed: int, population_size: int = 60, generations: int = 40
) -> Counts:
    """Mutate and cross the fittest choices, repair what is too large (after Lin et al. 2022)."""
    rng = np.random.default_rng([2202, seed])
    names = [n for n in problem.memory.model.tensors if n not in problem.required]
    choices = [[0, *sorted(problem.contributions.gain[n])] for n in names]
    sizes = np.array([len(c) for c in choices])

    def repaired(genes: np.ndarray) -> _Individual:
        """Freeze tensors in random order until the choice fits."""
        counts = problem.required | {
            n: c[g] for n, c, g in zip(names, choices, genes, strict=True) if g
        }
        for k in rng.permutation(len(names)):
            if problem.fits(counts):
                break
            if counts.pop(names[k], None):
                genes[k] = 0
        return _Individual(problem.value(counts), genes, counts)

    shape = (population_size, len(names))
    sparse = rng.random(shape) < rng.random((population_size, 1)) * 0.5
    population = [repaired(genes) for genes in rng.integers(0, sizes, shape) * sparse]
    for _ in range(generations):
        population.sort(key=lambda one: -one.value)
        population = population[: population_size // 4]
        parents = len(population)
        while len(population) < population_size:
            a = population[rng.integers(parents)].genes
            b = population[rng.integers(parents)].genes
            genes = np.where(rng.random(len(names)) < 0.5, a, b)
            flip = rng.random(len(names)) < 2.0 / len(names)
            population.append(repaired(np.where(flip, rng.integers(0, sizes), genes)))
    return max(population, key=lambda one: one.value).counts


class _Individual(NamedTuple):
    """Hold a choice in the population of `evolution`: its worth, and the option of each tensor."""

    value: float
    genes: np.ndarray
    counts: Counts


def dp(problem: Problem, seed: int, unit_bytes: int = 256, rounds: int = 8) -> Counts:
    """Solve a multiple-choice knapsack from back to front, on an additive bound of the peak.

    Every option is charged the most that it can add to any event, which overstates their sum. So
    the capacity is widened by bisection as long as the true peak still fits.
    """
    low, high = problem.budget_bytes, 2 * problem.budget_bytes
    best = _knapsack(problem, low, unit_bytes)
    wide = _knapsack(problem, high, unit_bytes)
    if problem.fits(wide):
        return wide
    for _ in range(rounds):
        middle = (low + high) // 2
        found = _knapsack(problem, middle, unit_bytes)
        if problem.fits(found):
            low = middle
            if problem.value(found) >= problem.value(best):
                best = found
        else:
            high = middle
    return best if problem.fits(best) else dict(problem.required)


def _knapsack(problem: Problem, capacity_bytes: int, unit: int) -> Counts:
    model, base = problem.memory.model, problem.peak(problem.required)
    room = (capacity_bytes - base) // unit
    names = [n for n in model.tensors if n not in problem.required][::-1]
    if room < 0 or not names:
        return dict(problem.required)
    value = np.zeros(room + 1)
    taken: list[np.ndarray] = []
    best: tuple[float, int, int] = (0.0, 0, 0)  # value, tensors considered, room left for them
    for k, name in enumerate(names):
        chosen = np.zeros(room + 1, dtype=np.int64)
        wider = value.copy()
        for count, gain in sorted(problem.contributions.gain[name].items()):
            cost = _option_cost(problem, name, count, unit)
            if cost > room:
                continue
            offer = np.full(room + 1, -np.inf)
            offer[cost:] = value[: room + 1 - cost] + gain
            better = offer > wider
            wider[better], chosen[better] = offer[better], count
        value = wider
        taken.append(chosen)
        left = room - _depth_cost(problem, model.tensors[name].op, unit)
        if left >= 0 and value[left] > best[0]:
            best = (float(value[left]), k + 1, left)
    return problem.required | _trace(problem, names[: best[1]], taken, best[2], unit)


def _trace(
    problem: Problem, names: list[str], taken: list[np.ndarray], room: int, unit: int
) -> Counts:
    counts: Counts = {}
    for name, chosen in zip(names[::-1], taken[: len(names)][::-1], strict=True):
        count = int(chosen[room])
        if count:
            counts[name] = count
            room -= _option_cost(problem, name, count, unit)
    return counts


def _option_cost(problem: Problem, name: str, count: int, unit: int) -> int:
    """Return the most that an option can add to any event, the depth of the gradient apart."""
    table, full = problem.memory, problem.memory.model.tensors[name].channels
    rows = np.zeros(len(table.rows))
    for variable, amount in (
        (Decision("count", name), count),
        (Decision("all", name), float(count == full)),
    ):
        if variable in table.variables:
            rows += table.matrix[:, table.variables.index(variable)] * amount
    return int(np.ceil(max(float(rows.max()), 0.0) / unit))


def _depth_cost(problem: Problem, op: int, unit: int) -> int:
    """Return what it costs to let the gradient reach operation `op`, above the classifier alone."""
    name = next(t.name for t in problem.memory.model.tensors.values() if t.op == op)
    values = decisions(
        Plan(problem.memory.model, Subset({**dict.fromkeys(problem.required), name: None}))
    )
    reach = np.array(
        [
            values.get(v, 0.0) if v.kind in ("reach", "norm", "mask") else 0.0
            for v in problem.memory.variables
        ]
    )
    required = problem.decision(problem.required)
    own = np.array([v.kind in ("count", "all") for v in problem.memory.variables])
    deep = problem.memory.peak_bytes(np.where(own, required, reach))
    return max(0, int(np.ceil((deep - problem.peak(problem.required)) / unit)))
