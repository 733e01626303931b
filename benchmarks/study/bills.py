"""Bill the training steps of the study's nets, and derive the memory budgets from the bills."""

from __future__ import annotations

from functools import lru_cache

from benchmarks.study.matrix import TASKS
from ftte_lab.devices import MemoryBill, training_bill
from ftte_lab.models import Model, Subset, build, full

MEMORY_SHARE = 0.20
"""The authors' figure as a setting: the share of the whole-batch step's overhead that is left."""


@lru_cache(maxsize=16)
def _net(task: str) -> Model:
    of = TASKS[task]
    return build(of.model, of.shape, of.classes)


@lru_cache(maxsize=4096)
def bill(
    task: str, subset: str | None = None, micro_batch: int | None = None, correction: bool = False
) -> MemoryBill:
    """Return the bill of a training step of a task's net.

    Args:
        task: one of `TASKS`.
        subset: what is trained, as JSON; `None`: everything.
        micro_batch: most samples at once; `None`: the whole batch.
        correction: whether a client correction keeps a vector.
    """
    net, batch = _net(task), TASKS[task].batch
    trained = full(net) if subset is None else Subset.from_json(subset)
    return training_bill(net, trained, batch, correction=correction, micro_batch=micro_batch)


def budget_kib(task: str) -> float:
    """Return what a training step of FTTE may use on any device, in KiB.

    It is inference on one sample, and a fifth of what full training on the whole batch takes beyond
    that.
    """
    whole = bill(task)
    one = whole.inference_one_bytes
    return (one + MEMORY_SHARE * (whole.peak_bytes - one)) / 1024


def whole_batch_budget_kib(task: str) -> float:
    """Return a budget of the same share, but against inference on the whole batch."""
    whole = bill(task)
    return (whole.inference_peak_bytes + MEMORY_SHARE * whole.overhead_bytes) / 1024


def fitting_micro_batch(task: str, subset: str | None, correction: bool = False) -> int:
    """Return the largest micro-batch that fits FTTE's budget, else 1."""
    batch, most = TASKS[task].batch, 1024 * budget_kib(task)
    # A batch of 8 in parts of at most 5 samples is one in parts of 4.
    sizes = sorted({-(-batch // -(-batch // most_at_once)) for most_at_once in range(1, batch + 1)})
    fits = [size for size in sizes if bill(task, subset, size, correction).peak_bytes <= most]
    return max(fits, default=1)
