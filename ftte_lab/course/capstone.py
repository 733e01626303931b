"""The capstone: a fleet, limits on memory, bytes and accuracy, and a judge that trains."""

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
    *METHODS["ftte"].given,
)
"""Fields of the scenario that a submission may choose. The brief fixes all others."""


@dataclass(frozen=True)
class Limits:
    """What the brief asks for, on the mean over the seeds.

    Attributes:
        peak_kib: most KiB that a training step may hold.
        upload_mib: most MiB that all devices together may upload.
        gain: points of accuracy above FTTE's defaults on the same seed, at least.
        slowest_gain: the same on the data of the slowest tenth of the devices.
        open_seeds: seeds to try a fleet on.
        check_seeds: seeds that the check uses. A teacher judges by others, see `judge_folder`.
    """

    peak_kib: float
    upload_mib: float
    gain: float
    slowest_gain: float
    open_seeds: tuple[int, ...] = (1, 2, 3)
    check_seeds: tuple[int, ...] = (311, 312, 313)

    def start(self, size: str = "lab", **changes: Any) -> Settings:
        """Return the brief's fleet with FTTE's defaults, to begin from.

        Args:
            size: of the lesson, see `lesson`.
            changes: fields of the scenario, and `rate` for FTTE's server rate.

        Raises:
            ValueError: an unknown field, or a value out of range.

        Example:
            >>> LIMITS.start(budget_kib=190.0).scenario.budget_kib
            190.0
        """
        given = lesson("10", size)
        rates = {**given.rates, "ftte": changes.pop("rate", given.rates["ftte"])}
        return Settings(given.replace(methods=("ftte",), rates=rates).set(**changes))


LIMITS = Limits(peak_kib=200, upload_mib=45, gain=1.0, slowest_gain=0.0)
BRIEF = f"""\
The brief. A maker of wrist sensors ships a model after 200 training steps.
The fleet must finish it.
The fleet: 100 devices, half of them sensors, nine in ten of them slow, one person each.
The time: 20 virtual minutes.
A first proposal, FTTE's defaults, holds 256 KiB in a training step. That is too much. Do better:
  memory    a training step holds at most {LIMITS.peak_kib:g} KiB on any device
  bytes     all devices together upload at most {LIMITS.upload_mib:g} MiB
  accuracy  at least {LIMITS.gain:g} points above the first proposal, at the end
  slowest   on the data of the slowest tenth of the devices not below the first proposal
Each is the mean over three seeds that nobody has seen; gains are counted seed by seed."""


