"""The scenarios of the course, one per lesson, as students run them and as a CI job runs them.

A notebook, the test of its claim and the instructors' share codes all take them from here, so that
they use the same fleet. Server rates were tuned for the usual fleet (on seeds 101 to 103). Where a
lesson changes what a rate means, the notebook explains it and offers the rate as a knob.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ftte_lab._common import choice
from ftte_lab.experiments import HEADLINE_METHODS, PRESETS, Comparison
from ftte_lab.simulation import Scenario

SIZES = ("lab", "ci")
"""As students run a lesson, and as a CI job runs it."""


@dataclass(frozen=True)
class Lesson:
    """One notebook.

    Attributes:
        title: of the notebook.
        minutes: planned for a student who reads, plays and does the exercises.
        comparison: fleet, methods and server rates, at the size students run.
        ci: fields of the scenario that make it small.
    """

    title: str
    minutes: int
    comparison: Comparison
    ci: Mapping[str, Any]


_FEW: Mapping[str, Any] = {
    "clients": 30,
    "samples_per_client": 20,
    "concurrency": 10,
    "buffer": 4,
    "warm_start_steps": 100,
    "horizon_s": 400.0,
    "evaluations": 30,
}
_PHONES: Mapping[str, Any] = {"mix": {"phone": 1.0}, "straggler_share": 0.0, "dropout": 0.0}
_DIGITS: Mapping[str, Any] = {"data": "digits", "model": "mlp", "warm_start_steps": 0}
# The pages were measured with this weight by variance.
_AS_MEASURED: Mapping[str, float] = {"variance_exponent": 1.0}
_TUNED: Mapping[str, float] = {"fedavg": 1.0, "fedbuff": 1.0, "fedasync": 0.2, "ftte": 1.5}
_ONE: Mapping[str, float] = {"fedavg": 1.0, "fedbuff": 1.0, "fedasync": 0.2, "ftte": 1.0}
_LAB = PRESETS["lab"]
_MOTION = "100 devices, nine in ten of them slow, each with one person's wrist signals"


def _motion(about: str, **fields: Any) -> Comparison:
    """Return a fleet whose memory budget alone decides what is trained, from a trained model."""
    return Comparison(
        Scenario(**{**_AS_MEASURED, "horizon_s": 2400.0, **fields}), rates=_TUNED, about=about
    )


def _digits(about: str, **fields: Any) -> Comparison:
    """Return a fleet with handwritten digits, a dense net and server rates of 1."""
    return Comparison(Scenario(**{**_AS_MEASURED, **_DIGITS, **fields}), rates=_ONE, about=about)


LESSONS: Mapping[str, Lesson] = MappingProxyType(
    {
        "00": Lesson(
            "Start here",
            15,
            _LAB.replace(methods=HEADLINE_METHODS, about=f"{_MOTION}; 30 virtual minutes"),
            {**_FEW, "warm_start_steps": 0},
        ),
        "01": Lesson(
            "One round, by hand",
            25,
            _digits(
                "three phones with 40 handwritten digits between them and few classes each",
                **_PHONES,
                clients=3,
                concurrency=3,
                alpha=0.1,
                local_steps=40,
                horizon_s=0.6,
            ),
            {"local_steps": 10},
        ),
        "02": Lesson(
            "Everyone's data is different",
            30,
            _digits(
                "50 phones with handwritten digits, ten of them in each round",
                **_PHONES,
                clients=50,
                concurrency=10,
                alpha=0.1,
                horizon_s=2.0,
            ),
            {"clients": 20, "concurrency": 5, "horizon_s": 1.0, "evaluations": 20},
        ),
        "03": Lesson(
            "Where does the memory go?",
            30,
            _motion(f"{_MOTION}; the bill of a training step needs no training", horizon_s=600.0),
            _FEW,
        ),
        "04": Lesson(
            "Train only a part",
            30,
            _motion(
                f"{_MOTION}; 160 KiB to train in, and an untrained model",
                horizon_s=1200.0,
                budget_kib=160.0,
                warm_start_steps=0,
            ),
            {**_FEW, "warm_start_steps": 0},
        ),
        "05": Lesson(
            "Waiting for the slowest",
            30,
            _motion(
                "100 devices, each with one person's wrist signals; "
                "you choose how many of them are slow",
                straggler_share=0.0,
            ),
            _FEW,
        ),
        "06": Lesson(
            "The buffer",
            30,
            _motion(f"{_MOTION}; thirty of them at work at a time", horizon_s=1200.0),
            _FEW,
        ),
        "07": Lesson(
            "Old news",
            30,
            _digits(
                "60 watches and phones, half of them slow; few classes of digits on each",
                clients=60,
                concurrency=50,
                buffer=2,
                alpha=0.1,
                warm_start_steps=50,
                subset="full",
                local_steps=8,
                mix={"watch": 0.5, "phone": 0.5},
                straggler_share=0.5,
                horizon_s=10.0,
            ),
            {"clients": 30, "concurrency": 20, "horizon_s": 5.0, "evaluations": 20},
        ),
        "08": Lesson(
            "FTTE, assembled",
            35,
            _LAB.replace(about=f"{_MOTION}; 30 virtual minutes"),
            {**_FEW, "warm_start_steps": 0},
        ),
        "09": Lesson(
            "What did we send?",
            40,
            _digits(
                "ten phones with handwritten digits",
                **_PHONES,
                clients=10,
                concurrency=10,
                horizon_s=4.0,
                warm_start_steps=50,
            ),
            {},
        ),
        "10": Lesson(
            "Capstone: your fleet",
            40,
            _motion(
                f"{_MOTION}; 20 virtual minutes, and a model with little training before",
                horizon_s=1200.0,
                warm_start_steps=200,
            ),
            _FEW,
        ),
        "11": Lesson(
            "Noise and masks",
            40,
            _digits(
                "100 phones with handwritten digits, three in ten of them slow",
                **{**_PHONES, "straggler_share": 0.3},
                clients=100,
                concurrency=30,
                horizon_s=4.0,
                evaluations=30,
                normalise="count",
                clip_norm=0.3,
            ).replace(methods=("fedbuff",)),
            {"clients": 40, "concurrency": 20, "horizon_s": 2.0, "evaluations": 10},
        ),
        "12": Lesson(
            "Yours and everybody's",
            35,
            _digits(
                "50 phones with handwritten digits, and few classes on each",
                **_PHONES,
                clients=50,
                concurrency=10,
                buffer=5,
                alpha=0.1,
                horizon_s=1.5,
                evaluations=30,
            ),
            {"clients": 20, "horizon_s": 1.0, "evaluations": 10},
        ),
        "13": Lesson(
            "Is the clock true?",
            35,
            _digits(
                "four sensors with handwritten digits, one of them four times slower; "
                "processes of this machine play them",
                clients=4,
                mix={"sensor": 1.0},
                straggler_share=0.25,
                straggler_factor=4.0,
                dropout=0.0,
                jitter=0.2,
                concurrency=4,
                buffer=3,
                local_steps=3,
                budget_kib=40.0,
                horizon_s=60.0,
                evaluations=20,
            ),
            {"horizon_s": 15.0, "evaluations": 6},
        ),
    }
)


def lesson(number: str, size: str = "lab") -> Comparison:
    """Return the fleet, methods and server rates of a lesson.

    Args:
        number: "00" to "13".
        size: "lab", as students run it, or "ci": it runs in seconds, too small to conclude from.

    Raises:
        ValueError: an unknown lesson or size.

    Example:
        >>> lesson("06").scenario.clients, lesson("06", "ci").scenario.clients
        (100, 30)
        >>> lesson("06").run("ftte").server_rate
        1.5
    """
    choice("lesson", number, LESSONS)
    choice("size", size, SIZES)
    chosen = LESSONS[number]
    return chosen.comparison if size == "lab" else chosen.comparison.set(**chosen.ci)
