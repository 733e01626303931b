"""The study: its plan and arithmetic on made-up runs, its jobs, and a corner of it for real."""

import json
import math
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.markdown import table as markdown
from benchmarks.study import (
    arms,
    bar,
    bills,
    central,
    claims,
    cost,
    jobs,
    matrix,
    outcome,
    parts,
    plan,
    rates,
    results,
    study,
    tables,
    words,
)
from benchmarks.study.jobs import Job, Results, run_jobs
from benchmarks.study.matrix import Cell
from ftte_lab.simulation import History, prepare
from tests.tiny import TINY

USED = {*range(1, 41), 101, 102, 103, 201, *range(301, 307)}
# What all arms of a cell have in common.
SHARED = (
    "data",
    "clients",
    "alpha",
    "samples_per_client",
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
    "payload_names",
    "horizon_s",
    "evaluations",
    "seed",
)


@cache
def whole() -> tuple[plan.Runs, ...]:
    """Return the complete study as it is planned."""
    return tuple(plan.plan())


# --- the plan


def test_reported_seeds_are_new_and_tuning_has_its_own() -> None:
    reported = {runs.cell.seed for runs in whole()}
    assert reported.isdisjoint(USED)
    assert len({runs.cell.seed for runs in whole() if runs.part in ("matrix", "levers")}) == 5
    trials = list(rates.trials(plan.PARTS))
    assert {trial.cell.seed for trial in trials} <= set(matrix.TUNING_SEEDS)
    assert {trial.scenario.seed for trial in trials} <= set(matrix.TUNING_SEEDS)


def test_plan_covers_what_was_asked_and_names_each_line_once() -> None:
    keys = list(results.keys(whole()))
    assert len(keys) == len(set(keys))
    cells = [runs.cell for runs in whole() if runs.part == "matrix"]
    everywhere = {(c.task, c.alpha, c.stragglers, c.clients) for c in cells}
    assert sum(clients == 100 for *_, clients in everywhere) == 2 * 3 * 3
    assert {place[:3] for place in everywhere if place[3] == 500} == {
        (task, "0.5", share) for task in matrix.STUDIED for share in (0.3, 0.6, 0.9)
    }
    by_part = {name: [r for r in whole() if r.part == name] for name in plan.PARTS}
    assert all(len(runs.scenarios) == 15 for runs in by_part["levers"])
    assert {runs.cell.fault for runs in by_part["faulty"]} == set(matrix.FAULTS)
    assert {runs.cell.start for runs in by_part["search"]} == {"warm", "raw"}
    for task in matrix.STUDIED:
        world = [r for r in by_part["search"] if r.cell.task == task and r.cell.start == "raw"]
        drawn = [s.solver for r in world for s in r.scenarios.values() if s.payload_share == 0.1]
        assert sum(name.startswith("pure_random ") for name in drawn) == 20
        assert sum(name.startswith("random ") for name in drawn) == 20


def test_parts_can_be_planned_apart() -> None:
    assert {runs.part for runs in plan.plan(["faulty"])} == {"faulty"}
    assert {runs.cell.seed for runs in plan.plan(["matrix", "levers"], [332])} == {332}
    together = sum(len(plan.plan([name])) for name in plan.PARTS)
    assert together == len(whole())


def test_arms_share_fleet_and_start() -> None:
    for runs in whole():
        shared = runs.cell.shared()
        for name, scenario in runs.scenarios.items():
            differing = [f for f in SHARED if getattr(scenario, f) != getattr(shared, f)]
            assert not differing, f"{runs.part}, {name}: {differing}"
            assert scenario.fault == runs.cell.fault
        if runs.fedavg is not None:
            assert runs.fedavg.method == "fedavg"
            assert runs.fedavg.fault == "none"
            assert runs.fedavg.max_updates is None


def test_ftte_has_the_form_of_the_paper_in_every_arm_but_the_named_ones() -> None:
    for runs in whole():
        for name, scenario in runs.scenarios.items():
            if scenario.method == "ftte" and name != "tiers":
                assert scenario.subset_per == "fleet", name
            if name == "ftte":
                assert scenario.micro_batch == "auto"
                assert scenario.payload_share == 0.25
                assert scenario.server_average == 0.95
                assert (scenario.age_exponent, scenario.variance_exponent) == (0.5, 0.25)


