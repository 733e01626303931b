"""The trainer that a real device would run.

A device trains one model on small batches and stores only what its subset needs (see `backward`). It keeps its
gradients until the batch is done, or, with `fused`, applies each at once (the in-place update of Lin et al. 2022).
"""

from __future__ import annotations

from torch import Tensor

from ftte_lab._common import number, require
from ftte_lab.devices.backward import backward, forward
from ftte_lab.models import Model, Params, Plan, Subset, make_plan


class Descent:
    """Stochastic gradient descent on the trained slices, in place, one learning rate and optional momentum.

    Args:
        plan: what is trained.
        params: parameters, changed in place.
        rate: learning rate.
        momentum: 0 keeps no state; else one velocity per trained entry.
    """

    def __init__(self, plan: Plan, params: Params, rate: float, momentum: float = 0.0) -> None:
        self.plan, self.params, self.rate, self.momentum = plan, params, rate, momentum
        self.velocity: Params = {}
        if momentum:
            for name in plan.subset.parts:
                self.velocity[name] = params[name].new_zeros(plan.subset.shape(plan.model, name))

    def apply(self, name: str, grad: Tensor) -> None:
        """Take one step on one tensor; `grad` is the gradient of its trained slice."""
        if self.momentum:
            grad = self.velocity[name].mul_(self.momentum).add_(grad)
        index = self.plan.index.get(name)
        if index is None:
            self.params[name].add_(grad, alpha=-self.rate)
        else:
            self.params[name].index_add_(
                self.plan.model.tensors[name].axis, index, grad, alpha=-self.rate
            )


class DeviceTrainer:
    """Stochastic gradient descent on one device, on the subset only.

    Args:
        model: the net.
        params: its parameters, no client axis; copied, and trained in place.
        subset: what is trained.
        rate: learning rate, at least 0.
        momentum: of the local optimiser, 0 (no state) to below 1.
        fused: apply each gradient as soon as it is known, and forget it.

    Raises:
        ValueError: a rate or momentum out of range, or a subset that does not fit the model.
    """

    def __init__(
        self,
        model: Model,
        params: Params,
        subset: Subset,
        *,
        rate: float,
        momentum: float = 0.0,
        fused: bool = False,
    ) -> None:
        number("rate", rate, 0.0)
        number("momentum", momentum, 0.0, 0.999)
        self.plan: Plan = make_plan(model, subset)
        self.params = {name: p.detach().clone() for name, p in params.items()}
        self.descent = Descent(self.plan, self.params, rate, momentum)
        self.fused = fused

    def step(self, x: Tensor, y: Tensor) -> float:
        """One step on a batch: inputs `(B, *input_shape)`, labels `(B,)`; returns the loss before the step."""
        require(
            len(x) == len(y) and len(x) > 0,
            f"{len(x)} inputs and {len(y)} labels",
            "equally many, at least 1",
        )
        kept = forward(self.plan, self.params, x)
        grads: Params = {}
        sink = self.descent.apply if self.fused else grads.__setitem__
        loss = backward(self.plan, self.params, kept, y, sink)
        for name, grad in grads.items():
            self.descent.apply(name, grad)
        return float(loss)

    def result(self) -> Params:
        """The full parameters as they stand now, without client axis."""
        return dict(self.params)
