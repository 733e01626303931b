"""One training pass through a net that stores only what its plan needs.

`forward` walks the operations and keeps, per operation, the least its backward rule asks for; `backward` walks them in
reverse, hands every gradient of a trained tensor to a callback at once (a device may apply and forget it: the fused
update of Lin et al. 2022) and stops at the first trained operation. How an operation is computed and what it keeps
stands in `_device_rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ftte_lab import _device_rules
from ftte_lab.ops import Fork, Join, Params
from ftte_lab.plan import Plan

Kept = dict[int, Any]
LOGITS = -1


def forward(plan: Plan, params: Params, x: Tensor, start: int = 0) -> Kept:
    """What each operation keeps, and the logits under `LOGITS`; `x` are the inputs of operation `start`.

    The logits travel in the same box so that no caller keeps them alive by accident during the backward pass.
    """
    kept: Kept = {}
    skips: list[Tensor] = []
    for i in range(start, len(plan.model.ops)):
        op = plan.model.ops[i]
        if isinstance(op, Fork):
            skips.append(x)
        elif isinstance(op, Join):
            x = x.add_(skips.pop())
        else:
            x, own = _device_rules.forward(plan, i, x, params)
            if own is not None:
                kept[i] = own
                del own
    kept[LOGITS] = x
    return kept


def backward(plan: Plan, params: Params, kept: Kept, y: Tensor, sink: Callable[..., None]) -> Tensor:
    """The loss, after walking back from it for labels `y`; `sink` gets the gradient of each trained tensor.

    The sink of an operation is called after its input gradient is computed, so it may change the tensor in place.
    """
    loss, g = _device_rules.loss(kept.pop(LOGITS), y)
    skips: list[Tensor] = []
    for i in range(len(plan.model.ops) - 1, plan.first - 1, -1):
        op = plan.model.ops[i]
        if isinstance(op, Join):
            if i in plan.open_joins:
                skips.append(g)
        elif isinstance(op, Fork):
            g = g.add_(skips.pop())
        else:
            g = _device_rules.backward(plan, i, kept.pop(i, None), params, g, sink)
    return loss
