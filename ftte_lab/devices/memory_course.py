"""Follow the memory of a training step through its events, from the first layer and back again.

The bill is the highest of them; here are all, in the order in which they happen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ftte_lab.devices.memory import memory_model
from ftte_lab.devices.segments import segments
from ftte_lab.models import Model, Plan, Subset, make_plan


@dataclass(frozen=True)
class Moment:
    """Hold what is alive in one event of a training step.

    Attributes:
        stage: `forward`, `loss`, `again` (a block that is run once more) or `backward`.
        layer: name of the operation; `loss` for the loss.
        bytes: alive in it.
    """

    stage: str
    layer: str
    bytes: int


def memory_course(
    model: Model,
    subset: Subset,
    batch: int,
    accounting: str = "pytorch",
    momentum: float = 0.0,
    correction: bool = False,
    *,
    micro_batch: int | None = None,
    recompute: bool = False,
) -> tuple[Moment, ...]:
    """Return what a training step holds in each of its events; the most is the bill's peak.

    Events that a subset does not need are left out: the backward pass ends where nothing before is
    trained. Of a step in micro-batches it is the last and largest part.

    Args:
        model: the net.
        subset: what is trained.
        batch: samples of the step.
        accounting: bytes per entry; this and all others as in `training_bill`.
        momentum: of the local optimiser.
        correction: whether FedProx or SCAFFOLD keeps one more number per trained entry.
        micro_batch: most samples that are passed at once.
        recompute: whether blocks are run again.

    Raises:
        ValueError: as `training_bill`.

    Example:
        >>> from ftte_lab.devices import training_bill
        >>> from ftte_lab.models import build, head
        >>> net = build("mlp", (1, 8, 8), 5)
        >>> course = memory_course(net, head(net), 8)
        >>> [f"{moment.stage} {moment.layer}" for moment in course][-3:]
        ['forward head', 'loss loss', 'backward head']
        >>> max(moment.bytes for moment in course) == training_bill(net, head(net), 8).peak_bytes
        True
    """
    table = memory_model(
        model,
        batch,
        accounting,
        momentum > 0,
        correction,
        micro_batch=micro_batch,
        recompute=recompute,
    )
    plan = make_plan(model, subset)
    held = table.constant + table.matrix @ table.decide(plan)
    place = {op.name: i for i, op in enumerate(model.ops)}
    course: list[Moment] = []
    for row, amount in zip(table.rows, np.ceil(held - 1e-6), strict=True):
        name, _, layer = row.event.partition(" ")
        layer = layer.removesuffix(" weight") or "loss"
        if _happens(plan, name, place.get(layer)):
            course.append(Moment(name, layer, int(amount)))
    return tuple(course)


def _happens(plan: Plan, name: str, i: int | None) -> bool:
    """Return whether a subset needs an event at all."""
    if i is None or name == "forward":
        return True
    if name == "again":  # of a block that the gradient reaches, all is run once more
        i = next(one[-1] for one in segments(plan.model) if i in one)
    return plan.needs_output_gradient(i)
