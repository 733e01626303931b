"""A sweep over one or two knobs: what runs in which order, and the figures of each cell."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ftte_lab._common import choice, integer, number, require
from ftte_lab.experiments.comparison import Comparison
from ftte_lab.experiments.knob_values import NUMERIC
from ftte_lab.experiments.question import MOST_SEEDS
from ftte_lab.simulation import METHODS, History, Scenario

MOST_CELLS = 81
Cell = tuple[float, ...]
"""One value per knob."""


@dataclass(frozen=True)
class Measure:
    """A figure of a run that a sweep shows.

    Attributes:
        label: its name with its unit.
        of: returns it from a history and the target accuracy; infinite: not reached.
        less: whether less is better.
    """

    label: str
    of: Callable[[History, float], float]
    less: bool = True


def _to(axis: str, unit: float) -> Callable[[History, float], float]:
    def figure(history: History, target: float) -> float:
        found = history.time_to(target, axis)
        return math.inf if found is None else found / unit

    return figure


MEASURES_OF_RUNS: Mapping[str, Measure] = MappingProxyType(
    {
        "time": Measure("time to target, min", _to("sim_seconds", 60.0)),
        "accuracy": Measure("final accuracy, %", lambda h, _: 100 * h.final(), less=False),
        "bytes": Measure("bytes to target, MB", _to("total_bytes", 1e6)),
        "joules": Measure("energy to target, J", _to("energy_j", 1.0)),
        "memory": Measure(
            "memory of the weakest device, KiB",
            lambda h, _: float(h.facts["peak_memory_bytes"]) / 1024,
        ),
    }
)
"""The figures by name."""


@dataclass(frozen=True)
class Grid:
    """The runs of a sweep over one or two knobs.

    Attributes:
        comparison: the fleet, and what each method has of its own.
        axes: values by knob, one or two of `NUMERIC`.
        methods: whose runs.
        seeds: how many runs of each method in each cell.

    Raises:
        ValueError: an unknown knob, no or too many values, or a number of seeds out of range.

    Example:
        >>> grid = Grid(Comparison(Scenario()), {"buffer": (5, 10, 20)}, ("ftte",), seeds=2)
        >>> grid.cells, len(list(grid.runs()))
        (((5,), (10,), (20,)), 6)
    """

    comparison: Comparison
    axes: Mapping[str, tuple[float, ...]]
    methods: tuple[str, ...]
    seeds: int = 3

    def __post_init__(self) -> None:
        names = ", ".join(self.axes) or "no knob"
        require(1 <= len(self.axes) <= 2, f"a sweep over {names}", "one or two different knobs")
        for name, values in self.axes.items():
            choice("knob", name, NUMERIC)
            require(len(values) >= 2, f"{len(values)} values of {name}", "two or more")
        require(bool(self.methods), "no method is chosen", f"some of {', '.join(METHODS)}")
        for name in self.methods:
            choice("method", name, METHODS)
        integer("seeds", self.seeds, 1, MOST_SEEDS)
        count = math.prod(len(values) for values in self.axes.values())
        require(count <= MOST_CELLS, f"a sweep of {count} cells", f"up to {MOST_CELLS}")

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return all cells; the last knob varies fastest."""
        return tuple(itertools.product(*self.axes.values()))

    def compared(self, cell: Sequence[float]) -> Comparison:
        """Return what a Lab shows that is set to a cell.

        Raises:
            ValueError: values that do not go together.
        """
        return self.comparison.set(**dict(zip(self.axes, cell, strict=True)))

    def runs(self) -> Iterator[tuple[Cell, str, int, Scenario | None]]:
        """Yield cell, method, seed number and scenario of each run, in a good order.

        All cells get their first seed before any gets its second, and cells far apart come first.
        The scenario is `None` where the values do not go together.
        """
        for k in range(self.seeds):
            for cell in _scattered(self.cells):
                for method in self.methods:
                    yield cell, method, k, self._run(cell, method, k)

    def _run(self, cell: Cell, method: str, k: int) -> Scenario | None:
        try:
            compared = self.compared(cell)
            return compared.run(method, compared.scenario.seed + k)
        except ValueError:
            return None


def _scattered(cells: Sequence[Cell]) -> list[Cell]:
    """Return cells so that a part of them covers the whole grid: ends and middle first."""
    order, gaps = [0, len(cells) - 1], [(0, len(cells) - 1)]
    while gaps:
        low, high = gaps.pop(0)
        middle = (low + high) // 2
        if low < middle:
            order.append(middle)
            gaps += [(low, middle), (middle, high)]
    return [cells[k] for k in dict.fromkeys(order)]


@dataclass(frozen=True)
class Summary:
    """The middle seed of a cell and its neighbours; infinite: the target was not reached.

    Attributes:
        median, low, high: over the seeds.
        seeds: how many have ended.
    """

    median: float
    low: float
    high: float
    seeds: int


def summarise(values: Sequence[float], less: bool = True) -> Summary:
    """Return the middle of some figures; of an even number the worse of the two middle ones.

    Args:
        values: one per seed, at least one; infinite: not reached.
        less: whether less is better.

    Raises:
        ValueError: no value.

    Example:
        >>> summarise([3.0, math.inf, 2.0])
        Summary(median=3.0, low=2.0, high=inf, seeds=3)
    """
    require(len(values) > 0, "no value to summarise", "one or more")
    ordered = sorted(values, reverse=not less)
    return Summary(ordered[len(ordered) // 2], min(values), max(values), len(values))


def figure_of(name: str, history: History, target: float) -> float:
    """Return one figure of a run.

    Args:
        name: one of `MEASURES_OF_RUNS`.
        history: the run's record.
        target: test accuracy from 0 to 1.

    Raises:
        ValueError: an unknown figure, or a target outside 0 to 1.
    """
    choice("figure", name, MEASURES_OF_RUNS)
    return MEASURES_OF_RUNS[name].of(history, float(number("target", target, 0, 1)))
