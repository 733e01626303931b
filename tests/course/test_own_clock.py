"""A student's clock runs in the fleet: the library's steps pass there, and nothing else does."""

from typing import Any

import numpy as np
import pytest

from ftte_lab.course import check
from ftte_lab.course.exercises import lesson05
from ftte_lab.course.own_clock import Devices, counted, fleet, in_fleet, picture
from tests.course.answers import solution_of

MINE = solution_of("05c")


def test_devices_start_in_their_order_and_then_there_are_none() -> None:
    begin = Devices([2.0, 1.0])
    assert [begin(1.0), begin(5.0), begin(6.0)] == [3.0, 6.0, float("inf")]


def test_clock_of_a_student_finds_the_librarys_steps() -> None:
    assert in_fleet(MINE) is None
    assert len(fleet("fedbuff").timeline.step_s) > len(fleet("fedavg").timeline.step_s) > 2


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lesson05.never_waits, "server that waits made"),
        (lesson05.always_waits, "server that does not wait made"),
        (lambda *given: [t + 1 for t in lesson05.my_clock(*given)], "step 1 of the server that w"),
        (lambda *given: [np.nan] * len(lesson05.my_clock(*given)), "came at nan s"),
    ],
)
def test_another_clock_is_found_in_the_fleet(wrong: Any, words: str) -> None:
    assert words in str(in_fleet(wrong))


def test_picture_runs_the_engine_along_the_steps_of_the_student() -> None:
    early = picture(lambda *given: [t / 2 for t in lesson05.my_clock(*given)])
    points = next(iter(early.spec()["datasets"].values()))
    name = next(key for key, value in points[0].items() if "library" in str(value))
    latest: dict[str, float] = {}
    for point in points:
        minutes = max(v for v in point.values() if isinstance(v, float))
        latest[point[name]] = max(latest.get(point[name], 0.0), minutes)
    assert latest["waits, yours"] < 0.6 * latest["waits, the library's"]


def test_report_says_how_often_each_server_stepped() -> None:
    waits, goes_on = (float(word) for word in counted(MINE).split() if word.isdigit())
    assert waits > 4 * goes_on


def test_a_code_of_another_fleet_or_a_wrong_number_is_refused() -> None:
    code, seconds, words = solution_of("05d")()
    assert check("05d", lambda: (code, seconds, words))
    for given, why in {
        (code, 2 * seconds, words): "Measure it again",
        (code, seconds, "Short. Bad."): "write two sentences",
        (code, seconds, words * 9): "at most 600",
        ("ftte2-nonsense", seconds, words): "code",
        (code, seconds): "three things",
    }.items():
        assert why in check("05d", lambda given=given: given).text
