"""The capstone's brief: a fleet, limits on memory, bytes and accuracy, and a judge with seeds of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ftte_lab._common import require
from ftte_lab.course.lessons import lesson
from ftte_lab.course.sandbox import call
from ftte_lab.lab import Settings
from ftte_lab.simulation import METHODS, History, Scenario, run

FREE = (
    "budget_kib",
    "payload_share",
    "solver",
    "buffer",
    "concurrency",
    "age_exponent",
    "variance_exponent",
    "seed",
    "server_rate",
    "evaluations",
    "method",
    *METHODS["ftte"],
)
"""Fields of the scenario that a submission may choose; all others are the fleet's."""


@dataclass(frozen=True)
class Limits:
    """What the brief asks for, on the mean over the seeds; gains are points above FTTE's defaults on the same seed."""

    peak_kib: float
    upload_mib: float
    gain: float
    slowest_gain: float
    open_seeds: tuple[int, ...] = (1, 2, 3)
    hidden_seeds: tuple[int, ...] = (311, 312, 313)

    def start(self, size: str = "lab", **changes: Any) -> Settings:
        """The brief's fleet with the defaults of FTTE, to begin from.

        Args:
            size: of the lesson, see `lessons.lesson`.
            changes: fields of the scenario, and `rate` for FTTE's server rate.

        Raises:
            ValueError: an unknown field, or a value out of range.
        """
        given = lesson("10", size)
        rates = {**given.server_rates, "ftte": changes.pop("rate", given.server_rates["ftte"])}
        return Settings(given.scenario.replace(**changes), methods=("ftte",), rates=rates)


LIMITS = Limits(peak_kib=200, upload_mib=45, gain=1.0, slowest_gain=0.0)
BRIEF = f"""The brief. A maker of wrist sensors ships a model after 200 training steps; the fleet must finish it.
The fleet: 100 devices, half of them sensors, nine in ten of them slow, one person each; 20 virtual minutes.
A first proposal, the defaults, holds 256 KiB in a training step. That is too much. Do better:
  memory    a training step holds at most {LIMITS.peak_kib:g} KiB on any device
  bytes     all devices together upload at most {LIMITS.upload_mib:g} MiB
  accuracy  at least {LIMITS.gain:g} points above the first proposal, at the end
  slowest   on the data of the slowest tenth of the devices not below the first proposal
Each is the mean over three seeds that you do not know; gains are counted seed by seed."""


@dataclass(frozen=True)
class Line:
    """One line of the brief: what was reached, the limit, and what is to spare (negative: it fails)."""

    value: float
    limit: float
    spare: float
    unit: str

    def __str__(self) -> str:
        sign = "≤" if (self.limit - self.value) * self.spare > 0 else "≥"
        state = "holds" if self.spare >= 0 else "FAILS"
        return f"{self.value:6.1f} {self.unit} ({sign} {self.limit:g}): {state}, {self.spare:+.1f} {self.unit} to spare"


@dataclass(frozen=True, eq=False)
class Judged:
    """What a submission reached, a `Line` by name, and its runs, one per seed."""

    lines: Mapping[str, Line]
    histories: Sequence[History]

    @property
    def meets(self) -> bool:
        """Whether every line holds."""
        return all(line.spare >= 0 for line in self.lines.values())

    def __str__(self) -> str:
        return "\n".join(f"  {name:<9}{line}" for name, line in self.lines.items())

    __repr__ = __str__


def judge(settings: Settings, seeds: Sequence[int] = LIMITS.hidden_seeds) -> Judged:
    """Run a submission on seeds and hold it against the limits; about five seconds for a new seed.

    The first proposal has the same fleet and seed, and the defaults of FTTE for the rest.

    Raises:
        ValueError: no seed, or settings that cannot be run.
    """
    require(len(seeds) > 0, "no seed to judge by", "at least one")
    ours = [_run(_judged(settings).replace(seed=seed)) for seed in seeds]
    first = [_run(_first_proposal(settings.scenario).replace(seed=seed)) for seed in seeds]
    peak = max(float(h.facts["peak_memory_bytes"]) for h in ours) / 1024
    sent = float(np.mean([h.points["upload_bytes"].iloc[-1] for h in ours])) / 2**20
    gain, slowest = (
        float(
            np.mean([100 * (a.final(of) - b.final(of)) for a, b in zip(ours, first, strict=True)])
        )
        for of in ("accuracy", "straggler_accuracy")
    )
    lines = {
        "memory": Line(peak, LIMITS.peak_kib, LIMITS.peak_kib - peak, "KiB"),
        "bytes": Line(sent, LIMITS.upload_mib, LIMITS.upload_mib - sent, "MiB"),
        "accuracy": Line(gain, LIMITS.gain, gain - LIMITS.gain, "points"),
        "slowest": Line(slowest, LIMITS.slowest_gain, slowest - LIMITS.slowest_gain, "points"),
    }
    return Judged(lines, ours)


@lru_cache(maxsize=64)
def _run(scenario: Scenario) -> History:
    return run(scenario)


def _first_proposal(scenario: Scenario) -> Scenario:
    size = "lab" if scenario.clients == lesson("10").scenario.clients else "ci"
    return _judged(LIMITS.start(size))


def _judged(settings: Settings) -> Scenario:
    """The one method of the settings that is judged: FTTE if it is among them."""
    runs = settings.runs()
    return runs.get("ftte") or next(iter(runs.values()))


def fails(submission: Any) -> str | None:
    """Why a submission does not meet the brief, or `None` if it does. It may be settings, a code, or return one."""
    settings = _read(submission)
    if isinstance(settings, str):
        return settings
    foreign = _changed(settings.scenario)
    if foreign:
        return f"that is another fleet: {', '.join(foreign)} must stay as the brief has them."
    result = judge(settings)
    return None if result.meets else f"on the hidden seeds:\n{result}"


def told(submission: Any) -> str:
    """The margins of a submission that meets the brief."""
    settings = _read(submission)
    return "" if isinstance(settings, str) else f"On the hidden seeds:\n{judge(settings)}"


def _read(submission: Any) -> Settings | str:
    """Settings, or why there are none."""
    if callable(submission):
        submission = call(submission, ())
    if isinstance(submission, Settings):
        return submission
    try:
        require(
            isinstance(submission, str),
            f"a {type(submission).__name__} was returned",
            "lab.code, a text",
        )
        return Settings.restore(submission)
    except ValueError as error:
        return str(error)


def _changed(scenario: Scenario) -> list[str]:
    given, plain = scenario.to_dict(), lesson("10").scenario.to_dict()
    return [name for name in plain if name not in FREE and given[name] != plain[name]]
