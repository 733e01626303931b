"""Define the arms of the study: methods, ablation, and the end and the server rate of each arm.

The rates come from `TUNING_SEEDS` (`python -m benchmarks.study.first --tune`), and so did every
decision on the method itself. The ends of the runs (`UPDATES`) do not: they were shortened, for
time, with results of the reported seeds known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.study.first.matrix import ALPHAS, CENTRE, QUICK_CLIENTS, TASKS, TUNING_SEEDS, Cell
from ftte_lab.experiments import TIERED, Comparison
from ftte_lab.simulation import Scenario, prepare

MEMORY_SHARE = 0.20
"""The authors' figure as a setting, like the cap on the payload in `TIERED`."""

RATES = Path(__file__).parents[1] / "rates.json"


@dataclass(frozen=True)
class Ends:
    """Client updates after which a buffered method ends.

    Attributes:
        full: training everything.
        part: FedBuff training a part, in whose time twice as many updates arrive.
        ftte: FTTE training a part. It levels off sooner, though not in all runs: it gets less time
            than the others, never more.
    """

    full: int
    part: int
    ftte: int

    def of(self, scenario: Scenario) -> int:
        """Return the end of one buffered run."""
        if scenario.subset == "full":
            return self.full
        return self.ftte if scenario.method == "ftte" else self.part


UPDATES: Mapping[int, Ends] = {
    100: Ends(full=2_500, part=5_000, ftte=3_750),
    500: Ends(full=6_000, part=12_000, ftte=9_000),
    QUICK_CLIENTS: Ends(full=50, part=100, ftte=75),
}
TUNING_UPDATES: Mapping[int, Ends] = {  # a rate shows early
    100: Ends(full=1_750, part=3_500, ftte=3_500),
    500: Ends(full=3_000, part=6_000, ftte=6_000),
}


def comparison(cell: Cell) -> Comparison:
    """Return the methods on a cell; FTTE with a fifth of the memory, tiers and the average."""
    shared = cell.shared()
    budget_kib = _budget_kib(shared.data, shared.clients)
    return Comparison(shared, own={"ftte": {**TIERED, "budget_kib": budget_kib}})


def methods(cell: Cell) -> dict[str, Scenario]:
    """Return the methods of the table, by arm."""
    runs = comparison(cell)
    fedavg, fedbuff, ftte = (runs.run(name) for name in ("fedavg", "fedbuff", "ftte"))
    return {
        "fedavg": fedavg,
        "fedavg over-selection": fedavg.replace(over_select=0.3),
        "fedasync": runs.run("fedasync"),
        "fedbuff": fedbuff,
        "sparse fedbuff": fedbuff.replace(
            **_settings(ftte, "subset", "budget_kib", "payload_share")
        ),
        "full-model ftte": ftte.replace(subset="full"),
        "ftte": ftte,
    }


def ablation(cell: Cell) -> dict[str, Scenario]:
    """Return FTTE without one of its parts, and other methods with one of them, by arm."""
    by_name = methods(cell)
    ftte = by_name["ftte"]
    average = _settings(ftte, "server_average")
    left_out = {"exclude_small": True}
    half, quarter = (_budget_kib(ftte.data, cell.clients, MEMORY_SHARE / k) for k in (2, 4))
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
        "ftte, half of the memory": ftte.replace(budget_kib=half),
        "ftte, a quarter of the memory": ftte.replace(budget_kib=quarter),
        "ftte, small devices left out": ftte.replace(
            **left_out, budget_kib=1e6, subset_per="fleet"
        ),
    }


def slowest_hold(cell: Cell) -> dict[str, Scenario]:
    """Return the arms for `rare`.

    They ask whether weights by age silence those who alone know something, and what happens if
    these are left out.
    """
    arms = methods(cell) | ablation(cell)
    left_out = (f"{name}, small devices left out" for name in ("fedavg", "fedbuff", "ftte"))
    names = ("fedavg", "fedbuff", "ftte", "- age", "- tiers", *left_out)
    return {name: arms[name] for name in names}


def _settings(scenario: Scenario, *names: str) -> dict[str, Any]:
    return {name: getattr(scenario, name) for name in names}


@lru_cache(maxsize=16)
def _budget_kib(data: str, clients: int, share: float = MEMORY_SHARE) -> float:
    """Return what the weakest device may use, in KiB.

    Inference, and this share of what full training takes beyond it.
    """
    bill = prepare(
        Scenario(data=data, clients=clients, concurrency=1, warm_start_steps=0, subset="full")
    ).bill
    return (bill.inference_peak_bytes + share * bill.overhead_bytes) / 1024


def limited(
    arms: Mapping[str, Scenario], cell: Cell, ends: Mapping[int, Ends] = UPDATES
) -> dict[str, Scenario]:
    """Return the arms with an end for the buffered methods.

    Whether they had levelled off by then is reported.
    """
    end = ends[cell.clients]
    return {
        name: s if s.refill == "step" else s.replace(max_updates=end.of(s))
        for name, s in arms.items()
    }


def tuned(arms: Mapping[str, Scenario], cell: Cell) -> dict[str, Scenario]:
    """Return the arms as they run: with an end, and with the server rate of each.

    A rate was found for its task, number of devices and alpha.

    Raises:
        KeyError: an arm without a rate.
    """
    rates = json.loads(RATES.read_text(encoding="utf-8"))
    return {
        name: s.replace(server_rate=_rate(rates, name, cell))
        for name, s in limited(arms, cell).items()
    }


def _rate(rates: Mapping[str, Mapping[str, float]], name: str, cell: Cell) -> float:
    """Return the rate of an arm: of its cell, or of the nearest cell that was tuned.

    Which devices are left out does not change a rate.
    """
    name = name.partition(",")[0]
    for key in (
        cell.key,
        replace(cell, alpha=CENTRE[0]).key,
        Cell(cell.task, *CENTRE, 0).key,
        "digits 0.5 100",
    ):
        if name in rates.get(key, {}):
            return rates[key][name]
    raise KeyError(f"no server rate of {name}: run python -m benchmarks.study.first --tune")


def grid(name: str) -> tuple[float, ...]:
    """Return the server rates to try: FedAsync steps at each update, so its are smaller."""
    return (0.05, 0.1, 0.2, 0.4, 0.8) if name == "fedasync" else (0.5, 1.0, 1.5, 2.5, 4.0)


def tuning() -> Iterator[tuple[Cell, dict[str, Scenario]]]:
    """Yield cells and arms whose rates are tuned, at the hardest share of stragglers.

    With 100 devices every alpha, for the ablation the central one; with 500 the central one, on
    one seed.
    """
    for name, task in TASKS.items():
        for alpha in ALPHAS if task.everywhere else CENTRE[:1]:
            for seed in TUNING_SEEDS if task.present else ():
                cell = Cell(name, alpha, *CENTRE[1:], seed)
                parts = ablation(cell) if alpha == CENTRE[0] and task.everywhere else {}
                some = {n: s for n, s in (methods(cell) | parts).items() if "," not in n}
                yield cell, limited(some, cell, TUNING_UPDATES)
        if task.everywhere:
            cell = Cell(name, CENTRE[0], 0.9, 500, TUNING_SEEDS[0])
            some = {n: s for n, s in methods(cell).items() if n != "fedasync"}
            yield cell, limited(some, cell, TUNING_UPDATES)
