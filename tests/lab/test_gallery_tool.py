"""The gallery of a page: cards, and what a click does."""

from typing import Any

import pytest

from ftte_lab.experiments import GALLERY
from ftte_lab.lab.lab import Lab
from ftte_lab.lab.settings import Settings, settings_of
from ftte_lab.lab.tools.gallery_tool import GalleryTool
from tests.lab.fake_host import FakeHost


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


def test_cards_show_each_fleet_with_a_code_that_restores_it(host: FakeHost) -> None:
    GalleryTool(host)
    cards = host.last("cards")["cards"]
    assert [card["fleet"] for card in cards] == list(GALLERY)
    for card in cards:
        restored = Settings.restore(card["code"])
        comparison = GALLERY[card["fleet"]].comparison
        assert restored.comparison.runs() == comparison.runs()
        assert sum(kind["share"] for kind in card["kinds"]) == pytest.approx(1)
        assert len({(k["colour"], k["shape"]) for k in card["kinds"]}) == len(card["kinds"])


def test_a_click_goes_there_and_keeps_the_question(host: FakeHost) -> None:
    tool = GalleryTool(host)
    tool.receive({"fleet": "hospital wards"})
    assert host.gone[-1] == settings_of("hospital wards")
    assert host.gone[-1].metric == "straggler_accuracy"
    assert host.last("chosen")["question"] == GALLERY["hospital wards"].question
    tool.settings_changed()
    assert host.last("chosen")["fleet"] == "hospital wards"
    tool.receive({"fleet": None})
    assert host.last("chosen")["question"] == ""


@pytest.mark.parametrize("wrong", ["nowhere", 3, ["hospital wards"], {}])
def test_what_is_no_fleet_is_refused_in_words(host: FakeHost, wrong: Any) -> None:
    with pytest.raises(ValueError, match="fleet"):
        GalleryTool(host).receive({"fleet": wrong})
    assert host.gone == []


def test_a_lab_opens_a_fleet_by_its_name() -> None:
    lab = Lab("farm sensors", mode="batch")
    assert lab.settings.over == "energy_j"
    assert lab.settings.comparison == GALLERY["farm sensors"].comparison
    with pytest.raises(ValueError, match="farm sensors"):
        Lab("farm", mode="batch")
