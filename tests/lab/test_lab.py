"""The Lab without a browser: live and batch give the same numbers, and errors are explained."""

import io
import json
import threading
from typing import Any

import pandas as pd
import pytest

from ftte_lab.charts import Figure
from ftte_lab.experiments import Comparison
from ftte_lab.lab import Settings, computing
from ftte_lab.lab.board import Board
from ftte_lab.lab.lab import Lab
from ftte_lab.lab.live.runner import CancelledError
from ftte_lab.lab.panels import PANELS
from ftte_lab.lab.score_message import board_scores
from ftte_lab.lab.summary import summary
from ftte_lab.lab.tools import export
from ftte_lab.simulation import prepare, run
from tests.lab.page import TINY_SETTINGS, Page
from tests.tiny import TINY


def columns(history: Any) -> dict[str, list[float]]:
    return {c: history.points[c].tolist() for c in history.points}


def test_lab_gives_the_same_numbers_live_and_in_batch(page: Page) -> None:
    plain = {name: run(scenario, processes=1) for name, scenario in TINY_SETTINGS.runs().items()}
    batch = Lab(TINY_SETTINGS, mode="batch").result()
    live = page.lab.run().result(120)
    assert list(plain) == list(batch) == list(live) == ["fedavg", "fedbuff", "ftte"]
    for name, history in plain.items():
        assert columns(history) == columns(batch[name]) == columns(live[name])


