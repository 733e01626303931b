"""A second opinion on memory: the arena that ExecuTorch plans for a training step, beside the bill.

    pip install executorch        in an environment of its own, beside the kit
    python -m benchmarks.executorch_memory [NET]

The forward and backward pass of a subset is exported, lowered and planned ahead of time, as for a
device. The plan holds what is trained, its gradients and all activations. What is frozen lies in
the file. Trained channels of a tensor are written into its frozen rest, which takes a copy.
"""

from __future__ import annotations

import sys
import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.markdown import table
from ftte_lab import Scenario, prepare
from ftte_lab.devices import training_bill
from ftte_lab.models import (
    Conv,
    Fork,
    GlobalAvgPool,
    GroupNorm,
    Join,
    Linear,
    Model,
    Op,
    Params,
    ReLU,
    Subset,
    build,
    full,
    make_plan,
)

BATCHES = (8, 1)


class TrainingStep(nn.Module):
    """Compute loss and prediction of a net; parameters are what the subset trains.

    Args:
        model: the net, without max-pooling.
        params: its parameters.
        subset: what is trained.
    """

    def __init__(self, model: Model, params: Params, subset: Subset) -> None:
        super().__init__()
        self.model, self.axes = model, dict[str, int]()
        index = make_plan(model, subset).index
        for name, value in params.items():
            key = name.replace(".", "_")
            if name not in subset.parts:
                self.register_buffer(key, value.clone())
            elif name not in index:
                self.register_parameter(key, nn.Parameter(value.clone()))
            else:
                self.axes[key] = model.tensors[name].axis
                trained = value.index_select(self.axes[key], index[name])
                self.register_parameter(f"{key}_part", nn.Parameter(trained.clone()))
                self.register_buffer(key, value.clone())
                self.register_buffer(f"{key}_at", index[name].clone())

    def forward(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss and the predicted classes."""
        skips: list[Tensor] = []
        for op in self.model.ops:
            if isinstance(op, Fork):
                skips.append(x)
            elif isinstance(op, Join):
                x = x + skips.pop()
            else:
                x = self._computed(op, x)
        return functional.cross_entropy(x, labels), x.detach().argmax(1)

    def _computed(self, op: Op, x: Tensor) -> Tensor:
        if isinstance(op, Linear):
            return functional.linear(x.flatten(1), self._value(op.weight), self._value(op.bias))
        if isinstance(op, GroupNorm):
            gain, bias = self._value(op.gain), self._value(op.bias)
            return functional.group_norm(x, op.groups, gain, bias, op.eps)
        if isinstance(op, Conv):
            conv = functional.conv2d if len(op.in_shape) == 3 else functional.conv1d
            weight = self._value(op.weight)
            return conv(x, weight, None, op.stride, op.kernel // 2, 1, op.groups)
        if isinstance(op, GlobalAvgPool):
            return x.flatten(2).mean(2)
        if not isinstance(op, ReLU):
            raise TypeError(f"{type(op).__name__} is not exported here")
        return functional.relu(x)

    def _value(self, name: str) -> Tensor:
        key = name.replace(".", "_")
        value: Tensor = getattr(self, key)
        if key not in self.axes:
            return value
        at, part = getattr(self, f"{key}_at"), getattr(self, f"{key}_part")
        return value.index_copy(self.axes[key], at, part)


def planned_bytes(step: TrainingStep, batch: int) -> int:
    """Return the memory that ExecuTorch plans for forward and backward pass (bytes)."""
    from executorch.exir import to_edge
    from torch.export import export
    from torch.export.experimental import _export_forward_backward

    model = step.model
    samples = torch.zeros(batch, *model.input_shape), torch.arange(batch) % model.classes
    joint = _export_forward_backward(export(step, samples, strict=True))
    program = to_edge(joint).to_executorch().executorch_program
    return int(sum(program.execution_plan[0].non_const_buffer_sizes))


def cases() -> dict[str, tuple[Model, Params, Subset]]:
    """Return nets with their parameters and what is trained, by a name."""
    small = Scenario(clients=10, concurrency=4, buffer=3, warm_start_steps=0, horizon_s=60.0)
    digits = small.replace(data="digits", model="mlp", mix={"sensor": 1.0}, budget_kib=40.0)
    found: dict[str, tuple[Model, Params, Subset]] = {}
    cnn = build("cnn", (3, 128), 8)
    found["cnn, all of it"] = cnn, cnn.init(0), full(cnn)
    for scenario in (digits, small):
        prepared = prepare(scenario.as_method("ftte"))
        model, params = prepared.federation.model, prepared.federation.params
        found[f"{model.name}, all of it"] = model, params, full(model)
        found[f"{model.name}, searched"] = model, params, prepared.plan.subset
    return found


def main(net: str = "") -> int:
    """Print the table, of all nets or of one; each line is also printed as soon as it is known."""
    warnings.filterwarnings("ignore")
    rows: list[dict[str, object]] = []
    for name, (model, params, subset) in cases().items():
        if net not in ("", model.name):
            continue
        for batch in BATCHES:
            step = TrainingStep(model, params, subset)
            bill = training_bill(model, subset, batch).peak_bytes
            frozen = sum(value.numel() * value.element_size() for value in step.buffers())
            row = {"trained": name, "batch": batch, "bill_KiB": bill / 1024}
            planned = planned_bytes(step, batch)
            row |= {"planned_KiB": planned / 1024, "frozen_KiB": frozen / 1024}
            rows.append(row | {"planned_/_bill": planned / bill})
            print(name, batch, planned, "bytes", file=sys.stderr)
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
