"""Personal gain in the Lab: after the run, beside it, and never in its way."""

import threading
import time
from typing import Any

import numpy as np
import pytest

from ftte_lab._common import pause_point
from ftte_lab.experiments import Comparison, personalise
from ftte_lab.lab import Settings
from ftte_lab.lab import personal as module
from ftte_lab.lab.lab import Lab
from ftte_lab.training import FineTuning
from tests.lab.page import TINY_SETTINGS, Page
from tests.tiny import TINY

ONE = Settings(Comparison(TINY, ("ftte",)))


def notes(lab: Lab) -> dict[str, str]:
    return {row["arm"]: row["note"] for row in lab.figure("personal").rows("heads")}


def drawn(page: Page) -> list[str]:
    """Return the sentence of each drawing of the chart that the page got."""
    return [c["alt"] for c, _ in page.received if c.get("panel") == "personal" and "alt" in c]


def test_the_chart_shows_what_the_library_computes() -> None:
    lab = Lab(ONE, mode="batch", charts=["personal"])
    board = lab.run().display.board
    assert board.personal == {}  # nobody has looked yet
    assert notes(lab)["FTTE"].endswith("helped")
    how = FineTuning(micro_batch=1)
    found = personalise(board.prepared["ftte"], board.models["ftte"], "head", how)
    shown = board.personal["ftte"]
    assert not isinstance(shown, str)
    assert np.array_equal(shown.gains, found.gains)


def test_a_live_lab_computes_it_after_the_run_and_only_if_it_is_shown() -> None:
    lab = Lab(TINY_SETTINGS, mode="live", charts=["curves"])
    page = Page(lab)
    lab.run().result(120)
    page.phase("done")
    assert not lab.display.gains.running
    assert drawn(page) == []
    page.press("view", shown=["curves", "personal"])
    page.until(lambda: len(lab.display.board.personal) == 3)
    page.until(lambda: "FTTE" in drawn(page)[-1])
    assert "none yet" in drawn(page)[0]
    batch = Lab(TINY_SETTINGS, mode="batch", charts=["personal"])
    batch.run()
    assert batch.figure("personal").alt_text == drawn(page)[-1]
    lab.close()


@pytest.mark.parametrize("by", ["knob", "hidden", "closed"])
def test_it_ends_when_nobody_needs_it(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless(*_: Any) -> None:
        begun.set()
        try:
            while True:
                pause_point()
                time.sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(module, "personalise", endless)
    lab = Lab(ONE, mode="live", charts=["curves", "personal"])
    page = Page(lab)
    lab.run().result(120)
    assert begun.wait(30)
    if by == "knob":
        lab.set(buffer=2).result(120)  # the new run is not held up
    elif by == "hidden":
        page.press("view", shown=["curves"])
    else:
        lab.close()
    assert ended.wait(30)
    lab.close()
    assert not lab.display.gains.running


def test_what_does_not_fit_is_named_and_the_lab_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ValueError("fine-tuning head takes 131 KiB; allowed: at most 9 KiB. Choose less.")

    monkeypatch.setattr(module, "personalise", refuse)
    lab = Lab(ONE, mode="batch", charts=["personal"])
    lab.run()
    assert notes(lab) == {"FTTE": "fine-tuning head takes 131 KiB"}


def test_a_private_part_is_a_knob_and_begins_as_a_newcomer_in_the_chart() -> None:
    lab = Lab(ONE, mode="batch", charts=["personal"])
    menu = lab.controls.knobs["private"].widget
    assert (menu.value, menu.options) == ("none", ("none", "head", "norms"))
    menu.value = "head"
    assert lab.settings.scenario.private == "head"
    assert Lab(lab.code, mode="batch").settings == lab.settings
    lab.run()
    assert "newcomer" in str(lab.figure("personal").spec()["title"])
    menu.value = "none"
    assert lab.settings == ONE
