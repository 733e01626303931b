"""Define the arms of the study: methods, the levers on them, and how long each arm runs.

An arm is a method and the settings that it has of its own. Whatever was decided about them was
decided on `TUNING_SEEDS`, and so were the server rates (`rates.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.study import draws
from benchmarks.study.bills import budget_kib, whole_batch_budget_kib
from benchmarks.study.matrix import HARD, MANY, PAYLOADS, PEOPLE, QUICK_CLIENTS, Cell
from ftte_lab.simulation import Scenario

Arm = tuple[str, Mapping[str, Any]]

_AVERAGE = {"server_average": 0.95}
_EIGHT = {"payload_bits": 8}
_WEIGHTS = {"age_exponent": 0.5, "variance_exponent": 0.25}
# The authors' payload figure as a setting; with names and shapes a message is at most 31 %.
_CAP = {"payload_share": 0.25}
_PHASES = {"phases": 4, "first_phase": 0.5}


def ftte(task: str) -> dict[str, Any]:
    """Return FTTE in the paper's form: one subset for the fleet, buffer, weights, both levers."""
    memory = {"micro_batch": "auto", "budget_kib": budget_kib(task)}
    return {**_CAP, **memory, **_WEIGHTS, **_AVERAGE}


def whole_batch(task: str) -> dict[str, Any]:
    """Return FTTE whose devices take their batch at once, in a budget of their own."""
    return {**_CAP, "budget_kib": whole_batch_budget_kib(task), **_WEIGHTS}


def matrix(task: str) -> dict[str, Arm]:
    """Return the methods that run in every cell."""
    return {
        "fedavg": ("fedavg", {}),
        "fedbuff": ("fedbuff", {}),
        "fedbuff + average": ("fedbuff", _AVERAGE),
        "ftte": ("ftte", ftte(task)),
    }


def levers(task: str) -> dict[str, Arm]:
    """Return every method with every lever: the arms of the one large table."""
    ours = ftte(task)
    return {
        "fedavg": ("fedavg", {}),
        "fedavg + average": ("fedavg", _AVERAGE),
        "fedavg + over-selection": ("fedavg", {"over_select": 0.3}),
        "fedprox": ("fedprox", {}),
        "scaffold": ("scaffold", {}),
        "fedasync": ("fedasync", {}),
        "fedbuff": ("fedbuff", {}),
        "fedbuff + average": ("fedbuff", _AVERAGE),
        "fedbuff + average + 8 bits": ("fedbuff", {**_AVERAGE, **_EIGHT}),
        "paper": ("ftte", whole_batch(task)),
        "ftte - average": ("ftte", {**ours, "server_average": 0.0}),
        "ftte": ("ftte", ours),
        "ftte + 8 bits": ("ftte", {**ours, **_EIGHT}),
        "ftte + phases": ("ftte", {**ours, **_PHASES}),
        "tiers": ("ftte", {**whole_batch(task), **_AVERAGE, "subset_per": "kind"}),
    }


def weights(task: str) -> dict[str, Arm]:
    """Return FTTE with other weights: what age and variance are worth."""
    ours = ftte(task)
    changes: dict[str, dict[str, Any]] = {
        "ftte": {},
        "- age": {"age_exponent": 0.0},
        "- variance": {"variance_exponent": 0.0},
        "variance exponent 1": {"variance_exponent": 1.0},
        "variance of the steps": {"variance": "steps"},
        "variance in the buffer": {"variance": "buffer"},
    }
    return {name: ("ftte", {**ours, **own}) for name, own in changes.items()}


def robust(task: str) -> dict[str, Arm]:
    """Return FTTE with a mean that no single update can move far."""
    ours = ftte(task)
    return {
        "median": ("ftte", {**ours, "mean": "median"}),
        "trimmed mean": ("ftte", {**ours, "mean": "trimmed"}),
    }


