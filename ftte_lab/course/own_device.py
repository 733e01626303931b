"""A student's calibration: a device is fitted to what was timed, and its fleet is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from ftte_lab.charts import Figure, accuracy
from ftte_lab.course.lessons import lesson
from ftte_lab.course.sandbox import call, examine
from ftte_lab.deployment import MeasuredStep, fitted_kind, paced_timeline
from ftte_lab.devices import CATALOGUE, Times
from ftte_lab.simulation import History, Prepared, prepare, run

Timed = list[tuple[float, float]]

_STEP_S, _FLOPS_PER_S = 0.03, 3.1e6
_MESSAGE_S, _BYTES_PER_S = 0.04, 30e3
"""What the device on the bench really is: a fixed time, and a speed, for steps and messages."""

_BATCHES = (1, 2, 4, 8, 16)
_BYTES = (500, 2_000, 8_000, 32_000)
_REPEATS = 4
_DELAY = 0.01  # mean, as a share of what is timed
_WITHIN = 0.03  # of a job


def timed_steps() -> Timed:
    """Return training steps as timed on a sensor: pairs of FLOP and seconds, each size four times.

    They are illustrative, not measured. Other programs delayed a few of them much.

    Example:
        >>> len(timed_steps()), len({flops for flops, _ in timed_steps()})
        (20, 5)
    """
    each = _step_flops() / lesson("13").scenario.batch
    return _timed([batch * each for batch in _BATCHES], _STEP_S, _FLOPS_PER_S, seed=0)


def timed_messages() -> Timed:
    """Return messages as timed on a sensor: pairs of bytes and seconds, each size four times.

    They are illustrative, as `timed_steps`.

    Example:
        >>> len(timed_messages()), len({size for size, _ in timed_messages()})
        (16, 4)
    """
    return _timed([float(size) for size in _BYTES], _MESSAGE_S, _BYTES_PER_S, seed=1)


def in_fleet(answer: Callable[..., Any]) -> str | None:
    """Let a student's device take the job of the fleet; return how far off it is, in words."""
    mine, true = _job_s(answer), _true_job_s()
    if abs(mine - true) <= _WITHIN * true:
        return None
    return (
        f"in the fleet, your sensor takes {mine:.3g} s for a job; the one on the bench takes "
        f"{true:.3g} s. A job off by more than {_WITHIN:.0%} makes a wrong timeline."
    )


def compared(answer: Callable[..., Any]) -> str:
    """Say how many updates the fleet makes with each idea of its devices."""
    counts = {name: len(_fleet(job_s).timeline.applied) for name, job_s in _devices(answer).items()}
    each = ", ".join(f"{count} with {name}" for name, count in counts.items())
    seconds = f"{fleet().scenario.horizon_s:.0f} s"
    return (
        f"Updates in {seconds}: {each}. A speed alone leaves out what each step and message adds."
    )


def picture(answer: Callable[..., Any]) -> Figure:
    """Draw the fleet's accuracy with the true device, a student's and the library's."""
    shown = dict(list(_devices(answer).items())[:3])
    return accuracy({name: _run(job_s) for name, job_s in shown.items()}, width_s=0)


@lru_cache(maxsize=1)
def fleet() -> Prepared:
    """Return the four sensors of lesson 13, evaluated seldom."""
    return prepare(lesson("13").set(horizon_s=30.0, evaluations=11).run("ftte"))


def speed_alone_s() -> float:
    """Return the seconds of a job by the library's `fitted_kind`, which knows no fixed times."""
    small, *_, large = sorted({flops for flops, _ in timed_steps()})
    quickest = [min(s for flops, s in timed_steps() if flops == size) for size in (small, large)]
    steps = [
        MeasuredStep(size, seconds) for size, seconds in zip((small, large), quickest, strict=True)
    ]
    sensor = CATALOGUE["sensor"]
    speed = fitted_kind("bench", sensor, *steps).flops_per_s
    scenario, traffic = fleet().scenario, fleet().traffic
    message_s = 8 * (traffic.download / sensor.downlink_bps + traffic.upload / sensor.uplink_bps)
    return scenario.local_steps * _step_flops() / speed + message_s


def _step_flops() -> float:
    prepared = fleet()
    return float(prepared.flops_per_update[0]) / prepared.scenario.local_steps


def _timed(sizes: list[float], fixed_s: float, per_s: float, seed: int) -> Timed:
    """Time each size several times: a little late as a rule, much too late now and then."""
    chance = np.random.default_rng([13, seed])
    size = np.repeat(sizes, _REPEATS)
    late = 1 + chance.exponential(_DELAY, size.size)
    late[[_REPEATS // 2, -1]] = (6.0, 3.0)  # one of the smallest size, and one of the largest
    pairs = np.column_stack([size, ((fixed_s + size / per_s) * late).round(5)])
    return [(float(a), float(b)) for a, b in chance.permutation(pairs)]


def _job() -> tuple[list[float], list[float]]:
    """Return the FLOP of each step of a job, and the bytes of each of its messages."""
    traffic, steps = fleet().traffic, fleet().scenario.local_steps
    return [_step_flops()] * steps, [float(traffic.download), float(traffic.upload)]


def _true_job_s() -> float:
    steps, messages = _job()
    computes = sum(_STEP_S + flops / _FLOPS_PER_S for flops in steps)
    return computes + sum(_MESSAGE_S + size / _BYTES_PER_S for size in messages)


def _job_s(answer: Callable[..., Any]) -> float:
    value = call(answer, (timed_steps(), timed_messages(), *_job()))
    return float(examine(lambda: float(value)))


def _devices(answer: Callable[..., Any]) -> dict[str, float]:
    """Return the seconds of a job by the name of the device that takes them."""
    quick = int(np.argmin(fleet().times.total_s))
    return {
        "the true sensor": _true_job_s(),
        "yours": _job_s(answer),
        "the library's calibrate": speed_alone_s(),
        "the catalogue's sensor": float(fleet().times.total_s[quick]),
    }


@lru_cache(maxsize=8)
def _fleet(job_s: float) -> Prepared:
    """Return the fleet whose sensors take so long for a job; its slow one takes longer."""
    prepared = fleet()
    slow, none = prepared.federation.fleet.slow_factor, np.zeros(len(prepared.federation.fleet))
    timed = replace(prepared, times=Times(none, job_s * slow, none))
    return replace(timed, timeline=paced_timeline(timed))


@lru_cache(maxsize=8)
def _run(job_s: float) -> History:
    return run(_fleet(job_s), processes=1)
