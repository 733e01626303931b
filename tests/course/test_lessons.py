"""The scenarios of the course, at both sizes."""

import pytest

from ftte_lab import prepare
from ftte_lab.course import LESSONS, SIZES, lesson


@pytest.mark.parametrize("number", sorted(LESSONS))
def test_lesson_differs_in_ci_by_its_small_fields_only(number: str) -> None:
    lab, ci = (lesson(number, size) for size in SIZES)
    assert lab.about == ci.about
    changed = {k for k, v in ci.scenario.to_dict().items() if v != lab.scenario.to_dict()[k]}
    assert changed == {k for k, v in LESSONS[number].ci.items() if v != getattr(lab.scenario, k)}
    assert any(len(prepare(scenario).timeline.step_s) >= 1 for scenario in ci.runs().values())


def test_lesson_refuses_unknown_numbers_and_sizes() -> None:
    with pytest.raises(ValueError, match="lesson = '14'"):
        lesson("14")
    with pytest.raises(ValueError, match="size = 'big'"):
        lesson("00", "big")
