"""The column of knobs in their groups, and the menus of the charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from ftte_lab import charts
from ftte_lab._common import choice
from ftte_lab.devices import training_bill
from ftte_lab.lab.control import Control
from ftte_lab.lab.knobs import KNOBS, build, ordered
from ftte_lab.lab.live.marks import Marks
from ftte_lab.lab.method_boxes import MethodBoxes
from ftte_lab.lab.mix_sliders import MixSliders
from ftte_lab.lab.panels import AXES_SHOWN
from ftte_lab.lab.settings import Settings
from ftte_lab.models import Model, head
from ftte_lab.simulation import GROUPS, SETTINGS, Prepared, Scenario

_BESIDE = 4  # up to this many knobs stand above the charts; more stand beside them
_MAIN = ("budget_kib", "buffer", "mix")  # the three ideas of FTTE meet the fleet here
# The budget follows the weakest device until it is moved, clip and noise follow each other.
_FOLLOW = ("budget_kib", "clip_norm", "noise_multiplier")
_OPEN = ("devices", "server")  # groups that are open at first, with the main knobs
_GROUP_OF_OTHERS: Mapping[str, str] = {"methods": "server", "seeds": "run"}


class ControlPanel:
    """Show the chosen knobs, grouped as the settings of a scenario are.

    Args:
        names: names of `KNOBS`.
        settings: what the knobs show at first.
        on_change: called with the settings that follow from each change.
        on_error: called with the reason if a change is refused.
        live: whether there is a page.

    Raises:
        ValueError: an unknown knob.
    """

    def __init__(
        self,
        names: Sequence[str],
        settings: Settings,
        on_change: Callable[[Settings], None],
        on_error: Callable[[ValueError], None],
        live: bool,
    ) -> None:
        for name in names:
            choice("knob", name, KNOBS)
        self._settings = settings
        self._on_change = on_change
        self._on_error = on_error
        self._quiet = False
        self.knobs: dict[str, Control] = {name: build(name, settings) for name in ordered(names)}
        self._marks = Marks(live) if "budget_kib" in self.knobs else None
        for name, control in self.knobs.items():
            self._listen(name, control)
        self.show(settings)
        self.few = len(self.knobs) <= _BESIDE and "mix" not in self.knobs
        self.widget = widgets.VBox(
            [self._framed(n) for n in self.knobs] if self.few else self._groups()
        )
        self.widget.add_class("ftte-controls")

    def show(self, settings: Settings) -> None:
        """Set all knobs from settings without calling back."""
        self._settings = settings
        self._show(self.knobs)

    def _show(self, names: Sequence[str] | Mapping[str, Control]) -> None:
        self._quiet = True
        try:
            for name in names:
                self.knobs[name].show(self._settings)
        finally:
            self._quiet = False

    def mark(self, prepared: Mapping[str, Prepared]) -> None:
        """Mark on the budget's slider the weakest device's memory and the smallest step's need."""
        if self._marks is None:
            return
        runs = list(prepared.values())
        run = next((run for run in runs if run.choice is not None), runs[0])  # one with a budget
        s, (_, kind, weakest) = run.scenario, run.federation.fleet.weakest()
        floor = _floor_bytes(s, run.federation.model) / 1024
        knob = SETTINGS["budget_kib"].knob
        assert knob is not None  # noqa: S101  # for the type checker
        self._marks.place(
            {
                f"below {floor:.0f} nothing fits": floor,
                f"a {kind} has {weakest / 1024:,.0f}": weakest / 1024,
            },
            (knob.base**knob.low, knob.base**knob.high),
        )

    def _groups(self) -> list[Any]:
        """Return the groups of knobs: the main ones, then those of the settings."""
        main = [name for name in _MAIN if name in self.knobs]
        groups = [_group("Main knobs", [self._framed(name) for name in main], True)] if main else []
        for group, title in GROUPS.items():
            mine = [n for n in self.knobs if _group_of(n) == group and n not in main]
            if mine:
                groups.append(_group(title, [self._framed(n) for n in mine], group in _OPEN))
        return groups

    def _framed(self, name: str) -> Any:
        widget = self._frame(name)
        widget.add_class(f"ftte-knob-{name}")
        return widget

    def _frame(self, name: str) -> Any:
        control = self.knobs[name]
        if name == "budget_kib":
            layout = widgets.Layout(max_width="440px")
            return widgets.VBox([control.widget, self._marks], layout=layout)
        if isinstance(control.widget, MixSliders | MethodBoxes):
            text = SETTINGS["mix"].label if name == "mix" else "methods"
            return widgets.VBox([widgets.Label(text), control.widget])
        return control.widget

    def _listen(self, name: str, control: Control) -> None:
        def changed(_: Any) -> None:
            if self._quiet:
                return
            try:
                settings = control.write(self._settings, control.widget.value)
                settings.runs()
            except ValueError as error:
                self._on_error(error)
                return
            self._settings = settings
            self._show([one for one in _FOLLOW if one in self.knobs and one != name])
            self._on_change(settings)

        if isinstance(control.widget, MixSliders | MethodBoxes):
            control.widget.on_change(changed)
        else:
            control.widget.observe(changed, names="value")


def _floor_bytes(s: Scenario, model: Model) -> int:
    """Return the peak of the smallest training step, that of the classifier alone."""
    allowed = (None, 1) if isinstance(s.micro_batch, str) else (s.micro_batch,)
    return min(
        training_bill(
            model,
            head(model),
            s.batch,
            s.accounting,
            s.client_momentum,
            micro_batch=micro_batch,
            recompute=s.recompute,
        ).peak_bytes
        for micro_batch in allowed
    )


def _group(title: str, knobs: list[Any], opened: bool) -> widgets.VBox:
    """Return a group of knobs under a heading that opens and closes it on the page."""
    heading = widgets.Button(description=title)
    heading.add_class("ftte-group-title")
    box = widgets.VBox([heading, *knobs])
    box.add_class("ftte-group")
    if not opened:
        box.add_class("ftte-closed")
    return box


def _group_of(name: str) -> str:
    return SETTINGS[name].group if name in SETTINGS else _GROUP_OF_OTHERS[name]


def metrics(settings: Settings) -> dict[str, Any]:
    """Return the menus above the charts: what the curves show, over what, whose schedule."""
    names = dict(charts.METRICS)
    if not settings.scenario.batteries:
        del names["survival"]
    for name, text in names.items():
        if name != "accuracy":
            names[name] = text.split(",")[-1].strip()
    for kind in sorted(settings.scenario.mix):
        names[f"accuracy_{kind}"] = f"accuracy on devices of kind {kind}"
    methods = [(name, charts.label(name)) for name in settings.methods]
    return {
        "metric": {"title": "Show", "options": list(names.items()), "value": settings.metric},
        "over": {"title": "over", "options": list(AXES_SHOWN.items()), "value": settings.over},
        "watch": {"title": "schedule of", "options": methods, "value": settings.watch},
    }
