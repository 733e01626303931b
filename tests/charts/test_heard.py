"""Who is heard, what a training step holds, what is trained, what charge is left."""

import numpy as np
import pytest

from ftte_lab import charts
from ftte_lab.charts.style import THEMES
from ftte_lab.devices import memory_course
from ftte_lab.models import build, full, head
from ftte_lab.simulation import Prepared, prepare
from tests.charts.conftest import png_size
from tests.tiny import TINY


def test_accuracy_map_shows_each_row_between_evaluations() -> None:
    table = np.array([[0.2, 0.4, np.nan], [0.6, 0.8, 0.5]])
    figure = charts.accuracy_map({"ftte": [0, 60]}, {"ftte": table}, ["watch", "phone", "watch"])
    cells = figure.rows("cells")
    assert sorted(cell["accuracy"] for cell in cells) == [0.2, 0.4, 0.5, 0.6, 0.8]
    assert {cell["x"] for cell in cells} == {0.0, 1.0}
    phone = [cell for cell in cells if cell["kind"] == "phone"]
    assert min(c["y"] for c in cells) == min(c["y"] for c in phone), "rows are sorted by kind"
    assert "phone 80 %, watch 55 %" in figure.alt_text
    assert png_size(figure)[0] > 900
    assert "no point yet" in charts.accuracy_map({}, {"ftte": np.empty((0, 3))}, ["a"] * 3).alt_text


def test_weight_share_adds_up_per_row() -> None:
    figure = charts.weight_share(
        {"fedavg": {"phone": 3}, "ftte": {"phone": 1, "sensor": 1}},
        {"phone": 1, "sensor": 3},
        {"phone": 5, "sensor": 5},
    )
    rows = figure.rows("bars")
    for name in ("devices", "data", "FedAvg listens to", "FTTE listens to"):
        own = [row for row in rows if row["row"] == name]
        assert [row["kind"] for row in own] == ["phone", "sensor"]
        assert own[0]["from"] == 0
        assert own[0]["to"] == own[1]["from"]
        assert own[1]["to"] == 1
    assert "devices: phone 25 %, sensor 75 %" in figure.alt_text
    silent = charts.weight_share({"ftte": {}}, {"phone": 1}, {"phone": 1})
    assert "FTTE listens to: nobody yet" in silent.alt_text
    assert png_size(figure)[0] > 900


def test_step_memory_steps_through_the_course_and_marks_its_peak() -> None:
    net = build("cnn", (1, 8, 8), 10)
    subsets = {"fedavg": full(net), "fedbuff": full(net), "ftte": head(net)}
    courses = {name: memory_course(net, subset, 8) for name, subset in subsets.items()}
    peaks = {name: max(m.bytes for m in course) for name, course in courses.items()}
    figure = charts.step_memory(courses, budget_bytes=peaks["ftte"], device="a sensor")
    for name, text in (("fedavg", "FedAvg"), ("ftte", "FTTE")):
        own = [row for row in figure.rows("course") if row["arm"] == text]
        assert [row["kib"] * 1024 for row in own[::2]] == [m.bytes for m in courses[name]]
        assert [row["x"] for row in own[1::2]] == [row["x"] + 1 for row in own[::2]]
        [peak] = [row for row in figure.rows("peaks") if row["arm"] == text]
        assert peak["kib"] * 1024 == peaks[name]
    names = [row["text"] for row in figure.rows("names")]
    assert [text.partition("\n")[0] for text in names] == ["FedAvg, FedBuff", "FTTE"]
    assert names[0].endswith("does not fit")
    assert names[1].endswith(", fits")
    hatch = figure.rows("hatch")
    assert {row["arm"] for row in hatch} == {"FedAvg"}
    assert all(row["y"] * 1024 >= peaks["ftte"] - 1 for row in hatch)
    for theme in THEMES.values():
        assert figure.spec(theme)["title"]["text"]
    assert png_size(figure)[0] > 900
    assert charts.step_memory(courses).rows("hatch") == []


def test_subset_strip_fills_layers_as_far_as_they_are_trained(
    prepared: dict[str, Prepared],
) -> None:
    model, subset = prepared["ftte"].federation.model, prepared["ftte"].plan.subset
    strip, bars = charts.subset_strip(model, subset), charts.subset_map(model, subset)
    assert [row["filled"] for row in strip.rows("cells")] == [
        row["share"] for row in bars.rows("tensors")
    ]
    assert [row["text"] for row in strip.rows("blocks")][-1] == "head"
    assert png_size(strip)[1] <= 90 * 1.5


def test_charge_shows_levels_and_survival(prepared: dict[str, Prepared]) -> None:
    flat = prepare(TINY.replace(batteries=True, battery_share=0.001).as_method("ftte"))
    figure = charts.charge({"fedavg": prepared["fedavg"], "ftte": flat})
    cells = figure.rows("cells")
    assert len({cell["y"] for cell in cells}) == len(flat.federation.fleet)
    assert all(0 <= cell["charge"] <= 1 for cell in cells)
    shares = [row["share"] for row in figure.rows("survival")]
    assert shares[0] == flat.survival(0.0)
    assert shares[-1] == flat.survival(TINY.horizon_s)
    assert png_size(figure)[0] > 900
    assert "No batteries" in charts.charge(prepared).alt_text


def test_charts_of_the_heard_explain_wrong_arguments(prepared: dict[str, Prepared]) -> None:
    for wrong, text in (
        (lambda: charts.accuracy_map({}, {}, []), "no method"),
        (
            lambda: charts.accuracy_map({"a": [0]}, {"a": [[1.0, 2.0]]}, ["x"]),
            "of shape \\(1, 2\\)",
        ),
        (lambda: charts.weight_share({}, {}, {}), "no device"),
        (lambda: charts.weight_share({}, {"a": 1}, {"a": -1}), "numbers from 0"),
        (lambda: charts.step_memory({}), "no course"),
        (lambda: charts.step_memory({"ftte": ()}), "no course"),
        (lambda: charts.charge({}), "no run"),
        (lambda: charts.charge(prepared, method="mine"), "method = 'mine'"),
    ):
        with pytest.raises(ValueError, match=text):
            wrong()
