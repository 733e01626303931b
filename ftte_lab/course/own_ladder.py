"""A student's ladder from FedAvg to FTTE: checked rung by rung, and run in a small fleet."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ftte_lab._common import percent
from ftte_lab.charts import Figure, ladder
from ftte_lab.course.lessons import SIZES, lesson
from ftte_lab.course.sandbox import call, examine
from ftte_lab.course.values import show
from ftte_lab.simulation import History, Scenario, prepare, run

IDEAS: Mapping[str, tuple[str, ...]] = {
    "buffer": ("refill", "buffer"),
    "weights": ("staleness", "variance_exponent", "sample_exponent"),
    "micro-batches": ("micro_batch",),
    "subset": ("subset",),
    "running average": ("server_average",),
    "server rate": ("server_rate",),
}
"""The fields in which FTTE differs from FedAvg, by the idea that they belong to."""

_SHARE = 0.95  # of FedAvg's best accuracy: the target
_FORM = "return a list of scenarios: the first is `fedavg`, the last is `ftte`."
_LIBRARY = "FTTE, the library's"


def fleet(method: str) -> Scenario:
    """Return the small fleet of lesson 08, from a model that knows a little."""
    small = lesson("08", "ci").set(horizon_s=500.0, evaluations=10, warm_start_steps=50)
    return small.run(method)


def wrong_ladder(answer: Any) -> str | None:
    """Compare a student's rungs with each other, in fleets of two sizes; it needs no training."""
    if not callable(answer):
        return f"expected a function, but this is {show(answer)}."
    for size in SIZES:
        both = lesson("08", size)
        fedavg, ftte = both.run("fedavg"), both.run("ftte")
        rungs = _rungs(answer, fedavg, ftte)
        why = _FORM if rungs is None else _wrong_rung(rungs, fedavg, ftte)
        if why is not None:
            return why
    return None


def in_fleet(answer: Callable[..., Any]) -> str | None:
    """Prepare every rung in the small fleet; return the first that its devices cannot run."""
    for name, scenario in _named(answer).items():
        try:
            prepare(scenario)
        except ValueError as error:
            return f"rung {name!r} cannot run after those before it: {error}"
    return None


def picture(answer: Callable[..., Any]) -> Figure:
    """Draw what each rung of a student costs and reaches, above the library's FTTE."""
    runs = _runs(answer)
    return ladder(runs, {_LIBRARY: _run(fleet("ftte"))}, target=_target(runs))


def compared(answer: Callable[..., Any]) -> str:
    """Name the rung that saves most time, that saves most memory, and that saves most bytes."""
    runs = _runs(answer)
    target, horizon_s = _target(runs), fleet("ftte").horizon_s
    costs = {
        "time": {name: one.time_to(target) or horizon_s for name, one in runs.items()},
        "memory": {name: one.facts["peak_memory_bytes"] for name, one in runs.items()},
        "bytes": {name: one.facts["upload_bytes_per_update"] for name, one in runs.items()},
    }
    most = ", ".join(_largest_saving(cost, values) for cost, values in costs.items())
    ends = [percent(one.final()) for one in runs.values()]
    return f"Largest savings: {most}. Accuracy from rung to rung: {', '.join(ends)}."


def _largest_saving(cost: str, values: Mapping[str, float]) -> str:
    names = list(values)
    saved = {b: values[a] - values[b] for a, b in itertools.pairwise(names)}
    name = max(saved, key=lambda one: saved[one])
    return f"{cost} by {name!r} (minus {percent(saved[name] / values[names[0]])} of FedAvg's)"


def _rungs(answer: Callable[..., Any], fedavg: Scenario, ftte: Scenario) -> list[Scenario] | None:
    """Return a student's rungs under one method's name, which does not count, or `None`."""
    given = call(answer, (fedavg, ftte))
    rungs = examine(lambda: list(given) if isinstance(given, list | tuple) else [])
    if len(rungs) < 2 or not all(type(rung) is Scenario for rung in rungs):
        return None
    return [_renamed(rung) for rung in rungs]


def _renamed(rung: Scenario) -> Scenario:
    return rung.replace(method="ftte")


def _wrong_rung(rungs: Sequence[Scenario], fedavg: Scenario, ftte: Scenario) -> str | None:
    """Return what is wrong with the first, with a step between two rungs, or with the last."""
    start = _differing(_renamed(fedavg), rungs[0])
    if start:
        return f"the first rung is not FedAvg: it differs in {', '.join(start)}."
    for k, (before, after) in enumerate(itertools.pairwise(rungs), 2):
        changed = _differing(before, after)
        odd = [name for name in changed if name not in itertools.chain(*IDEAS.values())]
        if odd:
            return f"rung {k} changes {', '.join(odd)}, in which FedAvg and FTTE do not differ."
        ideas = [idea for idea, fields in IDEAS.items() if set(fields) & set(changed)]
        if len(ideas) != 1:
            listed = ", ".join(changed) or "nothing"
            return f"rung {k} changes {listed}. That is {len(ideas)} ideas; one a rung, please."
    if rungs[-1].digest() != ftte.digest():
        missing = _differing(rungs[-1], ftte)
        return f"the last rung is not FTTE yet: it differs in {', '.join(missing)}."
    return None


def _differing(a: Scenario, b: Scenario) -> list[str]:
    one, other = a.to_dict(), b.to_dict()
    return [name for name in one if one[name] != other[name]]


def _named(answer: Callable[..., Any]) -> dict[str, Scenario]:
    """Return a student's rungs in the small fleet, by number and by the idea that is new."""
    rungs = _rungs(answer, fleet("fedavg"), fleet("ftte")) or []
    named = {"1 FedAvg": rungs[0]} if rungs else {}
    for k, (before, after) in enumerate(itertools.pairwise(rungs), 2):
        changed = set(_differing(before, after))
        idea = next((one for one, fields in IDEAS.items() if changed & set(fields)), "")
        named[f"{k} + {idea}"] = after
    return named


def _runs(answer: Callable[..., Any]) -> dict[str, History]:
    return {name: _run(scenario) for name, scenario in _named(answer).items()}


def _target(runs: Mapping[str, History]) -> float:
    return _SHARE * next(iter(runs.values())).best()


@lru_cache(maxsize=16)
def _run(scenario: Scenario) -> History:
    return run(scenario, processes=1)
