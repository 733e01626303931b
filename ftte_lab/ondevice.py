"""The trainer a real device would run, and the measurement that proves its memory bill.

A device trains one model on small batches, stores only what its subset needs (`tape`), and keeps its gradients until
the batch is done, or, with `fused`, applies each at once (the in-place update of Lin et al. 2022).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ftte_lab import tape
from ftte_lab._require import in_range, require, whole
from ftte_lab.models import Model
from ftte_lab.ops import Params
from ftte_lab.plan import Plan, make_plan
from ftte_lab.trainable import Subset


class LivePeak(TorchDispatchMode):
    """Exact peak of live tensor storages in bytes, each counted once however many views it has.

    Only tensor storages are seen: scratch memory inside a kernel and the allocator's rounding are not.

    Args:
        roots: tensors that are alive from the start (parameters, inputs).
    """

    def __init__(self, roots: Sequence[Tensor] = ()) -> None:
        super().__init__()
        self.live_bytes = self.peak_bytes = 0
        self._seen: dict[int, weakref.ref[Any]] = {}
        for t in roots:
            self._see(t)

    def _see(self, t: Tensor) -> None:
        storage = t.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._seen:
            return
        self.live_bytes += size
        self.peak_bytes = max(self.peak_bytes, self.live_bytes)

        def gone(_: Any, key: int = key, size: int = size) -> None:
            if self._seen.pop(key, None) is not None:
                self.live_bytes -= size

        self._seen[key] = weakref.ref(storage, gone)

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the operation and note the storages of what it returns."""
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._see(leaf)
        return out


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
            self.params[name].index_add_(self.plan.model.tensors[name].axis, index, grad, alpha=-self.rate)


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
        in_range("rate", rate, 0.0)
        in_range("momentum", momentum, 0.0, 0.999)
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
        kept = tape.forward(self.plan, self.params, x)
        grads: Params = {}
        sink = self.descent.apply if self.fused else grads.__setitem__
        loss = tape.backward(self.plan, self.params, kept, y, sink)
        for name, grad in grads.items():
            self.descent.apply(name, grad)
        return float(loss)

    def result(self) -> Params:
        """The full parameters as they stand now, without client axis."""
        return dict(self.params)


def measure_peak(
    model: Model, subset: Subset, batch: int, *, momentum: float = 0.0, fused: bool = False, steps: int = 2
) -> int:
    """Measured peak in bytes of a real training step in fp32, with parameters, inputs and labels counted.

    A student can hold it against `memory.training_bill(...).peak_bytes`: they are equal.

    Raises:
        ValueError: a batch or number of steps below 1, or a subset that does not fit the model.
    """
    whole("batch", batch, 1)
    whole("steps", steps, 1)
    trainer = DeviceTrainer(model, model.init(0), subset, rate=0.1, momentum=momentum, fused=fused)
    x = torch.randn(batch, *model.input_shape, generator=torch.Generator().manual_seed(0))
    y = torch.arange(batch) % model.classes
    with LivePeak(
        [*trainer.params.values(), *trainer.descent.velocity.values(), *trainer.plan.index.values(), x, y]
    ) as live:
        for _ in range(steps):
            trainer.step(x, y)
    return live.peak_bytes


def measure_inference_peak(model: Model, batch: int) -> int:
    """Measured peak in bytes of a forward pass in fp32, with parameters and inputs counted.

    Raises:
        ValueError: a batch below 1.
    """
    whole("batch", batch, 1)
    params = model.init(0)
    x = torch.zeros(batch, *model.input_shape)
    with LivePeak([*params.values(), x]) as live:
        model.forward(params, x)
    return live.peak_bytes
