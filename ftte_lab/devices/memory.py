"""What a training step costs in memory: the bill, event by event, before anything is trained.

    peak = weights + optimiser + batch + max over events of [stored activations + gradients + what the event needs]

An event is the forward or backward pass of one operation. Each is a *linear* function of a few decisions (does the
gradient reach this operation, how many of its channels train, ...), so the same rows give the bill of a subset here
and the constraints of the exact search in `subset`. Source of the scheme: our reconstruction after the memory model of
Lin et al. 2022; `ondevice.measure_peak` proves the `pytorch` accounting to the byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ftte_lab._common import choice, integer, number
from ftte_lab.devices.memory_events import ACCOUNTINGS, Accounting, Row, training_rows
from ftte_lab.models import Conv, GroupNorm, Linear, Model, Plan, ReLU, Subset, make_plan

__all__ = [
    "ACCOUNTINGS",
    "Accounting",
    "MemoryBill",
    "MemoryModel",
    "inference_peak_bytes",
    "memory_model",
    "training_bill",
]


@dataclass(frozen=True)
class MemoryBill:
    """The peak of one training step and what it is made of, in bytes.

    `layers` has a row per operation and category (`stored`, `gradients`, `transient`) as they stand at the peak.
    """

    accounting: str
    batch: int
    peak_event: str
    weights_bytes: int
    batch_bytes: int
    optimiser_bytes: int
    stored_bytes: int
    gradients_bytes: int
    transient_bytes: int
    inference_peak_bytes: int
    layers: Mapping[str, Mapping[str, int]]

    @property
    def peak_bytes(self) -> int:
        """The most that is alive at once."""
        parts = (self.weights_bytes, self.batch_bytes, self.optimiser_bytes)
        return sum(parts) + self.stored_bytes + self.gradients_bytes + self.transient_bytes

    @property
    def overhead_bytes(self) -> int:
        """What training adds to inference on the same batch."""
        return self.peak_bytes - self.inference_peak_bytes

    def parts(self) -> dict[str, int]:
        """The peak split by what it holds, for a chart: the values sum to `peak_bytes`."""
        return {
            "weights": self.weights_bytes,
            "batch": self.batch_bytes,
            "optimiser state": self.optimiser_bytes,
            "stored activations": self.stored_bytes,
            "gradients": self.gradients_bytes,
            "this step's activations": self.transient_bytes,
        }


@dataclass(frozen=True)
class MemoryModel:
    """All events of a model's training step as rows over decision variables, for one batch size and accounting."""

    model: Model
    batch: int
    accounting: Accounting
    momentum: bool
    rows: tuple[Row, ...]
    variables: tuple[str, ...]
    constant: np.ndarray
    matrix: np.ndarray

    def peak_bytes(self, decision: np.ndarray) -> int:
        """Peak for a decision vector (see `decide`), in bytes."""
        return int(np.ceil((self.constant + self.matrix @ decision).max() - 1e-6))

    def decide(self, plan: Plan) -> np.ndarray:
        """Values of `variables` for a planned subset."""
        values = decisions(plan)
        return np.array([values.get(v, 0.0) for v in self.variables])

    def peak_of(self, subset: Subset) -> int:
        """Peak of a subset in bytes."""
        return self.peak_bytes(self.decide(make_plan(self.model, subset)))

    @property
    def floor_bytes(self) -> int:
        """Peak of the forward pass alone: no subset can train below it."""
        return self.peak_bytes(np.zeros(len(self.variables)))


def decisions(plan: Plan) -> dict[str, float]:
    """The decision variables of a plan: names are `reach:i`, `norm:i`, `mask:i`, `count:tensor`, `whole:tensor`."""
    values: dict[str, float] = {}
    for i, op in enumerate(plan.model.ops):
        values[f"reach:{i}"] = float(plan.reached(i))
        if isinstance(op, GroupNorm):
            values[f"norm:{i}"] = float(plan.keeps_norm(i))
        elif isinstance(op, ReLU):
            values[f"mask:{i}"] = float(plan.keeps_mask(i))
        elif isinstance(op, Conv | Linear):
            values[f"whole:{op.weight}"] = float(plan.keeps_whole_input(i))
    for name in plan.subset.parts:
        values[f"count:{name}"] = float(plan.subset.channel_count(plan.model, name))
    return values


@lru_cache(maxsize=64)
def memory_model(
    model: Model, batch: int, accounting: str = "pytorch", momentum: bool = False
) -> MemoryModel:
    """Rows of all events of a model's training step.

    Args:
        model: the net.
        batch: samples per step.
        accounting: `pytorch` (fp32, gradients kept until the step) or `tiny` (8-bit activations, 1-bit masks, fused).
        momentum: whether the local optimiser keeps a velocity.

    Raises:
        ValueError: an unknown accounting or a batch below 1.
    """
    choice("accounting", accounting, ACCOUNTINGS)
    integer("batch", batch, 1)
    kind = ACCOUNTINGS[accounting]
    rows = tuple(training_rows(model, batch, kind, momentum))
    names = tuple(dict.fromkeys(v for row in rows for _, _, v, _ in row.terms if v))
    column = {v: k for k, v in enumerate(names)}
    constant, matrix = np.zeros(len(rows)), np.zeros((len(rows), len(names)))
    for r, row in enumerate(rows):
        for _, _, v, size in row.terms:
            if v:
                matrix[r, column[v]] += size
            else:
                constant[r] += size
    return MemoryModel(model, batch, kind, momentum, rows, names, constant, matrix)


def training_bill(
    model: Model, subset: Subset, batch: int, accounting: str = "pytorch", momentum: float = 0.0
) -> MemoryBill:
    """The memory bill of one training step on a batch.

    Raises:
        ValueError: an unknown accounting, a batch below 1, or a subset that does not fit the model.
    """
    number("momentum", momentum, 0.0, 0.999)
    table = memory_model(model, batch, accounting, momentum > 0)
    plan = make_plan(model, subset)
    decision = table.decide(plan)
    at = int(np.argmax(table.constant + table.matrix @ decision))
    values = dict(zip(table.variables, decision, strict=True))
    totals = dict.fromkeys(
        ("weights", "batch", "optimiser", "stored", "gradients", "transient"), 0.0
    )
    layers: dict[str, dict[str, int]] = {}
    for category, owner, variable, size in table.rows[at].terms:
        amount = size * (values[variable] if variable else 1.0)
        totals[category] += amount
        if amount and category in ("stored", "gradients", "transient"):
            layer = layers.setdefault(owner, {})
            layer[category] = layer.get(category, 0) + round(amount)
    whole_bytes = {name: round(amount) for name, amount in totals.items()}
    return MemoryBill(
        accounting=accounting,
        batch=batch,
        peak_event=table.rows[at].event,
        weights_bytes=whole_bytes["weights"],
        batch_bytes=whole_bytes["batch"],
        optimiser_bytes=whole_bytes["optimiser"],
        stored_bytes=whole_bytes["stored"],
        gradients_bytes=whole_bytes["gradients"],
        transient_bytes=whole_bytes["transient"],
        inference_peak_bytes=inference_peak_bytes(model, batch, accounting),
        layers=layers,
    )


def inference_peak_bytes(model: Model, batch: int, accounting: str = "pytorch") -> int:
    """Peak of a forward pass on a batch: the floor under every training step on that batch.

    Raises:
        ValueError: an unknown accounting or a batch below 1.
    """
    table = memory_model(model, batch, accounting)
    forward = [r for r, row in enumerate(table.rows) if row.event.startswith("forward")]
    labels = batch * table.accounting.label_bytes
    return round(table.constant[forward].max()) - labels
