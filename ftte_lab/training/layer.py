"""Define what every layer of the simulator does: hold one operation for many clients at once.

Activations are rows `(clients, batch * places, channels)`. Channels come last, so that a pointwise
convolution is one matrix product per client over the complete batch, without a copy. A trained
tensor has a client axis. A frozen one has
none: then the clients share one larger kernel. Whatever saves time is kept for the backward pass,
because a simulator's memory is not billed; the device's is (see `devices.backward`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from ftte_lab.models import Op, Params, Plan, TensorInfo


class GradientSink(Protocol):
    """Take the gradients of trained slices, in the form in which `Layer.stack` keeps the tensor."""

    def grad(self, name: str, grad: Tensor, client_axis: int = 0) -> None:
        """Take the gradient itself."""

    def product(self, name: str, a: Tensor, b: Tensor) -> None:
        """Take the gradient as a matrix product `a @ b`, which need not be computed on its own."""


class Layer:
    """Run one operation forwards and backwards.

    Args:
        plan: what is trained, or `None` if nothing is and no backward pass follows.
        op: the operation.
        i: its index.
    """

    def __init__(self, plan: Plan | None, op: Op, i: int) -> None:
        self.tensors = op.tensors(i)
        self.places = math.prod(op.in_shape[1:])
        self.trains: set[str] = set()
        self.index: dict[str, Tensor] = {}
        if plan is not None:
            self.trains = {t.name for t in self.tensors if t.name in plan.subset}
            self.index = {k: v for k, v in plan.index.items() if k in self.trains}
        self.needs_output_gradient = plan is not None and plan.needs_output_gradient(i)
        self.needs_input_gradient = plan is not None and plan.needs_input_gradient(i)

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Return the rows of the output; may work in place."""
        raise NotImplementedError

    def backward(self, g: Tensor, p: Params, sink: GradientSink) -> Tensor:
        """Return the gradient of the input from that of the output.

        The gradients of tensors go to `sink` afterwards, which may then change the tensors.
        """
        raise NotImplementedError

    def stack(self, starts: Sequence[Params], counts: Sequence[int]) -> Params:
        """Return the layer's tensors as `forward` takes them.

        Frozen tensors are shared, trained ones are copied for each client. `counts[k]` clients
        begin from `starts[k]`, which differ in the trained tensors alone.
        """
        out = {}
        for t in self.tensors:
            out[t.name] = starts[0][t.name]
            if t.name in self.trains:
                pairs = zip(starts, counts, strict=True)
                copies = torch.cat([p[t.name].expand(n, *t.shape) for p, n in pairs])
                out[t.name] = self.arrange(t, copies).contiguous()
        return out

    def arrange(self, t: TensorInfo, value: Tensor) -> Tensor:
        """View a tensor or slice `(C, *shape)` as `forward` takes it: vectors as `(C, 1, n)`."""
        return value.unsqueeze(1) if len(t.shape) == 1 else value

    def restore(self, t: TensorInfo, value: Tensor) -> Tensor:
        """Undo `arrange`."""
        return value.squeeze(1) if len(t.shape) == 1 else value

    def result(self, p: Params) -> Params:
        """Return the trained slices `(C, *slice)`."""
        out = {}
        for t in self.tensors:
            if t.name in self.trains:
                value, index = self.restore(t, p[t.name]), self.index.get(t.name)
                out[t.name] = value if index is None else value.index_select(t.axis + 1, index)
        return out

    def trained_channels(self, name: str, x: Tensor) -> Tensor:
        """Return the channels of the last axis that train."""
        index = self.index.get(name)
        return x if index is None else x.index_select(-1, index)


def multiply_rows(rows: Tensor, w: Tensor) -> Tensor:
    """Multiply `(C, n, in)` by one matrix each `(C, in, out)`, or by one for all `(in, out)`."""
    if w.ndim == 3:
        return torch.bmm(rows, w)
    return torch.mm(rows.view(-1, rows.shape[2]), w).view(*rows.shape[:2], -1)


def send_row_sum(sink: GradientSink, name: str, g: Tensor) -> None:
    """Send the sum over a client's rows as the gradient of a vector."""
    sink.grad(name, g.sum(1, keepdim=True))
