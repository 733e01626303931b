"""The scenarios of the course, one per lesson, at the size students run and at the size a CI job runs.

A notebook, the test of its claim and the instructors' share codes all take them from here, so that they speak of the
same fleet. Server rates are those tuned for the Lab's preset (on seeds 101 to 103); where a lesson changes what a rate
means, it says so and gives the rate as a knob.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ftte_lab._common import choice
from ftte_lab.experiments import PRESETS, Preset
from ftte_lab.simulation import Scenario

SIZES = ("lab", "ci")


@dataclass(frozen=True)
class Lesson:
    """One notebook: its title, what its fleet is, how many minutes it takes, and its scenario.

    `minutes` are planned for a student who reads, plays and does the exercises; `about` describes the fleet; `rates`
    are server rates by method; `ci` are the fields that make it small.
    """

    title: str
    minutes: int
    about: str
    scenario: Scenario
    rates: Mapping[str, float]
    ci: Mapping[str, Any]


_LAB = PRESETS["lab"]
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
_ONE: Mapping[str, float] = {"fedavg": 1.0, "fedbuff": 1.0, "fedasync": 0.2, "ftte": 1.0}
_MOTION = "100 devices, nine in ten of them slow, each with one person's wrist signals"

LESSONS: Mapping[str, Lesson] = MappingProxyType(
    {
        "00": Lesson(
            "Start here",
            15,
            f"{_MOTION}; 40 virtual minutes",
            _LAB.scenario,
            _LAB.server_rates,
            _FEW,
        ),
        "01": Lesson(
            "One round, by hand",
            15,
            "three phones with 40 handwritten digits between them and few classes each",
            Scenario(
                **_DIGITS,
                **_PHONES,
                clients=3,
                concurrency=3,
                alpha=0.1,
                local_steps=40,
                horizon_s=0.6,
            ),
            _ONE,
            {"local_steps": 10},
        ),
        "02": Lesson(
            "Everyone's data is different",
            20,
            "50 phones with handwritten digits, ten of them in each round",
            Scenario(**_DIGITS, **_PHONES, clients=50, concurrency=10, alpha=0.1, horizon_s=2.0),
            _ONE,
            {"clients": 20, "concurrency": 5, "horizon_s": 1.0, "evaluations": 20},
        ),
        "03": Lesson(
            "Where does the memory go?",
            20,
            f"{_MOTION}; the bill of a training step needs no training",
            _LAB.scenario.replace(horizon_s=600.0),
            _LAB.server_rates,
            _FEW,
        ),
        "04": Lesson(
            "Train only a part",
            20,
            f"{_MOTION}; 160 KiB to train in, and a model fresh from its initialisation",
            _LAB.scenario.replace(horizon_s=1200.0, budget_kib=160.0, warm_start_steps=0),
            _LAB.server_rates,
            {**_FEW, "warm_start_steps": 0},
        ),
        "05": Lesson(
            "Waiting for the slowest",
            20,
            "100 devices, each with one person's wrist signals; you say how many slow",
            _LAB.scenario.replace(straggler_share=0.0),
            _LAB.server_rates,
            _FEW,
        ),
        "06": Lesson(
            "The buffer",
            20,
            f"{_MOTION}; thirty of them at work at a time",
            _LAB.scenario.replace(horizon_s=1200.0),
            _LAB.server_rates,
            _FEW,
        ),
        "07": Lesson(
            "Old news",
            20,
            "60 watches and phones, half of them slow; few classes of digits on each",
            Scenario(
                data="digits",
                model="mlp",
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
            _ONE,
            {"clients": 30, "concurrency": 20, "horizon_s": 5.0, "evaluations": 20},
        ),
        "08": Lesson(
            "FTTE, assembled",
            25,
            f"{_MOTION}; 40 virtual minutes",
            _LAB.scenario,
            _LAB.server_rates,
            _FEW,
        ),
        "09": Lesson(
            "What did we send?",
            20,
            "ten phones with handwritten digits",
            Scenario(**_DIGITS, **_PHONES, clients=10, concurrency=10, horizon_s=4.0).replace(
                warm_start_steps=50
            ),
            _ONE,
            {},
        ),
        "10": Lesson(
            "Capstone: your fleet",
            40,
            f"{_MOTION}; 20 virtual minutes, and a model hardly trained before",
            _LAB.scenario.replace(horizon_s=1200.0, warm_start_steps=200),
            _LAB.server_rates,
            _FEW,
        ),
    }
)


def lesson(number: str, size: str = "lab") -> Preset:
    """The scenario of a lesson with its server rates, as a `Preset`.

    Args:
        number: "00" to "10".
        size: "lab", as students run it, or "ci", a glimpse in seconds from which nothing follows.

    Raises:
        ValueError: an unknown lesson or size.
    """
    choice("lesson", number, LESSONS)
    choice("size", size, SIZES)
    chosen = LESSONS[number]
    scenario = chosen.scenario if size == "lab" else chosen.scenario.replace(**chosen.ci)
    return Preset(chosen.about, scenario, chosen.rates)
