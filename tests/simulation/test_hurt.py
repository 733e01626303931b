"""A worker that is killed, stopped, slowed or garbled changes no digit and holds nobody up."""

import random

import pytest

from ftte_lab.simulation import Prepared
from tests import hurt

Run = tuple[Prepared, tuple[str, int]]


@pytest.fixture(scope="module")
def run() -> Run:
    prepared = hurt.scenarios()[0]
    return prepared, hurt.reference(prepared)


@pytest.mark.slow
@pytest.mark.parametrize("injury", hurt.INJURIES)
def test_a_hurt_worker_changes_no_digit(injury: str, run: Run) -> None:
    """Nothing is timed here: a worker that hung would hang the test."""
    rng = random.Random(f"{injury} 1")  # noqa: S311
    outcome = hurt.hurt(*run, injury, rng)
    assert outcome.hurt
    assert outcome.equal
