"""What the drawers Compare, Story and Own data do with the messages of their scripts."""

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ftte_lab.data import OWN_DATA, SOURCES
from ftte_lab.lab import Settings
from ftte_lab.lab.lab import Lab
from ftte_lab.lab.score_message import board_scores
from ftte_lab.lab.tools.compare import table
from ftte_lab.lab.tools.model_file import read_model
from tests.data.test_own_data import as_csv
from tests.lab.page import TINY_SETTINGS, Page


class Drawer:
    """The script of one tool."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.name = page, name

    def send(self, buffers: Any = (), **content: Any) -> None:
        self.page.lab.display.stage._receive(None, {"tool": self.name, **content}, list(buffers))

    def last(self, part: str) -> dict[str, Any]:
        kept = [c for c, _ in self.page.received if c.get("tool") == self.name]
        return next((c for c in reversed(kept) if c["part"] == part), {})

    @property
    def error(self) -> str:
        return str(self.last("error").get("text", ""))


@pytest.fixture
def page() -> Iterator[Page]:
    lab = Lab(TINY_SETTINGS.replace(methods=("fedavg", "ftte")), mode="live")
    yield Page(lab)
    lab.close()


@pytest.fixture
def two_pins(page: Page) -> Page:
    """Run A, then K = 5 as run B."""
    page.press("run")
    page.phase("done")
    page.press("pin")
    page.lab.set(buffer=5)
    page.lab.result(60)
    page.phase("done")
    page.press("pin")
    return page


def test_two_pins_are_two_rows_with_the_numbers_of_the_scoreboard(two_pins: Page) -> None:
    drawer = Drawer(two_pins, "compare")
    message = drawer.last("table")
    assert [row["letter"] for row in message["rows"]] == ["A", "B"]
    assert message["rows"][0]["differs"] == "the first"
    assert message["rows"][1]["differs"].endswith(" 5")
    pins = two_pins.lab.display.pins
    kept = [(letter, b.settings, board_scores(b)) for letter, b in pins.items()]
    frame = table([(a, b, c) for a, b, c in kept if c])
    cells = [m["cells"] for row in message["rows"] for m in row["methods"]]
    columns = message["columns"]
    numbers = [[np.nan if c == "–" else float(c.replace(",", "")) for c in line] for line in cells]
    assert np.allclose(numbers, frame[columns].to_numpy(), atol=0.51, rtol=0, equal_nan=True)
    assert message["texts"]["markdown"].count("| FTTE |") == 2
    assert message["texts"]["csv"].count("\n") == 5


def test_rows_are_renamed_opened_and_removed(two_pins: Page) -> None:
    drawer = Drawer(two_pins, "compare")
    drawer.send(action="rename", letter="B", text=" small  buffer ")
    assert drawer.last("table")["rows"][1]["called"] == "B: small buffer"
    drawer.send(action="go", letter="A")
    assert two_pins.lab.settings.scenario.buffer == TINY_SETTINGS.scenario.buffer
    drawer.send(action="save", form="latex")
    saved, [content] = next((c, b) for c, b in reversed(two_pins.received) if c["kind"] == "file")
    assert saved["name"] == "ftte-compare.tex"
    assert b"B: small buffer" in content
    drawer.send(action="remove", letter="A")
    [row] = drawer.last("table")["rows"]
    assert (row["letter"], row["differs"]) == ("B", "the first")
    drawer.send(action="remove", letter="B")
    assert drawer.last("table")["rows"] == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"action": "go", "letter": "Z"}, "Pinned run = 'Z' is not known"),
        ({"action": "rename", "letter": "A", "text": 3}, "The name 3; allowed: up to 60"),
        ({"action": "rename", "letter": "A", "text": "x" * 99}, "The name 'xxx"),
        ({"action": "save", "form": "xlsx"}, "Form = 'xlsx' is not known"),
        ({"action": "explode"}, "Action = 'explode' is not known"),
        ({}, "Action = None is not known"),
    ],
)
def test_messages_that_make_no_sense_are_answered(
    two_pins: Page, content: dict[str, Any], sentence: str
) -> None:
    drawer = Drawer(two_pins, "compare")
    drawer.send(**content)
    assert sentence in drawer.error
    assert len(drawer.last("table")["rows"]) == 2


STORY = {
    "format": "ftte_lab story 1",
    "title": "Three steps",
    "steps": [
        {"text": "One.", "settings": TINY_SETTINGS.code(), "look": "curves"},
        {"text": "Two.", "settings": TINY_SETTINGS.set(buffer=2).code(), "look": "staleness"},
        {"text": "Three.", "question": "Why?"},
    ],
}


def test_story_sets_the_lab_step_by_step(page: Page) -> None:
    drawer = Drawer(page, "story")
    page.press("hello")
    assert drawer.last("stories")["stories"][0]["name"] == "lecture"
    drawer.send(action="file", text=json.dumps(STORY))
    step = drawer.last("step")
    assert (step["at"], step["count"], step["text"], step["look"]) == (0, 3, "One.", "curves")
    assert page.lab.settings == TINY_SETTINGS
    drawer.send(action="go", at=1)
    assert page.lab.settings.scenario.buffer == 2
    assert "staleness" in page.last("panels")["shown"]
    number = page.lab._runner.number
    drawer.send(action="go", at=2)
    assert (drawer.last("step")["question"], page.lab._runner.number) == ("Why?", number)
    for at in (3, -1, None, "1", 0.5):
        drawer.send(action="go", at=at)
        assert "step = " in drawer.error.lower()
    drawer.send(action="begin")
    assert drawer.last("step")["at"] == 0
    drawer.send(action="end")
    assert drawer.last("step")["count"] == 0
    drawer.send(action="begin")
    assert drawer.last("step")["count"] == 0
    drawer.send(action="file", text="{}")
    assert "allowed: ftte_lab story 1" in drawer.error


def test_own_file_comes_in_pieces_and_runs(page: Page) -> None:
    drawer, content = Drawer(page, "data"), as_csv()
    try:
        for at in range(0, len(content), 5000):
            piece = memoryview(content)[at : at + 5000]
            drawer.send([piece], action="piece", file="My cups.csv", at=at, total=len(content))
        page.until(lambda: bool(drawer.last("read").get("data")))
        read = drawer.last("read")
        assert read["data"] == "my_cups"
        assert "12 people, 3 classes; from the file My cups.csv" in read["about"]
        drawer.send(action="use", data="my_cups")
        scenario = page.lab.settings.scenario
        assert (scenario.data, scenario.model) == ("my_cups", "mlp")
        assert scenario.clients == read["clients"]
        assert page.lab.result(60)["ftte"].final() > 0.6
    finally:
        page.lab.close()
        SOURCES.clear()
        OWN_DATA.clear()


def test_pieces_that_do_not_fit_are_refused(page: Page) -> None:
    drawer = Drawer(page, "data")
    faults: list[tuple[list[bytes], dict[str, Any], str]] = [
        ([b"abc"], {"file": "a.csv", "at": 0, "total": 2}, "A piece of the file is missing"),
        ([b"abc"], {"file": "a.csv", "at": 5, "total": 20}, "A piece of the file is missing"),
        ([], {"file": "a.csv", "at": 0, "total": 20}, "0 pieces in a message"),
        (
            [b"abc"],
            {"file": "a.csv", "at": 0, "total": 1 << 40},
            "Size of the file = 1099511627776",
        ),
        ([b"abc"], {"file": None, "at": 0, "total": 20}, "The file name None"),
        ([b"abc"], {"file": "a.csv", "at": "0", "total": 20}, "Place of the piece = '0'"),
    ]
    for buffers, content, sentence in faults:
        drawer.send(buffers, action="piece", **content)
        assert sentence in drawer.error
    drawer.send(action="use", data="nothing")
    assert "Data = 'nothing' is not known" in drawer.error
    drawer.send([b"not,a\ntable"], action="piece", file="a.csv", at=0, total=11)
    end = time.monotonic() + 60
    while "No column is named 'label'" not in drawer.error:
        assert time.monotonic() < end, drawer.error
        time.sleep(0.005)
    assert not OWN_DATA


def test_share_and_save_hold_a_script_and_a_model(page: Page) -> None:
    page.press("run")
    page.phase("done")
    sentence = page.last("sentence")
    assert "Comparison(" in sentence["python"]
    assert [name for name, _ in sentence["methods"]] == ["fedavg", "ftte"]
    page.press("export", form="safetensors", panel="ftte")
    saved, [content] = next((c, b) for c, b in reversed(page.received) if c["kind"] == "file")
    assert saved["name"].endswith("-ftte.safetensors")
    assert Settings.restore(read_model(content).about["share_code"]) == page.lab.settings
    page.press("export", form="safetensors", panel="scaffold")
    assert "scaffold" in page.last("error")["text"]
