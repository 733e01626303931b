"""The benchmarks compare equal work, and their command answers. Nothing here is timed."""

import json
import sys

import pytest

from benchmarks import __main__ as command
from benchmarks.growth import clock
from benchmarks.timing import in_turns, ratio
from benchmarks.workloads import CLIENTS, WORKLOADS, PlainFTTE
from ftte_lab.simulation import Scenario, prepare


@pytest.mark.parametrize("name", list(WORKLOADS))
def test_ours_and_the_plain_loop_do_the_same_work(name: str) -> None:
    work = WORKLOADS[name]()
    assert work.check() < 1e-5
    [first, second] = work.cohorts(2)
    assert first.shape == (20, work.steps, work.batch)
    assert not (first == second).all()
    assert int(first.max()) < CLIENTS * work.samples


def test_the_plain_loop_of_the_default_run_does_the_same_work() -> None:
    work = PlainFTTE(prepare(Scenario(warm_start_steps=20, clients=30)))
    assert work.check() < 1e-5
    assert len(work.plan.index) > 0  # some tensors are trained in part


def test_sides_take_turns() -> None:
    calls: list[str] = []
    taken = in_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert calls == ["a", "b"] * 4  # one turn to warm up
    assert {name: len(s) for name, s in taken.items()} == {"a": 3, "b": 3}
    assert ratio([2.0, 9.0, 4.0], [1.0, 1.0, 2.0]) == 2.0


def test_the_clock_makes_the_participations_it_is_asked_for() -> None:
    row = clock(devices=1_000, participations=10_000)
    assert row["participations"] == pytest.approx(10_000, rel=0.5)


def test_the_command_prints_tables_and_numbers(
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


def test_an_unknown_part_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "speed"])
    with pytest.raises(SystemExit):
        command.main()
    assert "unknown part speed; allowed: training, runs" in capsys.readouterr().err
