"""The capstone refuses submissions that cannot count, without training."""

from typing import Any

import pytest

from ftte_lab.course import LIMITS, check
from ftte_lab.course.capstone import Line


def test_capstone_refuses_other_fleets_and_damaged_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    def trains(_: Any) -> None:
        raise RuntimeError("it was about to train")

    monkeypatch.setattr("ftte_lab.course.capstone._run", trains)
    for wrong, reason in (
        (LIMITS.start(clients=50).code(), "another fleet: clients"),
        (LIMITS.start(mix={"phone": 1.0}, horizon_s=9e3).code(), "another fleet: mix, horizon_s"),
        (LIMITS.start().replace(own={"ftte": {"clients": 50}}).code(), "another fleet: clients"),
        ("ftte1-nonsense", "cut off or mistyped"),
        (lambda: 5, "of type int"),
        (lambda: 1 / 0, "ZeroDivisionError"),
    ):
        assert reason in check("10a", wrong).text
    text = "could not be checked (RuntimeError: it was about to train)"
    assert text in check("10a", LIMITS.start().code()).text


def test_capstone_refuses_a_budget_that_nothing_fits() -> None:
    text = check("10a", LIMITS.start(budget_kib=64.0).code()).text
    assert "no subset fits the budget you set" in text


def test_line_shows_limit_and_margin() -> None:
    at_most, at_least = Line(190.0, 200.0, 10.0, "KiB"), Line(0.5, 1.0, -0.5, "points")
    assert str(at_most) == " 190.0 KiB (≤ 200): holds, margin +10.0 KiB"
    assert str(at_least) == "   0.5 points (≥ 1): FAILS, margin -0.5 points"
