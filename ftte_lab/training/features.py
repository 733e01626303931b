"""Compute what lies before the first trained tensor once per sample and run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ftte_lab.models import Linear, Model, Params
from ftte_lab.training.network import StackedNet

CAP_BYTES = 256 * 2**20
"""Most bytes that are kept; 4,000 samples of the default model take 8 MiB."""
_CHUNK = 256
"""Samples computed together: their activations stay in the processor's cache."""


class FrozenFeatures:
    """Hold samples as operation `start` takes them.

    Each is rows `(places, channels)`, or `(1, features)` before a linear map. They are kept if all
    of them take at most `cap_bytes`, else computed whenever they are asked for.

    Args:
        model: the net.
        params: its parameters, of which those before `start` never change.
        x: samples `(n, *input_shape)`.
        start: first operation that is *not* computed here; never inside a residual block.
        cap_bytes: the most that may be kept.
    """

    def __init__(
        self, model: Model, params: Params, x: Tensor, start: int = 0, cap_bytes: int = CAP_BYTES
    ) -> None:
        self.model, self.params, self.x, self.start = model, params, x, start
        self.before, self.after = StackedNet(model, None, 0, start), StackedNet(model, None, start)
        needed = len(x) * math.prod(model.ops[start].in_shape) * x.element_size()
        self.kept = self._all() if needed <= cap_bytes else None

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, at: Tensor) -> Tensor:
        """Return the samples at positions `at` `(..., batch)` as rows.

        Their shape is `(..., batch * places, channels)`.
        """
        rows = at.flatten()
        if self.kept is not None:
            found = self.kept.index_select(0, rows)
        else:
            found = torch.cat(
                [self._enter(self.x.index_select(0, chunk)) for chunk in rows.split(_CHUNK)]
            )
        return found.view(*at.shape[:-1], -1, found.shape[-1])

    def logits(self, params: Params) -> Tensor:
        """Return the logits `(n, classes)` of all samples under `params`.

        Parameters before `start` are not read.
        """
        with torch.inference_mode():
            found = [
                self.after.forward(chunk.view(1, -1, chunk.shape[-1]), params)[0]
                for chunk in self._chunks()
            ]
        return torch.cat(found)

    def _all(self) -> Tensor:
        """Outputs of all samples, each chunk written in its place: what is kept exists once."""
        kept = None
        places = torch.arange(len(self.x), device="cpu").split(_CHUNK)
        for at, chunk in zip(places, self.x.split(_CHUNK), strict=True):
            out = self._enter(chunk)
            kept = out.new_empty(len(self.x), *out.shape[1:]) if kept is None else kept
            kept[at[0] : at[-1] + 1] = out
        return self.x if kept is None else kept

    def _chunks(self) -> Iterator[Tensor]:
        if self.kept is not None:
            yield from self.kept.split(_CHUNK)
        else:
            yield from (self._enter(chunk) for chunk in self.x.split(_CHUNK))

    def _enter(self, x: Tensor) -> Tensor:
        """Rows after the frozen operations; flat, channels first, where a linear map comes next."""
        n, linear = len(x), isinstance(self.model.ops[self.start], Linear)
        if linear and self.start == 0:
            return x.reshape(n, 1, -1)
        y = x.flatten(2).transpose(1, 2).reshape(1, -1, x.shape[1])
        y = self.before.forward(y, self.params).view(n, -1, self.model.ops[self.start].in_shape[0])
        return y.transpose(1, 2).reshape(n, 1, -1) if linear else y


class FrozenInputs:
    """Hold samples as several plans take them, each from an operation of its own on.

    What lies before an operation is computed once, when it is first asked for.

    Args:
        model: the net.
        params: its parameters, of which those before an operation never change while it is used.
        x: samples `(n, *input_shape)`.
        starts: the operation at which each plan begins.

    Example:
        >>> import torch
        >>> from ftte_lab.models import build
        >>> model = build("mlp", (1, 8, 8), 10)
        >>> inputs = FrozenInputs(model, model.init(0), torch.ones(3, 1, 8, 8), starts=[0, 2, 2])
        >>> inputs.of(0) is inputs.of(1), inputs.of(1) is inputs.of(2)
        (False, True)
    """

    def __init__(self, model: Model, params: Params, x: Tensor, starts: Sequence[int]) -> None:
        self.model, self.params, self.x, self.starts = model, params, x, tuple(starts)
        self._at: dict[int, FrozenFeatures] = {}

    def of(self, plan: int) -> FrozenFeatures:
        """Return the samples as one of the plans takes them."""
        start = self.starts[plan]
        if start not in self._at:
            self._at[start] = FrozenFeatures(self.model, self.params, self.x, start)
        return self._at[start]
