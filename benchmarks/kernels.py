"""Measure every net with 1 to 24 clients at once: the basis of `training.clients_at_once`."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.timing import seconds
from ftte_lab.models import build, full, make_plan
from ftte_lab.training import FrozenFeatures, LocalSGD, clients_at_once

NETS = [
    ("mlp", (1, 8, 8)),
    ("cnn", (1, 8, 8)),
    ("cnn", (3, 32)),
    ("cnn", (3, 128)),
    ("cnn", (3, 32, 32)),
    ("cnn-maxpool", (1, 28, 28)),
    ("cnn-maxpool", (3, 32, 32)),
    ("mcunet-s", (3, 128)),
    ("mcunet-s", (1, 28, 28)),
    ("mcunet-m", (3, 32, 32)),
]
TOGETHER = (1, 2, 4, 8, 24)


def together(name: str, shape: tuple[int, ...], batch: int) -> dict[str, Any]:
    """Measure milliseconds per client and step, for each number of clients at once."""
    model = build(name, shape, 10)
    plan = make_plan(model, full(model))
    params = model.init(0)
    x, y = torch.randn(400, *shape), torch.randint(0, 10, (400,))
    inputs, sgd = FrozenFeatures(model, params, x), LocalSGD(plan, 0, 0.05)
    batches = torch.randint(0, 400, (24, 2, batch))
    row: dict[str, Any] = {
        "net": name,
        "input": shape,
        "batch": batch,
        "rule": clients_at_once(plan, batch),
    }
    for n in TOGETHER:
        sgd.train(params, inputs, y, batches, n)
        best = min(seconds(lambda n=n: sgd.train(params, inputs, y, batches, n)) for _ in range(3))  # type: ignore[misc]
        row[f"{n} at once, ms"] = 1e3 * best / 48
    return row


def run(quick: bool) -> list[dict[str, Any]]:
    """Measure all nets at a small and a larger batch."""
    return [
        together(name, shape, batch)
        for name, shape in NETS
        for batch in ((5,) if quick else (5, 16))
    ]
