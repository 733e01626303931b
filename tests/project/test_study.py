"""The headline study: its arithmetic on made-up runs, its matrix, and a corner of it for real."""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.markdown import table as markdown
from benchmarks.study import claims, matrix, pages, pictures, study
from benchmarks.study.matrix import Cell
from benchmarks.study.outcome import FACTS, figures, reached, smoothed
from ftte_lab.simulation import History, prepare


def made(accuracy: list[float], every_s: float = 10.0, **facts: float) -> History:
    n = len(accuracy)
    columns: dict[str, Any] = {"sim_seconds": [every_s * k for k in range(n)], "accuracy": accuracy}
    columns |= {
        name: [5.0 * k for k in range(n)] for name in ("upload_bytes", "total_bytes", "energy_j")
    }
    columns |= {"straggler_accuracy": accuracy, "worst_decile_accuracy": accuracy}
    kept = dict.fromkeys(FACTS, 100.0) | {"tiers": [{"upload_bytes": 100}]} | facts
    return History({"horizon_s": 400.0}, pd.DataFrame(columns), kept)


def test_smoothing_is_centred_and_as_wide_for_dense_as_for_sparse_points() -> None:
    dense, sparse = (
        made([k / 100 for k in range(101)], 1.0),
        made([k / 10 for k in range(11)], 10.0),
    )
    np.testing.assert_allclose(
        smoothed(dense, 20.0)[10:91], np.arange(0.1, 0.905, 0.01)
    )  # a line stays a line
    np.testing.assert_allclose(smoothed(sparse, 20.0)[1:-1], np.arange(0.1, 0.95, 0.1))
    assert reached(dense, 0.5, 20.0) == reached(sparse, 0.5, 20.0) == 50.0
    assert reached(dense, 0.5, 20.0, "energy_j") == 250.0
    assert reached(dense, 0.999, 20.0) is None
    assert reached(dense, 0.0, 20.0) == 10.0  # half a width: earlier nothing can be told


def test_smoothing_is_the_mean_over_the_window() -> None:
    rng = np.random.default_rng(0)
    history = made(rng.random(30).tolist(), 7.0)
    t, y = history.points["sim_seconds"].to_numpy(), history.points["accuracy"].to_numpy()
    for at, got in zip(t, smoothed(history, 33.0), strict=True):
        fine = np.linspace(max(0, at - 16.5), min(t[-1], at + 16.5), 20_001)
        assert got == pytest.approx(np.interp(fine, t, y).mean(), abs=1e-4)


def test_figures_are_shares_of_fedavg_and_infinite_where_the_target_was_missed() -> None:
    slow = made([0.5, 0.6, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8], 40.0, overhead_bytes=500.0)
    fast = made([0.5, 0.8, 0.82, 0.82, 0.82, 0.82, 0.82, 0.82], 40.0, overhead_bytes=100.0)
    row = figures(fast, slow)
    assert row["target_accuracy"] == pytest.approx(0.95 * 0.8)
    assert row["time_share"] == pytest.approx(40 / 120)
    assert row["final_against_fedavg"] == pytest.approx(2.0)
    assert row["overhead_share"] == pytest.approx(0.2)
    assert figures(slow, slow)["time_share"] == 1.0
    never = figures(made([0.5] * 8, 40.0), slow)
    assert math.isinf(never["time_share"])
    assert math.isinf(never["energy_share"])


def test_the_matrix_is_the_whole_one_and_never_reports_a_tuning_seed() -> None:
    cells = [c for c in matrix.cells() if c.task in ("digits", "motion")]
    assert len(cells) == len(set(cells)) == 2 * 3 * 3 * 2 * 5
    assert {c.seed for c in cells}.isdisjoint(matrix.TUNING_SEEDS)
    assert [c.seed for c in cells] == sorted(c.seed for c in cells)  # half a study is whole seeds
    assert {cell.seed for cell, _ in matrix.tuning()} <= set(matrix.TUNING_SEEDS)
    assert {
        c for part in (matrix.centre(), matrix.rare()) for c in part if c.slow_class is None
    } < set(cells)


def test_all_arms_share_world_concurrency_and_start_and_each_has_a_rate() -> None:
    cell = Cell("digits", "0.5", 0.9, 100, 201)
    arms = matrix.tuned(matrix.methods(cell.base()) | matrix.ablation(cell.base()), cell)
    assert len(arms) == 7 + 18
    shared = (
        "data",
        "clients",
        "alpha",
        "mix",
        "straggler_share",
        "straggler_factor",
        "jitter",
        "dropout",
        "model",
        "batch",
        "local_steps",
        "client_rate",
        "warm_start_steps",
        "concurrency",
        "seed",
    )
    for scenario in arms.values():
        assert {name: getattr(scenario, name) for name in shared} == {
            n: getattr(cell.base(), n) for n in shared
        }
    assert arms["ftte"] == matrix.tuned(matrix.ablation(cell.base()), cell)["ftte"]
    assert {s.server_rate for name, s in arms.items() if name.startswith("ftte,")} == {
        arms["ftte"].server_rate
    }
    ends = {name: s.max_updates or 0 for name, s in arms.items()}
    assert ends["fedavg"] == 0
    assert ends["fedbuff"] == ends["- subset"] > 0
    assert ends["fedbuff"] < ends["ftte"] < ends["sparse fedbuff"] == 2 * ends["fedbuff"]
    with pytest.raises(KeyError, match="no server rate of other"):
        matrix.tuned({"other": cell.base()}, cell)


