"""What a class predicted: one bar per choice, and the measured one only if asked for."""

import pytest

from ftte_lab import charts
from ftte_lab.charts.style import THEMES
from tests.charts.conftest import png_size

COUNTS = {"slower": 4, "the same": 0, "more than three times faster, on every device": 11}


def test_bars_show_every_choice_in_the_order_asked() -> None:
    figure = charts.guesses(COUNTS, "How fast?")
    assert {row["name"]: row["count"] for row in figure.rows("choices")} == COUNTS
    assert [row["place"] for row in figure.rows("choices")] == [0, 1, 2]
    for theme in THEMES.values():
        title = figure.spec(theme)["title"]
        assert (title["text"], title["subtitle"]) == ("How fast?", "15 predictions")
    assert png_size(figure)[0] > 900


def test_measured_choice_is_a_secret_unless_given() -> None:
    assert "measured" not in str(charts.guesses(COUNTS, "How fast?").spec())
    shown = charts.guesses(COUNTS, "How fast?", measured="the same")
    assert [row["text"] for row in shown.rows("choices")] == ["4", "0, measured", "11"]
    with pytest.raises(ValueError, match="measured"):
        charts.guesses(COUNTS, measured="faster")


def test_no_choice_and_too_many_are_refused() -> None:
    for counts in ({}, {str(k): 1 for k in range(13)}, {"a": -1}):
        with pytest.raises(ValueError, match="allowed"):
            charts.guesses(counts)
    assert charts.guesses({"x" * 500: 0}).rows("choices")[0]["name"] == "…"
