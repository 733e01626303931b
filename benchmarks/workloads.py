"""Define reference work of three kinds, for us and for the plain torch loop of a user.

The sizes are those under which other simulators were compared: 100 clients, of whom 20 train in a
round.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as fn
from torch.nn.functional import cross_entropy

from ftte_lab.models import (
    MODELS,
    Conv,
    Fork,
    GlobalAvgPool,
    GroupNorm,
    Linear,
    Model,
    Params,
    Plan,
    ReLU,
    build,
    flatten_trained,
    full,
    make_plan,
)
from ftte_lab.simulation import Prepared
from ftte_lab.training import FrozenFeatures, LocalSGD, draw_many

CLIENTS, COHORT = 100, 20
ROUNDS = 10
"""Rounds over which other simulators are timed."""


@dataclass(frozen=True, eq=False)
class Workload:
    """Hold one kind of work: data, model in both forms, and the local training."""

    name: str
    what: str
    model: Model
    net: nn.Module
    x: Tensor
    y: Tensor
    samples: int  # per client
    batch: int
    steps: int
    rate: float

    @cached_property
    def plan(self) -> Plan:
        """Return the plan that trains everything."""
        return make_plan(self.model, full(self.model))

    @cached_property
    def params(self) -> Params:
        """Return the net's own parameters under our names."""
        return {
            name: p.detach().clone()
            for name, p in zip(self.model.tensors, self.net.parameters(), strict=True)
        }

    @cached_property
    def inputs(self) -> FrozenFeatures:
        """Return the samples themselves, because nothing is frozen."""
        return FrozenFeatures(self.model, self.params, self.x)

    @cached_property
    def sgd(self) -> LocalSGD:
        """Return our trainer."""
        return LocalSGD(self.plan, 0, self.rate)

    def shards(self) -> np.ndarray:
        """Return the samples `(100, samples)` of each client."""
        order = np.random.default_rng(0).permutation(CLIENTS * self.samples)
        return order.reshape(CLIENTS, self.samples)

    def cohorts(self, rounds: int) -> Iterator[Tensor]:
        """Yield the mini-batches `(20, steps, batch)` of each round."""
        shards = self.shards()
        for r in range(rounds):
            client = np.random.default_rng(r).choice(CLIENTS, COHORT, replace=False)
            at = draw_many(
                np.full(COHORT, self.samples),
                self.steps,
                self.batch,
                seed=0,
                client=client,
                visit=np.full(COHORT, r),
            )
            yield torch.as_tensor(shards[client][np.arange(COHORT)[:, None, None], at])

    def ours(self, batches: Tensor) -> Tensor:
        """Return the updates of a cohort, one row each."""
        return self.sgd.train(self.params, self.inputs, self.y, batches).rows

    def plain(self, batches: Tensor) -> list[Params]:
        """Return the same, from a copy of the module and `optim.SGD` for each client."""
        before = dict(self.net.named_parameters())
        deltas = []
        for client in batches:
            local = copy.deepcopy(self.net)
            optimiser = torch.optim.SGD(local.parameters(), lr=self.rate)
            for at in client:
                optimiser.zero_grad()
                cross_entropy(local(self.x[at]), self.y[at]).backward()
                optimiser.step()
            deltas.append(
                {name: p.detach() - before[name].detach() for name, p in local.named_parameters()}
            )
        return deltas

    def flops(self) -> int:
        """Return the floating-point operations of one client update."""
        return self.steps * self.batch * (self.plan.forward_flops() + self.plan.backward_flops())

    def differences(self) -> Tensor:
        """Return the largest difference between the two on one cohort, client by client."""
        [batches] = self.cohorts(1)
        plain = torch.stack(
            [torch.cat([d.flatten() for d in delta.values()]) for delta in self.plain(batches)]
        )
        return (plain - self.ours(batches)).abs().amax(1)

    def check(self) -> float:
        """Return the largest difference between the two on one cohort."""
        return float(self.differences().max())


