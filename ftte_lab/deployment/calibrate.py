"""Fit a kind of device to this machine: two measured training steps give its speed.

A step takes a fixed time, for calls and copies, and a time that grows with its operations. The
catalogue knows only the second one, so it is the slope between two steps of unlike size (our
reconstruction).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ftte_lab._common import integer, number, require
from ftte_lab.devices import CATALOGUE, DeviceKind, DeviceTrainer
from ftte_lab.models import Model, Subset, full, make_plan

_MOST_SECONDS = 1e9
_MOST_FLOPS = 1e24
_MOST_REPEATS = 10_000


@dataclass(frozen=True)
class MeasuredStep:
    """Hold a training step.

    Attributes:
        flops: floating-point operations of the step.
        seconds: what it took.
    """

    flops: float
    seconds: float


def fitted_kind(
    name: str, base: DeviceKind, first: MeasuredStep, second: MeasuredStep
) -> DeviceKind:
    """Return a kind of device whose speed is that of two measured steps.

    Args:
        name: of the new kind.
        base: where all its other numbers come from.
        first: the smaller step.
        second: the larger step.

    Raises:
        ValueError: the second step is not larger, or did not take longer.

    Example:
        >>> small, large = MeasuredStep(1e6, 0.15), MeasuredStep(3e6, 0.25)
        >>> fitted_kind("mine", CATALOGUE["pi4"], small, large).flops_per_s
        20000000.0
    """
    for step in (first, second):
        number("flops", step.flops, 0, _MOST_FLOPS)
        number("seconds", step.seconds, 0, _MOST_SECONDS)
    flops, seconds = second.flops - first.flops, second.seconds - first.seconds
    fix = "Measure a larger batch, on a machine that does nothing else"
    require(flops > 0, f"the second step is {flops:g} FLOP larger", "a larger second step", fix)
    require(seconds > 0, f"the second step took {seconds:g} s longer", "a longer time", fix)
    sources = {**base.sources, "flops_per_s": "measured on this machine: two training steps"}
    return replace(base, name=name, flops_per_s=flops / seconds, sources=sources)


def measure_step(
    model: Model,
    batch: int,
    subset: Subset | None = None,
    *,
    repeats: int = 20,
    clock: Callable[[], float] = time.perf_counter,
) -> MeasuredStep:
    """Time a training step on this machine; the quickest of several counts.

    Args:
        model: the net.
        batch: samples of the step.
        subset: what is trained; `None`: everything.
        repeats: how often it is done.
        clock: seconds.

    Raises:
        ValueError: a batch or a number of repeats below 1.
    """
    batch = integer("batch", batch, 1, 2**16)
    repeats = integer("repeats", repeats, 1, _MOST_REPEATS)
    subset = full(model) if subset is None else subset
    plan = make_plan(model, subset)
    trainer = DeviceTrainer(model, model.init(0), subset, rate=0.01)
    chance = torch.Generator("cpu").manual_seed(0)
    shape = (batch, *model.input_shape)
    x = torch.randn(shape, generator=chance, dtype=torch.float32, device="cpu")
    y = torch.arange(batch, device="cpu") % model.classes
    trainer.step(x, y)  # the first one also loads what the others find loaded
    took = []
    for _ in range(repeats):
        begin = clock()
        trainer.step(x, y)
        took.append(clock() - begin)
    return MeasuredStep(batch * (plan.forward_flops() + plan.backward_flops()), min(took))


def calibrate(
    name: str,
    model: Model,
    *,
    base: str = "pi4",
    batches: tuple[int, int] = (8, 64),
    repeats: int = 20,
) -> DeviceKind:
    """Fit a kind of device to this machine, and put it into the catalogue.

    A `Scenario` may then name it in its `mix`, in this process.

    Args:
        name: of the new kind, or of one that was fitted before.
        model: the net whose training is timed.
        base: kind of the catalogue where its other numbers come from: memory, link, battery.
        batches: samples of the two steps, the smaller one first.
        repeats: how often each step is done; the quickest counts.

    Raises:
        ValueError: an unknown base, or steps that give no speed.
    """
    steps = [measure_step(model, batch, repeats=repeats) for batch in batches]
    kind = fitted_kind(name, CATALOGUE[base], steps[0], steps[1])
    CATALOGUE[name] = kind
    return kind
