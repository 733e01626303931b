"""Build the knobs of a Lab: ipywidgets that read and write `Settings`.

Label, range and tooltip of a knob come from the declaration of its setting. Any scalar field of a
scenario can be a knob; a few knobs have a form of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import ipywidgets as widgets

from ftte_lab.devices import CATALOGUE
from ftte_lab.lab.control import Control, option
from ftte_lab.lab.data_choice import data_choices, present
from ftte_lab.lab.method_boxes import MethodBoxes
from ftte_lab.lab.mix_sliders import MixSliders
from ftte_lab.lab.settings import LARGEST_SEED_COUNT, Settings
from ftte_lab.simulation import SETTINGS, Knob, Setting

_LAYOUT: Mapping[str, str] = {"width": "auto", "max_width": "440px"}
_STYLE: Mapping[str, str] = {"description_width": "150px"}
_NO_VALUE = "none"  # a SelectionSlider takes None for "nothing is selected"


def _widget(kind: Any, one: Setting, **options: Any) -> Any:
    """Make a widget that reports a value when it is released, because each value starts a run."""
    return kind(
        description=one.label,
        tooltip=one.doc,
        continuous_update=False,
        layout=widgets.Layout(**_LAYOUT),
        style=dict(_STYLE),
        **options,
    )


def _field(name: str, digits: int | None = None) -> tuple[Any, Any]:
    """Return the functions that read and write one field of the scenario."""

    def write(s: Settings, value: Any) -> Settings:
        rounded = value if digits is None else round(float(value), digits)
        return s.set(**{name: rounded})

    return (lambda s: getattr(s.scenario, name)), write


def _data_menu(one: Setting, s: Settings) -> Control:
    """Offer the data sets; those that were never fetched are named so, and cannot be chosen."""
    control = _menu(one, s)
    control.widget.options = data_choices()
    control.widget.value = s.scenario.data
    return Control(control.widget, control.read, lambda t, name: t.set(data=present(name)))


def _menu(one: Setting, s: Settings) -> Control:
    names = list(dict.fromkeys([*(one.choices or ()), getattr(s.scenario, one.name)]))
    widget = widgets.Dropdown(
        options=names,
        description=one.label,
        tooltip=one.doc,
        layout=widgets.Layout(**_LAYOUT),
        style=dict(_STYLE),
        value=getattr(s.scenario, one.name),
    )
    return Control(widget, *_field(one.name))


def _box(one: Setting, s: Settings) -> Control:
    widget = widgets.Checkbox(
        value=getattr(s.scenario, one.name), description=one.label, tooltip=one.doc, indent=False
    )
    return Control(widget, *_field(one.name))


def _ladder(one: Setting, knob: Knob, s: Settings) -> Control:
    """Offer a few values, words behind numbers, and "none" where the setting is optional."""
    now = getattr(s.scenario, one.name)
    values = {*knob.steps, *([now] if now is not None else [])}
    numbers = sorted(value for value in values if value not in one.words)
    options = [option(value) for value in (*numbers, *(w for w in one.words if w in values))]
    if one.optional:
        options.append((_NO_VALUE, _NO_VALUE))
    start = options[-1][1] if now is None else now
    widget = _widget(widgets.SelectionSlider, one, options=options, value=start)
    read, write = _field(one.name)
    return Control(
        widget,
        lambda settings: _NO_VALUE if read(settings) is None else read(settings),
        lambda settings, v: write(settings, None if v == _NO_VALUE else v),
    )


def _slider(one: Setting, knob: Knob, s: Settings) -> Control:
    if one.kind == "int":
        widget = _widget(
            widgets.IntSlider, one, min=int(knob.low), max=int(knob.high), step=int(knob.step)
        )
        return Control(widget, *_field(one.name))
    options = {"min": knob.low, "max": knob.high, "step": knob.step}
    if knob.readout:
        options["readout_format"] = knob.readout  # type: ignore[assignment]
    if knob.log:
        middle = knob.base ** ((knob.low + knob.high) / 2)
        widget = _widget(widgets.FloatLogSlider, one, base=knob.base, value=middle, **options)
    else:
        widget = _widget(widgets.FloatSlider, one, value=knob.low, **options)
    return Control(widget, *_field(one.name, knob.digits))


def _number(one: Setting, s: Settings) -> Control:
    """Offer a number by typing, for settings whose range is too large for a slider."""
    widget = widgets.BoundedIntText(
        description=one.label,
        tooltip=one.doc,
        min=int(one.low or 0),
        max=min(int(one.high or 2**31 - 1), 2**31 - 1),
        layout=widgets.Layout(**_LAYOUT),
        style=dict(_STYLE),
    )
    return Control(widget, *_field(one.name))


def _budget(one: Setting, knob: Knob, s: Settings) -> Control:
    """Show the memory of the weakest device until the knob is moved."""
    slider = _slider(one, knob, s)

    def read(settings: Settings) -> float:
        if settings.scenario.budget_kib is not None:
            return settings.scenario.budget_kib
        s = settings.scenario
        kinds = [CATALOGUE[name] for name, share in s.mix.items() if share > 0]
        weakest = min(kind.training_bytes(s.app_memory_share) for kind in kinds)
        return float(min(weakest / 1024, knob.base**knob.high))

    return Control(slider.widget, read, slider.write)


def _buffer(one: Setting, knob: Knob, s: Settings) -> Control:
    slider = _slider(one, knob, s)
    return Control(
        slider.widget, lambda t: t.scenario.buffer or t.scenario.concurrency, slider.write
    )


def _concurrency(one: Setting, knob: Knob, s: Settings) -> Control:
    slider = _slider(one, knob, s)
    slider.widget.max = s.scenario.clients
    return slider


def _payload(one: Setting, knob: Knob, s: Settings) -> Control:
    """Take 100 % for "no limit"."""
    slider = _slider(one, knob, s)

    def write(settings: Settings, value: float) -> Settings:
        return settings.set(payload_share=None if value >= 1 else round(value, knob.digits))

    return Control(slider.widget, lambda t: t.scenario.payload_share or 1.0, write)


def _server_rate(one: Setting, knob: Knob, s: Settings) -> Control:
    """Show the last method's rate; until the knob is moved, each method keeps its tuned rate."""
    slider = _slider(one, knob, s)

    def read(settings: Settings) -> float:
        return settings.comparison.run(settings.methods[-1]).server_rate

    return Control(slider.widget, read, slider.write)


