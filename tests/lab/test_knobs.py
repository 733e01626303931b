"""The knobs: each one turns to both ends, and what stands in them is a setting."""

from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab.data import SOURCES
from ftte_lab.lab.control import Control
from ftte_lab.lab.data_choice import absent, present
from ftte_lab.lab.knobs import FIRST_KNOBS
from ftte_lab.lab.lab import Lab
from ftte_lab.lab.method_boxes import MethodBoxes
from ftte_lab.lab.mix_sliders import MixSliders, percentages, rebalance
from tests.lab.page import TINY_SETTINGS, Page
from tests.tiny import TINY


def ends(control: Control) -> list[Any]:
    """Both ends of a knob, and where it stood."""
    knob = control.widget
    if isinstance(knob, widgets.FloatLogSlider):
        return [knob.base**knob.min, knob.base**knob.max, knob.value]
    if isinstance(knob, widgets.Dropdown):
        values = [value for _, value in knob._options_full]
        return [v for v in values if v not in SOURCES or not absent(v)]
    if isinstance(knob, widgets.SelectionSlider):
        return [knob.options[0][1], knob.options[-1][1]]
    return [knob.min, min(knob.max, 10**6), knob.value]


@pytest.mark.parametrize(
    "name", [k for k in FIRST_KNOBS if k not in ("mix", "methods", "horizon_s", "model")]
)
def test_knob_runs_or_explains_at_both_ends(name: str, page: Page) -> None:
    control = page.lab.controls.knobs[name]
    page.lab.run().result(120)
    for value in ends(control):
        control.widget.value = value
        page.until(lambda: page.lab._runner.phase != "running")
        error = page.last("error").get("text", "")
        assert page.lab._runner.phase == "done" or "allowed" in error, error
        assert "unexpectedly" not in error


def test_noise_brings_a_clip_and_goes_with_it() -> None:
    lab = Lab(TINY_SETTINGS, mode="batch")
    clip, noise = (lab.controls.knobs[name].widget for name in ("clip_norm", "noise_multiplier"))
    before = lab.settings
    assert clip.value == "none"
    noise.value = 2.0
    assert (lab.settings.scenario.clip_norm, clip.value) == (1.0, 1.0)
    assert lab.settings.scenario.normalise == "count"
    clip.value = 0.1
    assert (lab.settings.scenario.clip_norm, lab.settings.scenario.noise_multiplier) == (0.1, 2.0)
    clip.value = "none"
    assert (noise.value, lab.settings) == (0.0, before)
    own = Lab(TINY_SETTINGS.set(normalise="count"), mode="batch")
    for value in (1.0, "none"):
        own.controls.knobs["clip_norm"].widget.value = value
    assert own.settings.scenario.normalise == "count"


def test_privacy_is_a_group_of_its_own_that_is_closed_at_first() -> None:
    groups = Lab(TINY_SETTINGS, mode="batch").controls.widget.children
    [privacy] = [group for group in groups if group.children[0].description == "Privacy"]
    assert "ftte-closed" in privacy._dom_classes
    assert len(privacy.children) == 1 + 5


def test_knob_of_numbers_and_a_word() -> None:
    lab = Lab(TINY_SETTINGS, show=["micro_batch", "recompute"], mode="batch")
    control = lab.controls.knobs["micro_batch"]
    assert [value for _, value in control.widget.options] == [1, 2, 4, 8, "auto", "none"]
    assert control.widget.value == "none"
    for value, field in ((2, 2), ("auto", "auto"), ("none", None)):
        control.widget.value = value
        assert lab.settings.scenario.micro_batch == field
    control.show(lab.settings.set(micro_batch=3))
    assert control.widget.value == 3
    lab.controls.knobs["recompute"].widget.value = True
    assert lab.settings.scenario.recompute


def test_mix_sliders_sum_to_one(page: Page) -> None:
    mix = page.lab.controls.knobs["mix"].widget
    for kind, value in (("sensor", 100), ("watch", 0), ("phone", 37), ("sensor", 0)):
        mix._sliders[kind].value = value
        assert sum(s.value for s in mix._sliders.values()) == 100
        assert mix._sliders[kind].value == value
        assert sum(page.lab.settings.scenario.mix.values()) == pytest.approx(1)
    mix._add.value = "jetson"
    assert sum(s.value for s in mix._sliders.values()) == 100
    assert page.lab.settings.scenario.mix["jetson"] == 0.25
    page.lab.result(120)
    assert "jetson" in page.last("sentence")["text"]


