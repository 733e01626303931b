"""Exercises of lesson 08: a fair comparison over seeds and costs, and a ladder of ideas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise
from ftte_lab.course.findings import Found, kept
from ftte_lab.course.lessons import lesson
from ftte_lab.course.own_ladder import compared, in_fleet, picture, wrong_ladder
from ftte_lab.lab import Settings
from ftte_lab.simulation import Prepared, prepare


def verdict(ours: Any, theirs: Any) -> str:
    """Return who is better on every seed, or "unclear"."""
    differences = np.asarray(ours, float) - np.asarray(theirs, float)
    if (differences > 0).all():
        return "ours"
    if (differences < 0).all():
        return "theirs"
    return "unclear"


def larger_mean(ours: Any, theirs: Any) -> str:
    """Compare the means only: a common mistake."""
    return "ours" if np.mean(ours) > np.mean(theirs) else "theirs"


def no_overlap(ours: Any, theirs: Any) -> str:
    """Compare the worst of one with the best of the other: a common mistake."""
    if min(ours) > max(theirs):
        return "ours"
    if max(ours) < min(theirs):
        return "theirs"
    return "unclear"


# In the second, ours has the larger mean, but not on every seed.
# In the last, seeds differ more than methods do: pair them.
SEEDS = [
    ([0.92, 0.91, 0.93, 0.90, 0.94], [0.90, 0.90, 0.91, 0.89, 0.92]),
    ([0.95, 0.95, 0.95, 0.95, 0.70], [0.90, 0.90, 0.90, 0.90, 0.71]),
    ([0.80, 0.82, 0.81, 0.83, 0.80], [0.90, 0.91, 0.92, 0.88, 0.93]),
    ([0.90, 0.60, 0.80, 0.70, 0.75], [0.89, 0.59, 0.79, 0.69, 0.74]),
]


def beats(a: Sequence[float], b: Sequence[float]) -> bool:
    """Return whether `a` costs nowhere more than `b`, and somewhere less."""
    pairs = list(zip(a, b, strict=True))
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)


def unbeaten(costs: Mapping[str, Sequence[float]]) -> list[str]:
    """Return the names that no other beats."""
    return sorted(
        name for name, mine in costs.items() if not any(beats(it, mine) for it in costs.values())
    )


def agrees_in_any_order(answer: Any) -> str | None:
    """Test an answer to 08b; names may come in any order and any kind of collection."""
    return Agrees(unbeaten, [(costs,) for costs in COSTS])(sorted_answer(answer))


def sorted_answer(function: Any) -> Any:
    """Return a function that sorts what `function` returns."""
    if not callable(function):
        return function

    def ordered(costs: Any) -> Any:
        return sorted(function(costs))

    ordered.__name__ = getattr(function, "__name__", "unbeaten")
    return ordered


# In the third, equal costs do not beat each other.
COSTS = [
    {
        "fedavg": [2997.0, 714.0, 42.9],
        "fedbuff": [918.0, 714.0, 42.9],
        "ftte": [1290.0, 256.0, 11.8],
    },
    {"a": [1.0, 2.0], "b": [2.0, 1.0], "c": [2.0, 2.0]},
    {"a": [1.0, 1.0], "b": [1.0, 1.0]},
    {"only": [3.0]},
]


def my_ladder(fedavg: Any, ftte: Any) -> Any:
    """Return scenarios from FedAvg to FTTE, one idea more on each."""
    ideas = [
        ["refill", "buffer"],
        ["staleness", "variance_exponent", "sample_exponent"],
        ["micro_batch"],
        ["subset"],
        ["server_average"],
        ["server_rate"],
    ]
    rungs = [fedavg]
    for fields in ideas:
        rungs.append(rungs[-1].replace(**{name: getattr(ftte, name) for name in fields}))
    return rungs


AS_LARGE = 0.95
"""Share of FTTE's bytes per update that must be sent without micro-batches."""
MOST_KIB = 512.0


def prepared_ftte(settings: Settings) -> Prepared:
    """Return FTTE's run with these settings before any training."""
    return prepare(settings.comparison.run("ftte"))


def peak_kib(settings: Settings) -> float:
    """Return the memory of FTTE's training step with these settings, in KiB."""
    return prepared_ftte(settings).bill.peak_bytes / 1024


def still_small(settings: Settings) -> str | None:
    """Return why settings do not answer the question of 08d, or `None`."""
    scenario = settings.comparison.run("ftte")
    size = scenario.micro_batch
    if size is not None and (isinstance(size, str) or size < scenario.batch):
        return f"FTTE still has micro-batches there ({size}); set them to the whole batch."
    if (scenario.budget_kib or 0.0) > MOST_KIB:
        return f"a budget of at most {MOST_KIB:.0f} KiB is enough."
    usual = settings.set(micro_batch="auto", budget_kib=lesson("08").scenario.budget_kib)
    before, now = (prepared_ftte(s).traffic.upload / 1024 for s in (usual, settings))
    if now < AS_LARGE * before:
        return f"there an update has {now:.1f} KiB; with micro-batches it had {before:.1f}."
    return None


EXERCISES = {
    "08a": Exercise(
        title="a verdict from five seeds",
        tests=[Agrees(verdict, SEEDS)],
        hints=[
            "The same seed gives both the same devices and data: compare seed by seed.",
            'Better on every seed is "ours", worse on every seed "theirs", '
            'anything else "unclear".',
            "`all(a > b for a, b in zip(ours, theirs))`.",
        ],
        shows="If both were equally good, chance alone would let one win on all five seeds "
        "once in sixteen times.",
        mistakes={
            "The larger mean can come from one lucky seed: compare every seed.": larger_mean,
            "Seeds differ more than methods: compare each seed with itself, "
            "not the worst with the best.": no_overlap,
        },
    ),
    "08b": Exercise(
        title="who is beaten on every count?",
        tests=[agrees_in_any_order],
        hints=[
            "One beats another if it costs no more on any count, and less on at least one.",
            "Keep those that nobody beats; equals do not beat each other.",
            "`all(x <= y for x, y in zip(a, b)) and any(x < y for x, y in zip(a, b))`.",
        ],
        shows="What is left is the Pareto front: to choose among these methods "
        "you must decide what you are willing to give up.",
    ),
    "08c": Exercise(
        title="build the ladder",
        points=3,
        tests=[wrong_ladder, in_fleet],
        hints=[
            "In which fields do the two differ? Compare `fedavg.to_dict()` with `ftte.to_dict()`.",
            "Which of these fields belong together? `Scenario.help()` lists the groups, and "
            "`fedavg.help(name)` explains one.",
            "Each rung is the last one with the fields of one idea replaced: "
            "`rungs[-1].replace(...)`. Take their values from `ftte`.",
            "The order is yours, but what must fit into 128 KiB needs what makes it fit first.",
        ],
        shows="Your last rung is FTTE, to the digest.",
        details=compared,
        picture=picture,
        solution=my_ladder,
    ),
    "08d": Exercise(
        title="one idea less",
        tests=[Found("08", ("micro_batch", "budget_kib", "seed"), peak_kib, still_small)],
        hints=[
            "Set the micro-batch to 8, the whole batch. Then raise the budget and watch the bytes.",
            "`p = prepare(chosen.set(micro_batch=8, budget_kib=...).run('ftte'))` has both numbers "
            "without training: `p.traffic.upload` and `p.bill.peak_bytes`.",
        ],
        shows="Ideas help each other: each of them alone saves less. "
        "Your sentences are kept for your teacher.",
        keeps=kept,
    ),
}
