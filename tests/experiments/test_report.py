"""The headline report, tuning and the command, on a run of seconds."""

import importlib
import json
from dataclasses import replace

import pandas as pd
import pytest

from ftte_lab.cli import main
from ftte_lab.experiments import (
    HEADLINE_METHODS,
    PRESETS,
    RATE_GRID,
    TUNING_SEEDS,
    Comparison,
    HeadlineReport,
    best_rates,
    headline,
    preset,
    run_all,
    savings,
    table,
    tune,
)
from ftte_lab.simulation import METHODS, History, Scenario, prepare
from tests.tiny import TINY

RATES = dict.fromkeys(HEADLINE_METHODS, 1.0)
COMPARED = Comparison(TINY, rates=RATES, about="a preset of seconds")
PROMISED = {
    "time_to_target_s",
    "final_accuracy",
    "straggler_accuracy",
    "peak_memory_bytes",
    "overhead_bytes",
    "upload_bytes_per_update",
    "download_bytes_per_update",
    "energy_j",
}


@pytest.fixture(scope="module")
def report() -> HeadlineReport:
    return headline(COMPARED.runs(seed=1))


def test_headline_target_is_a_share_of_fedavgs_best(report: HeadlineReport) -> None:
    assert report.target_accuracy == pytest.approx(0.95 * report.histories["fedavg"].best())


def test_runs_share_fleet_data_start_and_concurrency() -> None:
    methods = COMPARED.runs(seed=3)
    server = {
        "method",
        "subset",
        "buffer",
        "refill",
        "over_select",
        "staleness",
        "age_exponent",
        "variance_exponent",
        "sample_exponent",
        "normalise",
        "server_rate",
    }
    rest = [{k: v for k, v in s.to_dict().items() if k not in server} for s in methods.values()]
    assert rest[0] == rest[1] == rest[2]
    assert [s.seed for s in methods.values()] == [3, 3, 3]


def test_figures_are_complete_and_json(report: HeadlineReport) -> None:
    whole = json.loads(json.dumps(report.to_dict()))
    assert set(whole["methods"]) == set(HEADLINE_METHODS)
    for values in whole["methods"].values():
        assert set(values) >= PROMISED
    ftte, fedavg = whole["methods"]["ftte"], whole["methods"]["fedavg"]
    assert ftte["peak_memory_bytes"] <= 40 * 1024 < fedavg["peak_memory_bytes"]
    assert ftte["upload_bytes_per_update"] < fedavg["upload_bytes_per_update"]
    assert Scenario.from_dict(whole["scenario"]).data == "digits"


def test_figures_give_both_readings_of_faster(report: HeadlineReport) -> None:
    base, other = report.figures("fedavg"), report.figures("fedbuff")
    assert base["time_saved"] == base["speed_gain"] == 0
    if other["time_to_target_s"]:
        ratio = other["time_to_target_s"] / base["time_to_target_s"]
        assert other["time_saved"] == pytest.approx(1 - ratio)
        assert other["speed_gain"] == pytest.approx(1 / ratio - 1)


def never(report: HeadlineReport) -> HeadlineReport:
    flat = report.histories["ftte"].points.assign(accuracy=0.1)
    lost = replace(report.histories["ftte"], points=flat)
    return HeadlineReport({**report.histories, "ftte": lost}, report.target_accuracy)


def test_table_reports_a_missed_target(report: HeadlineReport) -> None:
    lost = never(report)
    assert "not reached" in table(lost)
    assert lost.figures("ftte")["time_to_target_s"] is None
    assert any("never reached" in line for line in savings(lost))


def test_savings_set_ftte_against_a_rival_with_the_same_average(report: HeadlineReport) -> None:
    assert not any("same average" in line for line in savings(report))
    rival = report.histories["fedbuff"]
    both = HeadlineReport({**report.histories, "fedbuff_average": rival}, report.target_accuracy)
    ours, theirs = both.figures("ftte"), both.figures("fedbuff_average")
    ahead = 100 * (ours["final_accuracy"] - theirs["final_accuracy"])
    assert list(savings(both))[-1].endswith(f"{ahead:+.1f} points at the end.")


def test_table_has_a_row_for_every_figure(report: HeadlineReport) -> None:
    lines = table(report).splitlines()
    assert lines[0].split() == ["FedAvg", "FedBuff", "FTTE"]
    for words in (
        "time to target",
        "slowest tenth",
        "levelled off",
        "peak memory",
        "overhead",
        "devices left out",
    ):
        assert any(words in line for line in lines)
    assert len({len(line) for line in lines}) == 1


def test_run_all_gives_the_same_numbers_in_processes(report: HeadlineReport) -> None:
    side_by_side = run_all(COMPARED.runs(seed=1), processes=2)
    assert list(side_by_side) == list(HEADLINE_METHODS)
    for name, history in side_by_side.items():
        pd.testing.assert_frame_equal(
            history.points, report.histories[name].points, check_exact=True
        )
        assert json.dumps(history.facts) == json.dumps(report.histories[name].facts)


