"""A student's step runs in the engine: the library's step gives the library's run there."""

from typing import Any

import numpy as np
import pytest

from ftte_lab import run
from ftte_lab.course import check
from ftte_lab.course.exercises import lesson07
from ftte_lab.course.own_step import LEAST_ACCURACY, SEEDS, faulty_fleet, survives
from ftte_lab.server import server_step
from tests.course.answers import solution_of


def test_step_that_is_the_librarys_gives_the_same_run() -> None:
    steps = []

    def counted(*given: Any, **named: Any) -> Any:
        steps.append(1)
        return server_step(*given, **named)

    scenario = faulty_fleet(SEEDS[0])
    own, plain = run(scenario, processes=1, step=counted), run(scenario, processes=1)
    assert own.points.equals(plain.points)
    assert len(steps) == plain.points["version"].iloc[-1]


@pytest.mark.parametrize("seed", SEEDS)
def test_plain_mean_is_ruined_and_an_honest_fleet_is_not(seed: int) -> None:
    scenario = faulty_fleet(seed)
    assert run(scenario, processes=1).final() < LEAST_ACCURACY - 0.2
    assert run(scenario.replace(fault="none"), processes=1).final() > LEAST_ACCURACY + 0.2


def test_only_a_step_that_survives_passes() -> None:
    assert survives(solution_of("07c")) is None
    assert "reach at least 50 %" in str(survives(lesson07.plain_step))
    for odd in (lambda model, updates: model[:3], lambda model, updates: model * np.nan):
        with pytest.raises(ValueError, match="like the model"):
            survives(odd)


def test_wrong_share_is_measured_again() -> None:
    code, share, words = solution_of("07d")()
    assert "Measure it again" in check("07d", lambda: (code, 2 * share, words)).text
