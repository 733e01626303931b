"""The scoreboard of a Lab: known before training, and in the end what the histories say."""

import json

import pytest

from ftte_lab.experiments import scoreboard
from ftte_lab.lab.board import Board
from ftte_lab.lab.lab import Lab
from ftte_lab.lab.score_message import board_scores, score_message
from tests.lab.page import TINY_SETTINGS, Page


@pytest.fixture(scope="module")
def lab() -> Lab:
    lab = Lab(TINY_SETTINGS.replace(seeds=3), mode="batch")
    lab.run()
    return lab


def test_nothing_is_known_before_a_run_is_prepared() -> None:
    assert board_scores(Board(TINY_SETTINGS)) is None
    assert score_message(Board(TINY_SETTINGS), {})["rows"] == []


def test_scores_are_medians_over_the_seeds(lab: Lab) -> None:
    board = lab.display.board
    scores = board_scores(board)
    assert scores is not None
    each = [
        scoreboard(board.prepared, {name: tables[k] for name, tables in board.points.items()})
        for k in range(3)
    ]
    for name, score in scores.scores.items():
        accuracies = sorted(one.scores[name].accuracy or 0.0 for one in each)
        assert score.accuracy == accuracies[1]
        times = sorted(one.scores[name].time_s or float("inf") for one in each)
        assert (score.time_s or float("inf")) == times[1]


def test_message_compares_with_fedavg_and_with_a_pinned_run(lab: Lab) -> None:
    board = lab.display.board
    other = Lab(TINY_SETTINGS.set(payload_share=0.9), mode="batch")
    other.run()
    message = score_message(board, {"A": other.display.board})
    json.dumps(message)
    assert [row["label"] for row in message["rows"]] == ["FedAvg", "FedBuff", "FTTE"]
    assert [column["title"] for column in message["columns"]][:2] == ["time to target", "memory"]
    for row in message["rows"]:
        assert len(row["cells"]) == len(message["columns"])
        assert all(cell["bar"] is None or 0 <= cell["bar"] <= 1 for cell in row["cells"])
        assert any(cell["change"] for cell in row["cells"]) == (row["name"] != "fedavg")
    assert any(cell["pinned"].startswith("A ") for cell in message["rows"][2]["cells"])
    memory = message["columns"][1]
    assert 0 < memory["mark"] < 1
    assert memory["authors"].startswith("80 % less")
    assert not message["verdict"].startswith("So far")


def test_an_own_target_counts_at_once(page: Page) -> None:
    page.lab.run().result(120)
    page.press("view", target="12,5")
    message = page.last("scores")
    assert message["own_target"]
    assert message["target"] == "12.5 %"
    assert page.lab.settings.target == 0.125
    page.press("view", target="")
    assert page.lab.settings.target is None
    for wrong in ("no", "0", "101", "-3"):
        page.press("view", target=wrong)
        assert "a percentage from 1 to 100" in page.last("error")["text"]