def test_mix_sliders_remove_kinds_and_keep_the_last(page: Page) -> None:
    mix = page.lab.controls.knobs["mix"].widget
    mix.remove("watch")
    assert mix.value == page.lab.settings.scenario.mix
    assert list(mix.value) == ["sensor", "phone"]
    assert "watch" in [value for _, value in mix._add.options]
    mix._sliders["phone"].value = 100
    mix._sliders["phone"].value = 0  # there is nobody to take over
    assert mix.value == page.lab.settings.scenario.mix == {"phone": 1.0}
    assert mix._note.value == "A fleet needs devices: move another kind up instead."
    mix._sliders["sensor"].value = 30
    assert mix._note.value == ""
    mix.remove("sensor")
    mix.remove("phone")
    assert mix.value == {"phone": 1.0}
    assert [button.disabled for button in mix._removers.values()] == [True]
    page.lab.reset()
    assert list(mix._sliders) == list(TINY.mix)


def test_last_method_stays_and_says_so(page: Page) -> None:
    boxes = page.lab.controls.knobs["methods"].widget
    for box in boxes.boxes.values():
        box.value = False
    assert len(boxes.value) == 1
    assert boxes._note.value == "One method stays: tick another one first."
    assert page.lab.settings.methods == boxes.value


def test_data_sets_that_were_never_fetched_are_named_so_and_refused(
    page: Page, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FTTE_DATA_HOME", str(tmp_path))
    menu = Lab(TINY_SETTINGS, show=["data"], mode="batch").controls.knobs["data"].widget
    texts = {value: text for text, value in menu.options}
    assert texts["digits"] == "digits"
    assert texts["cifar10"] == "cifar10 (not on this computer)"
    before = page.lab.settings
    page.lab.controls.knobs["data"].widget.value = "cifar10"
    error = page.last("error")
    assert error["text"] == (
        "The data set cifar10 is not on this computer; allowed: one that is. "
        "To get it, run in a terminal: ftte-lab data cifar10."
    )
    assert page.lab.settings == before
    (tmp_path / "cifar10.npz").write_bytes(b"")
    assert present("cifar10") == "cifar10"


@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(0.01, 1), min_size=1), st.data())
def test_percentages_are_integers_that_sum_to_100(
    shares: dict[str, float], data: st.DataObject
) -> None:
    parts = percentages(shares)
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


def test_method_boxes_keep_one_method(page: Page) -> None:
    boxes = page.lab.controls.knobs["methods"].widget
    for name in ("fedavg", "fedbuff", "ftte"):
        boxes.boxes[name].value = False
    assert boxes.value == ("ftte",)
    assert page.lab.settings.methods == ("ftte",)
    assert list(page.lab.result(120)) == ["ftte"]
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


def test_knob_of_a_few_numbers_sets_a_number() -> None:
    lab = Lab(TINY_SETTINGS, show=["payload_bits"], charts=["curves"], mode="batch")
    knob = lab.controls.knobs["payload_bits"].widget
    assert list(knob.options) == [32, 16, 8]
    knob.value = 8
    assert lab.settings.scenario == TINY_SETTINGS.scenario.replace(payload_bits=8)
    lab.set(payload_bits=16)
    assert knob.value == 16


def test_knobs_start_at_the_settings() -> None:
    far = TINY.replace(
        clients=200, buffer=80, budget_kib=5000.0, straggler_factor=500.0, alpha=0.37
    )
    lab = Lab(far, mode="batch")
    values = {name: control.widget.value for name, control in lab.controls.knobs.items()}
    assert values["buffer"] == 80
    assert values["budget_kib"] == pytest.approx(5000)
    assert values["straggler_factor"] == pytest.approx(500)
    assert values["alpha"] == 0.37
    assert lab.settings.scenario == far
    for control in lab.controls.knobs.values():
        if not isinstance(control.widget, MixSliders | MethodBoxes):
            assert control.widget.description  # a label that a screen reader reads
            assert control.widget.tooltip
