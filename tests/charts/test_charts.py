"""Charts are drawn from the record, each with titles and a sentence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ftte_lab import charts
from ftte_lab.charts import Figure
from ftte_lab.charts.style import THEMES
from ftte_lab.devices import lever_bills
from ftte_lab.lab.board import Board
from ftte_lab.lab.panels import PANELS
from ftte_lab.lab.panels import figure as panel_figure
from ftte_lab.lab.settings import settings_of
from ftte_lab.server import Fate
from ftte_lab.simulation import History, Prepared
from tests.charts.conftest import png_size
from tests.tiny import TINY


def rows(figure: Figure) -> list[dict[str, Any]]:
    return max((figure.rows(name) for name in figure.data), key=len)


def test_gantt_shows_the_schedule(prepared: dict[str, Prepared]) -> None:
    timeline, kinds = prepared["ftte"].timeline, prepared["ftte"].federation.fleet.kind
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


def test_memory_bars_sum_to_the_bill(prepared: dict[str, Prepared]) -> None:
    bills = {name: r.bill for name, r in prepared.items()}
    figure = charts.memory(bills, budget_bytes=40 * 1024, device="a sensor")
    for name, text in (("fedavg", "FedAvg"), ("ftte", "FTTE")):
        total = sum(row["kib"] for row in rows(figure) if row["method"] == text)
        assert total == pytest.approx(bills[name].peak_bytes / 1024)
    assert "40 KiB, the budget of a sensor" in figure.alt_text
    assert png_size(figure)[0] > 900


def test_levers_show_the_bill_of_each_and_of_all(prepared: dict[str, Prepared]) -> None:
    model, subset = prepared["ftte"].federation.model, prepared["ftte"].plan.subset
    figure = charts.levers(model, subset, 8, micro_batch=2, budget_bytes=60 * 1024)
    bills = lever_bills(model, subset, 8, micro_batch=2)
    assert list(dict.fromkeys(row["method"] for row in figure.rows("bars"))) == list(bills)
    for name, bill in bills.items():
        total = sum(row["kib"] for row in rows(figure) if row["method"] == name)
        assert total == pytest.approx(bill.peak_bytes / 1024)
    assert bills["all three"].recompute
    assert bills["all three"].micro_batch == 2
    assert "60 KiB, the budget of the weakest device" in figure.alt_text
    assert png_size(figure)[0] > 900


def test_bytes_sent_sum_to_the_record(histories: dict[str, History]) -> None:
    figure = charts.bytes_sent(histories)
    total = sum(row["mib"] for row in rows(figure) if row["method"] == "FTTE")
    assert total == pytest.approx(histories["ftte"].points["total_bytes"].iloc[-1] / 2**20)
    assert png_size(figure)[0] > 900
    assert "FTTE (not reached)" in charts.bytes_sent(histories, target=1.0).alt_text


def test_subset_map_shows_the_trained_shares(prepared: dict[str, Prepared]) -> None:
    model, subset = prepared["ftte"].federation.model, prepared["ftte"].plan.subset
    shares = {row["tensor"]: row["share"] for row in rows(charts.subset_map(model, subset))}
    assert shares["head"] == 1
    for name, share in shares.items():
        assert (
            share
            == subset.channel_count(model, f"{name}.weight")
            / model.tensors[f"{name}.weight"].channels
        )


def test_label_map_shows_the_partition(prepared: dict[str, Prepared]) -> None:
    w = prepared["ftte"].federation
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


def test_images_keep_their_shape_and_scale(tmp_path: Path) -> None:
    ramp = np.linspace(-3, 9, 2 * 4 * 5).reshape(2, 4, 5)
    figure = charts.images({"one": ramp, "two": -ramp}, descriptions={"two": "turned over"})
    pixels = figure.rows("pixels")
    assert len(pixels) == ramp.size * 2
    first = [p["value"] for p in pixels if p["row"] == "one" and p["picture"] == 0]
    assert first == pytest.approx(((ramp[0] - ramp[0].min()) / np.ptp(ramp[0])).ravel())
    assert "two: turned over" in figure.alt_text
    assert figure.png().startswith(b"\x89PNG")


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
def test_every_chart_has_titles_and_a_sentence(
    name: str, prepared: dict[str, Prepared], histories: dict[str, History]
) -> None:
    board = Board(settings_of(TINY, ("fedavg", "ftte")))
    board.begin_seed(prepared, 0)
    board.points = {
        n: [{str(c): h.points[c].tolist() for c in h.points}] for n, h in histories.items()
    }
    figure = panel_figure(board, name)
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
