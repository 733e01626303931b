"""List the runs of each part of the study, cell by cell."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.study import arms, draws, matrix, rates
from benchmarks.study.arms import Arm, Ends
from benchmarks.study.matrix import Cell
from ftte_lab.simulation import Scenario

Cells = Callable[[Iterable[int]], Iterator[Cell]]


@dataclass(frozen=True)
class Part:
    """Describe a part of the study that can be run apart.

    Attributes:
        name: as the command calls it.
        about: what it shows, in a few words.
        cells: its places, for some seeds.
        arms: its arms on a task.
        seeds: the seeds that it reports.
        ends: of its buffered runs; `None`: by the cell (see `arms.ends`).
        against: whether its runs are compared with FedAvg's in the same, clean cell.
        central: whether the same net is also trained on everybody's samples together.
    """

    name: str
    about: str
    cells: Cells
    arms: Callable[[str], dict[str, Arm]]
    seeds: Sequence[int] = matrix.SEEDS
    ends: Ends | None = None
    against: bool = True
    central: bool = False


@dataclass(frozen=True)
class Runs:
    """Hold the runs of one cell in one part, by arm; `fedavg` sets the target, if there is one.

    Attributes:
        part: name of the part.
        cell: where.
        scenarios: by arm.
        fedavg: the run that the others are compared with.
        central: the scenario whose samples are also trained on together.
    """

    part: str
    cell: Cell
    scenarios: Mapping[str, Scenario]
    fedavg: Scenario | None = None
    central: Scenario | None = None

    @property
    def needed(self) -> tuple[Scenario, ...]:
        """All runs that the lines of this cell need."""
        base = () if self.fedavg is None else (self.fedavg,)
        return tuple(dict.fromkeys((*base, *self.scenarios.values())))


def _faulty(task: str) -> dict[str, Arm]:
    return {**arms.weights(task), **arms.robust(task)}


PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        Part("matrix", "fleets of all kinds", matrix.everywhere, arms.matrix),
        Part("levers", "every method, every lever", matrix.centre, arms.levers, central=True),
        Part(
            "ablation",
            "without each part",
            matrix.centre,
            arms.ablation,
            matrix.FEW_SEEDS,
            arms.HALF,
        ),
        Part(
            "untrained",
            "from an untrained model",
            matrix.untrained,
            arms.matrix,
            matrix.FEW_SEEDS,
        ),
        Part("faulty", "faulty clients", matrix.faulty, _faulty, matrix.FEW_SEEDS, arms.SHORTEST),
        Part(
            "search",
            "the search and chance",
            matrix.worlds,
            arms.chance,
            matrix.SEARCH_SEEDS,
            arms.SHORT,
            against=False,
        ),
        Part(
            "real",
            "recordings and photographs",
            matrix.real,
            arms.matrix,
            matrix.FEW_SEEDS,
            central=True,
        ),
    )
}
"""The parts of the study, in the order in which they run."""


def plan(
    parts: Iterable[str] = PARTS, seeds: Iterable[int] | None = None, quick: bool = False
) -> list[Runs]:
    """Return what is run, part by part and seed by seed.

    Args:
        parts: names of `PARTS`.
        seeds: only these; `None`: all.
        quick: each part in one small cell.
    """
    draws.register()
    chosen = [PARTS[name] for name in parts]
    return [runs for part in chosen for runs in _of_part(part, seeds, quick)]


def _of_part(part: Part, seeds: Iterable[int] | None, quick: bool) -> Iterator[Runs]:
    own = [seed for seed in part.seeds if seeds is None or seed in set(seeds)]
    cells = part.cells(own) if not quick else _corner(part, own[:1])
    for cell in cells:
        yield _runs(part, cell)


def _corner(part: Part, seeds: Iterable[int]) -> Iterator[Cell]:
    """Yield two of a part's cells at most, on the quick task with few devices."""
    centre, small = matrix.CENTRE[0], matrix.QUICK_CLIENTS
    cells = dict.fromkeys(
        Cell("quick", centre, one.stragglers, small, one.seed, one.start, one.fault)
        for one in part.cells(seeds)
    )
    yield from itertools.islice(cells, 2)


def _runs(part: Part, cell: Cell) -> Runs:
    end = part.ends or arms.ends(cell)
    if cell.task == "quick":
        end = arms.ends(cell)
    runs = rates.tuned(arms.build_arms(cell, part.arms(cell.task)), cell, end)
    if not part.against:
        return Runs(part.name, cell, runs)
    clean = cell.clean
    base = rates.tuned(arms.build_arms(clean, _BASE), clean, end)["fedavg"]
    return Runs(part.name, cell, runs, base, base if part.central and _central(cell) else None)


def _central(cell: Cell) -> bool:
    """Whether central training is run: on photographs it takes minutes, so on one seed."""
    return cell.of.data != "cifar10" or cell.seed == matrix.SEEDS[0]


_BASE: Mapping[str, Arm] = {"fedavg": ("fedavg", {})}


def untuned(planned: Iterable[Runs]) -> list[str]:
    """Return the arms of planned runs without a tuned rate, as "arm (cell)".

    The quick cell, random subsets and absent data do not count.
    """
    found = (
        f"{name} ({runs.cell.key})"
        for runs in planned
        if runs.fedavg is not None and runs.cell.task != "quick" and runs.cell.of.present
        for name in runs.scenarios
        if rates.rate_or_none(name, runs.cell) is None
    )
    return list(dict.fromkeys(found))
