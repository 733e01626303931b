"""Curves: lines, bands and targets follow the record."""

import pytest

from ftte_lab import charts
from ftte_lab.simulation import History
from tests.charts.conftest import png_size


def test_accuracy_shows_all_points_and_the_first_at_the_target(
    histories: dict[str, History],
) -> None:
    target = 0.9 * histories["fedavg"].best()
    figure = charts.accuracy(histories, target=target)
    for name, label in (("fedavg", "FedAvg"), ("ftte", "FTTE")):
        raw = [row["y"] for row in figure.rows("raw") if row["arm"] == label]
        assert raw == histories[name].points["accuracy"].tolist()
        smooth = [row["y"] for row in figure.rows("curves") if row["arm"] == label]
        assert smooth == histories[name].smoothed().tolist()
        [dot] = [row for row in figure.rows("reached") if row["arm"] == label]
        assert dot["x"] == pytest.approx(histories[name].time_to(target))
    assert "FedAvg ends at" in figure.alt_text
    assert "reaches" in figure.alt_text
    width, height = png_size(figure)
    assert width > 900
    assert height > 400
    assert "never reaches" in charts.accuracy(histories, target=1.0).alt_text


def test_curves_draw_an_unfinished_seed_as_a_thin_line(
    histories: dict[str, History],
) -> None:
    finished = [histories["fedavg"].points, histories["ftte"].points]
    growing = histories["ftte"].points.iloc[:4]
    figure = charts.curves({"ftte": finished}, live=charts.LiveView(growing={"ftte": growing}))
    alone = charts.curves({"ftte": finished})
    assert figure.rows("band") == alone.rows("band")
    assert figure.rows("curves") == alone.rows("curves")
    assert len(figure.rows("raw")) == 4
    assert alone.rows("raw") == []
    for row in figure.rows("band"):
        assert 0 <= row["low"] <= row["high"] <= 1


def test_curves_widen_the_axis_for_pinned_runs(histories: dict[str, History]) -> None:
    low = histories["fedavg"].points.assign(accuracy=0.04)
    figure = charts.curves(
        {"ftte": [histories["ftte"].points]}, live=charts.LiveView(pinned={"fedavg": [low]})
    )
    assert figure.signals is not None
    assert figure.signals["y_low"] == 0.0
    assert len(figure.rows("pinned")) == len(low)


@pytest.mark.parametrize("of", ["updates", "upload_bytes", "total_bytes", "energy_j"])
def test_accuracy_draws_over_every_axis(histories: dict[str, History], of: str) -> None:
    assert png_size(charts.accuracy(histories, of=of))[0] > 900


def test_curves_show_short_runs_in_seconds_and_long_ones_in_minutes(
    histories: dict[str, History],
) -> None:
    points = histories["ftte"].points
    short, long = (
        charts.curves({"ftte": [points]}),
        charts.curves({"ftte": [points]}, live=charts.LiveView(end=2400.0)),
    )
    assert "virtual time, seconds" in short.alt_text
    assert "virtual time, minutes" in long.alt_text
    assert short.rows("curves")[-1]["x"] == pytest.approx(60 * long.rows("curves")[-1]["x"])
    assert long.signals is not None
    assert long.signals["x_end"] == 40
    assert [charts.seconds(s) for s in (0.0, 0.0163, 0.5, 3.21, 61.0)] == [
        "0.0 s",
        "16 ms",
        "500 ms",
        "3.2 s",
        "61 s",
    ]
