"""The scoreboard: what is known before training, what follows from a run, and the sentence."""

from __future__ import annotations

import pytest

from ftte_lab import prepare, run
from ftte_lab.experiments import AUTHORS, Comparison, Score, Scoreboard, scoreboard
from tests.tiny import TINY

METHODS = ("fedavg", "fedbuff", "fedbuff_average", "ftte")
RUNS = Comparison(TINY, METHODS).runs(1)
PREPARED = {name: prepare(scenario) for name, scenario in RUNS.items()}


def test_before_a_run_it_knows_memory_bytes_and_who_is_too_small() -> None:
    board = scoreboard(PREPARED)
    assert (board.target, board.base) == (None, "fedavg")
    for name, score in board.scores.items():
        ready = PREPARED[name]
        assert score.memory_bytes == ready.bill.peak_bytes
        assert score.upload_bytes == ready.traffic.upload
        assert score.too_small == int((~ready.holds).sum())
        assert (score.accuracy, score.time_s, score.energy_j) == (None, None, None)
    assert "FTTE trains in" in board.verdict()
    assert "instead of" in board.verdict()


def test_after_a_run_its_figures_are_those_of_the_histories() -> None:
    histories = {name: run(ready) for name, ready in PREPARED.items()}
    board = scoreboard(PREPARED, {name: h.points for name, h in histories.items()})
    assert board.target == 0.95 * histories["fedavg"].best()
    for name, history in histories.items():
        score = board.scores[name]
        assert score.accuracy == history.final()
        assert score.time_s == history.time_to(board.target)
        assert score.energy_j == history.time_to(board.target, "energy_j")
        assert score.total_bytes == history.time_to(board.target, "total_bytes")
    assert list(board.table().index) == ["FedAvg", "FedBuff", "FedBuff + average", "FTTE"]


def test_a_run_on_its_way_is_read_as_far_as_it_is() -> None:
    history = run(PREPARED["ftte"])
    columns = {name: list(column)[:3] for name, column in history.points.items()}
    board = scoreboard(PREPARED, {"ftte": columns, "fedavg": {}}, target=0.999)
    assert board.scores["ftte"].accuracy is not None
    assert board.scores["ftte"].time_s is None
    assert board.scores["fedavg"].accuracy is None


def scores(**ftte: float | None) -> Scoreboard:
    """Return a board of plain numbers."""
    base = Score("fedavg", 700.0 * 1024, 40_000.0, 50, 100, 0.90, 1_000.0, 50.0, 1e6)
    rival = Score("fedbuff_average", 180.0 * 1024, 40_000.0, 0, 100, 0.955, 200.0, 20.0, 5e5)
    known = {"accuracy": 0.95, "time_s": 125.0, "energy_j": 10.0, "total_bytes": 1e5}
    ours = Score("ftte", 140.0 * 1024, 10_000.0, 0, 100, **{**known, **ftte})
    return Scoreboard({s.method: s for s in (base, rival, ours)}, 0.86, "fedavg")


def test_the_verdict_says_what_is_won_and_what_it_costs() -> None:
    assert scores().verdict() == (
        "FTTE reaches 86 % 8.0 times sooner than FedAvg, in 140 KiB instead of 700 KiB, with 25 % "
        "of the bytes per update, and ends 5.0 points higher. Against FedBuff + average it ends "
        "level, in 140 KiB instead of 180 KiB, with 25 % of the bytes per update."
    )
    assert "2.0 times later" in scores(time_s=2_000.0).verdict()
    assert "has not reached 86 %" in scores(time_s=None).verdict()
    assert "ends 3.5 points lower" in scores(accuracy=0.92).verdict()


def test_savings_are_shares_of_the_other_figure() -> None:
    board = scores()
    ours, base = board.scores["ftte"], board.scores["fedavg"]
    assert ours.saved(base, "time_s") == pytest.approx(0.875)
    assert ours.saved(base, "memory_bytes") == pytest.approx(0.8)
    assert set(AUTHORS) <= set(vars(ours))


def test_nothing_and_a_percentage_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="no method is prepared"):
        scoreboard({})
    with pytest.raises(ValueError, match="not a percentage"):
        scoreboard(PREPARED, target=95)
