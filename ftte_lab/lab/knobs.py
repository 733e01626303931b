"""The knobs of a Lab: ipywidgets that read and write `Settings`, each with a label, a range and a word of help."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from ftte_lab.charts import label
from ftte_lab.data import SOURCES
from ftte_lab.devices import CATALOGUE
from ftte_lab.lab.mix_sliders import MixSliders
from ftte_lab.lab.settings import MOST_SEEDS, Settings
from ftte_lab.models import MODELS
from ftte_lab.server import SOLVERS
from ftte_lab.simulation import METHODS

_WIDE = widgets.Layout(width="auto", max_width="440px")
_STYLE = {"description_width": "132px"}
BUDGET_KIB = (64.0, 2048.0)
_NO_SKEW = "none"
LOCAL_STEPS = (1, 2, 4, 8, 16, 32, 64)
_ALPHAS = (0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0)


@dataclass(frozen=True)
class Control:
    """A widget, how its value follows from settings, and what it makes of them."""

    widget: Any
    read: Callable[[Settings], Any]
    write: Callable[[Settings, Any], Settings]

    def show(self, settings: Settings) -> None:
        """Set the widget's value from settings; a value beyond its range makes the range wider."""
        value, knob = self.read(settings), self.widget
        if isinstance(knob, widgets.FloatLogSlider):
            exponent = math.log(value, knob.base)
            knob.min, knob.max = min(knob.min, exponent), max(knob.max, exponent)
        elif isinstance(knob, widgets.IntSlider | widgets.FloatSlider):
            knob.min, knob.max = min(knob.min, value), max(knob.max, value)
        elif isinstance(knob, widgets.SelectionSlider | widgets.Dropdown):
            values = (
                [v for _, v in knob.options]
                if isinstance(knob, widgets.SelectionSlider)
                else knob.options
            )
            if value not in values:
                knob.options = (
                    *knob.options,
                    (f"{value:g}", value) if isinstance(value, int | float) else value,
                )
        knob.value = value


def _field(name: str) -> tuple[Callable[[Settings], Any], Callable[[Settings, Any], Settings]]:
    """Read and write one field of the scenario."""
    return (
        lambda s: getattr(s.scenario, name),
        lambda s, value: s.replace(scenario=s.scenario.replace(**{name: value})),
    )


def _slider(kind: type, text: str, help_text: str, **options: Any) -> Any:
    """A slider that speaks when it is released: each value starts a run."""
    return kind(
        description=text,
        tooltip=help_text,
        continuous_update=False,
        layout=_WIDE,
        style=_STYLE,
        **options,
    )


def _budget(_: Settings) -> Control:
    low, high = (math.log2(v) for v in BUDGET_KIB)
    widget = _slider(
        widgets.FloatLogSlider,
        "memory budget KiB",
        "What a training step of FTTE may use at once on a device",
        base=2,
        min=low,
        max=high,
        step=0.125,
        readout_format=".0f",
        value=256,
    )

    def read(s: Settings) -> float:
        if s.scenario.budget_kib is not None:
            return s.scenario.budget_kib
        weakest = min(CATALOGUE[k].memory_bytes for k, share in s.scenario.mix.items() if share > 0)
        return min(weakest / 1024, BUDGET_KIB[1])

    return Control(
        widget,
        read,
        lambda s, v: s.replace(scenario=s.scenario.replace(budget_kib=round(float(v), 3))),
    )


def _buffer(s: Settings) -> Control:
    widget = _slider(
        widgets.IntSlider,
        "buffer capacity K",
        "How many updates FTTE and FedBuff collect before the server steps",
        min=1,
        max=max(50, s.scenario.buffer or 1),
        value=10,
    )
    return Control(
        widget, lambda s: s.scenario.buffer or s.scenario.concurrency, _field("buffer")[1]
    )


def _concurrency(s: Settings) -> Control:
    widget = _slider(
        widgets.IntSlider,
        "concurrency",
        "How many devices train at once",
        min=1,
        max=s.scenario.clients,
        value=1,
    )
    return Control(widget, *_field("concurrency"))


