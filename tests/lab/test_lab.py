"""The Lab without a browser: batch and live give the same numbers, every knob turns, nothing dies."""

import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab import preset
from ftte_lab.charts import Figure
from ftte_lab.lab import KNOBS, Settings
from ftte_lab.lab.board import PANELS
from ftte_lab.lab.knobs import Control, MethodBoxes
from ftte_lab.lab.lab import Lab
from ftte_lab.lab.live.runner import CancelledError
from ftte_lab.lab.mix_sliders import MixSliders, per_cents, rebalance
from ftte_lab.lab.summary import story
from ftte_lab.simulation import prepare, run
from tests.tiny import TINY

TINY_SETTINGS = Settings(TINY, rates={})


class Page:
    """Stands in for the browser: hears what the stage says, presses its buttons."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.heard = lab, []  # type: tuple[Lab, list[tuple[dict[str, Any], list[bytes]]]]
        lab.display.stage.send = self._hear

    def _hear(self, content: Any, buffers: Any = None) -> None:
        json.dumps(content)  # what cannot travel must not be said
        self.heard.append((content, buffers or []))

    def press(self, name: str, **content: Any) -> None:
        self.lab.display.stage._heard(None, {"press": name, **content}, [])

    def last(self, kind: str) -> dict[str, Any]:
        return next((c for c, _ in reversed(self.heard) if c["kind"] == kind), {})

    def until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not true():
            assert time.monotonic() < end, [c.get("kind") for c, _ in self.heard][-8:]
            time.sleep(0.005)

    def phase(self, phase: str) -> None:
        self.until(lambda: self.last("state").get("phase") == phase)


@pytest.fixture
def page() -> Iterator[Page]:
    lab = Lab(TINY_SETTINGS, mode="live", charts=list(PANELS))
    yield Page(lab)
    lab._runner.close()


def columns(history: Any) -> dict[str, list[float]]:
    return {c: history.points[c].tolist() for c in history.points}


def test_batch_and_live_and_plain_runs_give_the_same_digits(page: Page) -> None:
    plain = {name: run(scenario, processes=1) for name, scenario in TINY_SETTINGS.runs().items()}
    batch = Lab(TINY_SETTINGS, mode="batch").result()
    live = page.lab.run().result(30)
    assert list(plain) == list(batch) == list(live) == ["fedavg", "fedbuff", "ftte"]
    for name, history in plain.items():
        assert columns(history) == columns(batch[name]) == columns(live[name])


def test_what_needs_no_training_is_said_first(page: Page) -> None:
    page.lab.run().result(30)
    page.phase("done")
    kinds = [c["kind"] + c.get("panel", "") for c, _ in page.heard]
    assert (
        kinds.index("sentence")
        < kinds.index("fleet")
        < kinds.index("figurememory")
        < kinds.index("figurestaleness")
    )
    assert {c["panel"] for c, _ in page.heard if c["kind"] == "figure"} == set(PANELS) - {"fleet"}
    assert (
        sum(c["kind"] == "drawing" for c, _ in page.heard) == len(PANELS) - 1
    )  # each is drawn once, then refilled
    assert page.last("state")["progress"] == 1
    for content, buffers in page.heard:
        if content["kind"] == "figure":
            sizes = {
                name: {len(buffers[c["at"]]) // (2 if "words" in c else 4) for c in set_.values()}
                for name, set_ in content["sets"].items()
            }
            assert all(len(s) == 1 for s in sizes.values()), sizes
            assert content["alt"].endswith(".")


def test_the_sentence_moves_with_a_knob(page: Page) -> None:
    page.lab.run().result(30)
    before = page.last("sentence")["text"]
    assert "40 KiB FTTE trains" in before
    page.lab.controls.knobs["buffer"].widget.value = 5
    page.lab.result(30)
    page.phase("done")
    after = page.last("sentence")
    assert "after every 5 updates" in after["text"]
    assert "after every 3 updates" in before
    assert Settings.restore(after["code"]) == page.lab.settings
    assert page.lab.settings.scenario.buffer == 5


def test_a_page_that_comes_back_hears_everything_again(page: Page) -> None:
    page.lab.run().result(30)
    page.phase("done")
    said = {c["kind"] + c.get("panel", ""): c for c, _ in page.heard}
    page.heard.clear()
    page.press("hello")
    again = {c["kind"] + c.get("panel", ""): c for c, _ in page.heard}
    assert again == said
    order = [c["kind"] for c, _ in page.heard]
    assert order.index("figure") > max(k for k, kind in enumerate(order) if kind == "drawing")


def test_stop_step_and_run_on(page: Page) -> None:
    page.press("step")
    page.phase("stopped")
    assert "made version 1 of" in page.last("state")["note"]
    with pytest.raises(CancelledError):
        page.lab.result(5)
    page.heard.clear()
    page.press("step")
    page.phase("stopped")
    assert "versions old" in page.last("state")["note"]
    page.press("run")
    page.phase("done")
    whole = Lab(TINY_SETTINGS, mode="batch").result()
    assert {n: columns(h) for n, h in page.lab.result(5).items()} == {
        n: columns(h) for n, h in whole.items()
    }


def test_a_new_change_replaces_the_run(page: Page) -> None:
    page.lab.set(horizon_s=4000.0)
    page.until(lambda: page.last("state").get("progress", 0) > 0)
    page.press("stop")
    page.phase("stopped")
    page.lab.controls.knobs["buffer"].widget.value = 4
    page.until(lambda: "every 4 updates" in page.last("sentence").get("text", ""))
    number = page.last("state")["number"]
    page.lab.set(horizon_s=40.0)
    result = page.lab.result(30)
    assert result["ftte"].scenario["horizon_s"] == 40.0
    page.until(lambda: page.last("state")["number"] > number)


def test_pin_keeps_the_curves_and_says_what_was_different(page: Page) -> None:
    page.lab.run().result(30)
    page.press("pin")
    assert "Pinned" in page.last("sentence")["text"]
    page.lab.set(buffer=6).result(30)
    page.phase("done")
    assert "Dimmed: buffer 3." in page.last("sentence")["text"]
    figure = page.lab.figure("curves")
    assert len(figure.rows("pinned")) == sum(
        len(h.points) for h in Lab(TINY_SETTINGS, mode="batch").result().values()
    )
    page.press("pin")
    page.press("pin")
    assert page.lab.figure("curves").rows("pinned") == []


def test_share_restore_and_reset_bring_everything_back(page: Page) -> None:
    page.lab.run().result(30)
    first = page.lab.code
    page.press(
        "restore",
        text=TINY_SETTINGS.replace(
            scenario=TINY.replace(seed=4, buffer=5), methods=("ftte",)
        ).code(),
    )
    assert list(page.lab.result(30)) == ["ftte"]
    assert page.lab.controls.knobs["seed"].widget.value == 4
    assert page.lab.controls.knobs["buffer"].widget.value == 5
    assert page.lab.controls.knobs["methods"].widget.value == ("ftte",)
    other = page.lab.code
    page.press("restore", text="ftte1-nonsense")
    assert "cut off or mistyped" in page.last("error")["text"]
    assert page.lab.code == other
    page.press("reset")
    assert page.lab.code == first
    assert columns(page.lab.result(30)["ftte"]) == columns(
        Lab(first, mode="batch").result()["ftte"]
    )


def test_files_are_handed_to_the_page(page: Page) -> None:
    page.press("export", form="csv")
    assert "othing has run yet" in page.last("error")["text"]
    page.lab.run().result(30)
    for form, panel, begins in (
        ("png", "curves", b"\x89PNG"),
        ("png", "fleet", b"\x89PNG"),
        ("svg", "memory", b"<svg"),
        ("json", "", b"{"),
    ):
        page.press("export", form=form, panel=panel)
        content, buffers = page.heard[-1]
        assert content["kind"] == "file"
        assert content["name"].endswith(form)
        assert buffers[0].startswith(begins)
    page.press("export", form="csv")
    table = pd.read_csv(io.BytesIO(page.heard[-1][1][0]))
    pd.testing.assert_frame_equal(table, page.lab.table(), check_exact=False)
    assert list(table.columns[:2]) == ["method", "seed"]
    page.press("export", form="exe")
    assert "orm = 'exe'" in page.last("error")["text"]


def test_axes_metrics_and_charts_change_without_a_new_run(page: Page) -> None:
    page.lab.run().result(30)
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
    page.heard.clear()
    page.press("view", shown=["curves", "gantt"])
    assert [c["panel"] for c, _ in page.heard] == ["gantt"]
    page.press("view", over="nonsense")
    assert "ver = 'nonsense'" in page.last("error")["text"]
    assert page.lab._runner.number == number


def test_an_impossible_setting_is_a_sentence_and_the_next_run_is_fine(page: Page) -> None:
    page.lab.run().result(30)
    page.lab.controls.knobs["budget"].widget.value = 64.0
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


def test_batch_raises_what_was_wrong_each_time_it_is_asked() -> None:
    lab = Lab(TINY_SETTINGS, mode="batch")
    for _ in range(2):
        with pytest.raises(ValueError, match="no subset fits"):
            lab.set(budget_kib=1.0)
        with pytest.raises(ValueError, match="no subset fits"):
            lab.result()
    assert list(lab.set(budget_kib=40.0).result()) == ["fedavg", "fedbuff", "ftte"]


def test_a_fault_of_ours_is_said_too(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("ftte_lab.lab.lab.race", broken)
    page.lab.run()
    page.phase("failed")
    assert "failed unexpectedly (KeyError: 'oops')" in page.last("error")["text"]
    with pytest.raises(KeyError):
        page.lab.result(5)


def test_the_fleet_can_be_printed_at_any_moment(page: Page) -> None:
    with pytest.raises(ValueError, match="nothing has run yet"):
        page.lab.figure("fleet", at_s=3.0)
    page.lab.run().result(30)
    assert page.lab.figure("fleet", at_s=3.0).alt_text.startswith(
        "The fleet at 3.0 s of virtual time: FedAvg has made"
    )
    assert page.lab.figure("fleet").png().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="sim_seconds = 41"):
        page.lab.figure("fleet", at_s=41.0)


def test_seeds_give_bands_and_all_histories() -> None:
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


def ends(control: Control) -> list[Any]:
    """Both ends of a knob, and where it stood."""
    knob = control.widget
    if isinstance(knob, widgets.FloatLogSlider):
        return [knob.base**knob.min, knob.base**knob.max, knob.value]
    if isinstance(knob, widgets.Dropdown):
        return [o for o in knob.options if o not in ("cifar10", "fashion_mnist", "wrist")]
    if isinstance(knob, widgets.SelectionSlider):
        return [knob.options[0][1], knob.options[-1][1]]
    return [knob.min, min(knob.max, 10**6), knob.value]


@pytest.mark.parametrize(
    "name", [k for k in KNOBS if k not in ("mix", "methods", "horizon", "model")]
)
def test_every_knob_to_both_ends(name: str, page: Page) -> None:
    control = page.lab.controls.knobs[name]
    page.lab.run().result(30)
    for value in ends(control):
        control.widget.value = value
        page.until(lambda: page.lab._runner.phase != "running")
        said = page.last("error").get("text", "")
        assert page.lab._runner.phase == "done" or "allowed" in said, said
        assert "unexpectedly" not in said


def test_the_mix_always_sums_to_one(page: Page) -> None:
    mix = page.lab.controls.knobs["mix"].widget
    for kind, value in (("sensor", 100), ("watch", 0), ("phone", 37), ("sensor", 0)):
        mix._sliders[kind].value = value
        assert sum(s.value for s in mix._sliders.values()) == 100
        assert mix._sliders[kind].value == value
        assert sum(page.lab.settings.scenario.mix.values()) == pytest.approx(1)
    mix._add.value = "jetson"
    assert sum(s.value for s in mix._sliders.values()) == 100
    assert page.lab.settings.scenario.mix["jetson"] == 0.25
    page.lab.result(30)
    assert "jetson" in page.last("sentence")["text"]


@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(0.01, 1), min_size=1), st.data())
def test_whole_per_cents(shares: dict[str, float], data: st.DataObject) -> None:
    parts = per_cents(shares)
    assert sum(parts.values()) == 100
    moved = data.draw(st.sampled_from(sorted(parts)))
    value = data.draw(st.integers(0, 100))
    after = rebalance(parts, moved, value)
    assert sum(after.values()) == 100
    assert min(after.values()) >= 0
    assert len(parts) == 1 or after[moved] == value
    others = [k for k in parts if k != moved]
    for a in others:
        for b in others:
            assert parts[a] <= parts[b] or after[a] >= after[b]  # the order of the others stays


def test_one_method_stays_ticked(page: Page) -> None:
    boxes = page.lab.controls.knobs["methods"].widget
    for name in ("fedavg", "fedbuff", "ftte"):
        boxes.boxes[name].value = False
    assert boxes.value == ("ftte",)
    assert page.lab.settings.methods == ("ftte",)
    assert list(page.lab.result(30)) == ["ftte"]
    assert page.last("panels")["choices"]["watch"]["options"] == [("ftte", "FTTE")]


def test_show_limits_the_knobs() -> None:
    lab = Lab(TINY_SETTINGS, show=["buffer"], charts=["curves"], mode="batch")
    assert list(lab.controls.knobs) == ["buffer"]
    with pytest.raises(ValueError, match="Did you mean 'buffer'"):
        Lab(TINY_SETTINGS, show=["bufer"])
    with pytest.raises(ValueError, match="Did you mean 'gantt'"):
        Lab(TINY_SETTINGS, charts=["gant"])
    with pytest.raises(ValueError, match="mode = 'lively'"):
        Lab(TINY_SETTINGS, mode="lively")


def test_widgets_begin_where_the_settings_are() -> None:
    far = TINY.replace(
        clients=200, buffer=80, budget_kib=5000.0, straggler_factor=500.0, alpha=0.37
    )
    lab = Lab(Settings(far), mode="batch")
    values = {name: control.widget.value for name, control in lab.controls.knobs.items()}
    assert values["buffer"] == 80
    assert values["budget"] == pytest.approx(5000)
    assert values["straggler_factor"] == pytest.approx(500)
    assert values["alpha"] == 0.37
    assert lab.settings.scenario == far
    for control in lab.controls.knobs.values():
        if not isinstance(control.widget, MixSliders | MethodBoxes):
            assert control.widget.description  # a label that a screen reader reads
            assert control.widget.tooltip


def test_batch_shows_the_sentence_and_a_picture_per_chart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("ftte_lab.lab.lab.show", shown.append)
    Lab(TINY_SETTINGS, mode="batch", charts=list(PANELS))._ipython_display_()
    assert [type(f) for f in shown] == [Figure] * len(PANELS)
    assert all(f.png().startswith(b"\x89PNG") for f in shown)
    assert "KiB FTTE trains" in capsys.readouterr().out


def test_the_mode_is_decided_by_what_is_said_loudest(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_the_preset_of_the_lab_is_a_run_of_seconds() -> None:
    runs = Settings().runs()
    assert set(runs) == {"fedavg", "fedbuff", "ftte"}
    assert runs["ftte"].server_rate == preset("lab").server_rates["ftte"]


def test_with_tiers_the_lab_says_what_each_kind_trains() -> None:
    scenario = TINY.replace(subset_per="kind", budget_kib=120.0, model="mcunet-s", data="digits")
    lab = Lab(Settings(scenario, rates={}, methods=("ftte",)), charts=["subset"], mode="batch")
    lab.result()
    assert "on a sensor" in json.dumps(lab.figure("subset").spec())
    assert "Each watch or phone trains" in story({"ftte": prepare(scenario.as_method("ftte"))})
