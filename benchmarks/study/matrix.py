"""Define where the study runs: seeds, tasks, and the cells of each part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ftte_lab.data import data_path
from ftte_lab.simulation import Scenario

SEEDS = (331, 332, 333, 334, 335)
"""Seeds that no decision has seen; an earlier study used 302 to 306 (and 201, 301 before)."""

FEW_SEEDS = SEEDS[:3]
"""Seeds of the parts with many arms, and of real data."""

FEWEST_SEEDS = SEEDS[:2]
"""Seeds of the cells with fewer stragglers than nine in ten."""

SEARCH_SEEDS = (321, 322)
"""Worlds in which random subsets are drawn."""

TUNING_SEEDS = (101, 102)

ALPHAS: Mapping[str, float | None] = {"0.1": 0.1, "0.5": 0.5, "IID": 1e6, "person": None}
LABEL_SKEWS = ("0.1", "0.5", "IID")
HARD = 0.9
"""The authors' share of stragglers."""

STRAGGLERS = (HARD, 0.6, 0.3)
CENTRE = ("0.5", HARD, 100)
"""Label skew, stragglers and clients of the cell in which every method and lever runs."""

MANY = 500
QUICK_CLIENTS = 30
PEOPLE = 14
"""People of the wrist recordings who are in the fleet; two more give the public share."""

BUFFERS: Mapping[int, int] = {PEOPLE: 2, QUICK_CLIENTS: 4, 100: 10, MANY: 20}
"""Capacity of the buffer by clients; the mean staleness is about concurrency / buffer."""

PAYLOADS = (0.25, 0.10)
"""Shares of the parameters at which the search is compared with chance."""

FAULTS = ("none", "labels", "noise", "scale", "replay")


@dataclass(frozen=True)
class Task:
    """Describe a data set, its net, and a horizon within which FedAvg gets near its level.

    Attributes:
        data: name of the data set.
        shape: of one input.
        classes: number of classes.
        warm_start_steps: of the first model, where the start is warm.
        horizon_s: virtual seconds.
        tick_s: virtual seconds between two evaluations.
        real: whether the data are recordings or photographs, which not everybody has.
        model: the net.
        batch: samples per local step.
        local_steps: local steps per participation.
        samples: training samples per client.
    """

    data: str
    shape: tuple[int, ...]
    classes: int
    warm_start_steps: int
    horizon_s: float
    tick_s: float
    real: bool = False
    model: str = "mcunet-s"
    batch: int = 8
    local_steps: int = 4
    samples: int = 40

    @property
    def present(self) -> bool:
        """Whether its data are here."""
        return not self.real or data_path(self.data).is_file()


def _photographs(horizon_s: float) -> Task:
    """Return CIFAR-10, whose net takes fifty times the time of the others."""
    shape, tick_s = (3, 32, 32), 2_640.0
    usual = Task("cifar10", shape, 10, 0, horizon_s, tick_s, real=True)
    return replace(usual, model="cnn-gap", batch=20, local_steps=5, samples=100)


TASKS: Mapping[str, Task] = {
    "digits": Task("digits", (1, 8, 8), 10, 100, 8_000.0, 32.0),
    "motion": Task("motion", (3, 128), 8, 300, 14_000.0, 70.0),
    "wrist": Task("wrist", (3, 128), 14, 300, 21_000.0, 100.0, real=True, samples=200),
    "wrist windows": Task("wrist", (3, 128), 14, 300, 21_000.0, 100.0, real=True),
    "cifar10": _photographs(528_000.0),
    "cifar10 whole": _photographs(264_000.0),
    "quick": Task("digits", (1, 8, 8), 10, 20, 400.0, 20.0),
}
STUDIED = ("digits", "motion")
"""Tasks of the complete matrix: everybody has their data."""


@dataclass(frozen=True)
class Cell:
    """Name a place in the study.

    Attributes:
        task: one of `TASKS`.
        alpha: one of `ALPHAS`.
        stragglers: share of stragglers.
        clients: number of devices.
        seed: of the fleet and of everything else.
        start: "warm", or "raw" for an untrained first model.
        fault: what faulty devices do.
    """

    task: str
    alpha: str
    stragglers: float
    clients: int
    seed: int
    start: str = "warm"
    fault: str = "none"

    @property
    def key(self) -> str:
        """The name under which its server rates are kept."""
        raw = " raw" if self.start == "raw" else ""
        return f"{self.task} {self.alpha} {self.clients}{raw}"

    @property
    def of(self) -> Task:
        """The task's description."""
        return TASKS[self.task]

    @property
    def clean(self) -> Cell:
        """The same place without faulty devices."""
        return replace(self, fault="none")

    def shared(self) -> Scenario:
        """Return what all arms share: fleet, data, first model, concurrency, and the horizon.

        The concurrency is three in ten devices.
        """
        task = self.of
        return Scenario(
            data=task.data,
            clients=self.clients,
            alpha=ALPHAS[self.alpha],
            samples_per_client=task.samples,
            straggler_share=self.stragglers,
            fault=self.fault,
            payload_names=False,
            model=task.model,
            batch=task.batch,
            local_steps=task.local_steps,
            concurrency=round(0.3 * self.clients),
            buffer=BUFFERS[self.clients],
            warm_start_steps=task.warm_start_steps if self.start == "warm" else 0,
            horizon_s=task.horizon_s,
            evaluations=round(task.horizon_s / task.tick_s) + 1,
            seed=self.seed,
        )


def centre(seeds: Iterable[int]) -> Iterator[Cell]:
    """Yield the central cell of both tasks, seed by seed."""
    for seed in seeds:
        yield from (Cell(task, *CENTRE, seed) for task in STUDIED)


def everywhere(seeds: Iterable[int]) -> Iterator[Cell]:
    """Yield the complete matrix with 100 devices, and its central label skew with 500.

    Fewer stragglers than nine in ten are run on two seeds.
    """
    for seed in seeds:
        for task in STUDIED:
            for stragglers in STRAGGLERS if seed in FEWEST_SEEDS else STRAGGLERS[:1]:
                yield from (Cell(task, a, stragglers, CENTRE[2], seed) for a in LABEL_SKEWS)
                yield Cell(task, CENTRE[0], stragglers, MANY, seed)


def untrained(seeds: Iterable[int]) -> Iterator[Cell]:
    """Yield the central cell with an untrained first model."""
    return (replace(cell, start="raw") for cell in centre(seeds))


def faulty(seeds: Iterable[int]) -> Iterator[Cell]:
    """Yield the central cell with each kind of faulty device, and without."""
    return (replace(cell, fault=fault) for cell in centre(seeds) for fault in FAULTS)


def worlds(seeds: Iterable[int]) -> Iterator[Cell]:
    """Yield the central cell with both starts, where subsets are drawn at random."""
    return (replace(cell, start=start) for cell in centre(seeds) for start in ("warm", "raw"))


def real(seeds: Iterable[int]) -> Iterator[Cell]:
    """Yield the cells of real data: recordings by person, or by windows, and photographs."""
    for seed in seeds:
        yield Cell("wrist", "person", HARD, PEOPLE, seed)
        yield Cell("wrist windows", "person", HARD, 100, seed)
        yield Cell("cifar10", "0.5", HARD, 100, seed)
        if seed == SEEDS[0]:
            yield Cell("cifar10 whole", "0.5", HARD, MANY, seed)
