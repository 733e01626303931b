"""Which parameters to train: the subset worth most within the memory budget of the weakest device.

    max  sum of gains of the chosen (tensor, channels)
    s.t. every event of the training step stays within the budget      (one linear row each, from `memory`)

That the server searches one subset under the smallest budget is the paper's (FTTE, arXiv 2510.03165, abstract); its
procedure is not public, so the problem above is our reconstruction after Lin et al. 2022, whose own search is the
solver `evolution`. `exact` proves its optimum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ftte_lab._common import choice, integer, require
from ftte_lab.devices import MemoryModel
from ftte_lab.models import Subset
from ftte_lab.server.search.exact import exact
from ftte_lab.server.search.heuristics import dp, evolution, greedy, last, random_order
from ftte_lab.server.search.problem import Contributions, Counts, Problem

__all__ = ["SOLVERS", "BudgetError", "Choice", "Problem", "Subset", "choose"]

SOLVERS: Mapping[str, Callable[[Problem, int], Counts]] = {
    "exact": exact,
    "dp": dp,
    "evolution": evolution,
    "greedy": greedy,
    "last": last,
    "random": random_order,
}


class BudgetError(ValueError):
    """No subset fits: `floor_bytes` is the smallest training step, `budget_bytes` what the device has."""

    def __init__(self, device: str, floor_bytes: int, budget_bytes: int) -> None:
        self.device, self.floor_bytes, self.budget_bytes = device, floor_bytes, budget_bytes
        super().__init__(
            f"no subset fits {device}: its floor is {floor_bytes / 1024:.1f} KiB (training the classifier alone), "
            f"the budget {budget_bytes / 1024:.1f} KiB; allowed: a budget of at least the floor. "
            "Raise the budget, shrink the batch or the model, or leave the device out."
        )

    def __reduce__(
        self,
    ) -> tuple[type[BudgetError], tuple[str, int, int]]:  # else it is lost between processes
        return type(self), (self.device, self.floor_bytes, self.budget_bytes)


@dataclass(frozen=True)
class Choice:
    """A chosen subset, its predicted gain (`value`), its peak, and whether it is proven to be the best."""

    subset: Subset
    counts: Mapping[str, int]
    value: float
    peak_bytes: int
    budget_bytes: int
    solver: str
    proven: bool


def choose(
    contributions: Contributions,
    memory: MemoryModel,
    budget_bytes: int,
    *,
    solver: str = "exact",
    max_entries: int | None = None,
    device: str = "the weakest device",
    seed: int = 0,
) -> Choice:
    """Choose the subset worth most whose training step peaks within the budget.

    The classifier (the last operation) is always trained.

    Args:
        contributions: gains per tensor and channel count.
        memory: events of the training step for one model, batch and accounting.
        budget_bytes: what the weakest device may use at once.
        solver: `exact` (mixed-integer program, proven), `dp` (additive knapsack), `evolution` (Lin et al. 2022),
            `greedy` (gain per byte), `last` (layers from the output backwards) or `random`.
        max_entries: most parameters to train and send, if the payload is limited too.
        device: how to name the device in an error.
        seed: for `evolution` and `random`.

    Raises:
        BudgetError: if not even the classifier can be trained within the budget.
        ValueError: an unknown solver, or a budget or limit out of range.
    """
    choice("solver", solver, SOLVERS)
    integer("budget_bytes", budget_bytes, 1)
    known = set(contributions.gain) == set(memory.model.tensors)
    require(
        known,
        "contributions and memory model differ",
        "both for the same model",
        "Measure them anew",
    )
    problem = Problem.build(contributions, memory, budget_bytes, max_entries)
    floor = problem.peak(problem.required)
    if floor > budget_bytes:
        raise BudgetError(device, floor, budget_bytes)
    if max_entries is not None:
        least = problem.entries(problem.required)
        integer("max_entries", max_entries, least, fix="The classifier is always trained")
    counts = SOLVERS[solver](problem, seed)
    return Choice(
        contributions.subset(counts),
        counts,
        contributions.value(counts),
        problem.peak(counts),
        budget_bytes,
        solver,
        proven=solver == "exact",
    )
