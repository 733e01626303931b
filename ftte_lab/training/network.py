"""Run a net for many clients at once: a list of layers that hold what their backward pass needs."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ftte_lab.models import (
    Conv,
    Fork,
    GlobalAvgPool,
    GroupNorm,
    Join,
    Linear,
    MaxPool,
    Model,
    Op,
    Params,
    Plan,
    ReLU,
)
from ftte_lab.training.conv_layers import DenseLayer, DepthwiseLayer, PointwiseLayer
from ftte_lab.training.layer import GradientSink, Layer
from ftte_lab.training.layers import (
    ForkLayer,
    JoinLayer,
    LinearLayer,
    MaxPoolLayer,
    PoolLayer,
    ReLULayer,
)
from ftte_lab.training.norm_layer import NormLayer

_BASIC: dict[type[Op], type[Layer]] = {
    GroupNorm: NormLayer,
    ReLU: ReLULayer,
    MaxPool: MaxPoolLayer,
    GlobalAvgPool: PoolLayer,
    Fork: ForkLayer,
    Join: JoinLayer,
    Linear: LinearLayer,
}


class StackedNet:
    """Run operations `start` to `stop` of a model for many clients at once.

    Args:
        model: the net.
        plan: what is trained; `None`: nothing, and there is no backward pass.
        start: first operation.
        stop: operation before which to stop; `None`: run to the logits.
    """

    def __init__(
        self, model: Model, plan: Plan | None = None, start: int = 0, stop: int | None = None
    ) -> None:
        self.layers = [_layer(plan, op, i) for i, op in enumerate(model.ops[start:stop], start)]
        self.trained = self.layers[plan.first_trained - start :] if plan is not None else []
        self.trained.reverse()
        self.names = () if plan is None else tuple(plan.subset.parts)
        forks: list[ForkLayer] = []
        for i, layer in enumerate(self.layers, start):
            if isinstance(layer, ForkLayer):
                forks.append(layer)
            elif isinstance(layer, JoinLayer):
                forks.pop().join = layer
                layer.open = plan is not None and i in plan.open_joins

    def stack(self, starts: Sequence[Params], counts: Sequence[int]) -> Params:
        """Return parameters as the layers take them.

        `counts[k]` clients begin from `starts[k]`, in this order.
        """
        return {
            name: value
            for layer in self.layers
            for name, value in layer.stack(starts, counts).items()
        }

    def arrange(self, slices: Params) -> Params:
        """Return trained slices `(C, *slice)` in the form of the layers' gradients."""
        return {
            t.name: layer.arrange(t, slices[t.name]).contiguous()
            for layer in self.layers
            for t in layer.tensors
            if t.name in slices
        }

    def result(self, p: Params) -> Params:
        """Return the trained slices `(C, *slice)`, in the order of the subset."""
        found = {name: value for layer in self.layers for name, value in layer.result(p).items()}
        return {name: found[name] for name in self.names}

    def forward(self, x: Tensor, p: Params) -> Tensor:
        """Map rows `(C, B * places, channels)` of the first input to rows of the last output."""
        for layer in self.layers:
            x = layer.forward(x, p)
        return x

    def backward(self, g: Tensor, p: Params, sink: GradientSink) -> None:
        """Walk back from the gradient of the logits `(C, B, classes)`."""
        for layer in self.trained:
            g = layer.backward(g, p, sink)


def _layer(plan: Plan | None, op: Op, i: int) -> Layer:
    if not isinstance(op, Conv):
        return _BASIC[type(op)](plan, op, i)
    if op.pointwise:
        return PointwiseLayer(plan, op, i)
    return (DepthwiseLayer if op.depthwise else DenseLayer)(plan, op, i)