def _digits() -> tuple[Tensor, Tensor]:
    from sklearn.datasets import load_digits

    raw = load_digits()
    return torch.tensor(raw.data / 16, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(
        raw.target
    )


def _block(inside: int, out: int, stride: int, pool: bool) -> list[nn.Module]:
    layers = [nn.Conv2d(inside, out, 3, stride, 1, bias=False), nn.GroupNorm(4, out), nn.ReLU()]
    return [*layers, nn.MaxPool2d(2)] if pool else layers


def _mlp_64(b: Any, classes: int) -> None:
    b.linear("hidden", 64, relu=True)
    b.linear("head", classes)


def mlp() -> Workload:
    """Return (a): MLP 64-64-10 on scikit-learn's digits, batch 5, 3 steps."""
    MODELS["mlp-64"] = _mlp_64
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    model = build("mlp-64", (1, 8, 8), 10)
    return Workload(
        "digits-mlp",
        "MLP 64-64-10, digits, batch 5, 3 steps",
        model,
        net,
        *_digits(),
        15,
        5,
        3,
        0.5,
    )


def small_cnn() -> Workload:
    """Return (b): a small CNN on the same digits."""
    torch.manual_seed(0)
    blocks = [*_block(1, 16, 1, False), *_block(16, 32, 2, False), *_block(32, 32, 2, False)]
    net = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    what = "CNN 16-32-32 with group norm, digits, batch 5, 3 steps"
    return Workload("digits-cnn", what, build("cnn", (1, 8, 8), 10), net, *_digits(), 15, 5, 3, 0.1)


def cifar_cnn() -> Workload:
    """Return (c): a CNN on CIFAR-10-shaped noise, batch 20, 5 steps."""
    torch.manual_seed(0)
    blocks = [*_block(3, 16, 1, True), *_block(16, 32, 1, True), *_block(32, 64, 1, True)]
    net = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(1024, 10))
    x, y = torch.randn(10_000, 3, 32, 32), torch.randint(0, 10, (10_000,))
    what = "CNN 16-32-64 with group norm and max-pool, 3x32x32, batch 20, 5 steps"
    return Workload(
        "cifar-cnn", what, build("cnn-maxpool", (3, 32, 32), 10), net, x, y, 100, 20, 5, 0.05
    )


WORKLOADS = {"digits-mlp": mlp, "digits-cnn": small_cnn, "cifar-cnn": cifar_cnn}


@cache
def workload(name: str) -> Workload:
    """Return one of `WORKLOADS`, made once in a process."""
    return WORKLOADS[name]()


class PlainFTTE:
    """Train the default FTTE run's clients as one would write it (d).

    Autograd works on the entire net, and frozen parts are masked.

    Args:
        prepared: the run.
    """

    def __init__(self, prepared: Prepared) -> None:
        scenario, federation = prepared.scenario, prepared.federation
        self.model = federation.model
        self.plan = prepared.plan
        self.params = federation.params
        self.rate = scenario.client_rate
        self.x = torch.as_tensor(federation.dataset.x_train)
        self.y = torch.as_tensor(federation.dataset.y_train)
        self.inputs = prepared.inputs(federation.dataset.x_train).of(0)
        self.sgd = LocalSGD(self.plan, self.plan.start, self.rate)
        shape = (20, 10, scenario.local_steps, scenario.batch)  # twenty cohorts of a buffer's size
        self.cohorts = torch.randint(
            0, len(self.y), shape, generator=torch.Generator().manual_seed(0)
        )

    def forward(self, p: Params, x: Tensor) -> Tensor:
        """Return the logits, with `torch.nn.functional`."""
        skips: list[Tensor] = []
        for op in self.model.ops:
            if isinstance(op, Conv):
                x = fn.conv1d(
                    x, p[op.weight], stride=op.stride, padding=op.kernel // 2, groups=op.groups
                )
            elif isinstance(op, GroupNorm):
                x = fn.group_norm(x, op.groups, p[op.gain], p[op.bias], op.eps)
            elif isinstance(op, Linear):
                x = fn.linear(x, p[op.weight], p[op.bias])
            elif isinstance(op, ReLU):
                x = fn.relu(x)
            elif isinstance(op, GlobalAvgPool):
                x = x.mean(2)
            elif isinstance(op, Fork):
                skips.append(x)
            else:
                x = x + skips.pop()
        return x

    def plain(self, batches: Tensor) -> Tensor:
        """Return the updates of a cohort, one row each."""
        rows = []
        for client in batches:
            p = {k: v.clone().requires_grad_(k in self.plan.subset) for k, v in self.params.items()}
            for at in client:
                names = list(self.plan.subset.parts)
                loss = cross_entropy(self.forward(p, self.x[at]), self.y[at])
                grads = torch.autograd.grad(loss, [p[name] for name in names])
                with torch.no_grad():
                    for name, grad in zip(names, grads, strict=True):
                        index = self.plan.index.get(name)
                        if index is None:
                            p[name] -= self.rate * grad
                        else:
                            axis = self.model.tensors[name].axis
                            p[name].index_add_(
                                axis, index, grad.index_select(axis, index), alpha=-self.rate
                            )
            rows.append(
                flatten_trained(
                    self.model,
                    self.plan.subset,
                    {k: (v - self.params[k]).detach() for k, v in p.items()},
                )
            )
        return torch.stack(rows)

    def ours(self, batches: Tensor) -> Tensor:
        """Return the same, from the cached outputs of what is frozen."""
        return self.sgd.train(self.params, self.inputs, self.y, batches).rows

    def check(self) -> float:
        """Return the largest difference between the two on one cohort."""
        return float((self.plain(self.cohorts[0]) - self.ours(self.cohorts[0])).abs().max())
