"""Run many random scenarios, and sum up what became of them."""

from __future__ import annotations

import random
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ftte_lab.simulation import DEFAULTS, Scenario
from tests.fuzz.books import RefusedError, audited, check_sentence, record_of
from tests.fuzz.draws import draw_scenario

FIRST_SEED = 20_000


@dataclass
class Outcome:
    """What became of the random scenario of one seed: a refusal, a record, or a failure."""

    seed: int
    scenario: Scenario | None = None
    refusal: str = ""
    record: str = ""
    failure: str = ""


@dataclass
class Summary:
    """What became of all of them; `varied` counts the runs in which a setting was no default."""

    outcomes: list[Outcome] = field(default_factory=list)
    varied: Counter[str] = field(default_factory=Counter)

    def add(self, one: Outcome) -> None:
        self.outcomes.append(one)
        if one.record and one.scenario is not None:
            values = one.scenario.to_dict()
            self.varied.update(name for name, value in values.items() if value != DEFAULTS[name])

    @property
    def accepted(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.record]

    @property
    def failures(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.failure]

    @property
    def share_refused(self) -> float:
        return sum(bool(one.refusal) for one in self.outcomes) / max(1, len(self.outcomes))


def outcome(seed: int) -> Outcome:
    """Draw the scenario of a seed and run it."""
    one = Outcome(seed)
    try:
        one.scenario = draw_scenario(random.Random(seed))  # noqa: S311 - no secret
    except ValueError as error:
        one.refusal = str(error)
        try:
            check_sentence(one.refusal)
        except AssertionError:
            one.failure = traceback.format_exc()
        return one
    try:
        one.record = record_of(audited(one.scenario))
    except RefusedError as error:
        one.refusal = str(error)
    except Exception:
        one.failure = traceback.format_exc()
    return one


def outcomes(count: int, seed: int = FIRST_SEED) -> Iterator[Outcome]:
    """Yield the outcomes of so many seeds."""
    for one in range(seed, seed + count):
        yield outcome(one)
