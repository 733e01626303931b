"""The demonstration of both modes, its tables and its picture."""

import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ftte_lab import Scenario, prepare
from ftte_lab._common import read_json
from ftte_lab.deployment import RealRun, comparison, follow_run, stored_run
from ftte_lab.deployment.__main__ import main
from ftte_lab.deployment.flower.programs import FLWR_VERSION
from ftte_lab.deployment.picture import picture_spec, save_picture
from ftte_lab.deployment.report import (
    accuracy_table,
    arrival_table,
    staleness_groups,
    staleness_table,
)
from ftte_lab.deployment.runner import demonstrate, demonstration_scenario
from ftte_lab.deployment.stored_run import Demonstration, store
from tests.deployment.thread_nodes import FullRoom
from tests.tiny import TINY

ROOT = Path(__file__).parents[2]


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


def test_a_demonstration_is_kept_with_settings_versions_and_date(
    free_run: RealRun, tmp_path: Path
) -> None:
    costs = {"server_bytes": 7}
    shown = Demonstration(
        "zmq", {"pyzmq": "1"}, "0", free_run.history, free_run, free_run, 2.0, {"a": 5}, costs
    )
    assert not shown.same
    text = store(shown, tmp_path / "run.json").read_text(encoding="utf-8")
    found = read_json(text, "the record", "what store writes")
    assert Scenario.from_json(found["scenario"]) == free_run.predicted.scenario
    assert {"pyzmq", "python", "torch", "numpy"} <= set(found["versions"])
    assert (found["node_bytes"], found["server_bytes"]) == ({"a": 5}, 7)
    assert found["locked"]["digest"] == free_run.digest() != found["locked"]["digest_of_simulation"]
    rows = pd.DataFrame(found["free"]["comparison"])
    assert list(rows["quantity"]) == list(comparison(free_run)["quantity"])
    with pytest.raises(ValueError, match=r"allowed: a file in a folder that exists"):
        store(shown, tmp_path / "nowhere" / "run.json")


def test_the_stored_run_of_flower_equals_the_simulation_of_its_day() -> None:
    found = stored_run("flower")
    assert found["carrier"] == "flower"
    assert found["versions"]["flwr"] == FLWR_VERSION
    assert datetime.date.fromisoformat(found["date"])
    assert found["locked"]["digest"] == found["locked"]["digest_of_simulation"]
    scenario = Scenario.from_json(found["scenario"])
    today = demonstration_scenario(scenario.clients, "flower")
    assert scenario == today.replace(dropout=None)  # nobody plays the drop-outs of its prediction
    assert len(found["node_bytes"]) == scenario.clients
    with pytest.raises(ValueError, match="name = 'pigeon' is not known; allowed: flower"):
        stored_run("pigeon")


def test_the_page_about_real_devices_gives_the_figures_of_the_stored_run() -> None:
    found, page = stored_run("flower"), (ROOT / "docs" / "real-devices.md").read_text("utf-8")
    locked, free = found["locked"], found["free"]
    shown = {row["quantity"]: row for row in free["comparison"]}
    figures = [
        f"{locked['real_s'] / locked['updates']:.1f} s per update",
        f"{max(found['node_bytes'].values()) / 2**20:.0f} MiB per node",
        f"{found['server_bytes'] / 2**20:.0f} MiB",
        f"{shown['carrier time']['measured']:.1f} s",
        f"{found['wire_up_bytes']:,} bytes up",
        f"{found['wire_down_bytes']:,} down",
        f"{shown['upload']['measured']:,.0f} bytes",
        f"{found['ready_s']:.0f} s until all nodes",
    ]
    section = " ".join(page.partition("## Over Flower")[2].split())
    assert [figure for figure in figures if figure not in section] == []


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