def _straggler_share(_: Settings) -> Control:
    widget = _slider(
        widgets.FloatSlider,
        "straggler share",
        "Share of the devices that are slow",
        min=0,
        max=1,
        step=0.05,
        readout_format=".0%",
    )
    return Control(widget, *_field("straggler_share"))


def _straggler_factor(_: Settings) -> Control:
    widget = _slider(
        widgets.FloatLogSlider,
        "straggler factor",
        "How many times slower they are",
        base=10,
        min=0,
        max=2,
        step=0.05,
        readout_format=".1f",
        value=10,
    )
    read, write = _field("straggler_factor")
    return Control(widget, read, lambda s, v: write(s, round(float(v), 3)))


def _alpha(s: Settings) -> Control:
    values = sorted({*_ALPHAS, *([s.scenario.alpha] if s.scenario.alpha else [])})
    options = [(f"{alpha:g}", alpha) for alpha in values] + [
        (_NO_SKEW, _NO_SKEW)
    ]  # None would be no choice at all
    widget = _slider(
        widgets.SelectionSlider,
        "label skew α",
        "Dirichlet α: small, few classes per device; none: as the data come",
        options=options,
        value=_NO_SKEW,
    )
    read, write = _field("alpha")
    return Control(
        widget, lambda s: read(s) or _NO_SKEW, lambda s, v: write(s, None if v == _NO_SKEW else v)
    )


def _ladder(
    name: str, text: str, rungs: Iterable[int], help_text: str
) -> Callable[[Settings], Control]:
    def build(s: Settings) -> Control:
        now = getattr(s.scenario, name)
        options = [(f"{value:,}", value) for value in sorted({*rungs, now})]
        return Control(
            _slider(widgets.SelectionSlider, text, help_text, options=options, value=now),
            *_field(name),
        )

    return build


def _payload(_: Settings) -> Control:
    widget = _slider(
        widgets.FloatSlider,
        "payload limit",
        "FTTE trains and sends at most this share of the model; 100 %: no limit",
        min=0.05,
        max=1,
        step=0.05,
        readout_format=".0%",
        value=1,
    )
    read, write = _field("payload_share")
    return Control(
        widget, lambda s: read(s) or 1.0, lambda s, v: write(s, None if v >= 1 else round(v, 3))
    )


def _server_rate(_: Settings) -> Control:
    widget = _slider(
        widgets.FloatLogSlider,
        "server rate",
        "How far the server goes along the mean update; until moved, each method keeps its own tuned rate",
        base=2,
        min=-4,
        max=3,
        step=0.25,
        readout_format=".2f",
        value=1,
    )
    return Control(
        widget,
        lambda s: s.rates.get(s.methods[-1], 1.0),
        lambda s, v: s.replace(rates=dict.fromkeys(METHODS, round(float(v), 4))),
    )


def _average(_: Settings) -> Control:
    widget = _slider(
        widgets.FloatSlider,
        "averaged model",
        "0: the server's last model counts; above: a running average of all",
        min=0,
        max=0.98,
        step=0.02,
        readout_format=".2f",
    )
    read, write = _field("server_average")
    return Control(widget, read, lambda s, v: write(s, round(v, 4)))


def _exponent(text: str, name: str, help_text: str) -> Callable[[Settings], Control]:
    def build(_: Settings) -> Control:
        widget = _slider(
            widgets.FloatSlider, text, help_text, min=0, max=3, step=0.1, readout_format=".1f"
        )
        return Control(widget, *_field(name))

    return build


def _methods(s: Settings) -> Control:
    widget = MethodBoxes(s.methods)
    return Control(widget, lambda s: s.methods, lambda s, v: s.replace(methods=tuple(v)))


def _menu(
    name: str, text: str, options: Iterable[str], help_text: str
) -> Callable[[Settings], Control]:
    def build(s: Settings) -> Control:
        names = list(dict.fromkeys([*options, getattr(s.scenario, name)]))
        widget = widgets.Dropdown(
            options=names,
            description=text,
            tooltip=help_text,
            layout=_WIDE,
            style=_STYLE,
            value=getattr(s.scenario, name),
        )
        return Control(widget, *_field(name))

    return build


def _mix(s: Settings) -> Control:
    widget = MixSliders(s.scenario.mix)
    return Control(widget, lambda s: dict(s.scenario.mix), _field("mix")[1])


