"""The course of a training step: its highest moment is the bill, and nothing needless happens."""

from typing import Any

import pytest

from ftte_lab.devices import ACCOUNTINGS, memory_course, training_bill
from ftte_lab.models import MODELS, build, full, head
from tests.oracles import SHAPES, subsets


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("name", list(MODELS))
def test_highest_moment_is_the_bill(name: str, recompute: bool) -> None:
    model = build(name, SHAPES.get(name, (2, 12, 12)), 5)
    for kind, subset in subsets(model, model.init(0)).items():
        for micro_batch in (None, 1, 3):
            for accounting in ACCOUNTINGS:
                how: dict[str, Any] = {"micro_batch": micro_batch, "recompute": recompute}
                course = memory_course(model, subset, 8, accounting, 0.9, **how)
                bill = training_bill(model, subset, 8, accounting, 0.9, **how)
                assert max(m.bytes for m in course) == bill.peak_bytes, (kind, how, accounting)


def test_course_goes_forward_and_back_as_far_as_something_is_trained() -> None:
    model = build("cnn", (1, 8, 8), 10)
    all_of_it, last = memory_course(model, full(model), 4), memory_course(model, head(model), 4)
    forward = [m.layer for m in all_of_it if m.stage == "forward"]
    assert [m.layer for m in last if m.stage == "forward"] == forward
    backward = [m.layer for m in all_of_it if m.stage == "backward"]
    assert list(dict.fromkeys(backward)) == forward[::-1]
    assert [m.layer for m in last if m.stage == "backward"] == ["head"]
    again = memory_course(model, full(model), 4, recompute=True)
    repeated = {m.layer for m in again if m.stage == "again"}
    assert {name for name in forward if name != "head"} <= repeated
    assert "head" not in repeated
    assert not [
        m for m in memory_course(model, head(model), 4, recompute=True) if m.stage == "again"
    ]