def test_runs_of_another_part_are_the_same_runs() -> None:
    """The central cell of the matrix is not run twice for the table of levers."""
    cell = Cell("digits", *matrix.CENTRE, 331)
    found = {
        runs.part: runs.scenarios for runs in plan.plan(["matrix", "levers"]) if runs.cell == cell
    }
    for name in ("fedavg", "fedbuff", "fedbuff + average", "ftte"):
        assert found["matrix"][name] == found["levers"][name]


@pytest.mark.parametrize("clients", [100, 500])
@pytest.mark.parametrize("task", matrix.STUDIED)
def test_ftte_fits_its_budgets_and_never_gets_more_time_than_others(
    task: str, clients: int
) -> None:
    cell = Cell(task, "0.5", 0.9, clients, 8)
    by_name = arms.limited(arms.build_arms(cell, arms.matrix(task)), arms.ends(cell))
    fedbuff, ftte = (prepare(by_name[name]) for name in ("fedbuff", "ftte"))
    assert ftte.timeline.step_s[-1] <= fedbuff.timeline.step_s[-1]
    whole = bills.bill(task)
    most = whole.peak_bytes - whole.inference_one_bytes
    assert ftte.bill.peak_bytes - whole.inference_one_bytes <= bills.MEMORY_SHARE * most
    assert ftte.traffic.upload <= 0.31 * fedbuff.traffic.upload


def test_full_training_fits_ftte_s_budget_only_in_parts() -> None:
    for task in matrix.STUDIED:
        size = bills.fitting_micro_batch(task, None)
        assert 1 <= size < matrix.TASKS[task].batch
        assert bills.bill(task, None, size).peak_bytes < bills.bill(task).peak_bytes


def test_draws_differ_from_each_other_and_repeat() -> None:
    cell = Cell("quick", "0.5", 0.9, matrix.QUICK_CLIENTS, 8)
    runs = arms.build_arms(cell, arms.chance("quick"))
    subsets = {name: prepare(s).plan.subset.to_json() for name, s in runs.items() if "25 %" in name}
    drawn = [text for name, text in subsets.items() if "random" in name]
    assert len(set(drawn)) == len(drawn) == 4
    again = prepare(runs["pure_random 1 at 25 %"]).plan.subset.to_json()
    assert again == subsets["pure_random 1 at 25 %"]


def test_estimate_counts_a_job_of_two_parts_once() -> None:
    one, two = (Job("run", TINY.replace(seed=seed)) for seed in (1, 2))
    text = cost.estimate({"a": [one, one], "b": [one, two]}, processes=2)
    assert [line.split()[1] for line in text.splitlines()] == ["1", "1", "2"]
    assert cost.core_seconds(one) > 0


# --- the line of a run


def made_up(accuracy: list[float], every_s: float = 10.0, **facts: float) -> History:
    """Return a history with these accuracies, a fixed time apart."""
    n = len(accuracy)
    columns: dict[str, Any] = {"sim_seconds": [every_s * k for k in range(n)], "accuracy": accuracy}
    columns |= {name: [5.0 * k for k in range(n)] for name in outcome.COSTS.values()} | columns
    columns |= {"straggler_accuracy": accuracy, "worst_decile_accuracy": accuracy}
    kept = {
        "upload_bytes_per_update": 100.0,
        "download_bytes_per_update": 100.0,
        "first_download_bytes": 0.0,
        "index_bytes": 0.0,
        "mean_staleness": 2.0,
        "devices_too_small": 0,
        "trained_parameters": 5,
        "parameters": 10,
        "rejected_updates": {"nan": 2},
    }
    return History({"horizon_s": 400.0}, pd.DataFrame(columns), kept | facts)


