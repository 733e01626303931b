"""The demonstration of both modes, its tables and its picture."""

from pathlib import Path
from typing import Any

import pytest

from ftte_lab import prepare
from ftte_lab.deployment import RealRun, follow_run
from ftte_lab.deployment.__main__ import main
from ftte_lab.deployment.demonstration import demonstrate, demonstration_scenario
from ftte_lab.deployment.picture import picture_spec, save_picture
from ftte_lab.deployment.report import (
    accuracy_table,
    arrival_table,
    staleness_groups,
    staleness_table,
)
from tests.deployment.thread_nodes import FullRoom
from tests.tiny import TINY


@pytest.fixture(scope="module")
def free_run(full_room: FullRoom) -> RealRun:
    scenario = TINY.replace(clients=3, concurrency=3, buffer=2, horizon_s=60.0)
    prepared = prepare(scenario.as_method("ftte"))
    return follow_run(full_room.room.free(prepared, seconds=1.5), prepared)


def panels(spec: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    both = [panel for row in spec["vconcat"] for panel in row["hconcat"]]
    return {panel["title"]: panel["data"]["values"] for panel in both}


def test_the_picture_holds_the_numbers_of_the_tables(free_run: RealRun) -> None:
    found = panels(picture_spec(free_run, free_run.history))
    time, old, arrivals, accuracy = found.values()
    assert {value["phase"] for value in time} == {"download", "compute", "upload", "carrier"}
    ages = staleness_groups(free_run)
    assert [value["share"] for value in old if value["source"] == "measured"] == list(
        ages["measured"]
    )
    came = arrival_table(free_run)["measured_s"].dropna()
    assert sum(value["source"] == "measured" for value in arrivals) == len(came)
    assert len(accuracy) == len(accuracy_table(free_run, free_run.history))
    assert all(value["seconds"] >= 0 for value in [*time, *arrivals, *accuracy])


def test_few_groups_hold_all_shares(free_run: RealRun) -> None:
    whole = staleness_table(free_run)
    for most in (1, 2, 12):
        groups = staleness_groups(free_run, most)
        assert len(groups) <= most
        for column in ("predicted", "measured"):
            assert groups[column].sum() == pytest.approx(whole[column].sum())


def test_the_picture_is_a_png_file(free_run: RealRun, tmp_path: Path) -> None:
    path = save_picture(free_run, tmp_path / "clock.png", free_run.history)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"ends in \.png"):
        save_picture(free_run, tmp_path / "clock.jpg")
    with pytest.raises(ValueError, match="does not exist"):
        save_picture(free_run, tmp_path / "nowhere" / "clock.png")


def test_a_missing_library_is_named(
    free_run: RealRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    with pytest.raises(ValueError, match=r"pip install 'ftte_lab\[lab\]'"):
        save_picture(free_run, tmp_path / "clock.png")


def test_the_demonstration_has_a_client_per_node_and_a_buffer_of_three() -> None:
    scenario = demonstration_scenario(5)
    assert (scenario.clients, scenario.buffer, scenario.method) == (5, 3, "ftte")


def test_too_few_nodes_are_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--nodes", "3"]) == 2
    assert "nodes = 3" in capsys.readouterr().err


@pytest.mark.slow
def test_both_modes_are_shown_in_one_call() -> None:
    lines: list[str] = []
    same, free = demonstrate(demonstration_scenario(4), seconds=3.0, tell=lines.append)
    text = "\n".join(lines)
    assert same
    assert "the same model, to the bit" in text
    assert "compute time" in text
    assert free.mode == "free"