def test_lab_shows_first_what_needs_no_training(page: Page) -> None:
    page.lab.run().result(120)
    page.phase("done")
    kinds = [c["kind"] + c.get("panel", "") for c, _ in page.received]
    assert (
        kinds.index("sentence")
        < kinds.index("fleet")
        < kinds.index("figurememory")
        < kinds.index("figurestaleness")
    )
    assert {c["panel"] for c, _ in page.received if c["kind"] == "figure"} == set(PANELS) - {
        "fleet"
    }
    assert (
        sum(c["kind"] == "drawing" for c, _ in page.received) == len(PANELS) - 1
    )  # each is drawn once, then refilled
    assert page.last("state")["progress"] == 1
    for content, buffers in page.received:
        if content["kind"] == "figure":
            sizes = {
                name: {len(buffers[c["at"]]) // (2 if "words" in c else 4) for c in set_.values()}
                for name, set_ in content["sets"].items()
            }
            assert all(len(s) == 1 for s in sizes.values()), sizes
            assert content["alt"].endswith(".")


def test_summary_follows_a_knob(page: Page) -> None:
    page.lab.run().result(120)
    before = page.last("sentence")["text"]
    assert "40 KiB FTTE trains" in before
    page.lab.controls.knobs["buffer"].widget.value = 5
    page.lab.result(120)
    page.phase("done")
    after = page.last("sentence")
    assert "after every 5 updates" in after["text"]
    assert "after every 3 updates" in before
    assert Settings.restore(after["code"]) == page.lab.settings
    assert page.lab.settings.scenario.buffer == 5


def test_stage_sends_everything_again_to_a_page_that_comes_back(page: Page) -> None:
    page.lab.run().result(120)
    page.phase("done")

    def newest() -> dict[tuple[str, ...], Any]:
        names = ("kind", "panel", "tool", "part")
        return {tuple(c.get(name, "") for name in names): c for c, _ in page.received}

    before = newest()
    page.received.clear()
    page.press("hello")
    after = newest()
    assert {key: after[key] for key in before} == before
    order = [c["kind"] for c, _ in page.received]
    assert order.index("figure") > max(k for k, kind in enumerate(order) if kind == "drawing")


def test_lab_stops_steps_and_continues(page: Page) -> None:
    page.press("step")
    page.phase("stopped")
    assert "made version 1 from" in page.last("state")["note"]
    with pytest.raises(CancelledError):
        page.lab.result(5)
    page.received.clear()
    page.press("step")
    page.phase("stopped")
    assert "versions old" in page.last("state")["note"]
    page.press("run")
    page.phase("done")
    complete = Lab(TINY_SETTINGS, mode="batch").result()
    assert {n: columns(h) for n, h in page.lab.result(5).items()} == {
        n: columns(h) for n, h in complete.items()
    }


def test_lab_replaces_a_run_when_a_knob_changes(page: Page) -> None:
    page.lab.set(horizon_s=4000.0)
    page.until(lambda: page.last("state").get("progress", 0) > 0)
    page.press("stop")
    page.phase("stopped")
    page.lab.controls.knobs["buffer"].widget.value = 4
    page.until(lambda: "every 4 updates" in page.last("sentence").get("text", ""))
    number = page.last("state")["number"]
    page.lab.set(horizon_s=40.0)
    result = page.lab.result(120)
    assert result["ftte"].scenario["horizon_s"] == 40.0
    page.until(lambda: page.last("state")["number"] > number)


def test_pin_keeps_the_curves_and_names_the_differences(page: Page) -> None:
    page.lab.run().result(120)
    page.press("pin")
    assert page.last("sentence")["pinned"]
    page.lab.set(buffer=6).result(120)
    page.phase("done")
    assert page.last("sentence")["pins"] == [("A", "buffer capacity K 3")]
    assert not page.last("sentence")["pinned"]
    figure = page.lab.figure("curves")
    assert len(figure.rows("pinned")) == sum(
        len(h.points) for h in Lab(TINY_SETTINGS, mode="batch").result().values()
    )
    page.press("pin")
    assert list(page.lab.display.pins) == ["A", "B"]
    page.press("pin")
    assert list(page.lab.display.pins) == ["A"]
    page.press("unpin", letter="C")
    page.press("unpin", letter="A")
    assert page.last("sentence")["pins"] == []
    assert page.lab.figure("curves").rows("pinned") == []


def test_restore_and_reset_recover_all_settings(page: Page) -> None:
    page.lab.run().result(120)
    first = page.lab.code
    page.press(
        "restore",
        text=TINY_SETTINGS.replace(
            scenario=TINY.replace(seed=4, buffer=5), methods=("ftte",)
        ).code(),
    )
    assert list(page.lab.result(120)) == ["ftte"]
    assert page.lab.controls.knobs["seed"].widget.value == 4
    assert page.lab.controls.knobs["buffer"].widget.value == 5
    assert page.lab.controls.knobs["methods"].widget.value == ("ftte",)
    other = page.lab.code
    page.press("restore", text="ftte1-nonsense")
    assert "cut off or mistyped" in page.last("error")["text"]
    assert page.lab.code == other
    page.press("reset")
    assert page.lab.code == first
    assert columns(page.lab.result(120)["ftte"]) == columns(
        Lab(first, mode="batch").result()["ftte"]
    )


def test_export_sends_files_to_the_page(page: Page) -> None:
    page.press("export", form="csv")
    assert "othing has run yet" in page.last("error")["text"]
    page.lab.run().result(120)
    for form, panel, begins in (
        ("png", "curves", b"\x89PNG"),
        ("png", "fleet", b"\x89PNG"),
        ("svg", "memory", b"<svg"),
        ("slide", "curves", b"\x89PNG"),
        ("slide", "memory", b"\x89PNG"),
        ("json", "", b"{"),
    ):
        page.press("export", form=form, panel=panel)
        content, buffers = page.received[-1]
        assert content["kind"] == "file"
        assert content["name"].endswith("-slide.png" if form == "slide" else form)
        assert buffers[0].startswith(begins)
    page.press("export", form="csv")
    table = pd.read_csv(io.BytesIO(page.received[-1][1][0]), comment="#")
    pd.testing.assert_frame_equal(table, page.lab.table(), check_exact=False)
    assert list(table.columns[:2]) == ["method", "seed"]
    page.press("export", form="exe")
    assert "orm = 'exe'" in page.last("error")["text"]


def test_files_say_what_they_were_made_from(page: Page) -> None:
    page.lab.run().result(120)
    page.press("export", form="csv")
    content, [table] = page.received[-1]
    assert f"# share code: {page.lab.code}" in table.decode()
    assert "\n# buffer: 3\n" in table.decode()
    names = {content["name"]}
    one = TINY_SETTINGS
    page.press("export", form="slide", panel="fleet", at_s=3.0)
    assert page.last("file")["name"].endswith("-fleet-3s-slide.png")
    for other in (
        one.replace(rates={"ftte": 0.5}),
        one.replace(methods=("ftte",)),
        one.replace(seeds=2),
        one.set(buffer=4),
    ):
        names.add(export.file("json", "", Board(other))[0])
    assert len({name.partition(".")[0] for name in names}) == 5
    page.press("export", form="svg", panel="fleet", at_s=3.0)
    content, [picture] = page.received[-1]
    assert content["name"].endswith("-fleet-3s.svg")
    for row in page.lab.figure("fleet", at_s=3.0).rows("heads"):
        assert row["text"].encode() in picture
    for at_s in (-1.0, 1e9, float("nan")):
        page.press("export", form="svg", panel="fleet", at_s=at_s)
        assert "allowed" in page.last("error")["text"]


def test_stop_while_preparing_says_so(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, wait = computing.prepare, threading.Event()  # type: ignore[attr-defined]
    monkeypatch.setattr(computing, "prepare", lambda *a, **k: (wait.wait(20), plain(*a, **k))[1])
    page.lab.run()
    page.phase("running")
    page.press("stop")
    wait.set()
    page.phase("stopped")
    assert page.last("state")["note"] == "stopped before the fleet was ready. Press Run to go on"
    page.press("run")
    page.phase("done")


def test_a_knob_that_asks_for_very_much_waits_for_a_word(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.lab.run().result(120)
    monkeypatch.setattr("ftte_lab.lab.board._MANY_UPDATES", 10)
    page.lab.controls.knobs["buffer"].widget.value = 4
    page.phase("stopped")
    assert page.last("state")["note"].endswith("which may take long. Press Run to start")
    assert page.lab.display.board.updates == 0
    page.press("run")
    page.phase("done")
    page.lab.set(buffer=2).result(120)  # a program does not ask
    page.phase("done")


def test_what_is_impossible_stays_said_until_another_run(page: Page) -> None:
    page.lab.run().result(120)
    page.lab.set(budget_kib=1.0)
    page.phase("failed")
    impossible = page.last("error")
    assert impossible["fatal"]
    page.press("restore", text="ftte1-nonsense")
    assert "mistyped" in page.last("error")["text"]
    page.press("view", over="updates")
    assert page.last("error") == impossible
    page.lab.set(budget_kib=40.0)
    page.phase("done")
    assert page.last("error")["text"] == ""
    page.press("restore", text="ftte1-nonsense")
    assert not page.last("error")["fatal"]
    page.press("view", over="sim_seconds")
    assert page.last("error")["text"] == ""


def test_view_changes_without_a_new_run(page: Page) -> None:
    page.lab.run().result(120)
    number = page.lab._runner.number
    for over in ("updates", "upload_bytes", "total_bytes", "energy_j", "sim_seconds"):
        page.press("view", over=over)
        assert page.lab.figure("curves").alt_text.startswith("Line chart of test accuracy over")
    for metric in (
        "loss",
        "straggler_accuracy",
        "worst_decile_accuracy",
        "accuracy_phone",
        "accuracy_gone",
    ):
        page.press("view", metric=metric)
        assert page.lab.figure("curves").rows("curves")
    page.press("view", watch="fedavg")
    assert "FedAvg" in page.lab.figure("weights").alt_text
    page.press("view", shown=["curves"])
    page.received.clear()
    page.press("view", shown=["curves", "gantt"])
    assert [c["panel"] for c, _ in page.received if c["kind"] == "figure"] == ["gantt"]
    assert page.last("panels")["shown"] == ["curves", "gantt"]  # in all views
    page.press("view", over="nonsense")
    assert "ver = 'nonsense'" in page.last("error")["text"]
    assert page.lab._runner.number == number


def test_lab_explains_an_impossible_setting_and_recovers(page: Page) -> None:
    page.lab.run().result(120)
    page.lab.controls.knobs["budget_kib"].widget.value = 64.0
    page.lab.set(budget_kib=1.0)
    page.phase("failed")
    assert page.last("error")["text"].startswith("No subset fits the budget you set: its floor is")
    with pytest.raises(ValueError, match="no subset fits"):
        page.lab.result(5)
    page.lab.set(budget_kib=40.0)
    page.phase("done")
    assert page.last("error")["text"] == ""
    page.lab.controls.knobs["data"].widget.value = "cifar10"
    page.until(lambda: "cifar10" in page.last("error")["text"].lower())


def test_lab_raises_the_error_again_in_batch() -> None:
    lab = Lab(TINY_SETTINGS, mode="batch")
    for _ in range(2):
        with pytest.raises(ValueError, match="no subset fits"):
            lab.set(budget_kib=1.0)
        with pytest.raises(ValueError, match="no subset fits"):
            lab.result()
    assert list(lab.set(budget_kib=40.0).result()) == ["fedavg", "fedbuff", "ftte"]


def test_lab_shows_an_unexpected_error(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("ftte_lab.lab.computing.interleave", broken)
    page.lab.run()
    page.phase("failed")
    assert "failed unexpectedly (KeyError: 'oops')" in page.last("error")["text"]
    with pytest.raises(KeyError):
        page.lab.result(5)


def test_figure_prints_the_fleet_at_any_moment(page: Page) -> None:
    with pytest.raises(ValueError, match="nothing has run yet"):
        page.lab.figure("fleet", at_s=3.0)
    page.lab.run().result(120)
    assert page.lab.figure("fleet", at_s=3.0).alt_text.startswith(
        "The fleet at 3.0 s of virtual time: FedAvg has made"
    )
    assert page.lab.figure("fleet").png().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="sim_seconds = 41"):
        page.lab.figure("fleet", at_s=41.0)


def test_results_hold_all_seeds_and_curves_a_band() -> None:
    lab = Lab(TINY_SETTINGS.replace(seeds=3, methods=("fedbuff", "ftte")), mode="batch")
    results = lab.results()
    assert {name: [h.scenario["seed"] for h in hs] for name, hs in results.items()} == {
        "fedbuff": [0, 1, 2],
        "ftte": [0, 1, 2],
    }
    figure = lab.figure("curves")
    band = figure.rows("band")
    assert {row["arm"] for row in band} == {"FedBuff", "FTTE"}
    assert all(row["low"] <= row["high"] for row in band)
    assert "mean of 3 seeds" in figure.alt_text
    assert set(lab.table()["seed"]) == {0, 1, 2}


def test_lab_prints_summary_and_charts_in_batch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("ftte_lab.lab.display.show", shown.append)
    Lab(TINY_SETTINGS, mode="batch", charts=list(PANELS))._ipython_display_()
    scores, *figures = shown
    assert list(scores.index) == ["FedAvg", "FedBuff", "FTTE"]
    assert [type(f) for f in figures] == [Figure] * len(PANELS)
    assert all(f.png().startswith(b"\x89PNG") for f in figures)
    assert "KiB FTTE trains" in capsys.readouterr().out


def test_mode_argument_overrides_variable_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from ftte_lab.lab import is_live

    for name in ("FTTE_MODE", "JPY_SESSION_NAME", "VSCODE_PID"):
        monkeypatch.delenv(name, raising=False)
    assert not is_live()
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    assert is_live()
    assert not is_live("batch")
    monkeypatch.setenv("FTTE_MODE", "batch")
    assert not is_live()
    assert is_live("live")
    monkeypatch.setenv("FTTE_MODE", "on")
    with pytest.raises(ValueError, match="FTTE_MODE = 'on'"):
        is_live()


def test_summary_describes_the_tiers() -> None:
    scenario = TINY.replace(subset_per="kind", budget_kib=120.0, model="mcunet-s", data="digits")
    lab = Lab(Settings(Comparison(scenario, ("ftte",))), charts=["subset"], mode="batch")
    lab.result()
    assert "on a sensor" in json.dumps(lab.figure("subset").spec())
    assert "Each watch or phone trains" in summary({"ftte": prepare(scenario.as_method("ftte"))})


def test_compare_is_the_table_of_the_page() -> None:
    lab = Lab(TINY_SETTINGS, mode="batch")
    with pytest.raises(ValueError, match=r"nothing is pinned; allowed: at least one"):
        lab.compare()
    lab.run().pin().set(buffer=2).pin()
    table = lab.compare()
    assert table["run"].tolist() == ["A"] * 3 + ["B"] * 3
    assert table["what differs"].tolist()[3:] == ["buffer capacity K 2"] * 3
    assert set(table["share code"]) == {Lab(TINY_SETTINGS, mode="batch").code, lab.code}
    scores = board_scores(lab.display.board)
    assert scores is not None
    reached = [100 * (one.accuracy or 0) for one in scores.scores.values()]
    assert table["accuracy (%)"].tolist()[3:] == pytest.approx(reached)


def test_compare_takes_the_names_of_the_page(page: Page) -> None:
    page.lab.run().result(120)
    page.lab.pin()
    rename = {"tool": "compare", "action": "rename", "letter": "A", "text": "as it was"}
    page.lab.display.stage._receive(None, rename, [])
    assert "as it was" in page.lab.compare()["run"][0]
    tool = page.lab.toolbox.tool("compare")
    assert page.lab.compare().equals(tool.table())