def test_shares_are_of_fedavg_and_infinite_without_the_target() -> None:
    slow = made_up([0.5, 0.6, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8], 40.0)
    fast = made_up([0.5, 0.8, 0.82, 0.82, 0.82, 0.82, 0.82, 0.82], 40.0, upload_bytes_per_update=25)
    row = outcome.against(fast, slow)
    target = row["target_accuracy"]
    assert target == pytest.approx(0.95 * 0.8)
    curve = slow.smoothed(width_s=10.0)
    part = (target - curve[2]) / (curve[3] - curve[2])  # a straight line from 80 to 120 s
    assert row["time_share"] == pytest.approx(40 / (80 + 40 * part))
    assert row["bytes_share"] == pytest.approx(5 / (10 + 5 * part))
    assert row["upload_of_fedavg"] == 0.25
    assert row["final_against_fedavg"] == pytest.approx(2.0)
    assert outcome.against(slow, slow)["energy_share"] == 1.0
    never = outcome.against(made_up([0.5] * 8, 40.0), slow)
    assert math.isinf(never["time_share"])
    assert math.isinf(never["energy_to_target"])


def test_final_accuracy_is_the_mean_over_the_last_fifth() -> None:
    row = outcome.level(made_up([0.0] * 9 + [0.6, 0.8]))  # points at 0 to 100 s; the last fifth: 80
    assert row["final_accuracy"] == pytest.approx((0.0 + 0.6 + 0.8) / 3)
    assert row["rejected"] == 2
    assert row["end_s"] == 100.0


# --- jobs


def test_jobs_run_once_and_keep_what_they_took(tmp_path: Path) -> None:
    short = TINY.replace(horizon_s=10.0, evaluations=3)
    some = [Job("run", short), Job("run", short), Job("run", short.replace(seed=1))]
    first = run_jobs(some, tmp_path, processes=1)
    assert (first.done, first.left, first.failures) == (2, 0, ())
    found = Results(tmp_path)
    assert found.history(short).scenario == short.to_dict()
    assert found.core_s(short) > 0
    assert run_jobs(some, tmp_path).done == 0


