"""Figures and slides: what a notebook shows, what is saved, what is refused."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ftte_lab import charts
from ftte_lab.simulation import History, Prepared


def test_figure_shows_png_and_sentence_in_a_notebook(
    histories: dict[str, History], tmp_path: Path
) -> None:
    figure = charts.bytes_sent(histories)
    bundle = figure._repr_mimebundle_()
    assert set(bundle) == {"image/png", "text/plain"}
    assert bundle["text/plain"] == figure.alt_text
    assert figure.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_charts_explain_wrong_arguments(
    histories: dict[str, History], prepared: dict[str, Prepared], tmp_path: Path
) -> None:
    timeline, kinds = prepared["ftte"].timeline, prepared["ftte"].federation.fleet.kind
    for wrong, text in (
        (lambda: charts.accuracy({}), "no run to draw"),
        (lambda: charts.accuracy(histories, of="bytes"), "of = 'bytes'"),
        (lambda: charts.accuracy(histories, target=2.0), "target = 2.0"),
        (lambda: charts.accuracy(histories, width_s=-1.0), "width_s = -1"),
        (lambda: charts.gantt(timeline, kinds, devices=0), "devices = 0"),
        (lambda: charts.gantt(timeline, kinds, until_s=0), "until_s = 0"),
        (lambda: charts.memory({}), "no bill"),
        (
            lambda: charts.memory({"ftte": prepared["ftte"].bill}, budget_bytes=0),
            "budget_bytes = 0",
        ),
        (lambda: charts.bytes_sent({}), "no run to draw"),
        (lambda: charts.bytes_sent(histories).save(tmp_path / "a.gif"), "ends in .png or .svg"),
        (lambda: charts.bytes_sent(histories).save(tmp_path / "none" / "a.png"), "does not exist"),
        (lambda: charts.bytes_sent(histories).png(0), "scale = 0"),
    ):
        with pytest.raises(ValueError, match=text):
            wrong()


def test_slide_is_16_by_9(histories: dict[str, History], tmp_path: Path) -> None:
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


def test_maps_and_images_explain_wrong_arguments() -> None:
    for wrong, text in (
        (lambda: charts.label_map(np.ones((3, 4)), ["a"]), "shape \\(3, 4\\) for 1 classes"),
        (lambda: charts.label_map(np.ones((3, 1)), ["a"], clients=0), "clients = 0"),
        (lambda: charts.images({}), "no picture"),
        (lambda: charts.images({"a": np.ones((1, 2, 2)), "b": np.ones((2, 2, 2))}), "equally many"),
    ):
        with pytest.raises(ValueError, match=text):
            wrong()


def test_slide_keeps_the_colours_of_methods_apart(histories: dict[str, History]) -> None:
    runs = dict(zip(("fedavg", "fedbuff", "ftte"), [*histories.values()] * 2, strict=False))
    raw = charts.slide(charts.accuracy(runs), "Three methods on one slide.").png()
    pixels = np.asarray(Image.open(io.BytesIO(raw)).convert("RGB")).reshape(-1, 3).astype(int)
    for style in charts.method_styles(list(runs)).values():
        colour = [int(style.light[k : k + 2], 16) for k in (1, 3, 5)]
        assert (np.abs(pixels - colour).max(1) < 12).sum() > 50, style
