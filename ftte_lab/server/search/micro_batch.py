"""Decide the subset and the micro-batch together.

A smaller micro-batch stores fewer activations. But as soon as a batch is split at all, the summed
gradients stay alive beside the fresh ones. So the whole batch and micro-batches are not ordered,
while among micro-batches a smaller one never needs more:

    best = better of (search for the whole batch, search for micro-batches of 1)

Whatever fits with some micro-batch fits with micro-batches of 1. So with the solver `exact` the
optimum over subsets and micro-batches is proven (our reconstruction).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ftte_lab.devices import MemoryModel, part_sizes
from ftte_lab.models import Subset
from ftte_lab.server.search.choose import BudgetError, Choice, choose
from ftte_lab.server.search.problem import Contributions

_TIE = 1e-9  # relative difference below which two gains count as equal


def choose_with_micro_batch(
    contributions: Contributions,
    memory: Callable[..., MemoryModel],
    budget_bytes: int,
    **options: Any,
) -> Choice:
    """Choose the subset worth most and the largest micro-batch with which it fits.

    Args:
        contributions: gains per tensor and channel count.
        memory: `memory(micro_batch=m)` returns the events of the training step; `None` is the whole
            batch. Such as `functools.partial(memory_model, model, 8)`.
        budget_bytes: what the weakest device may use at once.
        options: those of `choose`.

    Raises:
        BudgetError: if not even the classifier can be trained within the budget.
        ValueError: as `choose`.

    Example:
        >>> from functools import partial
        >>> import torch
        >>> from ftte_lab.devices import memory_model
        >>> from ftte_lab.models import build
        >>> from ftte_lab.server import measure
        >>> model = build("cnn", (1, 8, 8), 10)
        >>> x, y = torch.ones(20, 1, 8, 8), torch.arange(20) % 10
        >>> gains = measure(model, model.init(seed=0), x, y)
        >>> memory = partial(memory_model, model, 8)
        >>> chosen = choose_with_micro_batch(gains, memory, 170 * 1024)
        >>> alone = choose(gains, memory_model(model, 8), 170 * 1024)
        >>> chosen.micro_batch, chosen.value > alone.value, chosen.proven
        (1, True, True)
    """

    def search(micro_batch: int | None) -> Choice | BudgetError:
        try:
            return choose(contributions, memory(micro_batch=micro_batch), budget_bytes, **options)
        except BudgetError as error:
            return error

    whole = search(None)
    if memory(micro_batch=None).step.batch == 1:
        return _found(whole)
    single = search(1)
    if isinstance(whole, BudgetError) and isinstance(single, BudgetError):
        raise min(whole, single, key=lambda error: error.floor_bytes)
    if isinstance(single, BudgetError):
        return _found(whole)
    if isinstance(whole, Choice) and single.value <= whole.value + _TIE * abs(whole.value):
        return whole
    micro_batch = largest_micro_batch(memory, single.subset, budget_bytes)
    peak = memory(micro_batch=micro_batch).peak_of(single.subset)
    return replace(single, micro_batch=micro_batch, peak_bytes=peak)


def largest_micro_batch(
    memory: Callable[..., MemoryModel], subset: Subset, budget_bytes: int
) -> int | None:
    """Return the largest micro-batch with which training a subset fits a budget.

    `None` if the whole batch fits at once, 1 if nothing fits. `memory` is as in
    `choose_with_micro_batch`; only peaks are evaluated, there is no search.
    """

    def too_large(micro_batch: int | None) -> bool:
        return memory(micro_batch=micro_batch).peak_of(subset) > budget_bytes

    if not too_large(None):
        return None
    batch = memory(micro_batch=None).step.batch
    offered = sorted({part_sizes(batch, m)[-1] for m in range(1, batch)}) or [1]
    return offered[max(0, bisect_right(offered, False, key=too_large) - 1)]


def _found(answer: Choice | BudgetError) -> Choice:
    if isinstance(answer, BudgetError):
        raise answer
    return answer