def _horizon(one: Setting, knob: Knob, s: Settings) -> Control:
    slider = _slider(one, knob, s)
    return Control(slider.widget, slider.read, lambda t, v: t.set(horizon_s=float(f"{v:.3g}")))


def _mix(one: Setting, s: Settings) -> Control:
    read, write = _field("mix")
    return Control(MixSliders(s.scenario.mix), lambda t: dict(read(t)), write)


_OWN_FORM: Mapping[str, Callable[[Setting, Knob, Settings], Control]] = {
    "budget_kib": _budget,
    "buffer": _buffer,
    "concurrency": _concurrency,
    "payload_share": _payload,
    "server_rate": _server_rate,
    "horizon_s": _horizon,
}


def scenario_knob(name: str, s: Settings) -> Control:
    """Build the knob of one field of the scenario from its declaration."""
    one = SETTINGS[name]
    if name == "mix":
        return _mix(one, s)
    if name == "data":
        return _data_menu(one, s)
    if one.choices is not None:
        return _menu(one, s)
    if one.kind == "bool":
        return _box(one, s)
    if one.knob is None:
        return _number(one, s)
    if name in _OWN_FORM:
        return _OWN_FORM[name](one, one.knob, s)
    return _ladder(one, one.knob, s) if one.knob.steps else _slider(one, one.knob, s)


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
        layout=widgets.Layout(**_LAYOUT),
        style=dict(_STYLE),
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
