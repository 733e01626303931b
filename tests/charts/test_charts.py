"""Charts are drawn from the record, as PNG and as a sentence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ftte_lab import charts
from ftte_lab.charts import Figure
from ftte_lab.charts.style import THEMES
from ftte_lab.lab import Settings
from ftte_lab.lab.board import PANELS, Board
from ftte_lab.server import Fate
from ftte_lab.simulation import History, Prepared, Scenario, prepare, run

BASE = Scenario(
    data="digits",
    model="mlp",
    clients=12,
    concurrency=6,
    buffer=3,
    local_steps=3,
    warm_start_steps=0,
    budget_kib=40.0,
    horizon_s=40.0,
    evaluations=15,
)


@pytest.fixture(scope="module")
def ready() -> dict[str, Prepared]:
    return {name: prepare(BASE.as_method(name)) for name in ("fedavg", "ftte")}


@pytest.fixture(scope="module")
def histories(ready: dict[str, Prepared]) -> dict[str, History]:
    return {name: run(r) for name, r in ready.items()}


def rows(figure: Figure) -> list[dict[str, Any]]:
    return max((figure.rows(name) for name in figure.data), key=len)


def png_size(figure: Figure) -> tuple[int, int]:
    raw = figure.png()
    assert raw.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big")


def test_accuracy_shows_every_point_and_where_the_target_is_reached(
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


def test_a_seed_that_still_runs_is_a_thin_line_beside_the_band(
    histories: dict[str, History],
) -> None:
    whole = [histories["fedavg"].points, histories["ftte"].points]
    growing = histories["ftte"].points.iloc[:4]
    figure = charts.curves({"ftte": whole}, growing={"ftte": growing})
    alone = charts.curves({"ftte": whole})
    assert figure.rows("band") == alone.rows("band")
    assert figure.rows("curves") == alone.rows("curves")
    assert len(figure.rows("raw")) == 4
    assert alone.rows("raw") == []
    for row in figure.rows("band"):
        assert 0 <= row["low"] <= row["high"] <= 1


def test_pinned_curves_fit_into_the_picture(histories: dict[str, History]) -> None:
    low = histories["fedavg"].points.assign(accuracy=0.04)
    figure = charts.curves({"ftte": [histories["ftte"].points]}, pinned={"fedavg": [low]})
    assert figure.signals is not None
    assert figure.signals["y_low"] == 0.0
    assert len(figure.rows("pinned")) == len(low)


@pytest.mark.parametrize("of", ["updates", "upload_bytes", "total_bytes", "energy_j"])
def test_accuracy_over_every_axis(histories: dict[str, History], of: str) -> None:
    assert png_size(charts.accuracy(histories, of=of))[0] > 900


def test_gantt_shows_the_schedule(ready: dict[str, Prepared]) -> None:
    timeline, kinds = ready["ftte"].timeline, ready["ftte"].federation.fleet.kind
    figure = charts.gantt(timeline, kinds, until_s=20.0)
    data = rows(figure)
    assert all(0 <= row["from"] < row["to"] <= 20.0 for row in data)
    compute = [row for row in data if row["phase"] == "compute"]
    used = (timeline.fate == Fate.APPLIED) & (timeline.downloaded_s < 20)
    assert len(compute) >= used.sum() > 0
    first = next(row for row in compute)
    p = next(p for p in range(len(timeline)) if timeline.downloaded_s[p] == first["from"])
    assert first["device"] == f"{kinds[timeline.client[p]]} {timeline.client[p]}"
    assert "12 devices" in figure.alt_text
    assert png_size(figure)[0] > 900


def test_memory_bars_are_the_bill(ready: dict[str, Prepared]) -> None:
    bills = {name: r.bill for name, r in ready.items()}
    figure = charts.memory(bills, budget_bytes=40 * 1024, device="a sensor")
    for name, text in (("fedavg", "FedAvg"), ("ftte", "FTTE")):
        total = sum(row["kib"] for row in rows(figure) if row["method"] == text)
        assert total == pytest.approx(bills[name].peak_bytes / 1024)
    assert "40 KiB, the budget of a sensor" in figure.alt_text
    assert png_size(figure)[0] > 900


def test_bytes_are_the_records(histories: dict[str, History]) -> None:
    figure = charts.bytes_sent(histories)
    total = sum(row["mib"] for row in rows(figure) if row["method"] == "FTTE")
    assert total == pytest.approx(histories["ftte"].points["total_bytes"].iloc[-1] / 2**20)
    assert png_size(figure)[0] > 900
    assert "FTTE (not reached)" in charts.bytes_sent(histories, target=1.0).alt_text


def test_subset_map_shows_the_shares(ready: dict[str, Prepared]) -> None:
    model, subset = ready["ftte"].federation.model, ready["ftte"].plan.subset
    shares = {row["tensor"]: row["share"] for row in rows(charts.subset_map(model, subset))}
    assert shares["head"] == 1
    for name, share in shares.items():
        assert (
            share
            == subset.channel_count(model, f"{name}.weight")
            / model.tensors[f"{name}.weight"].channels
        )


def test_a_notebook_shows_png_and_sentence(histories: dict[str, History], tmp_path: Path) -> None:
    figure = charts.bytes_sent(histories)
    bundle = figure._repr_mimebundle_()
    assert set(bundle) == {"image/png", "text/plain"}
    assert bundle["text/plain"] == figure.alt_text
    assert figure.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_wrong_arguments_are_explained(
    histories: dict[str, History], ready: dict[str, Prepared], tmp_path: Path
) -> None:
    timeline, kinds = ready["ftte"].timeline, ready["ftte"].federation.fleet.kind
    for wrong, says in (
        (lambda: charts.accuracy({}), "no run to draw"),
        (lambda: charts.accuracy(histories, of="bytes"), "of = 'bytes'"),
        (lambda: charts.accuracy(histories, target=2.0), "target = 2.0"),
        (lambda: charts.accuracy(histories, window=0), "window = 0"),
        (lambda: charts.gantt(timeline, kinds, devices=0), "devices = 0"),
        (lambda: charts.gantt(timeline, kinds, until_s=0), "until_s = 0"),
        (lambda: charts.memory({}), "no bill"),
        (lambda: charts.memory({"ftte": ready["ftte"].bill}, budget_bytes=0), "budget_bytes = 0"),
        (lambda: charts.bytes_sent({}), "no run to draw"),
        (lambda: charts.bytes_sent(histories).save(tmp_path / "a.gif"), "ends in .png or .svg"),
        (lambda: charts.bytes_sent(histories).save(tmp_path / "none" / "a.png"), "does not exist"),
        (lambda: charts.bytes_sent(histories).png(0), "scale = 0"),
    ):
        with pytest.raises(ValueError, match=says):
            wrong()


def test_short_runs_are_told_in_seconds_and_long_ones_in_minutes(
    histories: dict[str, History],
) -> None:
    points = histories["ftte"].points
    short, long = charts.curves({"ftte": [points]}), charts.curves({"ftte": [points]}, end=2400.0)
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


def test_the_label_map_is_the_split(ready: dict[str, Prepared]) -> None:
    w = ready["ftte"].federation
    counts = w.shards.class_counts(w.dataset)
    assert counts.sum() == len(w.dataset.y_train)
    figure = charts.label_map(counts, w.dataset.classes, clients=5)
    cells = figure.rows("cells")
    assert len(cells) == 5 * w.dataset.n_classes
    for cell in cells:
        own = w.dataset.y_train[w.shards.train[cell["client"]]]
        assert cell["samples"] == (own == w.dataset.classes.index(cell["class"])).sum()
        assert cell["share"] == pytest.approx(cell["samples"] / len(own))
    assert "first 5 of 12 clients" in figure.alt_text
    assert png_size(figure)[0] > 900


def test_pictures_keep_their_shape_and_scale(tmp_path: Path) -> None:
    ramp = np.linspace(-3, 9, 2 * 4 * 5).reshape(2, 4, 5)
    figure = charts.images({"one": ramp, "two": -ramp}, says={"two": "turned over"})
    pixels = figure.rows("pixels")
    assert len(pixels) == ramp.size * 2
    first = [p["value"] for p in pixels if p["row"] == "one" and p["picture"] == 0]
    assert first == pytest.approx(((ramp[0] - ramp[0].min()) / np.ptp(ramp[0])).ravel())
    assert "two: turned over" in figure.alt_text
    assert figure.png().startswith(b"\x89PNG")


def test_a_slide_is_16_by_9_whatever_is_on_it(
    histories: dict[str, History], tmp_path: Path
) -> None:
    for figure in (charts.accuracy(histories), charts.images({"one": np.zeros((1, 8, 8))})):
        slide = charts.slide(
            figure,
            "A buffer takes the waiting away, and a long sentence is broken into several lines.",
        )
        raw = slide.png()
        assert (int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big")) == (1280, 720)
        assert slide._repr_mimebundle_()["text/plain"].startswith("A buffer takes")
    assert slide.save(tmp_path / "05.png").read_bytes() == raw
    for wrong in (lambda: charts.slide(figure, ""), lambda: charts.slide(figure, "x" * 181)):
        with pytest.raises(ValueError, match="characters; allowed: 1 to 180"):
            wrong()
    with pytest.raises(ValueError, match=r"ends in \.png"):
        slide.save(tmp_path / "05.svg")


def test_wrong_maps_and_pictures_are_explained() -> None:
    for wrong, says in (
        (lambda: charts.label_map(np.ones((3, 4)), ["a"]), "shape \\(3, 4\\) for 1 classes"),
        (lambda: charts.label_map(np.ones((3, 1)), ["a"], clients=0), "clients = 0"),
        (lambda: charts.images({}), "no picture"),
        (lambda: charts.images({"a": np.ones((1, 2, 2)), "b": np.ones((2, 2, 2))}), "equally many"),
    ):
        with pytest.raises(ValueError, match=says):
            wrong()


def axes(part: Any) -> Iterator[dict[str, Any]]:
    """Every x and y encoding of a spec that has a field and an axis."""
    if isinstance(part, dict):
        for key, value in part.items():
            if (
                key in ("x", "y")
                and isinstance(value, dict)
                and "field" in value
                and value.get("axis", {}) is not None
            ):
                yield value
            else:
                yield from axes(value)
    elif isinstance(part, list):
        for value in part:
            yield from axes(value)


@pytest.mark.parametrize("name", sorted(set(PANELS) - {"fleet"}))
def test_every_chart_is_labelled(
    name: str, ready: dict[str, Prepared], histories: dict[str, History]
) -> None:
    board = Board(Settings(BASE, methods=("fedavg", "ftte"), rates={}))
    board.begin_seed(ready, 0)
    board.points = {
        n: [{str(c): h.points[c].tolist() for c in h.points}] for n, h in histories.items()
    }
    figure = board.figure(name)
    assert figure is not None
    for theme in THEMES.values():
        spec = figure.spec(theme)
        title = spec["title"]
        assert len(title["text"]) > 3
        for axis in axes(spec):
            if axis["type"] == "quantitative":  # names on a category axis speak for themselves
                assert axis.get("title") or title.get("subtitle"), axis
                assert axis.get("title") != axis["field"], "a column's name is no label"
    assert len(figure.alt_text) > 40
    assert figure.alt_text.endswith(".")