def _seed(_: Settings) -> Control:
    widget = widgets.BoundedIntText(
        description="seed",
        tooltip="Another seed: other people, devices and chances",
        min=0,
        max=2**31 - 1,
        layout=_WIDE,
        style=_STYLE,
    )
    return Control(widget, *_field("seed"))


def _seeds(_: Settings) -> Control:
    widget = _slider(
        widgets.IntSlider,
        "number of seeds",
        "Runs of each method; several give a band",
        min=1,
        max=MOST_SEEDS,
        value=1,
    )
    return Control(widget, lambda s: s.seeds, lambda s, v: s.replace(seeds=v))


def _horizon(_: Settings) -> Control:
    widget = _slider(
        widgets.FloatLogSlider,
        "virtual time, s",
        "How long the fleet works",
        base=10,
        min=1,
        max=5,
        step=0.05,
        readout_format=",.0f",
        value=2400,
    )
    read, write = _field("horizon_s")
    return Control(widget, read, lambda s, v: write(s, float(f"{v:.3g}")))


class MethodBoxes(widgets.HBox):  # type: ignore[misc]  # the library is untyped
    """A box to tick per method; the last one stays ticked, because a Lab without a method shows nothing."""

    def __init__(self, chosen: Iterable[str]) -> None:
        self.boxes = {
            name: widgets.Checkbox(
                name in chosen, description=label(name), indent=False, layout={"width": "auto"}
            )
            for name in METHODS
        }
        self._listeners: list[Callable[[Any], None]] = []
        self._quiet = False
        super().__init__(list(self.boxes.values()), layout=widgets.Layout(flex_flow="row wrap"))
        for box in self.boxes.values():
            box.observe(self._changed, names="value")

    @property
    def value(self) -> tuple[str, ...]:
        """The ticked methods."""
        return tuple(name for name, box in self.boxes.items() if box.value)

    @value.setter
    def value(self, chosen: Iterable[str]) -> None:
        chosen, self._quiet = tuple(chosen), True
        for name, box in self.boxes.items():
            box.value = name in chosen
        self._quiet = False

    def on_change(self, listener: Callable[[Any], None]) -> None:
        """Call `listener` after each change by a person."""
        self._listeners.append(listener)

    def _changed(self, change: Any) -> None:
        if self._quiet:
            return
        if not self.value:
            change["owner"].value = True
            return
        for listener in self._listeners:
            listener(change)


BUILDERS: Mapping[str, Callable[[Settings], Control]] = {
    "budget": _budget,
    "buffer": _buffer,
    "mix": _mix,
    "concurrency": _concurrency,
    "straggler_share": _straggler_share,
    "straggler_factor": _straggler_factor,
    "alpha": _alpha,
    "age": _exponent(
        "age exponent", "age_exponent", "0: age does not matter; 1: n versions old weighs 1/(1+n)"
    ),
    "variance": _exponent(
        "variance exponent", "variance_exponent", "0: no matter; larger: noisy updates weigh less"
    ),
    "server_rate": _server_rate,
    "payload": _payload,
    "subset_per": _menu(
        "subset_per",
        "one subset per",
        ("fleet", "kind"),
        "FTTE: what the weakest can hold for all, or for each kind of device what it can",
    ),
    "solver": _menu(
        "solver", "chosen by", SOLVERS, "How FTTE chooses what to train within the budget"
    ),
    "average": _average,
    "local_steps": _ladder(
        "local_steps", "local steps", LOCAL_STEPS, "Gradient steps of a client before it answers"
    ),
    "batch": _ladder(
        "batch", "batch", (1, 2, 4, 8, 16, 32), "Samples per local step: activations grow with it"
    ),
    "warm_start": _ladder(
        "warm_start_steps",
        "vendor's steps",
        (0, 50, 200, 1000),
        "How long the vendor trained the first model",
    ),
    "methods": _methods,
    "data": _menu(
        "data", "data set", SOURCES, "motion and digits need no network; others after a download"
    ),
    "model": _menu("model", "model", MODELS, "What is trained"),
    "seed": _seed,
    "seeds": _seeds,
    "horizon": _horizon,
}
"""The knobs by the name that `Lab(show=...)` takes, in the order in which they appear."""
