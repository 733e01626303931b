"""Keep the server rate of each arm, and list the runs that find it, on seeds of their own.

An untuned server rate makes any lever look good. So each arm has its own rate, found on
`TUNING_SEEDS`, which no table reports. A rate is judged by the mean accuracy over the time in which
the method learns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from benchmarks.study import arms, matrix
from benchmarks.study.arms import Arm, Ends
from benchmarks.study.matrix import CENTRE, TUNING_SEEDS, Cell
from ftte_lab._common import changing, read_json, write_atomic, write_json, writing_to
from ftte_lab.simulation import History, Scenario

RATES = Path(__file__).with_name("server_rates.json")

_GRID = (0.5, 1.0, 1.5, 2.5, 4.0, 6.0)
# Other parts take fewer, in the range where the matrix found its rates; photographs take longest.
_GRID_OF = {
    "matrix": _GRID,
    "levers": (1.0, 1.5, 2.5, 4.0),
    "untrained": (1.5, 2.5, 4.0),
    "ablation": (1.5, 2.5, 4.0),
    "faulty": (1.5, 2.5, 4.0),
    "real": (1.0, 1.5, 2.5),
}
_GRIDS = {
    "fedprox": (0.5, 1.0, 1.5, 2.5),
    "scaffold": (0.5, 1.0, 1.5, 2.5),
    # It steps at each update.
    "fedasync": (0.05, 0.1, 0.2, 0.4, 0.8),
    # The share of the clients' models: at most 1.
    "fedbuff mixing models": (0.2, 0.4, 0.6, 0.8, 1.0),
    "fedbuff mixing models - age": (0.2, 0.4, 0.6, 0.8, 1.0),
    # At 1 the mean of the clients' models replaces the server's.
    "fedbuff averaging models": (0.25, 0.5, 1.0, 1.5, 2.5),
    "fedbuff averaging models - age": (0.25, 0.5, 1.0, 1.5, 2.5),
}
# Shares of the horizon over which a rate is judged.
_SYNCHRONOUS_SHARE = 1.0
_BUFFERED_SHARE = 0.25
# A rate shows early, and in few points.
_SHARE = 0.5
_EVERY = 4


@dataclass(frozen=True)
class Trial:
    """One run that judges one rate of one arm.

    Attributes:
        cell: where.
        arm: its name.
        rate: the server rate.
        scenario: what is run.
    """

    cell: Cell
    arm: str
    rate: float
    scenario: Scenario

    def score(self, history: History) -> float:
        """Return the mean accuracy over the time in which the method learns."""
        share = _SYNCHRONOUS_SHARE if self.scenario.refill == "step" else _BUFFERED_SHARE
        return history.level(share * self.scenario.horizon_s)


def trials(parts: Iterable[str]) -> Iterator[Trial]:
    """Yield the runs that tune the arms of some parts, at the hardest share of stragglers.

    The search has none: random subsets take the rate of FTTE.
    """
    for part in parts:
        for cell, some in _TUNED[part]() if part in _TUNED else ():
            end = arms.ends(cell) * _SHARE
            for name, base in arms.limited(arms.build_arms(cell, some), end).items():
                few = base.replace(evaluations=1 + (base.evaluations - 1) // _EVERY)
                for rate in _GRIDS.get(name, _GRID_OF[part]):
                    yield Trial(cell, name, rate, few.replace(server_rate=rate))


def _matrix() -> Iterator[tuple[Cell, dict[str, Arm]]]:
    for seed in TUNING_SEEDS:
        for task in matrix.STUDIED:
            for alpha in matrix.LABEL_SKEWS:
                yield Cell(task, alpha, *CENTRE[1:], seed), arms.matrix(task)
    for task in matrix.STUDIED:
        yield Cell(task, CENTRE[0], CENTRE[1], matrix.MANY, TUNING_SEEDS[0]), arms.matrix(task)


def _levers() -> Iterator[tuple[Cell, dict[str, Arm]]]:
    for cell in matrix.centre(TUNING_SEEDS):
        yield cell, _without(arms.levers(cell.task), arms.matrix(cell.task))


def _ablation() -> Iterator[tuple[Cell, dict[str, Arm]]]:
    """Yield the central cell on one seed: there are many arms, and each has a relative's rates."""
    for cell in matrix.centre(TUNING_SEEDS[:1]):
        yield cell, _without(arms.ablation(cell.task), arms.matrix(cell.task))


