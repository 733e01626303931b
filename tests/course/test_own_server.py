"""A student's server is fed with the stream of the fleet: FedBuff's passes, and nothing else."""

from typing import Any

import numpy as np
import pytest

from ftte_lab.course.exercises import lesson06
from ftte_lab.course.own_server import CAPACITIES, fleet, in_fleet, picture
from tests.course.answers import solution_of

MINE = solution_of("06c")


def ignores_age(server: Any, update: Any, started: int) -> None:
    lesson06.my_receive(server, update, server.version)


def keeps_the_buffer(server: Any, update: Any, started: int) -> None:
    lesson06.my_receive(server, update, started)
    server.buffer = server.buffer or [0 * update]  # one of the step before stays


def never_steps(server: Any, update: Any, started: int) -> None:
    server.buffer.append(update)


def test_server_of_a_student_gives_the_librarys_run() -> None:
    assert lesson06.wrong_server(MINE) is None
    assert in_fleet(MINE) is None
    assert max(fleet(CAPACITIES[0]).timeline.staleness) > 0
    drawn = str(picture(MINE).spec()["datasets"])
    assert "K = 4, yours" in drawn
    assert "K = 1, yours" in drawn


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (ignores_age, "away from the library's"),
        (never_steps, "step 1 is"),
        (keeps_the_buffer, "your server stepped after"),
    ],
)
def test_another_server_is_found(wrong: Any, words: str) -> None:
    assert "has the model" in str(lesson06.wrong_server(wrong))
    assert words in str(in_fleet(wrong))


def test_model_of_another_shape_is_refused() -> None:
    def grows(server: Any, update: Any, started: int) -> None:
        server.model = np.append(server.model, 0.0)

    with pytest.raises(ValueError, match="shape"):
        in_fleet(grows)
