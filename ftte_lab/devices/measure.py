"""Measure the peak memory of a training step, to prove the memory bill."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ftte_lab._common import integer
from ftte_lab.devices.local_step import MOST_SAMPLES, LocalStep
from ftte_lab.devices.trainer import DeviceTrainer
from ftte_lab.models import Model, Subset

_MOST_STEPS = 10_000


class LivePeak(TorchDispatchMode):
    """Track the exact peak of live tensor storages in bytes, each counted once for all its views.

    Only tensor storages are counted: scratch memory inside a kernel and the allocator's rounding
    are not.

    Args:
        roots: tensors that are alive from the start (parameters, inputs).
    """

    def __init__(self, roots: Sequence[Tensor] = ()) -> None:
        super().__init__()
        self.live_bytes = self.peak_bytes = 0
        self._live: dict[int, weakref.ref[Any]] = {}
        for t in roots:
            self._count(t)

    def _count(self, t: Tensor) -> None:
        storage = t.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._live:
            return
        self.live_bytes += size
        self.peak_bytes = max(self.peak_bytes, self.live_bytes)

        def gone(_: Any, key: int = key, size: int = size) -> None:
            if self._live.pop(key, None) is not None:
                self.live_bytes -= size

        self._live[key] = weakref.ref(storage, gone)

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
                self._count(leaf)
        return out


def measure_peak(
    model: Model,
    subset: Subset,
    batch: int,
    *,
    momentum: float = 0.0,
    fused: bool = False,
    correction: bool = False,
    steps: int = 2,
    micro_batch: int | None = None,
    recompute: bool = False,
) -> int:
    """Measure the peak in bytes of a real training step in fp32.

    Parameters, inputs and labels are counted. `correction` trains with FedProx's proximal term. The
    result equals `training_bill(...).peak_bytes` with the same arguments, `fused` being the
    accounting `pytorch-fused`.

    Raises:
        ValueError: a batch or number of steps below 1, a micro-batch that is not from 1 to the
            batch, or a subset that does not fit the model.
    """
    LocalStep(batch, micro_batch)  # checks both
    proximal = 0.01 if correction else 0.0
    trainer = DeviceTrainer(
        model,
        model.init(0),
        subset,
        rate=0.1,
        momentum=momentum,
        fused=fused,
        proximal=proximal,
        micro_batch=micro_batch,
        recompute=recompute,
    )
    return measure_trainer_peak(trainer, batch, steps)


def measure_trainer_peak(trainer: DeviceTrainer, batch: int, steps: int = 2) -> int:
    """Measure the peak in bytes while a trainer of your own takes steps on random samples in fp32.

    Raises:
        ValueError: a batch or number of steps below 1.
    """
    batch = integer("batch", batch, 1, MOST_SAMPLES)
    steps = integer("steps", steps, 1, _MOST_STEPS)
    model = trainer.plan.model
    chance = torch.Generator("cpu").manual_seed(0)
    shape = (batch, *model.input_shape)
    x = torch.randn(shape, generator=chance, dtype=torch.float32, device="cpu")
    y = torch.arange(batch, device="cpu") % model.classes
    with LivePeak([*trainer.params.values(), *trainer.sgd.state(), x, y]) as live:
        for _ in range(steps):
            trainer.step(x, y)
    return live.peak_bytes


def measure_inference_peak(model: Model, batch: int) -> int:
    """Measure the peak in bytes of a forward pass in fp32, with parameters and inputs counted.

    Raises:
        ValueError: a batch below 1.
    """
    batch = integer("batch", batch, 1, MOST_SAMPLES)
    params = model.init(0)
    x = torch.zeros(batch, *model.input_shape, dtype=torch.float32, device="cpu")
    with LivePeak([*params.values(), x]) as live:
        model.forward(params, x)
    return live.peak_bytes