@dataclass(frozen=True)
class Line:
    """One line of the brief: what was reached, the limit, and the margin (negative: it fails)."""

    value: float
    limit: float
    margin: float
    unit: str

    @property
    def holds(self) -> bool:
        """Whether the limit is met."""
        return self.margin >= 0

    def __str__(self) -> str:
        sign = "≤" if (self.limit - self.value) * self.margin > 0 else "≥"
        state = "holds" if self.holds else "FAILS"
        return (
            f"{self.value:6.1f} {self.unit} ({sign} {self.limit:g}): "
            f"{state}, margin {self.margin:+.1f} {self.unit}"
        )


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a submission reached: a `Line` by name, and its runs, one per seed."""

    lines: Mapping[str, Line]
    histories: Sequence[History]

    @property
    def meets(self) -> bool:
        """Whether every line holds."""
        return all(line.holds for line in self.lines.values())

    def __str__(self) -> str:
        return "\n".join(f"  {name:<9}{line}" for name, line in self.lines.items())

    __repr__ = __str__


def judge(settings: Settings, seeds: Sequence[int] = LIMITS.check_seeds) -> Judgement:
    """Run a submission and compare it with the limits; a new seed takes about five seconds.

    The first proposal has the same fleet and seed, and FTTE's defaults for the rest.

    Args:
        settings: the submission.
        seeds: at least one.

    Raises:
        ValueError: no seed, or settings that cannot run.
    """
    require(len(seeds) > 0, "there is no seed to judge by", "at least one seed")
    submitted, proposed = _judged(settings), _first_proposal(settings.scenario)
    ours = [_run(submitted.replace(seed=seed)) for seed in seeds]
    first = [_run(proposed.replace(seed=seed)) for seed in seeds]
    peak = max(float(history.facts["peak_memory_bytes"]) for history in ours) / 1024
    sent = float(np.mean([history.points["upload_bytes"].iloc[-1] for history in ours])) / 2**20
    gain = _mean_gain(ours, first, "accuracy")
    slowest = _mean_gain(ours, first, "straggler_accuracy")
    lines = {
        "memory": Line(peak, LIMITS.peak_kib, LIMITS.peak_kib - peak, "KiB"),
        "bytes": Line(sent, LIMITS.upload_mib, LIMITS.upload_mib - sent, "MiB"),
        "accuracy": Line(gain, LIMITS.gain, gain - LIMITS.gain, "points"),
        "slowest": Line(slowest, LIMITS.slowest_gain, slowest - LIMITS.slowest_gain, "points"),
    }
    return Judgement(lines, ours)


def failure(submission: Any) -> str | None:
    """Return why a submission does not meet the brief, or `None` if it does.

    Args:
        submission: settings, a share code, or a function that returns one of them.
    """
    settings = _settings_of(submission)
    if isinstance(settings, str):
        return settings
    foreign = changed_fields(settings)
    if foreign:
        return f"that is another fleet: {', '.join(foreign)} must stay as the brief has them."
    # Only which lines fail: with the values one could climb until these seeds are met by chance.
    failing = [name for name, line in judge(settings).lines.items() if not line.holds]
    return f"on the seeds of the check {' and '.join(failing)} fail." if failing else None


def lines_held(submission: Any) -> float:
    """Return the share of the brief's lines that a submission holds; 0 for another fleet."""
    settings = _settings_of(submission)
    if isinstance(settings, str) or changed_fields(settings):
        return 0.0
    lines = judge(settings).lines.values()
    return sum(line.holds for line in lines) / len(lines)


def margins(submission: Any) -> str:
    """Return the margins of a submission that meets the brief, as text."""
    settings = _settings_of(submission)
    return "" if isinstance(settings, str) else f"On the seeds of the check:\n{judge(settings)}"


def _mean_gain(ours: Sequence[History], first: Sequence[History], column: str) -> float:
    """Return the mean gain over the seeds, in points."""
    gains = [100 * (a.final(column) - b.final(column)) for a, b in zip(ours, first, strict=True)]
    return float(np.mean(gains))


@lru_cache(maxsize=64)
def _run(scenario: Scenario) -> History:
    return run(scenario)


def _first_proposal(scenario: Scenario) -> Scenario:
    size = "lab" if scenario.clients == lesson("10").scenario.clients else "ci"
    return _judged(LIMITS.start(size))


def _judged(settings: Settings) -> Scenario:
    """Return the one run of the settings that is judged: FTTE if it is among them."""
    runs = settings.runs()
    return runs.get("ftte") or next(iter(runs.values()))


def _settings_of(submission: Any) -> Settings | str:
    """Return the settings, or why there are none."""
    if callable(submission):
        submission = call(submission, ())
    if isinstance(submission, Settings):
        return submission
    try:
        require(
            isinstance(submission, str),
            f"the submission is of type {type(submission).__name__}",
            "lab.code, a text",
        )
        return Settings.restore(submission)
    except ValueError as error:
        return str(error)


def changed_fields(settings: Settings) -> list[str]:
    """Return the fields that the brief fixes and the submission changed, for any method."""
    given, plain = settings.scenario.to_dict(), lesson("10").scenario.to_dict()
    changed = {name for name in plain if given[name] != plain[name]}
    for own in settings.comparison.own.values():
        changed |= {name for name, value in own.items() if value != plain[name]}
    return [name for name in plain if name in changed and name not in FREE]
