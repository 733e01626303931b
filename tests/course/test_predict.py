"""A prediction is shown again beside the result."""

import importlib
from typing import Any

import ipywidgets as widgets
import pytest

from ftte_lab.course import pick, predict, progress, report, reveal

module: Any = importlib.import_module("ftte_lab.course.predict")
CHOICES = ["a little", "a lot"]


def guess(text: str) -> Any:
    """Click a choice, and return the note below the buttons."""
    note = widgets.Label("")
    module._record("05", text, note)
    return note


def test_reveal_works_without_a_prediction(capsys: Any) -> None:
    predict("05", "How much longer?", CHOICES)
    assert "No prediction recorded." in capsys.readouterr().out
    reveal("05", "a lot", "9 times.", choices=CHOICES)
    assert "You recorded no prediction" in capsys.readouterr().out


def test_reveal_shows_prediction_and_measurement(capsys: Any) -> None:
    assert "recorded: a little" in guess("a little").value
    reveal("05", "a lot", "9 times.")
    text = "Your prediction: a little. Measured: a lot. 9 times.\n"
    assert capsys.readouterr().out == text
    guess("a lot")
    reveal("05", "a lot")
    assert "Measured: the same." in capsys.readouterr().out
    assert progress.prediction("05")["measured"] == "a lot"


def test_predict_and_reveal_refuse_wrong_choices() -> None:
    with pytest.raises(ValueError, match="answer = 'some'"):
        reveal("05", "some", choices=["a", "b"])
    with pytest.raises(ValueError, match="at least two"):
        predict("05", "?", ["one"])


def test_predict_records_a_click_on_a_live_page(monkeypatch: pytest.MonkeyPatch) -> None:
    guess("a lot")
    displayed: list[Any] = []
    monkeypatch.setenv("FTTE_MODE", "live")
    monkeypatch.setattr(module, "display", displayed.append)
    predict("05", "How much longer?", CHOICES)
    [box] = displayed
    assert box.children[1].value == "a lot"
    box.children[1].value = "a little"
    assert report().predictions["05"][progress.GUESS] == "a little"


def test_pick_maps_a_value_to_a_choice() -> None:
    choices = ("less", "equal", "more")
    picked = [pick(choices, v, (-3, 3)) for v in (-9, -3, 0, 2.9, 3, 50)]
    assert picked == ["less", "equal", "equal", "equal", "more", "more"]
    for bounds in ((1,), (3, -3), (1, 2, 3)):
        with pytest.raises(ValueError, match="rising bounds"):
            pick(choices, 0, bounds)