def test_run_all_explains_a_failing_run() -> None:
    broken = {name: s.replace(budget_kib=1.0) for name, s in COMPARED.runs().items()}
    with pytest.raises(ValueError, match="no subset fits"):
        run_all(broken, processes=2)


def test_run_all_moves_its_bar_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    run_all({"ftte": TINY}, progress=True)
    assert "40/40 virtual s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"scenarios": {"ftte": TINY}}, "with 'fedavg' among them"),
        ({"target_share": 0.0}, "target_share"),
        ({"processes": 0}, "processes = 0"),
    ],
)
def test_headline_explains_wrong_arguments(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        headline(**{"scenarios": COMPARED.runs(), **arguments})  # type: ignore[arg-type]


def test_tune_uses_its_own_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Scenario] = []

    def fake(jobs: dict[str, Scenario], **_: object) -> dict[str, History]:
        asked.extend(jobs.values())
        frame = {"sim_seconds": [0.0, 1.0]}
        return {
            k: History({}, pd.DataFrame(frame | {"accuracy": [0, s.server_rate % 2]}), {})
            for k, s in jobs.items()
        }

    monkeypatch.setattr(importlib.import_module("ftte_lab.experiments.tuning"), "run_all", fake)
    scores = tune(COMPARED)
    assert {s.seed for s in asked} == set(TUNING_SEEDS)
    assert not set(TUNING_SEEDS) & set(range(100))
    assert best_rates(scores) == dict.fromkeys(HEADLINE_METHODS, 1.5)
    assert set(scores["ftte"]) == set(RATE_GRID)


@pytest.mark.parametrize("name", list(PRESETS))
def test_preset_has_tuned_rates_and_headline_methods(name: str) -> None:
    p = preset(name)
    assert set(HEADLINE_METHODS) <= set(p.rates) <= set(METHODS)
    assert set(p.methods) <= set(p.rates)
    assert {p.rates[method] for method in p.methods} <= set(RATE_GRID)
    assert set(HEADLINE_METHODS) <= set(p.runs(0))


@pytest.mark.parametrize("name", ["default", "lab", "digits", "small"])
def test_preset_gives_a_rival_the_same_levers(name: str) -> None:
    """FTTE's micro-batches and average are no part of the paper: FedBuff has them, too."""
    runs = preset(name).runs(0)
    ours, rival = runs["ftte"], runs["fedbuff_average"]
    for lever in ("micro_batch", "server_average"):
        assert getattr(ours, lever) == getattr(rival, lever) != getattr(runs["fedbuff"], lever)
    assert ours.payload_share == 0.25
    assert ours.budget_kib is not None
    assert prepare(ours).bill.peak_bytes <= 1024 * ours.budget_kib


def test_the_papers_preset_has_no_lever_of_ours() -> None:
    ours = preset("paper").runs(0)["ftte"]
    assert (ours.micro_batch, ours.server_average, ours.subset_per) == (None, 0.0, "fleet")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        importlib.import_module("ftte_lab.cli.headline_command"),
        "preset",
        lambda name: COMPARED if name == "tiny" else preset(name),
    )


def test_command_prints_the_table(tiny: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["headline", "tiny", "--seed", "1"]) == 0
    out = capsys.readouterr()
    assert "time to target, virtual s" in out.out
    assert "a preset of seconds; seed 1" in out.out
    assert "virtual s" in out.err  # the bar


def test_command_prints_one_json_object(
    tiny: None, capsys: pytest.CaptureFixture[str], report: HeadlineReport
) -> None:
    assert main(["headline", "tiny", "--seed", "1", "--json", "--quiet"]) == 0
    out = capsys.readouterr()
    assert out.err == ""
    printed = json.loads(out.out)
    assert printed["seed"] == 1
    assert printed["methods"] == json.loads(json.dumps(report.to_dict()))["methods"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["defualt"], "Did you mean 'default'"),
        (["default", "--seed", "-1"], "seed = -1"),
        (["tiny", "--seed", "4294967296"], "seed = "),
    ],
)
def test_command_answers_a_wrong_argument_with_one_sentence(
    tiny: None, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["headline", *arguments]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.startswith("ftte-lab: ")
    assert "Traceback" not in err


def test_preset_fields_of_ftte_touch_no_other_method() -> None:
    methods = preset("tiers").runs(3)
    assert methods["ftte"].subset_per == "kind"
    assert methods["ftte"].server_average > 0
    for name in ("fedavg", "fedbuff"):
        assert methods[name] == preset("tiers").scenario.replace(seed=3).as_method(name).replace(
            server_rate=1.5
        )
