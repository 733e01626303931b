"""A student's server step, run in the engine on the fleet of lesson 07, where some are faulty."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import percent, require
from ftte_lab.charts import Figure, accuracy
from ftte_lab.course.lessons import lesson
from ftte_lab.course.sandbox import call, examine
from ftte_lab.simulation import History, Scenario, run

SEEDS = (1, 0)
"""The fleets on which a step is tried; the first is drawn."""

LEAST_ACCURACY = 0.5
"""What a step must reach: a plain mean ends near chance, 10 %, on both fleets."""


def faulty_fleet(seed: int) -> Scenario:
    """Return a small fleet whose faulty tenth sends ten times its update, with the wrong sign."""
    small = lesson("07", "ci").set(buffer=10, fault="scale", faulty_share=0.1, seed=seed)
    return small.run("fedbuff")


def survives(answer: Callable[..., Any]) -> str | None:
    """Run a student's step in the engine; return on which fleet the model is lost, in words."""
    for seed in SEEDS:
        reached = _own_run(answer, seed).final()
        if reached < LEAST_ACCURACY:
            return (
                f"in the fleet of seed {seed} one device in ten is faulty, and your model ends at "
                f"{percent(reached)}; reach at least {percent(LEAST_ACCURACY)}."
            )
    return None


def picture(answer: Callable[..., Any]) -> Figure:
    """Draw the run of a student's step beside the library's mean and median."""
    shown = {f"the library's {mean} mean": _library(mean) for mean in ("weighted", "trimmed")}
    return accuracy({**shown, "yours": _own_run(answer, SEEDS[0])})


def compared(answer: Callable[..., Any]) -> str:
    """Say where a student's model ends, and where a plain and a trimmed mean do."""
    mine, plain = _own_run(answer, SEEDS[0]).final(), _library("weighted").final()
    return (
        f"With one faulty device in ten your model ends at {percent(mine)}. "
        f"A plain mean ends at {percent(plain)}, a trimmed mean at "
        f"{percent(_library('trimmed').final())}."
    )


@lru_cache(maxsize=4)
def _library(mean: str) -> History:
    return run(faulty_fleet(SEEDS[0]).replace(mean=mean), processes=1)


def _own_run(answer: Callable[..., Any], seed: int) -> History:
    def step(x: Tensor, rows: Tensor, *_: Any, **__: Any) -> Tensor:
        given = call(answer, (x.numpy(), rows.numpy()))
        moved = np.asarray(examine(lambda: np.asarray(given, np.float32)))
        fits = moved.shape == tuple(x.shape) and bool(np.isfinite(moved).all())
        require(
            fits,
            f"in the fleet your function returned an array of shape {moved.shape}",
            f"finite numbers of shape {tuple(x.shape)}, like the model",
        )
        return torch.from_numpy(moved.copy())

    return run(faulty_fleet(seed), processes=1, step=step)
