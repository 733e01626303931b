"""A hundred random scenarios: each is refused in a sentence, or its books balance.

`make fuzz ARGS=1000` runs more of them, with the same checks.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import pytest

from ftte_lab.simulation import SETTINGS, run
from tests.fuzz.books import record_of
from tests.fuzz.draws import draw_value
from tests.fuzz.runs import FIRST_SEED, Summary, outcomes

COUNT = 100
MOST_REFUSED = 0.4
SAMPLE = 6
CHILD = """
import sys
from ftte_lab.simulation import Scenario, run
from tests.fuzz.books import record_of
for line in sys.stdin:
    print(record_of(run(Scenario.from_json(line), processes=1)))
"""


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Run them once for all tests of this file."""
    found = Summary()
    for one in outcomes(COUNT, FIRST_SEED):
        found.add(one)
    return found


def test_every_scenario_is_refused_in_words_or_its_books_balance(summary: Summary) -> None:
    found = [
        f"seed {one.seed}: {one.scenario and one.scenario.to_json()}\n{one.failure}"
        for one in summary.failures
    ]
    assert not found, "\n".join(found)


def test_most_scenarios_run_and_some_are_refused(summary: Summary) -> None:
    assert 0 < summary.share_refused <= MOST_REFUSED


def test_the_runs_vary_every_setting(summary: Summary) -> None:
    assert not [name for name in SETTINGS if not summary.varied[name]]


def test_a_sample_gives_the_same_digits_in_another_process(summary: Summary) -> None:
    sample = random.Random(0).sample(summary.accepted, SAMPLE)  # noqa: S311 - no secret
    lines = [one.scenario.to_json() for one in sample if one.scenario is not None]
    done = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", CHILD],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert done.stdout.split() == [one.record for one in sample]


@pytest.mark.usefixtures("loaded_workers")
def test_a_sample_gives_the_same_digits_with_helpers(summary: Summary) -> None:
    sample = random.Random(1).sample(summary.accepted, 3)  # noqa: S311 - no secret
    for one in sample:
        assert one.scenario is not None
        assert record_of(run(one.scenario, processes=2)) == one.record


@pytest.mark.parametrize("name", SETTINGS)
def test_drawn_values_are_allowed_and_differ(name: str) -> None:
    rng = random.Random(5)  # noqa: S311 - no secret
    for small in (True, False):
        drawn = [draw_value(SETTINGS[name], rng, small=small) for _ in range(30)]
        for value in drawn:
            SETTINGS[name].check(value)
        assert len({json.dumps(value) for value in drawn}) > 1
