"""Check the protocols of the server."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ftte_lab.server import Policy


def test_policy_builders_match_the_published_protocols() -> None:
    assert Policy.synchronous(10) == Policy(10, 10, "step")
    assert Policy.synchronous(10, 0.3) == Policy(13, 10, "step", None, True)
    assert Policy.synchronous(10, 0.1).concurrency == 11  # though 10 * 1.1 is a little more than 11
    assert Policy.synchronous(10, 0.11).concurrency == 12
    assert Policy.buffered(30, 10, 20) == Policy(30, 10, "arrival", 20, False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((0, 1), "concurrency = 0; allowed"),
        ((1, 0), "buffer = 0; allowed"),
        ((1, 1, "steps"), "Did you mean 'step'"),
        ((1, 1, "arrival", -1), "max_staleness = -1; allowed"),
        ((2, 3, "step"), "buffer = 3; allowed: 1 to 2"),
        ((2, 2, "arrival", None, True), "discard_late with refill = 'arrival'; allowed"),
    ],
)
def test_policy_explains_wrong_arguments(arguments: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Policy(*arguments)


@pytest.mark.parametrize(("cohort", "over"), [(0, 0.0), (3, -0.1), (3, math.inf)])
def test_policy_synchronous_explains_wrong_arguments(cohort: int, over: float) -> None:
    with pytest.raises(ValueError, match="; allowed"):
        Policy.synchronous(cohort, over)