def test_everybody_s_samples_together_teach_more_than_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rate ends at the limit of samples: 100 steps of 32 between two looks."""
    monkeypatch.setattr(central, "_MOST_SAMPLES", 18_000)
    job = Job("central", TINY)
    job.path(tmp_path).write_text(jobs.compute(job.kind, TINY.to_json()))
    level = Results(tmp_path).level(TINY)
    assert 0.6 < level["accuracy"] <= 1
    assert level["steps"] == 2 * 6 * 100


def test_jobs_stop_in_time_and_report_what_failed(tmp_path: Path) -> None:
    late = run_jobs([Job("run", TINY)], tmp_path, processes=1, stop_after_s=0.0)
    assert (late.done, late.left) == (0, 1)
    impossible = TINY.replace(budget_kib=1.0)
    text = jobs.compute("run", impossible.to_json())
    assert "BudgetError" in json.loads(text)["error"]
    bad, good = Job("run", impossible), Job("run", TINY.replace(horizon_s=10.0, evaluations=3))
    both = run_jobs([bad, good], tmp_path, processes=1)
    assert both.done == 1
    assert "no subset fits" in both.failures[0]
    assert not bad.path(tmp_path).exists()


# --- the kept lines


def line(arm: str, digest: str, **others: Any) -> dict[str, Any]:
    cell = vars(Cell("digits", "0.5", 0.9, 100, 331))
    return {"part": "matrix", "arm": arm, **cell, "digest": digest, **others}


def test_later_lines_replace_earlier_ones_and_lines_of_another_plan_go() -> None:
    cell = Cell("digits", "0.5", 0.9, 100, 331)
    by_name = {"a": TINY, "b": TINY.replace(seed=5)}
    planned = [plan.Runs("matrix", cell, by_name)]
    a, b = (s.digest() for s in by_name.values())
    kept = pd.DataFrame([line("b", b, core_s=1.0), line("a", a, core_s=1.0), line("a", "old")])
    new = pd.DataFrame([line("a", a, core_s=2.0), line("c", a)])
    table = results.merged([kept, new], planned)
    assert table[["arm", "core_s"]].to_numpy().tolist() == [["a", 2.0], ["b", 1.0]]
    assert results.missing(table, planned) == 0
    assert results.missing(table[:1], planned) == 1
    assert results.merged([results.read(Path("none"))], planned).empty


def test_lines_survive_their_file(tmp_path: Path) -> None:
    table = pd.DataFrame([line("a", "12", time_share=math.inf, final_accuracy=0.912345678)])
    results.write(table, tmp_path / "some.csv")
    again = results.read(tmp_path / "some.csv")
    assert again["alpha"].tolist() == ["0.5"]
    assert again["digest"].tolist() == ["12"]
    assert math.isinf(again["time_share"][0])
    assert again["final_accuracy"][0] == 0.912346


# --- rates


def test_best_rate_has_the_largest_sum_and_rates_are_kept_beside_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "RATES", tmp_path / "rates.json")
    rates.read.cache_clear()
    cell = Cell("digits", "0.5", 0.9, 100, 101)
    scores = {(0.5, 1): 0.9, (0.5, 2): 0.1, (1.0, 1): 0.6, (1.0, 2): 0.6, (2.0, 1): 0.6}
    judged = [(rates.Trial(cell, "ftte", rate, TINY), s) for (rate, _), s in scores.items()]
    assert rates.best(judged) == {"digits 0.5 100": {"ftte": 1.0}}
    assert rates.rate_or_none("ftte", cell) is None
    assert rates.keep(rates.best(judged)) == 1
    assert rates.keep({"digits 0.5 100": {"fedavg": 2.5}}) == 2
    assert rates.rate_of("ftte", cell) == 1.0
    raw = Cell("digits", "0.1", 0.9, 100, 331, start="raw")
    assert rates.rate_of("fedavg", raw) == 2.5  # of the central cell
    assert rates.rate_of("pure_random 3 at 25 %", cell) == 1.0
    rates.read.cache_clear()


def test_every_arm_of_the_study_is_tuned_somewhere() -> None:
    tuned = {(t.cell.task, t.arm) for t in rates.trials(plan.PARTS)}
    for runs in whole():
        if runs.fedavg is not None and not runs.cell.of.real:
            assert not {(runs.cell.task, name) for name in runs.scenarios} - tuned, runs.part


def test_study_refuses_to_run_without_rates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rates, "RATES", tmp_path / "none.json")
    rates.read.cache_clear()
    with pytest.raises(SystemExit):
        study.main(["--parts", "matrix", "--estimate", "--folder", str(tmp_path)])
    assert "no server rate of fedavg (digits 0.1 100)" in capsys.readouterr().err
    rates.read.cache_clear()


# --- tables


def runs_of(arm: str, **columns: list[float]) -> list[dict[str, Any]]:
    """Return lines of an arm on some seeds of the central cell."""
    n = len(next(iter(columns.values())))
    usual = {
        "part": "matrix",
        "arm": arm,
        "task": "digits",
        "alpha": "0.5",
        "stragglers": 0.9,
        "clients": 100,
        "start": "warm",
        "fault": "none",
        "final_accuracy": 0.9,
        "final_against_fedavg": 0.0,
        "micro_overhead_share": 0.2,
        "upload_of_fedavg": 0.25,
        "sent_of_fedavg": 0.3,
        "energy_share": 0.4,
        "time_share": 0.1,
        "time_to_target": 100.0,
        "bytes_to_target": 10.0,
        "energy_to_target": 10.0,
    }
    return [
        usual | {"seed": 331 + k} | {name: values[k] for name, values in columns.items()}
        for k in range(n)
    ]


def test_bar_says_passed_or_missed_from_the_lines() -> None:
    ours = runs_of("ftte", time_share=[0.1, 0.14, math.inf], bytes_to_target=[4.0, 4.4, 9.0])
    many = [row | {"clients": 500, "time_share": 0.2} for row in ours]
    others = [
        row | {"final_accuracy": 0.91}
        for arm in ("fedbuff", "fedbuff + average")
        for row in runs_of(arm, time_to_target=[100.0, 99.0, 120.0])
    ]
    lines = {one.figure: one for one in bar.bar(pd.DataFrame([*ours, *others]))}
    assert lines["time to target, of FedAvg's"].met
    assert lines["time to target, of FedAvg's"].ours.startswith("14 %")
    assert not lines["final accuracy, points over FedBuff's"].met  # a point below
    rival = "of FedBuff's with micro-batches and average"
    assert lines[f"bytes to target, {rival}"].met
    assert lines[f"time to target, {rival}"].met  # the middle one of 1, 1.01, 0.83
    assert "time, from 100 to 500 devices" not in lines
    more = {one.figure: one for one in bar.bar(pd.DataFrame([*ours, *many, *others]))}
    assert not more["time, from 100 to 500 devices"].met
    assert not more["time to target, of FedAvg's"].met
    assert bar.bar(pd.DataFrame(runs_of("fedavg", time_share=[1.0]))) == []
    assert {row[""] for row in bar.rows(pd.DataFrame(ours))} == {"passed"}


def test_pairs_compare_the_same_cells_alone() -> None:
    ours = runs_of("ftte", final_accuracy=[0.9, 0.8], time_to_target=[50.0, math.inf])
    theirs = runs_of("fedbuff", final_accuracy=[0.91, 0.7, 0.1], time_to_target=[100.0, 10.0, 1.0])
    found = tables.pairs(pd.DataFrame([*ours, *theirs]), "ftte", "fedbuff")
    assert found["time"].tolist() == [0.5, math.inf]
    assert found["final"].tolist() == pytest.approx([-1.0, 10.0])


def world(seed: int, search: float, **draws: list[float]) -> list[dict[str, Any]]:
    """Return the runs of one world: the search, and draws whose predicted gain ranks them."""
    rows = [("exact", search, 10.0)]
    for kind, finals in draws.items():
        rows += [(f"{kind} {k}", final, float(k)) for k, final in enumerate(finals, 1)]
    return [
        {
            **line(solver, "1"),
            "part": "search",
            "seed": seed,
            "payload_share": 0.25,
            "solver": solver,
            "gain_exponent": 1.0,
            "final_accuracy": final,
            "predicted_gain": gain,
        }
        for solver, final, gain in rows
    ]


def test_search_is_placed_among_the_draws_of_its_own_world() -> None:
    table = pd.DataFrame(
        [
            *world(1, 0.9, random=[0.8, 0.95], pure_random=[0.1, 0.2]),
            *world(2, 0.5, random=[0.45, 0.4], pure_random=[0.3, 0.6]),
        ]
    )
    part = parts.chance(table)
    assert parts.place_among(part, "search", "random") == 3 / 4
    assert parts.place_among(part, "search", "pure_random") == 3 / 4
    assert math.isnan(parts.place_among(part, "search, gain exponent 1/2", "random"))
    over = part.loc[part["seed"] == 2, "over"].tolist()
    assert over == pytest.approx([0, -0.05, -0.1, -0.2, 0.1])
    assert parts.spearman(part, ("random",)) == pytest.approx(0.0)  # 1 and -1
    assert parts.search(table)[-1]["draws of each"] == "4"


def test_spearman_is_the_correlation_of_ranks() -> None:
    part = parts.chance(pd.DataFrame(world(1, 0.99, random=[0.1, 0.5, 0.2, 0.9])))
    ranks = np.array([[1, 1], [2, 3], [3, 2], [4, 4]])
    expected = np.corrcoef(ranks.T)[0, 1]
    assert parts.spearman(part, ("random",)) == pytest.approx(expected)


def test_middle_is_not_reached_when_most_runs_were_not() -> None:
    percent = words.percent
    assert words.middle(pd.Series([0.2, math.inf, math.inf]), percent).startswith("not reached")
    assert words.middle(pd.Series([0.2, 0.3, math.inf]), percent) == "30 % (20 % to not reached)"
    assert words.middle(pd.Series([0.2, math.nan]), percent) == "20 %"
    assert words.middle(pd.Series([], dtype=float), percent) == "–"


# --- the command


_BARE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {
            "altair", "ipywidgets", "IPython", "anywidget", "tqdm", "pooch", "requests", "PIL",
            "vl_convert",
        }:
            raise ImportError(name)
sys.meta_path.insert(0, Missing())
"""