@pytest.mark.parametrize("task", ["digits", "motion"])
def test_the_search_has_a_fifth_of_the_memory_and_a_third_of_the_payload(task: str) -> None:
    cell = Cell(task, "0.5", 0.9, 100, 201)
    arms = {
        name: prepare(s)
        for name, s in matrix.methods(cell.base()).items()
        if name in ("fedavg", "ftte")
    }
    full, ftte = arms["fedavg"].bill, arms["ftte"]
    assert ftte.bill.overhead_bytes <= 0.2 * full.overhead_bytes
    for tier in ftte.tiers.all:
        assert tier.traffic.upload <= 0.31 * arms["fedavg"].traffic.upload


def test_a_corner_of_the_study_runs_and_writes_its_page(tmp_path: Path) -> None:
    table, done = study.study(tmp_path / "runs", quick=True, processes=2)
    assert not done.failures
    assert not done.missing
    assert len(table) == 2 * 7 + 19 + 8
    assert set(table["part"]) == {"matrix", "ablation", "rare"}
    fedavg = table[table["arm"] == "fedavg"]
    assert (fedavg["time_share"] == 1).all()
    assert (fedavg["final_against_fedavg"] == 0).all()
    assert table["wall_s"].count() == len(done.scenarios) == 39
    assert 0 < table["wall_s"].sum() < 3_600
    pages.write(table, tmp_path)
    text = (tmp_path / "HEADLINE.md").read_text()
    for said in (
        "FTTE",
        "sparse FedBuff",
        "- tiers",
        "| quick |",
        "39 runs",
        "small devices left out",
    ):
        assert said in text, said
    assert "{" not in text
    assert "10 and 20 updates" in text
    for chart in pictures.CHARTS:
        assert (tmp_path / f"{chart}.png").stat().st_size > 5_000
    for name, (marks, _) in claims.PLACES.items():
        written = claims.put_claims(name, f"above\n{marks[0]}\nlast week\n{marks[1]}\nbelow", table)
        assert written.startswith("above")
        assert written.endswith("below")
        assert "last week" not in written
        assert "81 %" in written
        assert claims.put_claims(name, written, table) == written
        with pytest.raises(ValueError, match="no place for claims"):
            claims.put_claims(name, "a text without marks", table)
    again = pages.read(tmp_path)
    assert len(again) == len(table)
    assert again["time_share"].to_numpy() == pytest.approx(table["time_share"].to_numpy(), rel=1e-4)


def test_wall_time_is_shared_among_the_runs_kept_and_a_pause_is_none(tmp_path: Path) -> None:
    for name, at in (
        ("b", 1_010.0),
        ("a", 1_000.0),
        ("d", 9_000.0),
        ("c", 1_015.0),
        ("e", 9_002.0),
    ):
        (tmp_path / f"{name}.json").touch()
        os.utime(tmp_path / f"{name}.json", (at, at))
    assert study.wall_seconds(tmp_path) == {"a": 0.0, "b": 10.0, "c": 5.0, "d": 0.0, "e": 2.0}


def test_some_seeds_replace_their_own_lines_and_no_others() -> None:
    kept = pd.DataFrame({"seed": [302, 302, 303, 304], "arm": list("abcd")})
    table = pd.DataFrame({"seed": [303, 303], "arm": list("xy")})
    assert study.replaced(kept, table)["arm"].tolist() == ["a", "b", "x", "y", "d"]
    assert {cell.seed for _, cell, _ in study.arms(some=[304])} == {304}


def test_lines_of_another_study_are_told_from_those_that_this_one_would_make() -> None:
    kept = pages.read()
    assert study.strangers(kept, matrix.SEEDS) == []
    assert study.strangers(kept, []) == []
    first = kept["seed"] == 303
    other = kept.assign(
        max_updates=kept["max_updates"].mask(first & (kept["arm"] == "ftte"), 7_000)
    )
    assert study.strangers(other, matrix.SEEDS) == [303]
    assert study.strangers(kept.drop(kept[first].index[5]), [302, 303]) == [303]
    assert study.strangers(kept[~first], [302, 303]) == [303]
    assert study.strangers(kept.drop(columns="evaluations"), [304]) == [304]


def test_a_study_is_not_put_together_from_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = pages.read().drop(columns="max_updates")
    monkeypatch.setattr(pages, "read", lambda: kept)
    monkeypatch.setattr("sys.argv", ["headline", "--seeds", "302", "306", "306"])
    with pytest.raises(SystemExit):
        study.main()
    assert "seeds 303, 304, 305 from another study" in capsys.readouterr().err


def test_medians_say_not_reached_when_most_runs_were_not() -> None:
    assert pages.middle(pd.Series([0.2, math.inf, math.inf]), pages.percent).startswith(
        "not reached"
    )
    assert (
        pages.middle(pd.Series([0.2, 0.3, math.inf]), pages.percent) == "30 % (20 % to not reached)"
    )
    assert pages.middle(pd.Series([0.2, 0.2]), pages.percent) == "20 %"


def test_the_readme_and_the_page_say_what_the_kept_results_say() -> None:
    table = pages.read()
    for name in claims.PLACES:
        text = (study.HERE.parents[1] / name).read_text()
        assert claims.put_claims(name, text, table) == text
    page = (study.HERE / "HEADLINE.md").read_text()
    assert pages.overview(table) in page
    for rows in (pages.bar(table), pages.by_cell(table), pages.parts(table), pages.rare(table)):
        assert markdown(rows) in page
