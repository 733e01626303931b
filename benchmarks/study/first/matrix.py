"""Define where the headline study runs: seeds, tasks, and the cells of its matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ftte_lab.data import data_path
from ftte_lab.simulation import Scenario

# 201 and 301 had been evaluated when the rule that ends a run was changed.
SEEDS = (302, 303, 304, 305, 306)
TUNING_SEEDS = (101, 102)
ALPHAS: Mapping[str, float] = {"0.1": 0.1, "0.5": 0.5, "IID": 1e6}
STRAGGLERS = (0.3, 0.6, 0.9)
CLIENTS = (100, 500)
CENTRE = ("0.5", 0.9, 100)
"""Label skew, stragglers and clients of the cell in which the ablation runs."""

CENTRE_SEEDS = SEEDS[:3]
"""Seeds of the ablation: fewer, because it has many arms."""

QUICK_CLIENTS = 30

BUFFERS = {100: 10, 500: 20, QUICK_CLIENTS: 4}
"""Capacity of the buffer by clients; the mean staleness is about concurrency / buffer."""


@dataclass(frozen=True)
class Task:
    """Describe a data set and a horizon within which FedAvg levels off.

    Attributes:
        data: name of the data set.
        warm_start_steps: of the first model.
        horizon_s: virtual seconds.
        tick_s: virtual seconds between two evaluations.
        everywhere: whether it runs in all cells, or in the central one alone (data that not
            everybody has).
    """

    data: str
    warm_start_steps: int
    horizon_s: float
    tick_s: float
    everywhere: bool = True

    @property
    def present(self) -> bool:
        """Whether its data are here."""
        return self.data in ("digits", "motion") or data_path(self.data).is_file()


QUICK = Task("digits", 20, 500.0, 20.0)
TASKS: Mapping[str, Task] = {
    "digits": Task("digits", 100, 8_000.0, 20.0),
    "motion": Task("motion", 300, 14_000.0, 50.0),
    "wrist": Task("wrist", 300, 14_000.0, 50.0, everywhere=False),
    "cifar10": Task("cifar10", 300, 40_000.0, 80.0, everywhere=False),
}


@dataclass(frozen=True)
class Cell:
    """Name a place in the matrix.

    Attributes:
        task: one of `TASKS`, or "quick".
        alpha: one of `ALPHAS`.
        stragglers: share of stragglers.
        clients: number of devices.
        seed: of the fleet and of everything else.
        slow_class: a class that the slowest devices hold, or `None`.
    """

    task: str
    alpha: str
    stragglers: float
    clients: int
    seed: int
    slow_class: int | None = None

    @property
    def key(self) -> str:
        """The name under which its server rates are kept."""
        return f"{self.task} {self.alpha} {self.clients}"

    def shared(self) -> Scenario:
        """Return what all arms share: fleet, data, first model, concurrency, and the horizon.

        The concurrency is three in ten devices.
        """
        task = TASKS.get(self.task, QUICK)
        return Scenario(
            data=task.data,
            clients=self.clients,
            alpha=ALPHAS[self.alpha],
            slow_class=self.slow_class,
            straggler_share=self.stragglers,
            concurrency=3 * self.clients // 10,
            buffer=BUFFERS[self.clients],
            warm_start_steps=task.warm_start_steps,
            horizon_s=task.horizon_s,
            evaluations=round(task.horizon_s / task.tick_s) + 1,
            seed=self.seed,
        )


def cells(quick: bool = False) -> Iterator[Cell]:
    """Yield all places of the matrix, seed by seed.

    Args:
        quick: a corner of it, to see that everything works.
    """
    if quick:
        yield from (Cell("quick", "0.5", share, QUICK_CLIENTS, SEEDS[0]) for share in (0.3, 0.9))
        return
    for seed in SEEDS:
        for name, task in TASKS.items():
            if task.everywhere:
                yield from (
                    Cell(name, alpha, stragglers, clients, seed)
                    for clients in CLIENTS
                    for stragglers in STRAGGLERS[::-1]
                    for alpha in ALPHAS
                )
            elif task.present:
                yield Cell(name, *CENTRE, seed)


def centre(quick: bool = False) -> Iterator[Cell]:
    """Yield the places of the ablation."""
    if quick:
        yield Cell("quick", "0.5", 0.9, QUICK_CLIENTS, SEEDS[0])
        return
    yield from (
        Cell(name, *CENTRE, seed)
        for seed in CENTRE_SEEDS
        for name, task in TASKS.items()
        if task.everywhere
    )


def rare(quick: bool = False) -> Iterator[Cell]:
    """Yield the same places, where the slowest devices hold a class that the others hardly have."""
    return (replace(cell, slow_class=0) for cell in centre(quick))
