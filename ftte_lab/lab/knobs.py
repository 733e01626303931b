"""Build the knobs of a Lab: ipywidgets that read and write `Settings`.

Label, range and tooltip of a knob come from the declaration of its setting. Any scalar field of a
scenario can be a knob; a few knobs have a form of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import ipywidgets as widgets

from ftte_lab.devices import CATALOGUE
from ftte_lab.lab.control import Control
from ftte_lab.lab.data_choice import data_choices, present
from ftte_lab.lab.knob_widgets import (
    LAYOUT,
    NO_VALUE,
    STYLE,
    box_of,
    field_of,
    ladder_of,
    menu_of,
    number_of,
    slider_of,
)
from ftte_lab.lab.method_boxes import MethodBoxes
from ftte_lab.lab.mix_sliders import MixSliders
from ftte_lab.lab.settings import LARGEST_SEED_COUNT, Settings
from ftte_lab.simulation import SETTINGS, Knob, Setting

_FIRST_CLIP = 1.0  # the clip norm that the first noise brings along


def _data_menu(one: Setting, s: Settings) -> Control:
    """Offer the data sets; those that were never fetched are named so, and cannot be chosen."""
    control = menu_of(one, s)
    control.widget.options = data_choices()
    control.widget.value = s.scenario.data
    return Control(control.widget, control.read, lambda t, name: t.set(data=present(name)))


def _budget(one: Setting, knob: Knob, s: Settings) -> Control:
    """Show the memory of the weakest device until the knob is moved."""
    slider = slider_of(one, knob, s)

    def read(settings: Settings) -> float:
        if settings.scenario.budget_kib is not None:
            return settings.scenario.budget_kib
        s = settings.scenario
        kinds = [CATALOGUE[name] for name, share in s.mix.items() if share > 0]
        weakest = min(kind.training_bytes(s.app_memory_share) for kind in kinds)
        return float(min(weakest / 1024, knob.base**knob.high))

    return Control(slider.widget, read, slider.write)


def _buffer(one: Setting, knob: Knob, s: Settings) -> Control:
    slider = slider_of(one, knob, s)
    return Control(
        slider.widget, lambda t: t.scenario.buffer or t.scenario.concurrency, slider.write
    )


def _concurrency(one: Setting, knob: Knob, s: Settings) -> Control:
    slider = slider_of(one, knob, s)
    slider.widget.max = s.scenario.clients
    return slider


def _payload(one: Setting, knob: Knob, s: Settings) -> Control:
    """Take 100 % for "no limit"."""
    slider = slider_of(one, knob, s)

    def write(settings: Settings, value: float) -> Settings:
        return settings.set(payload_share=None if value >= 1 else round(value, knob.digits))

    return Control(slider.widget, lambda t: t.scenario.payload_share or 1.0, write)


def _server_rate(one: Setting, knob: Knob, s: Settings) -> Control:
    """Show the last method's rate; until the knob is moved, each method keeps its tuned rate."""
    slider = slider_of(one, knob, s)

    def read(settings: Settings) -> float:
        return settings.comparison.run(settings.methods[-1]).server_rate

    return Control(slider.widget, read, slider.write)


def _horizon(one: Setting, knob: Knob, s: Settings) -> Control:
    slider = slider_of(one, knob, s)
    return Control(slider.widget, slider.read, lambda t, v: t.set(horizon_s=float(f"{v:.3g}")))


def _clipped(s: Settings, clip_norm: float | None, opened: str) -> Settings:
    """Clip and divide by the number of updates, as a clip asks for; or neither, and no noise."""
    if clip_norm is None:
        off = {"noise_multiplier": 0.0, "adaptive_clip": False}
        return s.set(clip_norm=None, normalise=opened, **off)
    return s.set(clip_norm=clip_norm, normalise="count")


