"""The sweep of a page: every cell once, the same numbers as plain runs, and cells that open."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ftte_lab.experiments import Crew
from ftte_lab.lab.lab import Lab
from ftte_lab.lab.settings import Settings
from ftte_lab.lab.tools import crew_job
from ftte_lab.lab.tools.sweep_tool import SweepTool, grid_of
from ftte_lab.simulation import run
from tests.lab.fake_host import FakeHost

ONE: dict[str, Any] = {
    "do": "sweep",
    "knobs": [{"name": "buffer", "count": 3, "low": 1, "high": 4}],
    "methods": ["ftte", "fedbuff"],
    "seeds": 2,
    "target": 40,
}
TWO = {**ONE, "knobs": [*ONE["knobs"], {"name": "budget_kib", "count": 3, "high": 512}]}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHost]:
    """A host whose sweeps run in threads, and keep their runs in a folder of the test."""
    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(crew_job, "Crew", lambda home: Crew(home, executor=pool))
        monkeypatch.setattr(crew_job, "runs_home", lambda: tmp_path / "sweeps" / "now")
        yield FakeHost()


def test_a_sweep_has_the_numbers_of_plain_runs_and_goes_to_a_cell(host: FakeHost) -> None:
    tool = SweepTool(host)
    tool.receive(ONE)
    done = host.phase("done")
    assert done["done"] == done["total"] == 3 * 2 * 2
    values = done["axes"][0]["values"]
    accuracy = next(f for f in done["figures"] if f["name"] == "accuracy")
    before = host.settings
    for k, value in enumerate(values):
        finals = [
            100 * run(before.set(buffer=value).comparison.run("ftte", seed)).final()
            for seed in (0, 1)
        ]
        median, low, high, seeds = accuracy["cells"]["ftte"][k]
        assert (median, low, high, seeds) == (min(finals), min(finals), max(finals), 2)
    host.now = before.set(local_steps=1)
    tool.receive({"do": "go", "cell": 2})
    assert host.gone == [before.set(buffer=values[2])]
    tool.close()


def test_a_sweep_that_ran_before_is_shown_at_once_and_nothing_runs(
    host: FakeHost, tmp_path: Path
) -> None:
    first = SweepTool(host)
    first.receive(ONE)
    done = host.phase("done")
    first.close()
    files = {p: p.stat().st_mtime_ns for p in (tmp_path / "sweeps" / "now").iterdir()}
    again = FakeHost()
    tool = SweepTool(again)
    tool.receive({**ONE, "do": "peek"})
    kept = again.phase("kept")
    assert kept["figures"] == done["figures"]
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "sweeps" / "now").iterdir()} == files
    tool.receive({"do": "target", "target": 100})
    assert again.last("state")["phase"] == "kept"
    time = next(f for f in again.last("state")["figures"] if f["name"] == "time")
    assert {cell[0] for cell in time["cells"]["ftte"]} == {None}
    tool.close()


def test_two_knobs_fill_a_grid_and_say_where_nothing_fits(host: FakeHost) -> None:
    tool = SweepTool(host)
    host.now = Settings(host.now.comparison.set(horizon_s=5.0))
    tool.receive({**TWO, "methods": ["ftte"], "seeds": 1})
    done = host.phase("done")
    buffers, budgets = (axis["values"] for axis in done["axes"])
    assert len(done["figures"][0]["cells"]["ftte"]) == len(buffers) * len(budgets)
    for cell, why in zip(
        done["figures"][0]["cells"]["ftte"], done["methods"][0]["reasons"], strict=True
    ):
        assert (cell is None) == bool(why)
    tool.close()


def test_a_cancelled_sweep_keeps_what_has_run(host: FakeHost) -> None:
    host.now = Settings(host.now.comparison.set(horizon_s=300.0))
    tool = SweepTool(host)
    tool.receive(ONE)
    host.until(lambda: host.last("state").get("done", 0) >= 1)
    tool.receive({"do": "cancel"})
    cancelled = host.last("state")
    assert cancelled["phase"] == "cancelled"
    assert 1 <= cancelled["done"] <= cancelled["total"]
    tool.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"do": None},
        {"knobs": []},
        {"knobs": "buffer"},
        {"knobs": [3]},
        {"knobs": [{"name": "mix"}]},
        {"knobs": [{"name": ["buffer"]}]},
        {"knobs": [{"name": "buffer"}, {"name": "buffer"}]},
        {"knobs": [{"name": n} for n in ("buffer", "batch", "local_steps")]},
        {"knobs": [{"name": "buffer", "count": 10}]},
        {"knobs": [{"name": "buffer", "low": math.inf}]},
        {"knobs": [{"name": "buffer", "low": 3, "high": 3}]},
        {"methods": []},
        {"methods": [None]},
        {"methods": ["scaffold"]},
        {"seeds": 0},
        {"seeds": 2.5},
        {"target": 101},
        {"target": None},
    ],
)
def test_messages_that_make_no_sense_are_refused_in_words(
    host: FakeHost, wrong: dict[str, Any]
) -> None:
    tool = SweepTool(host)
    with pytest.raises(ValueError, match="allowed"):
        tool.receive({**ONE, **wrong})
    assert host.last("state") == {}
    for asked in ({"figure": "accuracy"}, {}):
        with pytest.raises(ValueError, match="there is no sweep yet; allowed: one that has begun"):
            tool.receive({"do": "png", **asked})
    assert host.files == []
    for cell in (0, -1, None, "0"):
        with pytest.raises(ValueError, match="allowed"):
            tool.receive({"do": "go", "cell": cell})
    assert host.gone == []


def test_a_grid_is_read_from_the_page(host: FakeHost) -> None:
    grid = grid_of(TWO, host.settings)
    assert list(grid.axes) == ["buffer", "budget_kib"]
    assert grid.axes["buffer"] == (1, 2, 4)
    assert grid.axes["budget_kib"] == (64.0, 181.019, 512.0)


def test_a_sweep_from_python_is_the_sweep_of_the_page(host: FakeHost) -> None:
    tool = SweepTool(host)
    tool.receive(ONE)
    page = host.phase("done")
    tool.close()
    lab = Lab(host.settings, mode="batch")
    values = page["axes"][0]["values"]
    swept = lab.sweep({"buffer": values}, ("ftte", "fedbuff"), seeds=2, target=0.4)
    assert {**swept.message(), "done": 0} == {**swept.message(), "done": 0, **_plain(page)}
    table = swept.table()
    assert len(table) == page["total"]
    one = table[(table.buffer == values[1]) & (table.method == "ftte")]
    accuracy = next(f for f in page["figures"] if f["name"] == "accuracy")
    assert one["accuracy"].min() == accuracy["cells"]["ftte"][1][1]
    drawn = swept.figure("accuracy")
    marks = {(row["arm"], row["x"]): row["y"] for row in drawn.rows("cells")}
    texts = page["axes"][0]["texts"]
    assert marks["FTTE", texts[1]] == accuracy["cells"]["ftte"][1][0]
    with pytest.raises(ValueError, match="figure = 'speed'"):
        swept.figure("speed")


@pytest.mark.parametrize("asked", [ONE, TWO])
def test_the_picture_on_the_page_is_that_from_python(host: FakeHost, asked: dict[str, Any]) -> None:
    asked = {**asked, "seeds": 1}
    tool = SweepTool(host)
    tool.receive(asked)
    host.phase("done")
    tool.receive({"do": "png", "figure": "accuracy", "method": "fedbuff"})
    with pytest.raises(ValueError, match="figure = 'speed'"):
        tool.receive({"do": "png", "figure": "speed", "method": "fedbuff"})
    with pytest.raises(ValueError, match="method = 'fedavg'"):
        tool.receive({"do": "png", "figure": "accuracy", "method": "fedavg"})
    tool.close()
    grid = grid_of(asked, host.settings)
    swept = Lab(host.settings, mode="batch").sweep(grid.axes, grid.methods, seeds=1)
    drawn = swept.figure("accuracy", "fedbuff").png(2.0)
    assert host.files == [("ftte_sweep.png", "image/png", drawn)]


def test_a_map_from_python_has_the_cells_of_its_knobs(host: FakeHost) -> None:
    lab = Lab(host.settings, mode="batch")
    axes = {"buffer": (2, 4), "local_steps": (1, 2, 3)}
    swept = lab.sweep(axes, ("ftte",), seeds=1, target=0.4)
    cells = swept.figure("accuracy").rows("cells")
    found = {(row["x"], row["y"]): row["text"] for row in cells}
    assert set(found) == {(k, steps) for k in ("2", "4") for steps in ("1", "2", "3")}
    run_there = run(host.settings.set(buffer=4, local_steps=1).comparison.run("ftte", 0))
    assert found["4", "1"] == f"{100 * run_there.final():.1f}"


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    skipped = ("tool", "part", "phase", "left_s", "done")
    return {key: value for key, value in message.items() if key not in skipped}
