"""Search for a good subset without proof, in six ways; `exact` has the one with proof."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ftte_lab.devices import Decision, decisions
from ftte_lab.models import Plan, Subset
from ftte_lab.server.search.problem import Counts, Problem, layers


def last(problem: Problem, seed: int) -> Counts:
    """Add complete layers from the output backwards, until one does not fit: usual fine-tuning.

    With granularity `channel`, a convolution and its norm are two steps.
    """
    counts = dict(problem.required)
    model = problem.memory.model
    together = layers(model) if problem.granularity == "layer" else {}
    steps: dict[int, Counts] = {}
    for t in model.tensors.values():
        steps.setdefault(together.get(t.name, t.op), {})[t.name] = t.channels
    for begin in sorted(steps, reverse=True):
        wider = {**counts, **steps[begin]}
        if not problem.fits(wider):
            break
        counts = wider
    return counts


def random_order(problem: Problem, seed: int) -> Counts:
    """Add options in random order, each if it still fits.

    Which tensors train, and what share of each, is chance. Which channels is not: the best come
    first, as for every solver. Most of the worth is in that order, so this is no baseline of pure
    chance; `pure_random` is.
    """
    rng = np.random.default_rng([2201, seed])
    counts = dict(problem.required)
    additions = [one for unit in problem.additions for one in unit]
    for k in rng.permutation(len(additions)):
        addition = additions[k]
        if counts.keys().isdisjoint(addition) and problem.fits({**counts, **addition}):
            counts.update(addition)
    return counts


def pure_random(problem: Problem, seed: int) -> Subset:
    """Draw tensors and their shares as `random` does, and the channels inside a tensor as well.

    All three are chance: a tensor trains any set of its channels with equal probability. With the
    same seed, `random` trains as many channels of each tensor, and needs the same memory and bytes.
    """
    rng = np.random.default_rng([2203, seed])
    counts, parts = random_order(problem, seed), dict[str, tuple[int, ...] | None]()
    for name, info in problem.memory.model.tensors.items():
        drawn = rng.permutation(info.channels)[: counts.get(name, 0)]
        if len(drawn):
            some = len(drawn) < info.channels
            parts[name] = tuple(sorted(drawn.tolist())) if some else None
    return Subset(parts)


def greedy(problem: Problem, seed: int) -> Counts:
    """Add the option with the most gain per added byte of the true peak, until nothing fits."""
    counts = dict(problem.required)
    peak = problem.peak(counts)
    additions = [one for unit in problem.additions for one in unit]
    while True:
        best: tuple[float, float, Counts, int] | None = None
        for addition in additions:
            before = {name: counts.get(name, 0) for name in addition}
            more = problem.value(addition) - problem.value(before)
            if more <= 0 or all(count <= before[name] for name, count in addition.items()):
                continue
            wider = {**counts, **addition}
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
    choices: list[tuple[Counts, ...]] = [({}, *unit) for unit in problem.additions]
    sizes = np.array([len(c) for c in choices])

    def repaired(genes: np.ndarray) -> _Individual:
        """Freeze tensors (or layers) in random order until the choice fits."""
        counts = dict(problem.required)
        for unit, g in zip(choices, genes, strict=True):
            counts.update(unit[g])
        for k in rng.permutation(len(choices)):
            if problem.fits(counts):
                break
            for name in choices[k][genes[k]]:
                del counts[name]
            genes[k] = 0
        return _Individual(problem.value(counts), genes, counts)

    shape = (population_size, len(choices))
    sparse = rng.random(shape) < rng.random((population_size, 1)) * 0.5
    population = [repaired(genes) for genes in rng.integers(0, sizes, shape) * sparse]
    for _ in range(generations):
        population.sort(key=lambda one: -one.value)
        population = population[: population_size // 4]
        parents = len(population)
        while len(population) < population_size:
            a = population[rng.integers(parents)].genes
            b = population[rng.integers(parents)].genes
            genes = np.where(rng.random(len(choices)) < 0.5, a, b)
            flip = rng.random(len(choices)) < 2.0 / len(choices)
            population.append(repaired(np.where(flip, rng.integers(0, sizes), genes)))
    return max(population, key=lambda one: one.value).counts


class _Individual(NamedTuple):
    """Hold a choice in the population of `evolution`: its worth, and the option of each unit."""

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
    base = problem.peak(problem.required)
    room = (capacity_bytes - base) // unit
    choices = problem.additions[::-1]
    if room < 0 or not choices:
        return dict(problem.required)
    value = np.zeros(room + 1)
    taken: list[np.ndarray] = []
    best: tuple[float, int, int] = (0.0, 0, 0)  # value, units considered, room left for them
    for k, additions in enumerate(choices):
        chosen = np.zeros(room + 1, dtype=np.int64)  # 0, or 1 + the place in `additions`
        wider = value.copy()
        for place, addition in enumerate(additions, 1):
            cost = _option_cost(problem, addition, unit)
            if cost > room:
                continue
            offer = np.full(room + 1, -np.inf)
            offer[cost:] = value[: room + 1 - cost] + problem.value(addition)
            better = offer > wider
            wider[better], chosen[better] = offer[better], place
        value = wider
        taken.append(chosen)
        left = room - _depth_cost(problem, problem.units[-1 - k], unit)
        if left >= 0 and value[left] > best[0]:
            best = (float(value[left]), k + 1, left)
    return problem.required | _trace(problem, taken[: best[1]], best[2], unit)


def _trace(problem: Problem, taken: list[np.ndarray], room: int, unit: int) -> Counts:
    """Return what was taken by the last units considered, given the room left for them."""
    counts: Counts = {}
    considered = problem.additions[len(problem.additions) - len(taken) :]
    for additions, chosen in zip(considered, taken[::-1], strict=True):
        place = int(chosen[room])
        if place:
            counts.update(additions[place - 1])
            room -= _option_cost(problem, additions[place - 1], unit)
    return counts


def _option_cost(problem: Problem, addition: Counts, unit: int) -> int:
    """Return the most that an option can add to any event, the depth of the gradient apart."""
    table = problem.memory
    rows = np.zeros(len(table.rows))
    for name, count in addition.items():
        full = table.model.tensors[name].channels
        for variable, amount in (
            (Decision("count", name), count),
            (Decision("all", name), float(count == full)),
        ):
            if variable in table.variables:
                rows += table.matrix[:, table.variables.index(variable)] * amount
    return int(np.ceil(max(float(rows.max()), 0.0) / unit))


def _depth_cost(problem: Problem, names: tuple[str, ...], unit: int) -> int:
    """Return what it costs to let the gradient reach some tensors, above the classifier alone."""
    tensors = problem.memory.model.tensors
    op = min(tensors[name].op for name in names)
    name = next(t.name for t in tensors.values() if t.op == op)
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
