"""Fleets to choose from, each with one question that its numbers answer.

All are the Lab's comparison on another fleet: the same untrained start, the same levers of FTTE and
of its rival. Who lives where is invented; the devices are those of the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ftte_lab._common import choice
from ftte_lab.experiments.comparison import HEADLINE_METHODS, Comparison
from ftte_lab.experiments.presets import PRESETS

_LAB = PRESETS["lab"]
_HOUR_S = 3_600.0
# Where memory is short, the rival is the one that has micro-batches, too.
_RIVALS = ("fedavg", "fedbuff_average", "ftte")


@dataclass(frozen=True)
class Entry:
    """One fleet of the gallery.

    Attributes:
        title: its name.
        question: the one question that its numbers answer.
        about: one sentence about the fleet.
        comparison: the fleet, the methods and what each has of its own.
        view: what the curves show, `over` and `metric` of the Lab.
    """

    title: str
    question: str
    about: str
    comparison: Comparison
    view: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "view", MappingProxyType(dict(self.view)))


def _entry(
    title: str,
    question: str,
    about: str,
    fields: Mapping[str, Any],
    methods: tuple[str, ...] = HEADLINE_METHODS,
    **view: str,
) -> Entry:
    """Make an entry from the fields in which its fleet differs from the Lab's."""
    scenario = _LAB.scenario.replace(**fields)
    comparison = _LAB.replace(scenario=scenario, methods=methods, about=about)
    return Entry(title, question, about, comparison, view)


GALLERY: Mapping[str, Entry] = MappingProxyType(
    {
        "hospital wards": _entry(
            "Hospital wards",
            "Does the slow ward, which alone sees a rare finding, still count?",
            "60 old tablets, small computers and graphics boxes; three in ten are ten times "
            "slower, and the slowest hold most of one class.",
            {
                "mix": {"phone_low": 0.6, "pi4": 0.3, "jetson": 0.1},
                "clients": 60,
                "alpha": 0.3,
                "slow_class": 0,
                "dropout": 0.05,
                "straggler_share": 0.3,
                "concurrency": 20,
                "horizon_s": 150.0,
            },
            metric="straggler_accuracy",
        ),
        "rural clinic sensors": _entry(
            "Rural clinic sensors",
            "Does anyone learn at all within a day?",
            "Sensors and old phones on poor links: nine in ten are twenty times slower, three in "
            "ten updates are lost, and who cannot hold the training step is left out.",
            {
                "mix": {"sensor": 0.5, "esp32": 0.3, "phone_low": 0.2},
                "straggler_factor": 20.0,
                "dropout": 0.3,
                "budget_kib": 160.0,
                "exclude_small": True,
                "horizon_s": 2 * _HOUR_S,
                "max_updates": 1_500,
            },
            methods=_RIVALS,
        ),
        "keyboards on phones": _entry(
            "Keyboards on phones",
            "Who needs the fewest bytes to learn from 500 people with habits of their own?",
            "500 phones, each with few of the classes; 100 train at once, and the server steps "
            "after every 20 updates.",
            {
                "mix": {"phone": 0.4, "phone_low": 0.6},
                "clients": 500,
                "concurrency": 100,
                "buffer": 20,
                "alpha": 0.1,
                "straggler_share": 0.3,
                "horizon_s": 300.0,
                "max_updates": 3_500,
            },
            over="total_bytes",
        ),
        "farm sensors": _entry(
            "Farm sensors",
            "At most a tenth of the model is sent: does that save joules, too?",
            "Microcontrollers and small computers far from a mast: who must send little, and loses "
            "one update in five.",
            {
                "mix": {"esp32": 0.7, "pi_zero": 0.2, "pi4": 0.1},
                "payload_share": 0.10,
                "dropout": 0.2,
                "horizon_s": _HOUR_S,
            },
            methods=_RIVALS,
            over="energy_j",
        ),
        "bank tills and apps": _entry(
            "Bank tills and apps",
            "Whom does the average hide: how good is the model for the worst tenth?",
            "Cash machines, tills and apps, each with few of the classes; one class is seen mostly "
            "by the slowest.",
            {
                "mix": {"pi4": 0.2, "pi_zero": 0.3, "phone": 0.5},
                "alpha": 0.1,
                "slow_class": 1,
                "horizon_s": 450.0,
            },
            metric="worst_decile_accuracy",
        ),
        "old phones": _entry(
            "Old phones",
            "Whose data are missing where the training step does not fit?",
            "Nine in ten phones are old and offer training 614 KiB: too little for the step, "
            "unless its batch is cut into pieces or only a part is trained.",
            {
                "mix": {"phone_low": 0.9, "phone": 0.1},
                "app_memory_share": 0.0003,
                "straggler_share": 0.6,
                "dropout": 0.15,
                "exclude_small": True,
                "horizon_s": 300.0,
            },
            methods=_RIVALS,
            metric="accuracy_phone_low",
        ),
        "fall-detecting watches": _entry(
            "Fall-detecting watches",
            "Who never waits empties the batteries sooner: how many watches have charge left?",
            "Watches and the phones of their owners, one person each; training may use three "
            "hundredths of a battery until it is charged again.",
            {
                "mix": {"watch": 0.8, "phone": 0.2},
                "batteries": True,
                "battery_share": 0.03,
                "concurrency": 10,
                "buffer": 5,
                "horizon_s": 1_400.0,
            },
            metric="survival",
        ),
        "the authors' stress test": _entry(
            "The authors' stress test",
            "The authors save 81 % of the time, 80 % of the memory, 69 % of the bytes: do we?",
            "500 devices, nine in ten of them ten times slower.",
            {"clients": 500, "horizon_s": _HOUR_S},
        ),
    }
)
"""The fleets by name, in the order of their cards."""


def gallery(name: str) -> Entry:
    """Return a fleet of the gallery by name.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> gallery("old phones").comparison.scenario.mix["phone_low"]
        0.9
    """
    choice("fleet", name, GALLERY)
    return GALLERY[name]
