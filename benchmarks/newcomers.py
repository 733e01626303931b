"""Make the figures of personal gain in docs/privacy.md again: of newcomers, and by kind of device.

python -m benchmarks.newcomers lesson     the fleets of lesson 12: under a minute
python -m benchmarks.newcomers trained    new people for a model that is trained out: minutes
python -m benchmarks.newcomers kinds      devices by kind and by number of samples: two minutes
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.parts import print_parts
from ftte_lab.course import lesson
from ftte_lab.experiments import Personal, newcomers, personalise, preset
from ftte_lab.models import Params
from ftte_lab.simulation import Finished, Prepared, Scenario, prepare, simulate
from ftte_lab.training import FineTuning, gain_by, gain_summary

SEEDS = (11, 12, 13, 14, 15)
SAMPLES = (5, 10, 20)
HOW = FineTuning(steps=20, rate=0.05)

Judged = dict[int, Personal]


def wrists(seed: int, **changes: object) -> Scenario:
    """Return the second fleet of lesson 12: 50 phones by person, with wrist signals."""
    base = lesson("12").run("fedbuff", seed)
    fields = {"data": "motion", "alpha": None, "model": "cnn", "warm_start_steps": 100}
    return base.replace(**{**fields, "horizon_s": 12.0, **changes})


def shipped(scenario: Scenario) -> tuple[Prepared, Params]:
    """Return a run and the model that it ships."""
    ready = prepare(scenario)
    *_, last = simulate(ready, processes=1)
    assert isinstance(last, Finished)
    return ready, last.params


def print_gains(name: str, by_seed: list[Judged]) -> None:
    """Print a row for each number of samples, over the people of all seeds."""
    for samples in by_seed[0]:
        found = [judged[samples] for judged in by_seed]
        before, after = (
            np.concatenate([getattr(one, side) for one in found]) for side in ("before", "after")
        )
        one = gain_summary(before.tolist(), after.tolist())
        middle = f"{100 * one.median:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
        row = f"| {name} | {samples} | {100 * before.mean():.0f} % | {middle} "
        row += f"| {100 * one.mean:+.1f} | {100 * one.worst_tenth:+.1f} "
        print(f"{row}| {one.share_hurt:.0%} | {one.share_helped:.0%} |", flush=True)


def print_lesson() -> None:
    """Print newcomers with new mixes of digits, and new people with wrist signals."""
    for name, alpha in (("digits, α = 0.1", 0.1), ("digits, α = 1", 1.0), ("digits, IID", None)):
        runs = [shipped(lesson("12").run("fedbuff", s).replace(alpha=alpha)) for s in SEEDS]
        print_gains(name, [newcomers(*run, SAMPLES, how=HOW) for run in runs])
    runs = [shipped(wrists(seed)) for seed in SEEDS]
    print_gains("motion", [newcomers(*run, SAMPLES, how=HOW) for run in runs])


def print_trained() -> None:
    """Print new people for a model that knows its fleet, beside that fleet with few samples."""
    long = {"model": "mcunet-s", "horizon_s": 20.0, "evaluations": 4}
    runs = [shipped(wrists(seed, **long)) for seed in SEEDS]
    print_gains("new people", [newcomers(*run, SAMPLES, how=HOW) for run in runs])
    fleet = [{n: personalise(*run, how=HOW, samples=n) for n in SAMPLES} for run in runs]
    print_gains("the fleet", fleet)


def print_groups(scenario: Callable[[int], Scenario], kinds: bool) -> None:
    """Print the gains of a fleet's devices by kind, or by the number of their samples."""
    found: list[Personal] = []
    groups: list[str] = []
    for seed in SEEDS:
        ready, params = shipped(scenario(seed))
        one = personalise(ready, params, how=HOW)
        few = one.samples < np.median(one.samples)
        amounts = np.where(few, "fewer samples", "more samples")
        found.append(one)
        groups += list(ready.federation.fleet.kind) if kinds else amounts.tolist()
    before, after = (
        np.concatenate([getattr(one, name) for one in found]).tolist()
        for name in ("before", "after")
    )
    for group, gain in gain_by(before, after, groups).items():
        middle = f"{100 * gain.median:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
        row = f"| {group} | {gain.clients} | {middle} | {100 * gain.worst_tenth:+.1f} "
        print(f"{row}| {gain.share_hurt:.0%} | {gain.share_helped:.0%} |", flush=True)


def print_kinds() -> None:
    """Print the default Lab's devices by kind, and those of lesson 12 by number of samples."""
    print_groups(lambda seed: preset("lab").run("ftte", seed), kinds=True)
    print_groups(lambda seed: lesson("12").run("fedbuff", seed), kinds=False)


PARTS: Mapping[str, Callable[[], None]] = {
    "lesson": print_lesson,
    "trained": print_trained,
    "kinds": print_kinds,
}


def main(arguments: list[str]) -> int:
    """Print the parts that are named."""
    return print_parts(arguments, PARTS, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
