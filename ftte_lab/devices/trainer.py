"""Train as a real device would: one model, small batches, only what the subset needs in memory.

The device keeps its gradients until the batch is done, or, with `fused`, applies each at once (the
in-place update of Lin et al. 2022). With micro-batches it passes a part of the batch at once and
adds the gradients of all parts up: the same gradient from fewer stored activations. The memory bill
counts just what is alive here.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor

from ftte_lab._common import integer, number, require
from ftte_lab.devices.backward import backward, forward
from ftte_lab.devices.local_step import part_sizes
from ftte_lab.models import Model, Params, Plan, Subset, make_plan

_LARGEST = 1e6  # of a rate or a strength, which float32 must hold


class DeviceSGD:
    """Apply stochastic gradient descent to the trained slices, in place.

    `velocity` is the state of the momentum, `drift` that of the proximal term (`w - w_start`),
    `offset` the constant part of each gradient; each is empty or holds one number per trained
    entry.

    Args:
        plan: what is trained.
        params: parameters, changed in place.
        rate: learning rate.
        momentum: 0 keeps no velocity.
        proximal: FedProx's mu; 0 keeps no drift.
        offset: trained slices by name that are added to every gradient, or `None`.
    """

    def __init__(
        self,
        plan: Plan,
        params: Params,
        rate: float,
        momentum: float = 0.0,
        proximal: float = 0.0,
        offset: Params | None = None,
    ) -> None:
        self.plan, self.params = plan, params
        self.rate, self.momentum, self.proximal = rate, momentum, proximal
        self.velocity = self._zeros() if momentum else {}
        self.drift = self._zeros() if proximal else {}
        self.offset = {} if offset is None else offset

    def _zeros(self) -> Params:
        shapes = {
            name: self.plan.subset.shape(self.plan.model, name) for name in self.plan.subset.parts
        }
        return {name: self.params[name].new_zeros(shape) for name, shape in shapes.items()}

    def state(self) -> list[Tensor]:
        """Return all tensors that are kept beside the parameters, for a measurement."""
        kept = (self.velocity, self.drift, self.offset, self.plan.index)
        return [value for tensors in kept for value in tensors.values()]

    def apply(self, name: str, grad: Tensor) -> None:
        """Take one step on one tensor; `grad`, of its trained slice, is used up."""
        if self.offset:
            grad.add_(self.offset[name])
        if self.drift:
            grad.add_(self.drift[name], alpha=self.proximal)
        if self.velocity:
            grad = self.velocity[name].mul_(self.momentum).add_(grad)
        if self.drift:
            self.drift[name].add_(grad, alpha=-self.rate)
        index = self.plan.index.get(name)
        if index is None:
            self.params[name].add_(grad, alpha=-self.rate)
        else:
            axis = self.plan.model.tensors[name].axis
            self.params[name].index_add_(axis, index, grad, alpha=-self.rate)


class DeviceTrainer:
    """Train on one device, on the subset only, by stochastic gradient descent.

    The two client corrections keep one vector of trained entries in RAM during a step:

    * FedProx (`proximal`): `w - w_start`, which starts at zero and follows the steps. At the end it
      is the update.
    * SCAFFOLD (`offset`): `c - c_i`, one combined vector. The client's own c_i must survive until
      its next round and lies in flash; the server's c arrives with the model and is combined with
      it entry by entry.

    Args:
        model: the net.
        params: its parameters, no client axis; copied, and trained in place.
        subset: what is trained.
        rate: learning rate, at least 0.
        momentum: of the local optimiser, 0 (no state) to below 1.
        fused: apply each gradient as soon as it is known, and drop it; with several micro-batches
            it changes nothing, because their gradients are added up first.
        proximal: FedProx's mu, at least 0 (no state): `mu (w - w_start)` is added to each gradient.
        offset: SCAFFOLD's `c - c_i` as trained slices by name, added to each gradient.
        micro_batch: most samples that are passed at once; `None`: the whole batch.
        recompute: keep only the inputs of blocks, and run each again in the backward pass.

    Example:
        >>> import torch
        >>> from ftte_lab.models import build, full
        >>> net = build("mlp", (1, 8, 8), 5)
        >>> device = DeviceTrainer(net, net.init(0), full(net), rate=0.1, proximal=0.01)
        >>> x, y = torch.ones(2, 1, 8, 8), torch.tensor([0, 1])
        >>> device.step(x, y) > device.step(x, y)
        True

    Raises:
        ValueError: a rate, momentum, mu or micro-batch out of range, both corrections at once, a
            subset that does not fit the model, or offsets that do not fit the subset.
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
        proximal: float = 0.0,
        offset: Params | None = None,
        micro_batch: int | None = None,
        recompute: bool = False,
    ) -> None:
        rate = number("rate", rate, 0.0, _LARGEST)
        momentum = number("momentum", momentum, 0.0, 0.999)
        proximal = number("proximal", proximal, 0.0, _LARGEST)
        if micro_batch is not None:
            micro_batch = integer("micro_batch", micro_batch, 1)
        self.plan: Plan = make_plan(model, subset)
        if offset is not None:
            _check_offset(self.plan, proximal, offset)
            offset = {name: offset[name].detach().clone() for name in self.plan.subset.parts}
        self.params = {name: p.detach().clone() for name, p in params.items()}
        self.sgd = DeviceSGD(self.plan, self.params, rate, momentum, proximal, offset)
        self.fused, self.micro_batch, self.recompute = fused, micro_batch, recompute

    def step(self, x: Tensor, y: Tensor) -> float:
        """Take one step on a batch and return the loss before it.

        Inputs `(B, *input_shape)`, labels `(B,)`.

        Raises:
            ValueError: no samples, or not as many labels as inputs.
        """
        require(
            len(x) == len(y) and len(x) > 0,
            f"{len(x)} inputs and {len(y)} labels",
            "equally many, at least 1",
        )
        sizes = part_sizes(len(x), self.micro_batch)
        sums: Params = {}
        at_once = self.fused and len(sizes) == 1
        on_gradient = self.sgd.apply if at_once else partial(_add, sums)
        loss = 0.0
        for part, labels in zip(x.split(sizes), y.split(sizes), strict=True):
            saved = forward(self.plan, self.params, part, recompute=self.recompute)
            mean = backward(self.plan, self.params, saved, labels, on_gradient, samples=len(x))
            loss += float(mean) * (len(labels) / len(x))
            del mean  # or it would be alive in the next part
        for name, grad in sums.items():
            self.sgd.apply(name, grad)
        return loss

    def result(self) -> Params:
        """Return the full parameters as they stand now, without client axis."""
        return dict(self.params)


def _add(sums: Params, name: str, grad: Tensor) -> None:
    """Add a gradient to its sum; the first one becomes the sum."""
    if name in sums:
        sums[name].add_(grad)
    else:
        sums[name] = grad


def _check_offset(plan: Plan, proximal: float, offset: Params) -> None:
    require(
        proximal == 0,
        f"an offset with proximal = {proximal:g}",
        "one client correction at a time",
        "Use proximal=0 with an offset",
    )
    wanted = {name: plan.subset.shape(plan.model, name) for name in plan.subset.parts}
    given = {name: tuple(value.shape) for name, value in offset.items()}
    require(
        given == wanted,
        f"offsets of shapes {given}",
        f"{wanted}, one per trained slice",
        "models.from_rows names the entries of a row",
    )
