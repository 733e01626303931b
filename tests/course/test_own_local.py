"""A student's local training runs in the engine: FedProx passes there, and nothing else does."""

from typing import Any

import numpy as np
import pytest

from ftte_lab.course import check, lesson
from ftte_lab.course.exercises import lesson02
from ftte_lab.course.own_local import compared, fleet, gradients, in_fleet, picture
from ftte_lab.lab import Settings
from ftte_lab.models import flatten_trained
from tests.course.answers import solution_of

MINE = solution_of("02c")


def test_each_local_step_has_a_batch_of_its_own() -> None:
    prepared = fleet("fedprox")
    federation = prepared.federation
    start = flatten_trained(federation.model, prepared.plan.subset, federation.params).numpy()
    gradient = gradients(prepared, int(prepared.timeline.buffer_of(0)[0]))
    first, second = gradient(start, 0), gradient(start, 1)
    assert first.shape == start.shape
    assert np.abs(first - second).max() > 1e-4
    assert np.array_equal(first, gradient(start, 0))


def test_local_training_of_a_student_is_the_librarys_fedprox() -> None:
    assert in_fleet(MINE) is None
    drawn = str(picture(MINE).spec()["datasets"])
    ours, theirs = "'pull, yours'", '"pull, the library\'s"'
    assert drawn.count(ours) == drawn.count(theirs) > 5


def test_pull_shortens_updates() -> None:
    words = compared(MINE).split()
    lengths = [float(word) for word in words if word.replace(".", "", 1).isdigit()]
    assert lengths[0] < 0.9 * lengths[1]


@pytest.mark.parametrize(
    "wrong",
    [
        lesson02.without_a_pull,
        lesson02.pushed_away,
        lesson02.pulled_to_zero,
        lesson02.always_at_the_start,
        lambda model, *_: model * np.nan,
    ],
)
def test_another_local_training_is_found_in_the_fleet(wrong: Any) -> None:
    assert "client 1 of round 1 ends" in str(in_fleet(wrong))


def test_model_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        in_fleet(lambda model, *_: model[:3])


def test_other_fleets_and_numbers_do_not_pass() -> None:
    code, number, words = solution_of("02d")()
    assert "Measure it again" in check("02d", lambda: (code, number + 0.1, words)).text
    assert "at most 0.25" in str(lesson02.too_unlike(Settings(lesson("02"))))
