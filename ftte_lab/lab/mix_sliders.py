"""Sliders of device kinds that always sum to 100 %."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from ftte_lab.devices import CATALOGUE


def rebalance(parts: Mapping[str, int], moved: str, value: int) -> dict[str, int]:
    """Return integer percentages after one was moved; the others keep their proportions.

    Args:
        parts: percentages that sum to 100.
        moved: whose slider it is.
        value: where it was moved to, 0 to 100.
    """
    others = {kind: share for kind, share in parts.items() if kind != moved}
    if not others:
        return {moved: 100}
    rest, total = 100 - value, sum(others.values())
    exact = {k: rest * (share / total if total else 1 / len(others)) for k, share in others.items()}
    return {**parts, moved: value, **_rounded(exact, rest)}


def percentages(mix: Mapping[str, float]) -> dict[str, int]:
    """Return a mix of shares as integer percentages that sum to 100."""
    total = sum(mix.values())
    return _rounded({kind: 100 * share / total for kind, share in mix.items()}, 100)


def _rounded(exact: Mapping[str, float], total: int) -> dict[str, int]:
    """Round to integers with a given sum, by largest remainders."""
    floor = {kind: int(value) for kind, value in exact.items()}
    by_rest = sorted(exact, key=lambda k: (floor[k] - exact[k], k))
    for kind in by_rest[: total - sum(floor.values())]:
        floor[kind] += 1
    return floor


_LAYOUT = {"width": "auto", "max_width": "440px"}
_STYLE = {"description_width": "150px"}
_LAST = "A fleet needs devices: move another kind up instead."


class MixSliders(widgets.VBox):  # type: ignore[misc]  # the library is untyped
    """Offer a slider and a button to remove it per device kind, and a menu of further kinds."""

    def __init__(self, mix: Mapping[str, float]) -> None:
        self._listeners: list[Callable[[Any], None]] = []
        self._quiet = False
        self._sliders: dict[str, widgets.IntSlider] = {}
        self._rows: dict[str, widgets.HBox] = {}
        self._removers: dict[str, widgets.Button] = {}
        self._add = widgets.Dropdown(
            description="add a kind", layout=dict(_LAYOUT), style=dict(_STYLE)
        )
        self._add.observe(self._added, names="value")
        self._note = widgets.Label(layout={"display": "none"})
        self._note.add_class("ftte-knob-note")
        super().__init__()
        self.value = mix

    @property
    def value(self) -> dict[str, float]:
        """Return the shares by kind, without kinds at 0 %."""
        return {kind: slider.value / 100 for kind, slider in self._sliders.items() if slider.value}

    @value.setter
    def value(self, mix: Mapping[str, float]) -> None:
        if percentages(mix) != {k: s.value for k, s in self._sliders.items() if s.value}:
            self._show(percentages(mix))

    def on_change(self, listener: Callable[[Any], None]) -> None:
        """Call `listener` after each change by a person."""
        self._listeners.append(listener)

    def _show(self, parts: Mapping[str, int], note: str = "") -> None:
        """Show a slider for each of these kinds, and no other, at these percentages."""
        self._quiet = True
        gone = [kind for kind in self._sliders if kind not in parts]
        new = [kind for kind in parts if kind not in self._sliders]
        for kind in gone:
            del self._sliders[kind]
            del self._removers[kind]
            self._rows.pop(kind).close()
        for kind in new:
            self._make(kind)
        self._sliders = {kind: self._sliders[kind] for kind in parts}
        for kind, slider in self._sliders.items():
            slider.value = parts[kind]
        if gone or new:
            others = [(kind.replace("_", " "), kind) for kind in CATALOGUE if kind not in parts]
            self._add.options = [("choose …", ""), *others]
            self._add.value = ""
            self.children = [*(self._rows[kind] for kind in parts), self._add, self._note]
        for remover in self._removers.values():
            remover.disabled = len(parts) == 1
        self._note.value, self._note.layout.display = note, None if note else "none"
        self._quiet = False

    def _make(self, kind: str) -> None:
        name = kind.replace("_", " ")
        slider = widgets.IntSlider(
            description=name,
            min=0,
            max=100,
            continuous_update=False,
            layout={"width": "auto", "flex": "1 1 auto"},
            style=dict(_STYLE),
        )
        slider.observe(lambda change: self._moved(kind, change), names="value")
        remover = widgets.Button(
            description="×", tooltip=f"remove {name}", layout={"width": "26px", "padding": "0"}
        )
        remover.add_class("ftte-remove")
        remover.on_click(lambda button: self.remove(kind))
        self._sliders[kind], self._removers[kind] = slider, remover
        self._rows[kind] = widgets.HBox([slider, remover], layout={"max_width": "440px"})

    def _parts(self) -> dict[str, int]:
        return {kind: slider.value for kind, slider in self._sliders.items()}

    def _moved(self, kind: str, change: Any) -> None:
        if self._quiet:
            return
        before = self._parts() | {kind: change["old"]}
        if before[kind] == 100 and not change["new"]:
            self._show(before, _LAST)  # there is nobody to take over
            return
        self._show(rebalance(before, kind, change["new"]))
        self._report(change)

    def remove(self, kind: str) -> None:
        """Take a kind out of the fleet, as its button does; the others take over its share."""
        parts = self._parts()
        if kind not in parts or len(parts) == 1:
            return
        rest = rebalance(parts, kind, 0)
        del rest[kind]
        self._show(rest)
        if parts[kind]:
            self._report({"owner": self, "new": self.value})

    def _added(self, change: Any) -> None:
        if self._quiet or not change["new"]:
            return
        parts, kind = self._parts(), change["new"]
        self._show(rebalance({**parts, kind: 0}, kind, 100 // (len(parts) + 1)))
        self._report(change)

    def _report(self, change: Any) -> None:
        for listener in self._listeners:
            listener(change)
