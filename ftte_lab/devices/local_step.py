"""State how a device takes one local step: how many samples at once, and what it keeps."""

from __future__ import annotations

from dataclasses import dataclass

from ftte_lab._common import integer

MOST_SAMPLES = 1_000_000
"""A local step has at most so many samples."""


@dataclass(frozen=True)
class LocalStep:
    """State how one local step is taken; the gradient is the same in each way.

    Attributes:
        batch: samples of the step.
        micro_batch: most samples that are passed at once; `None`: the whole batch.
        recompute: whether blocks keep only their inputs and are run again in the backward pass.
        momentum: whether the local optimiser keeps a velocity per trained entry.
        correction: whether FedProx or SCAFFOLD keeps one more number per trained entry.

    Raises:
        ValueError: a batch below 1, or a micro-batch that is not from 1 to the batch.

    Example:
        >>> step = LocalStep(batch=8, micro_batch=3)
        >>> step.at_once, step.accumulates, LocalStep(batch=8).at_once
        (3, True, 8)
    """

    batch: int
    micro_batch: int | None = None
    recompute: bool = False
    momentum: bool = False
    correction: bool = False

    def __post_init__(self) -> None:
        batch = integer("batch", self.batch, 1, MOST_SAMPLES)
        object.__setattr__(self, "batch", batch)
        if self.micro_batch is not None:
            fix = "A micro-batch is a part of the batch"
            part = integer("micro_batch", self.micro_batch, 1, batch, fix)
            object.__setattr__(self, "micro_batch", part)

    @property
    def at_once(self) -> int:
        """Return how many samples the largest part has."""
        return part_sizes(self.batch, self.micro_batch)[-1]

    @property
    def accumulates(self) -> bool:
        """Return whether gradients of several parts are added up."""
        return self.at_once < self.batch


def part_sizes(samples: int, micro_batch: int | None) -> list[int]:
    """Split a batch in as few parts as allowed, nearly equal, the larger ones last.

    All accumulators are alive in the last part, so the peak of the step is there.

    Raises:
        ValueError: a number of samples, or of samples at once, below 1 or above `MOST_SAMPLES`.

    Example:
        >>> part_sizes(8, 3), part_sizes(8, None)
        ([2, 3, 3], [8])
    """
    samples = integer("samples", samples, 1, MOST_SAMPLES)
    if micro_batch is not None:
        micro_batch = integer("micro_batch", micro_batch, 1)
    count = 1 if micro_batch is None else -(-samples // micro_batch)
    small, larger = divmod(samples, count)
    return [small] * (count - larger) + [small + 1] * larger
