"""Write the memory bill of a training step, event by event, before anything is trained.

    peak = max over events of [weights + optimiser + batch + saved activations + gradients + what
    the event needs]

An event is the forward or backward pass of one operation. Each is a linear function of a few
decisions (does the gradient reach this operation, how many of its channels train, ...). So the same
rows give the bill of a subset here and the constraints of the exact search in `server.search`.
Source of the scheme: our reconstruction after the memory model of Lin et al. 2022; `measure_peak`
proves the `pytorch` accounting to the byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ftte_lab._common import choice, number
from ftte_lab.devices.accounting import ACCOUNTINGS, Accounting
from ftte_lab.devices.local_step import LocalStep
from ftte_lab.devices.memory_events import Row, training_rows
from ftte_lab.devices.memory_terms import Decision
from ftte_lab.models import Conv, GroupNorm, Linear, Model, Plan, ReLU, Subset, make_plan

_CATEGORIES = (
    "weights",
    "batch",
    "optimiser",
    "correction",
    "stored",
    "gradients",
    "transient",
)
_BY_LAYER = ("stored", "gradients", "transient")


@dataclass(frozen=True)
class MemoryBill:
    """Hold the peak of one training step and what it is made of, in bytes.

    `micro_batch` and `recompute`: how the step is taken (see `LocalStep`). `correction_bytes`: the
    vector that FedProx or SCAFFOLD keeps (0 without a client correction). `stored_bytes`: saved
    activations, or inputs of blocks that are run again. `inference_peak_bytes`: inference on as
    many samples as are passed at once; `inference_one_bytes`: on one. `layers` has a row per
    operation and category (`stored`, `gradients`, `transient`) at the peak.
    """

    accounting: str
    batch: int
    micro_batch: int | None
    recompute: bool
    peak_event: str
    weights_bytes: int
    batch_bytes: int
    optimiser_bytes: int
    correction_bytes: int
    stored_bytes: int
    gradients_bytes: int
    transient_bytes: int
    inference_peak_bytes: int
    inference_one_bytes: int
    layers: Mapping[str, Mapping[str, int]]

    @property
    def peak_bytes(self) -> int:
        """Return the most that is alive at once."""
        return sum(self.parts().values())

    @property
    def overhead_bytes(self) -> int:
        """Return what training adds to inference on the samples that are passed at once."""
        return self.peak_bytes - self.inference_peak_bytes

    def parts(self) -> dict[str, int]:
        """Return the peak split by what it holds, for a chart: the values sum to `peak_bytes`.

        The part "client correction" is there only if a client correction is.
        """
        parts = {
            "weights": self.weights_bytes,
            "batch": self.batch_bytes,
            "optimiser state": self.optimiser_bytes,
            "stored activations": self.stored_bytes,
            "gradients": self.gradients_bytes,
            "this step's activations": self.transient_bytes,
        }
        if self.correction_bytes:
            parts["client correction"] = self.correction_bytes
        return parts


@dataclass(frozen=True)
class MemoryModel:
    """Hold all events of a model's training step as rows over decisions.

    `constant` `(events,)` and `matrix` `(events, decisions)` are bytes: an event takes `constant +
    matrix @ decision`.
    """

    model: Model
    accounting: Accounting
    step: LocalStep
    rows: tuple[Row, ...]
    variables: tuple[Decision, ...]
    constant: np.ndarray
    matrix: np.ndarray

    def peak_bytes(self, decision: np.ndarray) -> int:
        """Return the peak in bytes for a decision vector (see `decide`)."""
        return int(np.ceil((self.constant + self.matrix @ decision).max() - 1e-6))

    def decide(self, plan: Plan) -> np.ndarray:
        """Return the values of `variables` for a planned subset."""
        values = decisions(plan)
        return np.array([values.get(v, 0.0) for v in self.variables])

    def peak_of(self, subset: Subset) -> int:
        """Return the peak of a subset in bytes."""
        return self.peak_bytes(self.decide(make_plan(self.model, subset)))

    @property
    def floor_bytes(self) -> int:
        """Return the peak of the forward pass alone: no subset can train below it."""
        return self.peak_bytes(np.zeros(len(self.variables)))


def decisions(plan: Plan) -> dict[Decision, float]:
    """Return the value of every decision for a planned subset; a missing one is 0."""
    values: dict[Decision, float] = {}
    for i, op in enumerate(plan.model.ops):
        values[Decision("reach", i)] = float(plan.needs_output_gradient(i))
        if isinstance(op, GroupNorm):
            values[Decision("norm", i)] = float(plan.keeps_norm_input(i))
        elif isinstance(op, ReLU):
            values[Decision("mask", i)] = float(plan.keeps_mask(i))
        elif isinstance(op, Conv | Linear):
            values[Decision("all", op.weight)] = float(plan.keeps_input(i))
    for name in plan.subset.parts:
        values[Decision("count", name)] = float(plan.subset.channel_count(plan.model, name))
    return values


@lru_cache(maxsize=64)
def memory_model(
    model: Model,
    batch: int,
    accounting: str = "pytorch",
    momentum: bool = False,
    correction: bool = False,
    *,
    micro_batch: int | None = None,
    recompute: bool = False,
) -> MemoryModel:
    """Build the rows of all events of a model's training step.

    Args:
        model: the net.
        batch: samples per step.
        accounting: `pytorch` (fp32, gradients kept until the step), `pytorch-fused` (each applied
            at once) or `tiny` (8-bit activations, 1-bit masks, fused).
        momentum: whether the local optimiser keeps a velocity per trained entry.
        correction: whether FedProx or SCAFFOLD keeps one more number per trained entry.
        micro_batch: most samples that are passed at once, gradients being added up; `None`: all.
        recompute: whether blocks keep only their inputs and are run again in the backward pass.

    Raises:
        ValueError: an unknown accounting, a batch below 1, or a micro-batch that is not from 1 to
            the batch.
    """
    choice("accounting", accounting, ACCOUNTINGS)
    kind = ACCOUNTINGS[accounting]
    step = LocalStep(batch, micro_batch, recompute, momentum, correction)
    rows = tuple(training_rows(model, kind, step))
    terms = [(r, term) for r, row in enumerate(rows) for term in row.terms]
    variables = tuple(dict.fromkeys(t.decision for _, t in terms if t.decision is not None))
    column = {decision: k for k, decision in enumerate(variables)}
    constant, matrix = np.zeros(len(rows)), np.zeros((len(rows), len(variables)))
    for r, term in terms:
        if term.decision is None:
            constant[r] += term.bytes
        else:
            matrix[r, column[term.decision]] += term.bytes
    return MemoryModel(model, kind, step, rows, variables, constant, matrix)


def training_bill(
    model: Model,
    subset: Subset,
    batch: int,
    accounting: str = "pytorch",
    momentum: float = 0.0,
    correction: bool = False,
    *,
    micro_batch: int | None = None,
    recompute: bool = False,
) -> MemoryBill:
    """Return the memory bill of one training step on a batch.

    `momentum` above 0 adds a velocity, `correction` the vector of FedProx or SCAFFOLD (see
    `DeviceTrainer`): each is one number per trained entry. With `micro_batch` the device passes so
    many samples at once and adds gradients up; with `recompute` it keeps only the inputs of blocks
    and runs each again. Neither changes the gradient.

    Example:
        >>> from ftte_lab.devices import measure_peak, training_bill
        >>> from ftte_lab.models import build, head
        >>> net = build("mlp", (1, 8, 8), 5)
        >>> training_bill(net, head(net), 8).peak_bytes == measure_peak(net, head(net), 8)
        True
        >>> training_bill(net, head(net), 8, correction=True).correction_bytes // 4
        165
        >>> one = training_bill(net, head(net), 8, micro_batch=1)
        >>> one.peak_bytes == measure_peak(net, head(net), 8, micro_batch=1)
        True

    Raises:
        ValueError: an unknown accounting, a batch below 1, a micro-batch that is not from 1 to the
            batch, or a subset that does not fit the model.
    """
    number("momentum", momentum, 0.0, 0.999)
    table = memory_model(
        model,
        batch,
        accounting,
        momentum > 0,
        correction,
        micro_batch=micro_batch,
        recompute=recompute,
    )
    return _bill(table, table.decide(make_plan(model, subset)))


def _bill(table: MemoryModel, decision: np.ndarray) -> MemoryBill:
    """Return the bill of the event that takes most."""
    model, step, accounting = table.model, table.step, table.accounting.name
    at = int(np.argmax(table.constant + table.matrix @ decision))
    values = dict(zip(table.variables, decision, strict=True))
    totals = dict.fromkeys(_CATEGORIES, 0.0)
    layers: dict[str, dict[str, int]] = {}
    for term in table.rows[at].terms:
        amount = term.bytes * (1.0 if term.decision is None else values[term.decision])
        totals[term.category] += amount
        if amount and term.category in _BY_LAYER:
            layer = layers.setdefault(term.owner, {})
            layer[term.category] = layer.get(term.category, 0) + round(amount)
    return MemoryBill(
        accounting=accounting,
        batch=step.batch,
        micro_batch=step.micro_batch,
        recompute=step.recompute,
        peak_event=table.rows[at].event,
        inference_peak_bytes=inference_peak_bytes(model, step.at_once, accounting),
        inference_one_bytes=inference_peak_bytes(model, 1, accounting),
        layers=layers,
        **{f"{category}_bytes": round(amount) for category, amount in totals.items()},
    )


def inference_peak_bytes(model: Model, batch: int, accounting: str = "pytorch") -> int:
    """Return the peak of a forward pass on a batch: the floor under every training step on it.

    Raises:
        ValueError: an unknown accounting or a batch below 1.
    """
    table = memory_model(model, batch, accounting)
    forward = [r for r, row in enumerate(table.rows) if row.event.startswith("forward")]
    labels = table.step.batch * table.accounting.label_bytes
    return round(table.constant[forward].max()) - labels
