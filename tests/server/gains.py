"""Gains at random and the best choice by brute force, for tests of the search."""

import itertools
from collections.abc import Iterator

import torch

from ftte_lab.models import Model
from ftte_lab.server import Contributions, Problem


def made_up(model: Model, seed: int, exponent: float = 1.0) -> Contributions:
    """Gains of channels at random, the best first, and their sums to a power."""
    g = torch.Generator().manual_seed(seed)
    gain, alone, order = {}, {}, {}
    for name, info in model.tensors.items():
        each = torch.rand(info.channels, generator=g).double()
        alone[name] = tuple(each.tolist())
        if info.kind == "weight":
            order[name] = tuple(torch.argsort(each, descending=True).tolist())
        counts = sorted({max(1, int(info.channels * r)) for r in (0.25, 0.5, 1.0)})
        best = each.sort(descending=True).values.cumsum(0)
        gain[name] = {c: float(best[c - 1]) ** exponent for c in counts}
    return Contributions("made up", order, gain, alone, exponent)


def layer_of(tensor: str) -> str:
    """Return the name of a tensor's layer: what comes before weight, bias or norm."""
    return (
        tensor.removesuffix(".bias")
        .removesuffix(".gain")
        .removesuffix(".weight")
        .removesuffix(".norm")
    )


def choices(problem: Problem) -> Iterator[dict[str, int]]:
    """Yield every choice that keeps the granularity, whether it fits or not; for small nets."""
    tensors = problem.memory.model.tensors
    free = [name for name in tensors if name not in problem.required]
    if problem.granularity == "layer":
        names = sorted({layer_of(name) for name in free})
        for on in itertools.product((False, True), repeat=len(names)):
            trained = {name for name, yes in zip(names, on, strict=True) if yes}
            yield problem.required | {
                n: tensors[n].channels for n in free if layer_of(n) in trained
            }
        return
    for counts in itertools.product(*([0, *problem.contributions.gain[n]] for n in free)):
        yield problem.required | {n: c for n, c in zip(free, counts, strict=True) if c}


def brute_force(problem: Problem) -> float:
    """Return the best value over all choices that fit."""
    return max(problem.value(c) for c in choices(problem) if problem.fits(c))
