"""The ladder: a row for each rung, its costs as numbers, and what was never reached."""

import pandas as pd
import pytest

from ftte_lab import charts
from ftte_lab.charts.style import THEMES
from ftte_lab.simulation import History
from tests.charts.conftest import png_size

FACTS = {"peak_memory_bytes": 2048, "upload_bytes_per_update": 512}


def record(accuracy: list[float]) -> History:
    table = {"sim_seconds": [0.0, 10.0, 20.0], "accuracy": accuracy}
    return History({"horizon_s": 20.0}, pd.DataFrame(table), FACTS)


LOW, HIGH = record([0.1, 0.2, 0.2]), record([0.1, 0.9, 0.9])


def test_ladder_has_four_numbers_in_each_row() -> None:
    figure = charts.ladder({"1 low": LOW, "2 high": HIGH}, {"other": HIGH}, target=0.5)
    rows = figure.rows("bars")
    assert len(rows) == 3 * 4
    assert [r["text"] for r in rows if r["rung"] == "1 low"] == ["not reached", "2", "0.5", "20"]
    reached = f"{HIGH.time_to(0.5):.0f}"
    assert [r["text"] for r in rows if r["rung"] == "2 high"] == [reached, "2", "0.5", "90"]
    assert {r["rung"] for r in rows if not r["own"]} == {"other"}
    assert "1 low not reached, 2 KiB, 0.5 KiB sent, 20 %" in figure.alt_text
    for theme in THEMES.values():
        columns = figure.spec(theme)["hconcat"]
        assert len(columns) == 4
        assert "seconds to 50 %" in str(columns[0])
    assert png_size(figure)[0] > 900


def test_ladder_refuses_in_words() -> None:
    for rungs, beside, target, words in [
        ({}, {}, 0.5, "no rung to draw"),
        ({"a": LOW}, {"a": LOW}, 0.5, "two rows have the name"),
        ({"a": LOW}, {}, 1.5, "target = 1.5"),
    ]:
        with pytest.raises(ValueError, match=words):
            charts.ladder(rungs, beside, target=target)