def _untrained() -> Iterator[tuple[Cell, dict[str, Arm]]]:
    return ((cell, arms.matrix(cell.task)) for cell in matrix.untrained(TUNING_SEEDS))


def _faulty() -> Iterator[tuple[Cell, dict[str, Arm]]]:
    return ((cell, arms.robust(cell.task)) for cell in matrix.centre(TUNING_SEEDS))


def _real() -> Iterator[tuple[Cell, dict[str, Arm]]]:
    """Yield the cells on one seed; photographs on 500 devices take the rates of 100."""
    for cell in matrix.real(TUNING_SEEDS[:1]):
        if cell.of.present:
            yield cell, arms.matrix(cell.task)


_TUNED = {
    "matrix": _matrix,
    "levers": _levers,
    "ablation": _ablation,
    "untrained": _untrained,
    "faulty": _faulty,
    "real": _real,
}


def _without(some: Mapping[str, Arm], others: Mapping[str, Arm]) -> dict[str, Arm]:
    return {name: arm for name, arm in some.items() if name not in others}


def best(judged: Iterable[tuple[Trial, float]]) -> dict[str, dict[str, float]]:
    """Return the rate with the best sum of scores, by cell and arm; of equal ones the smaller.

    Args:
        judged: trials with their scores.
    """
    sums: dict[tuple[str, str], dict[float, float]] = {}
    for trial, score in judged:
        by_rate = sums.setdefault((trial.cell.key, trial.arm), {})
        by_rate[trial.rate] = by_rate.get(trial.rate, 0.0) + score
    rates: dict[str, dict[str, float]] = {}
    for (key, arm), by_rate in sums.items():
        rates.setdefault(key, {})[arm] = max(sorted(by_rate), key=lambda rate: by_rate[rate])
    return rates


def keep(found: Mapping[str, Mapping[str, float]]) -> int:
    """Write rates beside those that are kept already, and return how many there are now."""
    with writing_to(RATES.parent, "Make room, or change its mode"), changing(RATES):
        read.cache_clear()  # another process may have added some
        kept = {key: dict(rates) for key, rates in read().items()}
        for key, rates in found.items():
            kept.setdefault(key, {}).update(rates)
        write_atomic(RATES, (write_json(dict(sorted(kept.items())), indent=1) + "\n").encode())
        read.cache_clear()
    return sum(map(len, kept.values()))


@lru_cache(maxsize=1)
def read() -> Mapping[str, Mapping[str, float]]:
    """Return the kept rates, by cell and arm; nothing before the first tuning."""
    return read_json(RATES.read_bytes(), RATES.name, "rates by cell") if RATES.is_file() else {}


def tuned(runs: Mapping[str, Scenario], cell: Cell, end: Ends) -> dict[str, Scenario]:
    """Return the runs with an end for the buffered ones, and with the rate of each."""
    return {
        name: s.replace(server_rate=rate_of(name, cell))
        for name, s in arms.limited(runs, end).items()
    }


def rate_of(name: str, cell: Cell) -> float:
    """Return the rate of an arm: of its cell, or of the central one of its task.

    Random subsets take the rate of FTTE in their world, and so does the search that is compared
    with them. Without any rate it is a guess, which `plan.untuned` names.
    """
    own = name if " at " not in name else "ftte"
    return rate_or_none(own, cell) or _GUESSES.get(own, 1.5)


def rate_or_none(name: str, cell: Cell) -> float | None:
    """Return the tuned rate of an arm, or `None`; whole CIFAR-10 takes the rates of a fifth."""
    few = cell.task.removesuffix(" whole")
    for key in (cell.key, Cell(cell.task, *CENTRE, 0).key, Cell(few, *CENTRE, 0).key):
        if name in read().get(key, {}):
            return read()[key][name]
    return None


_GUESSES = {"fedasync": 0.2, "fedbuff mixing models": 0.6, "fedbuff mixing models - age": 0.6}
