"""What the headline study runs: tasks, cells, arms, and the server rate of each.

Rates come from `TUNING_SEEDS` (`python -m benchmarks.study --tune`), and so did every decision on the method itself.
The ends of the runs (`UPDATES`) do not: they were shortened, for time, with results of the reported seeds known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ftte_lab.data.store import path_of
from ftte_lab.experiments import TIERED
from ftte_lab.simulation import Scenario, prepare

SEEDS = (
    302,
    303,
    304,
    305,
    306,
)  # 201 and 301 were looked at when the rule that ends a run was changed
TUNING_SEEDS = (101, 102)
ALPHAS: Mapping[str, float] = {"0.1": 0.1, "0.5": 0.5, "IID": 1e6}
STRAGGLERS = (0.3, 0.6, 0.9)
CLIENTS = (100, 500)
CENTRE = ("0.5", 0.9, 100)  # the cell of the ablation
CENTRE_SEEDS = SEEDS[:3]  # fewer, for its many arms
MEMORY_SHARE = 0.20  # the authors' figure as a setting, like the cap on the payload in `TIERED`
Updates = Mapping[int, tuple[int, int, int]]
RATES = Path(__file__).with_name("rates.json")


@dataclass(frozen=True)
class Task:
    """Data, and a horizon (virtual seconds) within which FedAvg levels off; accuracy is read every `tick_s`."""

    data: str
    warm_start_steps: int
    horizon_s: float
    tick_s: float
    whole: bool = True  # in all cells, or in the central one alone (data that not everybody has)

    @property
    def present(self) -> bool:
        """Whether its data are here."""
        return self.data in ("digits", "motion") or path_of(self.data).is_file()


QUICK = Task("digits", 20, 3_000.0, 20.0)
TASKS: Mapping[str, Task] = {
    "digits": Task("digits", 100, 8_000.0, 20.0),
    "motion": Task("motion", 300, 14_000.0, 50.0),
    "wrist": Task("wrist", 300, 14_000.0, 50.0, whole=False),
    "cifar10": Task("cifar10", 300, 40_000.0, 80.0, whole=False),
}


@dataclass(frozen=True)
class Cell:
    """A place in the matrix."""

    task: str
    alpha: str
    stragglers: float
    clients: int
    seed: int
    slow_class: int | None = None  # a class that the slowest devices hold

    @property
    def key(self) -> str:
        """Under which its server rates are kept."""
        return f"{self.task} {self.alpha} {self.clients}"

    def base(self) -> Scenario:
        """What all arms share: fleet, data, start, concurrency (three in ten devices), and the horizon."""
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


BUFFERS = {
    100: 10,
    500: 20,
    30: 4,
}  # of the buffered methods; mean staleness about concurrency / buffer
# After which a buffered method ends: training everything; FedBuff training a part, in whose time fall twice as many;
# FTTE training a part, which levels off sooner, though not in all runs: less time than the others, never more
UPDATES = {100: (2_500, 5_000, 3_750), 500: (6_000, 12_000, 9_000), 30: (600, 1_200, 900)}
TUNING_UPDATES = {100: (1_750, 3_500, 3_500), 500: (3_000, 6_000, 6_000)}  # a rate shows early


def cells(quick: bool = False) -> Iterator[Cell]:
    """All places of the matrix, seed by seed; `quick`: a corner of it, to see that everything works."""
    if quick:
        yield from (Cell("quick", "0.5", share, 30, SEEDS[0]) for share in (0.3, 0.9))
        return
    for seed in SEEDS:
        for name, task in TASKS.items():
            if task.whole:
                yield from (
                    Cell(name, a, s, n, seed)
                    for n in CLIENTS
                    for s in STRAGGLERS[::-1]
                    for a in ALPHAS
                )
            elif task.present:
                yield Cell(name, *CENTRE, seed)


def centre(quick: bool = False) -> Iterator[Cell]:
    """Where the ablation runs."""
    if quick:
        yield Cell("quick", "0.5", 0.9, 30, SEEDS[0])
        return
    yield from (
        Cell(name, *CENTRE, seed)
        for seed in CENTRE_SEEDS
        for name, task in TASKS.items()
        if task.whole
    )


def rare(quick: bool = False) -> Iterator[Cell]:
    """The same places, where the slowest devices hold a class that the others hardly see."""
    return (replace(cell, slow_class=0) for cell in centre(quick))


def methods(base: Scenario) -> dict[str, Scenario]:
    """The methods of the table."""
    fedbuff, ftte = base.as_method("fedbuff"), _ftte(base)
    return {
        "fedavg": base.as_method("fedavg"),
        "fedavg over-selection": base.as_method("fedavg").replace(over_select=0.3),
        "fedasync": base.as_method("fedasync"),
        "fedbuff": fedbuff,
        "sparse fedbuff": fedbuff.replace(
            **_settings(ftte, "subset", "budget_kib", "payload_share")
        ),
        "full-model ftte": ftte.replace(subset="full"),
        "ftte": ftte,
    }


def ablation(base: Scenario) -> dict[str, Scenario]:
    """FTTE without one of its parts, and other methods with one of them."""
    ftte, by_name = _ftte(base), methods(base)
    average = _settings(ftte, "server_average")
    left_out = {"exclude_small": True}
    return {
        "ftte": ftte,
        "- asynchrony": ftte.replace(refill="step", buffer=None),
        "- subset": by_name["full-model ftte"],
        "- search: last layers": ftte.replace(solver="last"),
        "- search: at random": ftte.replace(solver="random"),
        "- tiers": ftte.replace(subset_per="fleet"),
        "- memory budget": ftte.replace(budget_kib=1e6),
        "- payload cap": ftte.replace(payload_share=None),
        "- age": ftte.replace(staleness="constant"),
        "- variance": ftte.replace(variance_exponent=0.0),
        "- averaged model": ftte.replace(server_average=0.0),
        "+ server momentum": ftte.replace(server_momentum=0.5),
        "fedbuff + averaged model": by_name["fedbuff"].replace(**average),
        "fedavg + averaged model": by_name["fedavg"].replace(**average),
        "fedavg, small devices left out": by_name["fedavg"].replace(**left_out),
        "fedbuff, small devices left out": by_name["fedbuff"].replace(**left_out),
        "ftte, half of the memory": ftte.replace(
            budget_kib=_budget_kib(base.data, base.clients, MEMORY_SHARE / 2)
        ),
        "ftte, a quarter of the memory": ftte.replace(
            budget_kib=_budget_kib(base.data, base.clients, MEMORY_SHARE / 4)
        ),
        "ftte, small devices left out": ftte.replace(
            **left_out, budget_kib=1e6, subset_per="fleet"
        ),
    }


def slowest_hold(base: Scenario) -> dict[str, Scenario]:
    """Arms for `rare`: does weighing by age silence those who alone know something, and what if they are left out?"""
    arms = methods(base) | ablation(base)
    left_out = (f"{name}, small devices left out" for name in ("fedavg", "fedbuff", "ftte"))
    return {
        name: arms[name] for name in ("fedavg", "fedbuff", "ftte", "- age", "- tiers", *left_out)
    }


def _ftte(base: Scenario) -> Scenario:
    return base.as_method("ftte").replace(**TIERED, budget_kib=_budget_kib(base.data, base.clients))


def _settings(s: Scenario, *names: str) -> dict[str, Any]:
    return {name: getattr(s, name) for name in names}


@lru_cache(maxsize=16)
def _budget_kib(data: str, clients: int, share: float = MEMORY_SHARE) -> float:
    """What the weakest device may use: inference, and this share of what full training takes beyond it."""
    bill = prepare(
        Scenario(data=data, clients=clients, concurrency=1, warm_start_steps=0, subset="full")
    ).bill
    return (bill.inference_peak_bytes + share * bill.overhead_bytes) / 1024


def ended(
    arms: Mapping[str, Scenario], cell: Cell, updates: Updates = UPDATES
) -> dict[str, Scenario]:
    """The same, buffered methods ending after their updates; whether they had levelled off by then is reported."""
    most = dict(zip(("full", "fedbuff", "ftte"), updates[cell.clients], strict=True))
    return {
        n: s
        if s.refill == "step"
        else s.replace(max_updates=most["full" if s.subset == "full" else s.method])
        for n, s in arms.items()
    }


def tuned(arms: Mapping[str, Scenario], cell: Cell) -> dict[str, Scenario]:
    """The same as they are run, with the server rate of each arm, found for its task, number of devices and alpha."""
    rates = json.loads(RATES.read_text())
    return {n: s.replace(server_rate=_rate(rates, n, cell)) for n, s in ended(arms, cell).items()}


def _rate(rates: Mapping[str, Mapping[str, float]], name: str, cell: Cell) -> float:
    """Where an arm was not tuned for the very cell, the rate of the nearest that was; who is left out changes none."""
    name = name.partition(",")[0]
    for key in (
        cell.key,
        replace(cell, alpha=CENTRE[0]).key,
        Cell(cell.task, *CENTRE, 0).key,
        "digits 0.5 100",
    ):
        if name in rates.get(key, {}):
            return rates[key][name]
    raise KeyError(f"no server rate of {name}: run python -m benchmarks.study --tune")


def grid(name: str) -> tuple[float, ...]:
    """Server rates to try: FedAsync takes a step per update, so its are smaller."""
    return (0.05, 0.1, 0.2, 0.4, 0.8) if name == "fedasync" else (0.5, 1.0, 1.5, 2.5, 4.0)


def tuning() -> Iterator[tuple[Cell, dict[str, Scenario]]]:
    """Cells and arms whose rates are tuned, at the hardest share of stragglers.

    With 100 devices every alpha, for the ablation the central one; with 500 the central one, on one seed.
    """
    for name, task in TASKS.items():
        for alpha in ALPHAS if task.whole else CENTRE[:1]:
            for seed in TUNING_SEEDS if task.present else ():
                cell = Cell(name, alpha, *CENTRE[1:], seed)
                parts = ablation(cell.base()) if alpha == CENTRE[0] and task.whole else {}
                some = {n: s for n, s in (methods(cell.base()) | parts).items() if "," not in n}
                yield cell, ended(some, cell, TUNING_UPDATES)
        if task.whole:
            cell = Cell(name, CENTRE[0], 0.9, 500, TUNING_SEEDS[0])
            yield (
                cell,
                ended(
                    {n: s for n, s in methods(cell.base()).items() if n != "fedasync"},
                    cell,
                    TUNING_UPDATES,
                ),
            )
