"""Choose which parameters to train: the subset worth most within the memory of the weakest device.

    max  sum of gains of the chosen (tensor, channels)
    s.t. every event of the training step stays within the budget      (one linear row each)

That the server searches one subset under the smallest budget is the paper's (FTTE, arXiv
2510.03165, abstract). Its procedure is not public, so the problem above is our reconstruction after
Lin et al. 2022, whose own search is the solver `evolution`. `exact` proves its optimum.

Add your own:

    SOLVERS["mine"] = lambda problem, seed: {"head.weight": 64, ...}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ftte_lab._common import Registry, callable_entry, choice, integer, require
from ftte_lab.devices import MemoryModel
from ftte_lab.models import Subset
from ftte_lab.server.search.answer import checked
from ftte_lab.server.search.exact import exact
from ftte_lab.server.search.heuristics import (
    dp,
    evolution,
    greedy,
    last,
    pure_random,
    random_order,
)
from ftte_lab.server.search.problem import Contributions, Problem

Solver = Callable[[Problem, int], Any]

SOLVERS: Registry[Solver] = Registry(
    "solver",
    {
        "exact": exact,
        "dp": dp,
        "evolution": evolution,
        "greedy": greedy,
        "last": last,
        "random": random_order,
        "pure_random": pure_random,
    },
    callable_entry("solver"),
)
"""Functions `f(problem, seed)` that return how many channels of each tensor to train (`Counts`).

Those are then its best channels. A solver that chooses the channels itself returns a `Subset`.
"""


class BudgetError(ValueError):
    """Report that no subset fits.

    Attributes:
        device: what the budget belongs to.
        floor_bytes: peak of the smallest training step, that of the classifier alone.
        budget_bytes: what the device has.
    """

    def __init__(self, device: str, floor_bytes: int, budget_bytes: int) -> None:
        self.device = device
        self.floor_bytes = floor_bytes
        self.budget_bytes = budget_bytes
        super().__init__(
            f"no subset fits {device}: its floor is {floor_bytes / 1024:.1f} KiB (training the "
            f"classifier alone), the budget {budget_bytes / 1024:.1f} KiB; allowed: a budget of at "
            "least the floor. Raise the budget, shrink the batch or the model, or leave the device "
            "out."
        )

    def __reduce__(self) -> tuple[type[BudgetError], tuple[str, int, int]]:
        """Rebuild the error from its three parts, so that it survives between processes."""
        return type(self), (self.device, self.floor_bytes, self.budget_bytes)


@dataclass(frozen=True)
class Choice:
    """Hold a chosen subset, its predicted gain and its peak memory.

    Attributes:
        subset: what is trained.
        counts: channels trained, by tensor.
        value: predicted gain.
        peak_bytes: peak memory of its training step.
        budget_bytes: the limit it was chosen under.
        solver: who chose.
        proven: whether no better choice exists.
        micro_batch: most samples that the step passes at once; `None`: the whole batch.
    """

    subset: Subset
    counts: Mapping[str, int]
    value: float
    peak_bytes: int
    budget_bytes: int
    solver: str
    proven: bool
    micro_batch: int | None = None


_MOST = 2**60  # bytes or entries


def choose(
    contributions: Contributions,
    memory: MemoryModel,
    budget_bytes: int,
    *,
    solver: str = "exact",
    max_entries: int | None = None,
    granularity: str = "channel",
    device: str = "the weakest device",
    seed: int = 0,
) -> Choice:
    """Choose the subset worth most whose training step peaks within the budget.

    The classifier (the last operation) is always trained.

    Args:
        contributions: gains per tensor and channel count.
        memory: events of the training step for one model, batch and accounting.
        budget_bytes: what the weakest device may use at once.
        solver: an entry of `SOLVERS`: `exact` (mixed-integer program, proven), `dp` (additive
            knapsack), `evolution` (Lin et al. 2022), `greedy` (gain per byte), `last` (layers from
            the output backwards), `random` (tensors at random, each with its best channels) or
            `pure_random` (the channels at random, too).
        max_entries: most parameters to train and send, if the payload is limited too.
        granularity: `channel`, or `layer`: a convolution or linear map, its bias and its norm train
            completely or not at all.
        device: how to name the device in an error.
        seed: for `evolution`, `random` and `pure_random`.

    Raises:
        BudgetError: if not even the classifier can be trained within the budget.
        ValueError: an unknown solver or granularity, a budget or limit out of range, or a solver of
            your own that returns a choice which is not offered or does not fit.

    Example:
        >>> import torch
        >>> from ftte_lab.devices import memory_model
        >>> from ftte_lab.models import build
        >>> from ftte_lab.server import measure
        >>> model = build("mlp", (1, 8, 8), 10)
        >>> x, y = torch.ones(20, 1, 8, 8), torch.arange(20) % 10
        >>> gains = measure(model, model.init(seed=0), x, y)
        >>> chosen = choose(gains, memory_model(model, 8), budget_bytes=40 * 1024)
        >>> chosen.peak_bytes <= chosen.budget_bytes, chosen.proven, "head.weight" in chosen.subset
        (True, True, True)
    """
    choice("solver", solver, SOLVERS)
    budget_bytes = integer("budget_bytes", budget_bytes, 1, _MOST)
    seed = integer("seed", seed, 0)
    known = set(contributions.gain) == set(memory.model.tensors)
    fix = "Measure them again"
    require(known, "contributions and memory model differ", "both for the same model", fix)
    problem = Problem.build(contributions, memory, budget_bytes, max_entries, granularity)
    floor = problem.peak(problem.required)
    if floor > budget_bytes:
        raise BudgetError(device, floor, budget_bytes)
    if max_entries is not None:
        least = problem.entries(problem.required)
        integer("max_entries", max_entries, least, _MOST, "The classifier is always trained")
    answer = checked(problem, solver, SOLVERS[solver](problem, seed))
    return Choice(
        subset=answer.subset,
        counts=answer.counts,
        value=answer.value,
        peak_bytes=problem.peak(answer.counts),
        budget_bytes=budget_bytes,
        solver=solver,
        proven=solver == "exact",
        micro_batch=memory.step.micro_batch,
    )
