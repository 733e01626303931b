"""A student's rounds run in the fleet: FedAvg passes there, and nothing else does."""

from typing import Any

import numpy as np
import pytest

from ftte_lab.course import check, one_round
from ftte_lab.course.exercises import lesson01
from ftte_lab.course.own_rounds import ROUNDS, accuracies, fleet, in_fleet, picture, trainer
from ftte_lab.models import flatten_trained
from tests.course.answers import solution_of

MINE = solution_of("01c")


def test_trainer_trains_as_the_library_does() -> None:
    prepared = fleet()
    subset, federation = prepared.plan.subset, prepared.federation
    start = np.asarray(flatten_trained(federation.model, subset, federation.params))
    train, done = trainer(prepared), one_round(prepared, number=3)
    for client, row in enumerate(done.rows):
        assert np.abs(train(start, client, 3) - start - np.asarray(row)).max() < 1e-6


def test_rounds_of_fedavg_pass_and_their_curve_is_the_librarys() -> None:
    assert in_fleet(MINE) is None
    drawn = str(picture(MINE).spec()["datasets"])
    assert drawn.count("'yours'") == drawn.count('"the library\'s"') >= ROUNDS


def test_ten_rounds_learn() -> None:
    models = MINE(*_arguments())
    first, last = accuracies(np.array([models[0], models[-1]]))
    assert last > first


def _arguments() -> tuple[Any, ...]:
    prepared = fleet()
    federation = prepared.federation
    start = np.asarray(flatten_trained(federation.model, prepared.plan.subset, federation.params))
    return start, [len(own) for own in federation.shards.train], trainer(prepared), ROUNDS


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lesson01.counts_all_the_same, "round 1 is"),
        (lesson01.begins_again, "round 2 is"),
        (lesson01.trains_in_turn, "round 1 is"),
        (lambda model, *_: [model] * 3, "shape (3,"),
        (lambda model, *_: [model * np.nan] * ROUNDS, "round 1 is nan"),
    ],
)
def test_what_is_not_fedavg_is_found_in_the_fleet(wrong: Any, words: str) -> None:
    assert words in str(in_fleet(wrong))


def test_check_draws_the_curve_of_an_answer_that_passed(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("01c", MINE)
    assert "yours" in capsys.readouterr().out
    assert not check("01c", lesson01.begins_again)
    assert "yours" not in capsys.readouterr().out
