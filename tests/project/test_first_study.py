"""The headline study: its arithmetic on made-up runs, its matrix, and a corner of it for real."""

import json
import math
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.markdown import table as markdown
from benchmarks.study.first import arms, claims, matrix, pages, study, tables
from benchmarks.study.first.matrix import Cell
from benchmarks.study.first.outcome import FACTS, figures
from ftte_lab.simulation import History, prepare

PINNED = study.ROOT / "tests" / "simulation" / "digests.json"
CENTRE = Cell("digits", "0.5", 0.9, 100, 201)
# What all arms of a cell have in common.
SHARED = (
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


def made_up(accuracy: list[float], every_s: float = 10.0, **facts: float) -> History:
    """Return a history with these accuracies, a fixed time apart."""
    n = len(accuracy)
    columns: dict[str, Any] = {"sim_seconds": [every_s * k for k in range(n)], "accuracy": accuracy}
    columns |= {
        name: [5.0 * k for k in range(n)] for name in ("upload_bytes", "total_bytes", "energy_j")
    }
    columns |= {"straggler_accuracy": accuracy, "worst_decile_accuracy": accuracy}
    kept = dict.fromkeys(FACTS, 100.0) | {"tiers": [{"upload_bytes": 100}]} | facts
    return History({"horizon_s": 400.0}, pd.DataFrame(columns), kept)


def test_figures_are_shares_of_fedavg_and_infinite_without_the_target() -> None:
    slow = made_up([0.5, 0.6, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8], 40.0, overhead_bytes=500.0)
    fast = made_up([0.5, 0.8, 0.82, 0.82, 0.82, 0.82, 0.82, 0.82], 40.0, overhead_bytes=100.0)
    row = figures(fast, slow)
    assert row["target_accuracy"] == pytest.approx(0.95 * 0.8)
    assert row["time_share"] == pytest.approx(40 / 120)
    assert row["final_against_fedavg"] == pytest.approx(2.0)
    assert row["overhead_share"] == pytest.approx(0.2)
    assert figures(slow, slow)["time_share"] == 1.0
    never = figures(made_up([0.5] * 8, 40.0), slow)
    assert math.isinf(never["time_share"])
    assert math.isinf(never["energy_share"])


def test_matrix_is_complete_and_never_reports_a_tuning_seed() -> None:
    cells = [c for c in matrix.cells() if c.task in ("digits", "motion")]
    assert len(cells) == len(set(cells)) == 2 * 3 * 3 * 2 * 5
    assert {c.seed for c in cells}.isdisjoint(matrix.TUNING_SEEDS)
    assert [c.seed for c in cells] == sorted(c.seed for c in cells)  # seed after seed
    assert {cell.seed for cell, _ in arms.tuning()} <= set(matrix.TUNING_SEEDS)
    assert {
        c for part in (matrix.centre(), matrix.rare()) for c in part if c.slow_class is None
    } < set(cells)


def test_runs_of_the_first_seed_keep_their_digests() -> None:
    """The kept results are found by these: `digests.json` holds what was true before."""
    pinned = json.loads(PINNED.read_text())["scenarios"]["study"]
    places = [runs["runs"] for place, runs in pinned.items() if ", quick, " not in place]
    before = {digest for runs in places for digest, _ in runs.values()}
    now = {
        scenario.digest()
        for runs in study.plan(seeds=[302])
        if runs.cell.task in ("digits", "motion")
        for scenario in runs.scenarios.values()
    }
    assert now == before


def test_arms_share_fleet_and_start_and_each_has_a_rate() -> None:
    by_name = arms.tuned(arms.methods(CENTRE) | arms.ablation(CENTRE), CENTRE)
    assert len(by_name) == 7 + 18
    shared = CENTRE.shared()
    for scenario in by_name.values():
        assert [getattr(scenario, name) for name in SHARED] == [
            getattr(shared, name) for name in SHARED
        ]
    assert by_name["ftte"] == arms.tuned(arms.ablation(CENTRE), CENTRE)["ftte"]
    assert {s.server_rate for name, s in by_name.items() if name.startswith("ftte,")} == {
        by_name["ftte"].server_rate
    }
    ends = {name: s.max_updates or 0 for name, s in by_name.items()}
    assert ends["fedavg"] == 0
    assert ends["fedbuff"] == ends["- subset"] > 0
    assert ends["fedbuff"] < ends["ftte"] < ends["sparse fedbuff"] == 2 * ends["fedbuff"]
    with pytest.raises(KeyError, match="no server rate of other"):
        arms.tuned({"other": shared}, CENTRE)


@pytest.mark.parametrize("task", ["digits", "motion"])
def test_search_has_a_fifth_of_the_memory_and_a_third_of_the_payload(task: str) -> None:
    by_name = arms.methods(Cell(task, "0.5", 0.9, 100, 201))
    fedavg, ftte = (prepare(by_name[name]) for name in ("fedavg", "ftte"))
    assert ftte.bill.overhead_bytes <= 0.2 * fedavg.bill.overhead_bytes
    for tier in ftte.tiers.tiers:
        assert tier.traffic.upload <= 0.31 * fedavg.traffic.upload


def test_wall_time_is_shared_among_the_runs_and_a_pause_is_none(tmp_path: Path) -> None:
    ends = {"b": 1_010.0, "a": 1_000.0, "d": 9_000.0, "c": 1_015.0, "e": 9_002.0}
    for name, at in ends.items():
        (tmp_path / f"{name}.json").touch()
        os.utime(tmp_path / f"{name}.json", (at, at))
    assert study.wall_seconds(tmp_path) == {"a": 0.0, "b": 10.0, "c": 5.0, "d": 0.0, "e": 2.0}


def test_seeds_replace_their_own_lines_and_no_others() -> None:
    kept = pd.DataFrame({"seed": [302, 302, 303, 304], "arm": list("abcd")})
    table = pd.DataFrame({"seed": [303, 303], "arm": list("xy")})
    assert study.replaced(kept, table)["arm"].tolist() == ["a", "b", "x", "y", "d"]
    assert {runs.cell.seed for runs in study.plan(seeds=[304])} == {304}


def test_strangers_are_the_seeds_whose_lines_come_from_another_study() -> None:
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


def test_command_refuses_to_put_two_studies_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = pages.read().drop(columns="max_updates")
    monkeypatch.setattr(pages, "read", lambda: kept)
    monkeypatch.setattr("sys.argv", ["study", "--seeds", "302", "306", "306"])
    with pytest.raises(SystemExit):
        study.main()
    assert "seeds 303, 304, 305 from another study" in capsys.readouterr().err


def test_middle_is_not_reached_when_most_runs_were_not() -> None:
    percent = tables.percent
    assert tables.middle(pd.Series([0.2, math.inf, math.inf]), percent).startswith("not reached")
    assert tables.middle(pd.Series([0.2, 0.3, math.inf]), percent) == "30 % (20 % to not reached)"
    assert tables.middle(pd.Series([0.2, 0.2]), percent) == "20 %"


def test_readme_and_page_agree_with_the_kept_results() -> None:
    table = pages.read()
    for name in claims.PLACES:
        text = (study.ROOT / name).read_text()
        assert claims.put_claims(name, text, table) == text
    page = (study.HERE / "HEADLINE.md").read_text()
    assert tables.overview(table) in page
    for rows in (tables.bar(table), tables.by_cell(table), tables.parts(table), tables.rare(table)):
        assert markdown(rows) in page