def ablation(task: str) -> dict[str, Arm]:
    """Return FTTE without one of its parts, other searches, and other server rules."""
    ours = ftte(task)
    searches: dict[str, dict[str, Any]] = {
        "search: gain exponent 1/2": {"gain_exponent": 0.5},
        "search: whole layers": {"granularity": "layer"},
        "search: at random, best channels": {"solver": "random"},
        "search: pure random": {"solver": "pure_random"},
        "search: last layers": {"solver": "last"},
        "- micro-batches": {**whole_batch(task), "micro_batch": None},
    }
    stale = {"age_exponent": 0.0}
    rules: dict[str, dict[str, Any]] = {
        "fedbuff": {},
        "fedbuff - age": stale,
        "fedbuff averaging models": {"combine": "models"},
        "fedbuff averaging models - age": {"combine": "models", **stale},
        "fedbuff mixing models": {"combine": "mixing"},
        "fedbuff mixing models - age": {"combine": "mixing", **stale},
    }
    return {
        **weights(task),
        **{name: ("ftte", {**ours, **own}) for name, own in searches.items()},
        **{name: ("fedbuff", own) for name, own in rules.items()},
    }


def chance(task: str) -> dict[str, Arm]:
    """Return the search and draws of random subsets, where memory does not bind.

    The draws of one world share everything but the subset (see `draws`).
    """
    shared = {**_WEIGHTS, **_AVERAGE, "budget_kib": 1e6}
    arms: dict[str, Arm] = {}
    for payload in PAYLOADS:
        ours = {**shared, "payload_share": payload}
        at = f" at {100 * payload:.0f} %"
        arms[f"search{at}"] = ("ftte", ours)
        arms[f"search, gain exponent 1/2{at}"] = ("ftte", {**ours, "gain_exponent": 0.5})
        for solver in draws.names(2) if task == "quick" else draws.names():
            arms[f"{solver}{at}"] = ("ftte", {**ours, "solver": solver})
    return arms


def build_arms(cell: Cell, arms: Mapping[str, Arm]) -> dict[str, Scenario]:
    """Return the runs of some arms on a cell, without an end and with untuned rates."""
    shared = cell.shared()
    return {name: shared.as_method(method).replace(**own) for name, (method, own) in arms.items()}


@dataclass(frozen=True)
class Ends:
    """Client updates after which a buffered run ends.

    Attributes:
        full: training everything.
        part: FTTE. Its updates are smaller and sooner there, so that it gets less virtual time than
            the others with more updates; never more.
    """

    full: int
    part: int

    def of(self, scenario: Scenario) -> int:
        """Return the end of one buffered run."""
        return self.full if scenario.subset == "full" else self.part

    def __mul__(self, share: float) -> Ends:
        return Ends(round(share * self.full), round(share * self.part))


ENDS: Mapping[int, Ends] = {
    PEOPLE: Ends(1_500, 2_250),
    QUICK_CLIENTS: Ends(24, 36),
    100: Ends(2_500, 3_750),
    MANY: Ends(5_000, 7_500),
}
"""By the number of devices, where nine in ten are stragglers; half of it where fewer are."""

PHOTOGRAPHS = Ends(2_000, 2_800)
"""The end on CIFAR-10, whose compute decides the time: a part saves less of it there."""

HALF = Ends(1_250, 1_875)
"""The end of the ablation."""

SHORT = Ends(1_500, 1_500)
"""The end of the search and of random subsets: only their levels are compared."""

SHORTEST = Ends(1_000, 1_000)
"""The end with faulty clients."""


def ends(cell: Cell) -> Ends:
    """Return the ends on a cell: with few stragglers updates arrive sooner, and less is asked."""
    if cell.of.data == "cifar10":
        return PHOTOGRAPHS
    return ENDS[cell.clients] * (1.0 if cell.stragglers >= HARD else 0.5)


def limited(runs: Mapping[str, Scenario], end: Ends) -> dict[str, Scenario]:
    """Return the runs with an end for the buffered methods; synchronous ones run to the horizon."""
    return {
        name: s if s.refill == "step" else s.replace(max_updates=end.of(s))
        for name, s in runs.items()
    }