def _clip(one: Setting, knob: Knob, s: Settings) -> Control:
    ladder, opened = ladder_of(one, knob, s), s.scenario.normalise

    def write(t: Settings, value: Any) -> Settings:
        return _clipped(t, None if value == NO_VALUE else value, opened)

    return Control(ladder.widget, ladder.read, write)


def _noise(one: Setting, knob: Knob, s: Settings) -> Control:
    """Bring a clip along, because noise is measured in clip norms."""
    slider, opened = slider_of(one, knob, s), s.scenario.normalise

    def write(t: Settings, value: float) -> Settings:
        clip = value > 0 and t.scenario.clip_norm is None
        return slider.write(_clipped(t, _FIRST_CLIP, opened) if clip else t, value)

    return Control(slider.widget, slider.read, write)


def _mix(one: Setting, s: Settings) -> Control:
    read, write = field_of("mix")
    return Control(MixSliders(s.scenario.mix), lambda t: dict(read(t)), write)


_OWN_FORM: Mapping[str, Callable[[Setting, Knob, Settings], Control]] = {
    "budget_kib": _budget,
    "buffer": _buffer,
    "concurrency": _concurrency,
    "payload_share": _payload,
    "server_rate": _server_rate,
    "horizon_s": _horizon,
    "clip_norm": _clip,
    "noise_multiplier": _noise,
}


def scenario_knob(name: str, s: Settings) -> Control:
    """Build the knob of one field of the scenario from its declaration."""
    one = SETTINGS[name]
    if name == "mix":
        return _mix(one, s)
    if name == "data":
        return _data_menu(one, s)
    if one.choices is not None:
        return menu_of(one, s)
    if one.kind == "bool":
        return box_of(one, s)
    if one.knob is None:
        return number_of(one, s)
    if name in _OWN_FORM:
        return _OWN_FORM[name](one, one.knob, s)
    return ladder_of(one, one.knob, s) if one.knob.steps else slider_of(one, one.knob, s)


def _methods(s: Settings) -> Control:
    boxes = MethodBoxes(s.methods)
    return Control(boxes, lambda t: t.methods, lambda t, v: t.replace(methods=tuple(v)))


def _seeds(_: Settings) -> Control:
    widget = widgets.IntSlider(
        description="number of seeds",
        tooltip="Runs of each method; several give a band",
        min=1,
        max=LARGEST_SEED_COUNT,
        continuous_update=False,
        layout=widgets.Layout(**LAYOUT),
        style=dict(STYLE),
    )
    return Control(widget, lambda s: s.seeds, lambda s, v: s.replace(seeds=v))


def build(name: str, s: Settings) -> Control:
    """Build one knob: a field of the scenario, `methods` or `seeds`."""
    if name == "methods":
        return _methods(s)
    return _seeds(s) if name == "seeds" else scenario_knob(name, s)


def ordered(names: Iterable[str]) -> list[str]:
    """Return knobs in the order in which they appear, that of `KNOBS`."""
    wanted = set(names)
    return [name for name in KNOBS if name in wanted]


# A method is chosen with `methods`, so `method` is not a knob.
KNOBS: tuple[str, ...] = (*(name for name in SETTINGS if name != "method"), "methods", "seeds")
"""The names that `Lab(show=...)` takes: fields of a scenario, `methods` and `seeds`."""
MAIN_KNOBS: tuple[str, ...] = ("budget_kib", "buffer", "mix")
"""The knobs of a kiosk."""
FIRST_KNOBS: tuple[str, ...] = (
    "budget_kib",
    "buffer",
    "mix",
    "concurrency",
    "straggler_share",
    "straggler_factor",
    "alpha",
    "age_exponent",
    "variance_exponent",
    "server_rate",
    "payload_share",
    "subset_per",
    "solver",
    "server_average",
    "clip_norm",
    "noise_multiplier",
    "delta",
    "max_participations",
    "private",
    "local_steps",
    "batch",
    "warm_start_steps",
    "methods",
    "data",
    "model",
    "seed",
    "seeds",
    "horizon_s",
)
"""The knobs of a Lab that names none."""