def test_a_machine_without_charts_and_widgets_runs_the_study(tmp_path: Path) -> None:
    """Numpy, torch, scipy, pandas, scikit-learn and safetensors are enough, in workers as well."""
    (tmp_path / "sitecustomize.py").write_text(_BARE)
    command = ["--quick", "--parts", "untrained", "--jobs", "1", "--no-page"]
    subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "benchmarks.study", *command, "--folder", str(tmp_path)],
        check=True,
        cwd=study.ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        timeout=300,
    )
    assert set(results.read(tmp_path / "quick.csv")["arm"]) == set(arms.matrix("quick"))


@pytest.mark.slow
def test_a_corner_of_every_part_runs_and_fills_its_page(tmp_path: Path) -> None:
    study.main(["--quick", "--jobs", "2", "--folder", str(tmp_path)])
    table = results.read(tmp_path / "quick.csv")
    assert set(table["part"]) == set(plan.PARTS)
    fedavg = table[(table["arm"] == "fedavg") & (table["part"] != "search")]
    assert (fedavg["time_share"] == 1).all()
    assert (fedavg["final_against_fedavg"] == 0).all()
    assert (table["core_s"] > 0).all()
    text = (tmp_path / "STUDY.md").read_text()
    assert "{" not in text
    assert text.count("Not run yet") == 1  # the corner leaves one share of stragglers out
    for name in ("time", "levers", "search25", "search10", "foretold"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5_000
    for name, (marks, _) in claims.PLACES.items():
        written = claims.put(name, f"above\n{marks[0]}\nlast week\n{marks[1]}\nbelow", table)
        assert "last week" not in written
        assert claims.put(name, written, table) == written
        with pytest.raises(ValueError, match="no place for claims"):
            claims.put(name, "a text without marks", table)


def test_tuning_keeps_the_better_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = TINY.replace(horizon_s=30.0, evaluations=4)
    cell = Cell("digits", "0.5", 0.9, 100, 101)
    some = [rates.Trial(cell, "ftte", r, short.replace(server_rate=r)) for r in (1e-6, 1.0)]
    monkeypatch.setattr(rates, "trials", lambda parts: some)
    monkeypatch.setattr(rates, "RATES", tmp_path / "rates.json")
    rates.read.cache_clear()
    study.main(["--tune", "--parts", "matrix", "--jobs", "1", "--folder", str(tmp_path)])
    assert json.loads((tmp_path / "rates.json").read_text()) == {cell.key: {"ftte": 1.0}}
    rates.read.cache_clear()


def test_lines_of_another_machine_are_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = whole()[0]
    lines = [
        {"part": runs.part, "arm": arm, **vars(runs.cell), "digest": s.digest(), "core_s": 1.0}
        for arm, s in runs.scenarios.items()
    ]
    home, files = tmp_path / "home.csv", [tmp_path / "a.csv", tmp_path / "b.csv"]
    results.write(pd.DataFrame(lines[:1]), home)
    results.write(pd.DataFrame(lines[1:3]), files[0])
    results.write(pd.DataFrame(lines[3:]), files[1])
    study.main(["--merge", *map(str, files), "--results", str(home), "--no-page"])
    assert results.read(home)["arm"].tolist() == list(runs.scenarios)
    assert "4 lines" in capsys.readouterr().out


def test_unknown_parts_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        study.main(["--parts", "matrx"])
    assert "no part matrx; there are matrix, levers" in capsys.readouterr().err


def test_page_and_quotes_agree_with_the_kept_results() -> None:
    table = results.read()
    kept = results.KEPT.with_name("STUDY.md").read_text()
    for rows in (bar.rows(table), tables.methods(tables.part_of(table, "levers"))):
        assert not rows or markdown(rows) in kept
    for name in claims.PLACES:
        text = (study.ROOT / name).read_text()
        assert claims.put(name, text, table) == text
