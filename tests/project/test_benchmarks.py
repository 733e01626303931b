"""The benchmarks compare equal work, and their command answers; nothing here is timed."""

import json
import sys

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import newcomers, privacy
from benchmarks.growth import clock
from benchmarks.timing import in_turns, ratio
from benchmarks.training import as_scenario
from benchmarks.workloads import CLIENTS, COHORT, WORKLOADS, PlainFTTE
from ftte_lab.data import SOURCES
from ftte_lab.experiments import Personal
from ftte_lab.simulation import Scenario, prepare, run
from tests.tiny import TINY

NINE = np.ones(9)


@pytest.mark.parametrize("name", list(WORKLOADS))
def test_ours_and_the_plain_loop_do_the_same_work(name: str) -> None:
    """One client may differ more: max-pool has a choice between values that differ by rounding."""
    work = WORKLOADS[name]()
    differences = work.differences().sort().values
    assert differences[:-1].max() < 1e-5
    assert differences[-1] < 1e-3
    [first, second] = work.cohorts(2)
    assert first.shape == (20, work.steps, work.batch)
    assert not (first == second).all()
    assert int(first.max()) < CLIENTS * work.samples


def test_a_workload_runs_through_the_engine() -> None:
    """The same updates as a run of FedAvg, here in this process alone."""
    work = WORKLOADS["digits-mlp"]()
    prepared = as_scenario(work, rounds=2)
    history = run(prepared, processes=1)
    del SOURCES[work.name]
    assert history.points["updates"].iloc[-1] == 2 * COHORT
    assert history.points["accuracy"].iloc[-1] > 0


def test_plain_loop_of_the_default_run_does_the_same_work() -> None:
    work = PlainFTTE(prepare(Scenario(warm_start_steps=20, clients=30)))
    assert work.check() < 1e-5
    assert len(work.plan.index) > 0  # some tensors are trained in part


def test_in_turns_alternates_the_sides() -> None:
    calls: list[str] = []
    taken = in_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert calls == ["a", "b"] * 4  # one turn to warm up
    assert {name: len(s) for name, s in taken.items()} == {"a": 3, "b": 3}
    assert ratio([2.0, 9.0, 4.0], [1.0, 1.0, 2.0]) == 2.0


def test_clock_makes_the_participations_it_is_asked_for() -> None:
    row = clock(devices=1_000, participations=10_000)
    assert row["participations"] == pytest.approx(10_000, rel=0.5)


def test_command_prints_tables_and_numbers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(
        command.PARTS,
        "kernels",
        lambda quick: [{"net": "mlp", "ms_per_step": 0.12345, "quick": quick}],
    )
    monkeypatch.setattr(sys, "argv", ["benchmarks", "kernels", "--quick"])
    command.main()
    assert (
        "| net | ms per step | quick |\n| --- | --- | --- |\n| mlp | 0.123 | True |"
        in capsys.readouterr().out
    )
    monkeypatch.setattr(sys, "argv", ["benchmarks", "kernels", "--json"])
    command.main()
    found = json.loads(capsys.readouterr().out)
    assert found["kernels"] == [{"net": "mlp", "ms_per_step": 0.12345, "quick": False}]
    assert found["machine"]["gemm_peak_one_core_gflops"] > 0


def test_command_explains_an_unknown_part(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "speed"])
    with pytest.raises(SystemExit):
        command.main()
    assert "unknown part speed; allowed: training, runs" in capsys.readouterr().err


def test_figures_of_privacy_are_made_by_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert privacy.main([]) == 2
    assert privacy.main(["epsilon", "unknown"]) == 2
    assert "python -m benchmarks.privacy attacks" in capsys.readouterr().err
    fewer = {"clients": 10, "concurrency": 10, "buffer": 5, "samples_per_client": 4}
    samples, _, _, area = privacy.members(11, fewer)
    assert samples == 40
    assert area > 0.65
    found = privacy.attacks(11)
    update, masked, _, noisy = found["sample read, share"]
    assert update == 1.0
    assert masked == noisy == 0.0
    assert all(0 <= value <= 1 for values in found.values() for value in values)


@pytest.mark.parametrize("kinds", [True, False])
def test_gains_by_group_count_every_device_once(
    kinds: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newcomers, "SEEDS", (1, 2))
    fleet = TINY.replace(mix={"watch": 0.5, "phone": 0.5}, alpha=0.5)
    newcomers.print_groups(lambda seed: fleet.replace(seed=seed), kinds=kinds)
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()]
    groups = {"watch", "phone"} if kinds else {"fewer samples", "more samples"}
    assert {row[0].removeprefix("| ") for row in rows} == groups
    assert sum(int(row[1]) for row in rows) == 2 * fleet.clients


def test_gains_of_newcomers_are_a_row_for_each_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert newcomers.main(["unknown"]) == 2
    pairs = ((np.full(9, share), np.full(9, share + 0.1)) for share in (0.0, 0.5))
    one, other = (Personal(*pair, NINE, NINE, (0.0, 0.0)) for pair in pairs)
    newcomers.print_gains("all", [{5: one}, {5: other}])
    row = "| all | 5 | 25 % | +10.0 (+10.0 to +10.0) | +10.0 | +10.0 | 0% | 100% |"
    assert capsys.readouterr().out.strip() == row
