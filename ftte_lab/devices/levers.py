"""Put the three levers on the memory of a training step side by side."""

from __future__ import annotations

from typing import Any

from ftte_lab.devices.memory import MemoryBill, training_bill
from ftte_lab.models import Model, Subset, full


def lever_bills(
    model: Model,
    subset: Subset,
    batch: int,
    *,
    micro_batch: int = 1,
    accounting: str = "pytorch",
    momentum: float = 0.0,
    correction: bool = False,
) -> dict[str, MemoryBill]:
    """Return the memory bills of each lever alone, of subset and micro-batch, and of all three.

    The levers are: train a subset, pass a micro-batch at once, keep only the inputs of blocks and
    run each again. The last two do not change the gradient. The third costs computing.

    Args:
        model: the net.
        subset: what is trained where the first lever is used.
        batch: samples of the step.
        micro_batch: samples at once where the second lever is used.
        accounting: as in `training_bill`.
        momentum: as in `training_bill`.
        correction: as in `training_bill`.

    Raises:
        ValueError: as `training_bill`.

    Example:
        >>> from ftte_lab.models import build, head
        >>> model = build("cnn", (1, 16, 16), 10)
        >>> for name, bill in lever_bills(model, head(model), 8).items():
        ...     print(f"{name:28} {bill.peak_bytes / 1024:.0f} KiB")
        everything, whole batch      233 KiB
        everything, 1 at once        172 KiB
        everything, blocks run again 225 KiB
        subset, whole batch          129 KiB
        subset, 1 at once            74 KiB
        all three                    74 KiB
    """
    everything, parts = full(model), {"micro_batch": micro_batch}
    at_once = f"{micro_batch} at once"
    ways: dict[str, tuple[Subset, dict[str, Any]]] = {
        "everything, whole batch": (everything, {}),
        f"everything, {at_once}": (everything, parts),
        "everything, blocks run again": (everything, {"recompute": True}),
        "subset, whole batch": (subset, {}),
        f"subset, {at_once}": (subset, parts),
        "all three": (subset, parts | {"recompute": True}),
    }
    return {
        name: training_bill(model, trained, batch, accounting, momentum, correction, **how)
        for name, (trained, how) in ways.items()
    }
