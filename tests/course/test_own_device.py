"""A student's device is fitted to timed steps and messages, and its fleet makes the timeline."""

import itertools
import re
from typing import Any

import numpy as np
import pytest

from ftte_lab.course import check, lesson, timed_messages, timed_steps
from ftte_lab.course.exercises import lesson13
from ftte_lab.course.own_device import compared, fleet, in_fleet, picture, speed_alone_s
from ftte_lab.lab import Settings
from notebooks._build import course
from tests.course.answers import function_of, solution_of, source_of

CELL = course.answered(source_of("13c"))
MINE = function_of(CELL)


def by_median(timed_steps: Any, timed_messages: Any, steps: Any, messages: Any) -> float:
    """Take the median of each size: another right answer."""
    total = 0.0
    for timed, sizes in ((timed_steps, steps), (timed_messages, messages)):
        x = sorted({size for size, _ in timed})
        y = [np.median([seconds for size, seconds in timed if size == one]) for one in x]
        each, fixed = np.polyfit(x, y, 1)
        total += sum(fixed + each * size for size in sizes)
    return total


def by_slopes(timed_steps: Any, timed_messages: Any, steps: Any, messages: Any) -> float:
    """Take the median slope of all pairs (Theil and Sen): another right answer."""
    total = 0.0
    for timed, sizes in ((timed_steps, steps), (timed_messages, messages)):
        pairs = itertools.combinations(timed, 2)
        slopes = [(t - s) / (b - a) for (a, s), (b, t) in pairs if a != b]
        each = float(np.median(slopes))
        fixed = float(np.median([seconds - each * size for size, seconds in timed]))
        total += sum(fixed + each * size for size in sizes)
    return total


@pytest.mark.parametrize("answer", [MINE, by_median, by_slopes])
def test_any_fit_that_survives_delays_passes(answer: Any) -> None:
    assert in_fleet(answer) is None
    assert check("13c", answer)


def test_what_was_timed_is_delayed_and_never_early() -> None:
    for timed in (timed_steps(), timed_messages()):
        sizes = sorted({size for size, _ in timed})
        each = {size: sorted(s for one, s in timed if one == size) for size in sizes}
        assert {len(seconds) for seconds in each.values()} == {4}
        assert sum(s[-1] > 2 * s[0] for s in each.values()) == 2
        assert timed != sorted(timed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seconds < quickest[size]", "True"),
        ("total += fixed + slope * size", "total += slope * size"),
        ("total += fixed + slope * size", "total += fixed + slope * size\n            fixed = 0"),
        ("for size in sizes", "for size in sizes[:1]"),
    ],
)
def test_another_job_is_found_in_the_fleet(old: str, new: str) -> None:
    assert old in CELL
    answer = function_of(CELL.replace(old, new))
    assert "your sensor takes" in str(in_fleet(answer))
    assert check("13c", answer).state == "failed"


def test_fleet_of_a_student_is_that_of_the_bench_and_the_librarys_is_not() -> None:
    seconds, true, mine, library, catalogue = (
        int(number) for number in re.findall(r"\d+", compared(MINE))
    )
    assert seconds == fleet().scenario.horizon_s
    assert abs(mine / true - 1) < 0.03
    assert 1.4 * true < library < catalogue
    assert in_fleet(lambda *given: speed_alone_s()) is not None


def test_picture_runs_the_engine_along_each_timeline() -> None:
    figure = picture(MINE)
    ends = dict(re.findall(r"(yours|true sensor|calibrate) ends at (\d+) %", figure.alt_text))
    assert abs(int(ends["yours"]) - int(ends["true sensor"])) <= 3
    assert int(ends["calibrate"]) > int(ends["yours"]) > 50


def test_short_messages_make_a_carrier_costly_and_the_buffer_does_not() -> None:
    plain = Settings(lesson("13"))
    costs = lesson13.carrier_costs
    assert 4 < costs(plain) < 7
    assert abs(costs(plain.set(buffer=1)) - costs(plain)) < 1
    assert costs(plain.set(local_steps=1)) < lesson13.LEAST_LOST < costs(plain.set(payload_bits=8))


def test_other_settings_and_numbers_do_not_pass() -> None:
    assert "find settings with 10 %" in str(lesson13.makes_it_costly(Settings(lesson("13"))))
    code, number, words = solution_of("13d")()
    assert check("13d", lambda: (code, number, words))
    assert "Measure it again" in check("13d", lambda: (code, number + 2, words)).text
    other = Settings(lesson("13")).set(payload_bits=8, budget_kib=36.0).code()
    assert "leave budget_kib" in check("13d", lambda: (other, number, words)).text
