"""Estimate what the study takes, from measured speeds, before it starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from benchmarks.study.jobs import Job
from ftte_lab.simulation import Scenario

# Core seconds of a run besides its updates: the first model, the search, the evaluations.
_FIXED_S = 0.7
# Core seconds of one client update in a cohort of ten or more, on one core of an x86-64 server in
# November 2026: (training everything, training a part).
_UPDATE_S: Mapping[tuple[str, str], tuple[float, float]] = {
    ("digits", "mcunet-s"): (0.0037, 0.0036),
    ("motion", "mcunet-s"): (0.0054, 0.0050),
    ("wrist", "mcunet-s"): (0.0057, 0.0052),
    ("cifar10", "cnn-gap"): (0.0450, 0.0400),
}
# A few clients at a time, as with FedAsync, are dearer; a large cohort is cheaper.
_FEW, _ONE_BY_ONE, _MANY = 3.0, 2.0, 0.75
_RANDOM = 0.75  # a random subset often leaves the first layers alone, which are then computed once
_CENTRAL_S = {"cifar10": 300.0}
# Virtual seconds of a synchronous round, which its slowest device decides.
_ROUND_S: Mapping[str, float] = {"digits": 95, "motion": 175, "wrist": 165, "cifar10": 6_600}
_ARRIVE = 0.88  # of those that start


def core_seconds(job: Job) -> float:
    """Return about how many core seconds a job takes."""
    if job.kind == "central":
        return _CENTRAL_S.get(job.scenario.data, 25.0)
    s = job.scenario
    full, part = _UPDATE_S.get((s.data, s.model), (0.02, 0.02))
    each = full if s.subset == "full" else part
    if s.concurrency < 8:
        each *= _FEW
    elif s.method == "fedasync":
        each *= _ONE_BY_ONE
    elif s.refill == "step" or s.concurrency > 100:
        each *= _MANY
    elif "random " in s.solver:
        each *= _RANDOM
    return _FIXED_S + each * _updates(s)


def _updates(s: Scenario) -> float:
    if s.max_updates is not None:
        return s.max_updates
    return s.horizon_s / _ROUND_S.get(s.data, 100.0) * s.concurrency * _ARRIVE


def estimate(jobs: Mapping[str, Iterable[Job]], processes: int) -> str:
    """Write what each part takes, in core seconds, and the minutes of all.

    Args:
        jobs: what is left to compute, by part; a job that two parts need counts for the first.
        processes: how many compute at once.
    """
    seen: set[Job] = set()
    lines, total = [], 0.0
    for part, some in jobs.items():
        own = [job for job in dict.fromkeys(some) if job not in seen]
        seen.update(own)
        seconds = sum(map(core_seconds, own))
        total += seconds
        lines.append(f"{part:<10} {len(own):5d} jobs {seconds:8,.0f} core s")
    minutes = total / processes / 60
    lines.append(
        f"{'together':<10} {len(seen):5d} jobs {total:8,.0f} core s: about {minutes:.0f} minutes "
        f"with {processes} processes"
    )
    return "\n".join(lines)
