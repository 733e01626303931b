"""Personal gains: each device is drawn once, in the bar of its gain."""

import numpy as np
import pytest

from ftte_lab import charts
from tests.charts.conftest import png_size

BEFORE = np.array([0.5, 0.5, 0.6, 0.6, 0.7, 0.8])
AFTER = np.array([0.7, 0.56, 0.6, 0.5, 0.72, 0.8])


def test_every_device_stands_in_the_bar_of_its_gain() -> None:
    figure = charts.personal_gain({"ftte": (BEFORE, AFTER)})
    rows = figure.rows("devices")
    assert sum(row["count"] for row in rows) == len(BEFORE)
    for gain in (AFTER - BEFORE).round(6):
        change = "worse" if gain < 0 else "better" if gain > 0 else "no change"
        edges = [(row["x"] - 0.002, row["x2"] + 0.002, row["change"]) for row in rows]
        assert change in {name for low, high, name in edges if low <= gain <= high}, gain
    heights = {row["count"]: round(row["y2"] - row["y"], 9) for row in rows}
    assert len({height / count for count, height in heights.items()}) == 1
    assert "17 % hurt, 50 % helped" in figure.alt_text
    ends = figure.signals or {}
    assert ends["low"] < min(row["x"] for row in rows)
    assert max(row["x2"] for row in rows) <= ends["high"]
    assert png_size(figure)[0] > 900


def test_marks_are_the_middle_and_the_worst_tenth() -> None:
    marks = {row["what"]: row for row in charts.personal_gain({"a": (BEFORE, AFTER)}).rows("marks")}
    assert marks["middle"]["x"] == pytest.approx(np.median(AFTER - BEFORE))
    assert marks["worst"]["x"] == pytest.approx(-0.1)
    assert [marks[name]["text"] for name in ("worst", "middle")] == ["worst tenth -10", "middle +1"]


def test_what_is_not_known_says_why_and_keeps_its_place() -> None:
    notes = {"fedavg": "after the run"}
    given = {"ftte": (BEFORE, AFTER)}
    figure = charts.personal_gain(given, notes, ("fedavg", "ftte", "other"), part="norms")
    heads = figure.rows("heads")
    assert [row["arm"] for row in heads] == ["FedAvg", "FTTE"]
    assert heads[0]["note"] == "after the run"
    assert {row["arm"] for row in figure.rows("devices")} == {"FTTE"}
    assert "norms of its own" in figure.alt_text
    assert "none yet" in charts.personal_gain({}, notes).alt_text
    assert "newcomer" in str(charts.personal_gain(given, newcomers=True).spec()["title"])
    with pytest.raises(ValueError, match="no method to draw"):
        charts.personal_gain({})
    with pytest.raises(ValueError, match="equally many"):
        charts.personal_gain({"ftte": ([0.5], [0.5, 0.6])})
