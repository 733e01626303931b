"""The column of knobs, and the menus of the charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from ftte_lab import charts
from ftte_lab._common import choice
from ftte_lab.devices import training_bill
from ftte_lab.lab.board import AXES_SHOWN
from ftte_lab.lab.knobs import BUDGET_KIB, BUILDERS, Control, MethodBoxes
from ftte_lab.lab.live.marks import Marks
from ftte_lab.lab.mix_sliders import MixSliders
from ftte_lab.lab.settings import Settings
from ftte_lab.models import head
from ftte_lab.simulation import Prepared

_BESIDE = 4  # up to this many knobs stand above the charts, more stand beside them


class ControlPanel:
    """The chosen knobs; `turned` hears the settings that follow from each change, `refused` why there are none.

    Raises:
        ValueError: an unknown knob.
    """

    def __init__(
        self,
        names: Sequence[str],
        settings: Settings,
        turned: Callable[[Settings], None],
        refused: Callable[[ValueError], None],
        live: bool,
    ) -> None:
        for name in names:
            choice("knob", name, BUILDERS)
        self._settings, self._turned, self._refused, self._quiet = settings, turned, refused, False
        self.knobs: dict[str, Control] = {
            name: BUILDERS[name](settings) for name in BUILDERS if name in names
        }
        self._marks = Marks(live) if "budget" in self.knobs else None
        for name, control in self.knobs.items():
            self._listen(name, control)
        self.show(settings)
        few = len(self.knobs) <= _BESIDE and "mix" not in self.knobs
        layout = widgets.Layout(
            flex="1 1 100%" if few else "1 1 290px",
            max_width="none" if few else "460px",
            min_width="0",
        )
        self.widget = widgets.VBox([self._dressed(name) for name in self.knobs], layout=layout)
        self.widget.add_class("ftte-controls")

    def show(self, settings: Settings) -> None:
        """Turn all knobs to where the settings are, without a sound."""
        self._quiet, self._settings = True, settings
        try:
            for control in self.knobs.values():
                control.show(settings)
        finally:
            self._quiet = False

    def _show_only(self, name: str) -> None:
        self._quiet = True
        try:
            self.knobs[name].show(self._settings)
        finally:
            self._quiet = False

    def mark(self, prepared: Mapping[str, Prepared]) -> None:
        """Mark on the budget's slider what the weakest device has, and what the smallest training step needs."""
        if self._marks is None:
            return
        ready = next(iter(prepared.values()))
        s, (_, kind, weakest) = ready.scenario, ready.federation.fleet.weakest()
        floor = training_bill(
            ready.federation.model,
            head(ready.federation.model),
            s.batch,
            s.accounting,
            s.client_momentum,
        )
        self._marks.say(
            {
                f"floor {floor.peak_bytes / 1024:.0f}": floor.peak_bytes / 1024,
                f"weakest: {kind}": weakest / 1024,
            },
            BUDGET_KIB,
        )

    def _dressed(self, name: str) -> Any:
        control = self.knobs[name]
        if name == "budget":
            return widgets.VBox(
                [control.widget, self._marks], layout=widgets.Layout(max_width="440px")
            )
        if isinstance(control.widget, MixSliders | MethodBoxes):
            text = {"mix": "device mix, always 100 %", "methods": "methods"}[name]
            return widgets.VBox([widgets.Label(text), control.widget])
        return control.widget

    def _listen(self, name: str, control: Control) -> None:
        def heard(_: Any) -> None:
            if self._quiet:
                return
            try:
                settings = control.write(self._settings, control.widget.value)
                settings.runs()
            except ValueError as error:
                self._refused(error)
                return
            self._settings = settings
            if settings.scenario.budget_kib is None and "budget" in self.knobs:
                self._show_only("budget")  # it follows the weakest device until it is moved
            self._turned(settings)

        if isinstance(control.widget, MixSliders | MethodBoxes):
            control.widget.on_change(heard)
        else:
            control.widget.observe(heard, names="value")


def metrics(settings: Settings) -> dict[str, Any]:
    """The menus above the charts: what the curves show over what, and whose schedule is drawn."""
    names = {
        name: text.split(",")[-1].strip() if name != "accuracy" else text
        for name, text in charts.METRICS.items()
    }
    for kind in sorted(settings.scenario.mix):
        names[f"accuracy_{kind}"] = f"accuracy on devices of kind {kind}"
    return {
        "metric": {"title": "Show", "options": list(names.items()), "value": settings.metric},
        "over": {"title": "over", "options": list(AXES_SHOWN.items()), "value": settings.over},
        "watch": {
            "title": "schedule of",
            "options": [(n, charts.label(n)) for n in settings.methods],
            "value": settings.watch,
        },
    }
