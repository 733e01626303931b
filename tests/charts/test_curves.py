"""Curves: lines, bands and targets follow the record."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab import charts
from ftte_lab.charts.curve_axes import CURVE_HEIGHT
from ftte_lab.charts.curve_labels import spread
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
        {"ftte": [histories["ftte"].points]}, live=charts.LiveView(pinned={"A": {"fedavg": [low]}})
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


def points(*accuracies: float) -> dict[str, list[float]]:
    """Points at 0, 10, 20, ... s."""
    return {"sim_seconds": [10.0 * k for k in range(len(accuracies))], "accuracy": [*accuracies]}


@given(st.lists(st.floats(-50, 350), min_size=1, max_size=12))
def test_spread_keeps_order_and_distance_and_moves_nothing_that_has_room(
    wanted: list[float],
) -> None:
    placed = spread(wanted, 17.0, 8.0, 272.0)
    assert min(placed) >= 8.0 - 1e-6
    assert max(placed) <= 272.0 + 1e-6
    order = np.argsort(wanted, kind="stable")
    assert all(b - a >= 17.0 - 1e-6 for a, b in pairwise(np.array(placed)[order]))
    ranked = sorted(wanted)
    roomy = all(b - a >= 17.0 for a, b in pairwise(ranked))
    if roomy and ranked[0] >= 8.0 and ranked[-1] <= 272.0:
        assert placed == pytest.approx(wanted)


def test_names_stand_at_line_ends_without_touching() -> None:
    runs = {
        name: [points(0.8, 0.9, 0.9 + k / 1000)]
        for k, name in enumerate(("fedavg", "fedbuff", "ftte"))
    }
    figure = charts.curves(runs, width_s=0)
    names = figure.rows("names")
    assert [row["text"] for row in names] == ["FedAvg 90.0 %", "FedBuff 90.1 %", "FTTE 90.2 %"]
    assert all(row["x"] == 20.0 for row in names)
    assert figure.signals is not None
    span = figure.signals["y_high"] - figure.signals["y_low"]
    heights = [CURVE_HEIGHT * row["y"] / span for row in names]
    assert all(b - a >= 17 - 1e-6 for a, b in pairwise(heights))
    spec = figure.spec()
    assert "legend" not in str([layer["encoding"].get("color") for layer in spec["layer"]]).replace(
        "'legend': None", ""
    )


def test_drops_write_when_the_target_is_reached() -> None:
    runs = {"fedavg": [points(0.8, 0.85, 0.9)], "ftte": [points(0.8, 0.9, 0.95)]}
    live = charts.LiveView(target=0.9)
    figure = charts.curves(runs, width_s=0, live=live)
    drops = {row["arm"]: row for row in figure.rows("drops")}
    assert {arm: (row["x"], row["y"], row["text"]) for arm, row in drops.items()} == {
        "FTTE": (10.0, 0.9, "10 s"),
        "FedAvg": (20.0, 0.9, "20 s"),
    }
    assert figure.signals is not None
    assert all(row["floor"] == figure.signals["y_low"] for row in drops.values())
    assert len({row["at"] for row in drops.values()}) == 2, "each time has a row of its own"
    assert [row["text"] for row in figure.rows("target")] == ["target 90.0 %"]
    assert charts.curves(runs, width_s=0, target=0.8, live=live).rows("target")[0]["y"] == 0.8
    loss = {name: [{**p, "loss": p["accuracy"]} for p in seeds] for name, seeds in runs.items()}
    assert charts.curves(loss, metric="loss", width_s=0, live=live).rows("target") == []


@pytest.mark.parametrize(
    ("values", "target", "low", "high", "note"),
    [
        ((0.85, 0.9, 0.97), None, 0.85, 1.0, "axis from 85 %"),
        ((0.15, *[0.9] * 9), None, 0.85, 0.95, "axis from 85 %; lowest value 15 %"),
        ((0.15, *[0.9] * 9), 0.7, 0.65, 0.95, "axis from 65 %; lowest value 15 %"),
        ((0.1, 0.2, 0.3), None, 0.0, 0.35, ""),
    ],
)
def test_axis_is_cropped_to_the_data_and_says_so(
    values: tuple[float, ...], target: float | None, low: float, high: float, note: str
) -> None:
    figure = charts.curves({"ftte": [points(*values)]}, width_s=0, target=target)
    assert figure.signals is not None
    assert (figure.signals["y_low"], figure.signals["y_high"]) == pytest.approx((low, high))
    assert [row["text"] for row in figure.rows("cut")] == ([note] if note else [])
    assert note in figure.alt_text


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 1) | st.none())
def test_axis_always_shows_ends_and_target(values: list[float], target: float | None) -> None:
    figure = charts.curves({"ftte": [points(*values)]}, width_s=0, target=target)
    assert figure.signals is not None
    low, high = figure.signals["y_low"], figure.signals["y_high"]
    assert 0 <= low < high <= 1
    for shown in (values[-1], max(values), *([target] if target else [])):
        assert low - 1e-9 <= shown <= high + 1e-9


def test_pinned_runs_carry_their_letters(histories: dict[str, History]) -> None:
    one = {name: [h.points] for name, h in histories.items()}
    live = charts.LiveView(pinned={"A": one, "B": {"ftte": one["ftte"]}})
    figure = charts.curves(one, live=live)
    rings = figure.rows("rings")
    assert {(row["letter"], row["arm"]) for row in rings} == {
        ("A", "FedAvg"),
        ("A", "FTTE"),
        ("B", "FTTE"),
    }
    places = {letter: {r["x"] for r in rings if r["letter"] == letter} for letter in "AB"}
    assert places["A"].isdisjoint(places["B"])
    named = [row["text"].rpartition(" ")[0].rpartition(" ")[0] for row in figure.rows("names")]
    assert sorted(named) == sorted(["FedAvg", "FTTE", "FedAvg (A)", "FTTE (A)", "FTTE (B)"])
    assert len(figure.rows("pinned")) == sum(len(h.points) for h in histories.values()) + len(
        histories["ftte"].points
    )
