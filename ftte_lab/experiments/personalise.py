"""Make the shipped model personal for every device, within the weakest budget, and judge it fairly.

    each device   trains its part on its samples, and may choose how much of it to take
    judged on     fresh windows of its own person, or all test samples by its own mix of labels

Ten test samples are off by 15 points. So a person of `motion`, whose windows are generated, gets
many new ones; and a device of a label skew is judged on the whole test set, class by class.

Source: our reconstruction, on `training.fine_tune` and `training.gain_summary`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ftte_lab._common import integer, pause_point, require, size
from ftte_lab.data import motion_tests
from ftte_lab.devices import training_bill
from ftte_lab.models import Params, Plan, make_plan
from ftte_lab.simulation import Prepared
from ftte_lab.training import (
    FineTuning,
    GainSummary,
    first_samples,
    gain_summary,
    mixed_accuracies,
    own_models,
    personal_part,
    personal_right,
)

Array = np.ndarray

_FRESH = 640  # training windows of a person that is generated again; a quarter more are for tests

_USUAL = FineTuning()


@dataclass(frozen=True, eq=False)
class Personal:
    """Hold the accuracy of each device before and after, on data like its own.

    Attributes:
        before: of the shared model, `(clients,)`.
        after: of each device's own model, `(clients,)`.
        samples: on which each device trained, `(clients,)`.
        alphas: how much of its own model each takes, `(clients,)`; 0: the shared one.
        everybody: accuracy on everybody's test data, before and after: what is forgotten.
    """

    before: Array
    after: Array
    samples: Array
    alphas: Array
    everybody: tuple[float, float]

    @property
    def gains(self) -> Array:
        """Return what each device gains, `(clients,)`."""
        return self.after - self.before

    def summary(self) -> GainSummary:
        """Return the median gain, the worst tenth, and the share that is hurt."""
        return gain_summary(self.before.tolist(), self.after.tolist())


def personal_plan(prepared: Prepared, part: str, how: FineTuning = _USUAL) -> Plan:
    """Return the plan of a personal part, if the weakest device can train it.

    Args:
        prepared: the run.
        part: one of `training.PARTS`.
        how: steps, batch, rate and pull; a pull keeps the shared part beside the own one.

    Raises:
        ValueError: an unknown part, or a step that the weakest budget cannot hold.

    Example:
        >>> from ftte_lab import Scenario, prepare
        >>> ready = prepare(Scenario(clients=12, concurrency=5, warm_start_steps=0))
        >>> list(personal_plan(ready, "head").subset.parts)
        ['head.weight', 'head.bias']
    """
    s, federation = prepared.scenario, prepared.federation
    plan = make_plan(federation.model, personal_part(federation.model, part))
    micro = 1 if isinstance(s.micro_batch, str) else s.micro_batch
    micro = micro if how.micro_batch is None else how.micro_batch
    bill = training_bill(
        federation.model,
        plan.subset,
        how.batch,
        s.accounting,
        correction=how.pull > 0,
        micro_batch=None if micro is None else min(micro, how.batch),
        recompute=s.recompute,
    )
    index, kind, memory = federation.fleet.weakest()
    budget = memory if s.budget_kib is None else int(s.budget_kib * 1024)
    require(
        bill.peak_bytes <= budget,
        f"fine-tuning {part} takes {size(bill.peak_bytes)} on device {index} ({kind})",
        f"at most {size(budget)}",
        "Choose a smaller part or batch",
    )
    return plan


def personalise(
    prepared: Prepared,
    params: Params,
    part: str = "head",
    how: FineTuning = _USUAL,
    *,
    choose: bool = False,
    samples: int | None = None,
) -> Personal:
    """Fine-tune a part of the shipped model on every device, and judge each on data like its own.

    Args:
        prepared: the run.
        params: the model that is shipped: `Finished.params`.
        part: one of `training.PARTS`.
        how: steps, batch, rate and pull.
        choose: whether each device keeps a fifth of its samples to choose how much it takes; one
            with a single sample keeps the shared model.
        samples: how many each device keeps at most; `None`: all. Such a device is no newcomer.

    Raises:
        ValueError: an unknown part, a budget that is too small, or training that diverged.
    """
    plan, federation = personal_plan(prepared, part, how), prepared.federation
    data, shards = federation.dataset, list(federation.shards.train)
    if samples is not None:
        shards = first_samples(shards, integer("samples", samples, 2), prepared.scenario.seed)
    held = (data.x_train, data.y_train, shards)
    own = own_models(plan, params, *held, how, choose=choose, seed=prepared.scenario.seed)
    before, after, everybody = _judged(prepared, plan, params, own.rows)
    return Personal(before, after, own.samples, own.alphas, everybody)


def _judged(
    prepared: Prepared, plan: Plan, params: Params, rows: torch.Tensor
) -> tuple[Array, Array, tuple[float, float]]:
    """Judge the shared model and each device's own one, on data like its own.

    Returns:
        Accuracies before and after `(clients,)`, and the mean of both on everybody's data.
    """
    s, federation = prepared.scenario, prepared.federation
    data, none = federation.dataset, torch.zeros_like(rows[:1])
    shared, own = (_right(plan, params, one, data.x_test, data.y_test) for one in (none, rows))
    everybody = (float(shared.mean()), float(own.mean()))
    if s.alpha is None and s.data == "motion":
        x, y = motion_tests(s.clients, _FRESH, seed=s.seed)
        both = []
        for row, *fresh in zip(rows, x, y, strict=True):
            pause_point()
            both.append(_right(plan, params, torch.cat([none, row[None]]), *fresh).mean(1))
        before, after = np.transpose(both)
        return before, after, everybody
    counts = federation.shards.class_counts(data)
    mix = counts / counts.sum(1, keepdims=True)
    shared = np.repeat(shared, len(rows), axis=0)
    before, after = (mixed_accuracies(right, data.y_test, mix) for right in (shared, own))
    return before, after, everybody


def _right(plan: Plan, params: Params, rows: torch.Tensor, x: Array, y: Array) -> Array:
    """Mark which samples each model gets right, bool `(rows, samples)`."""
    samples, labels = (torch.as_tensor(one, device="cpu") for one in (x, y))
    return personal_right(plan, params, rows, samples, labels)
