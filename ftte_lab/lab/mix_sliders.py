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


class MixSliders(widgets.VBox):  # type: ignore[misc]  # the library is untyped
    """Offer one slider per device kind, and a menu to add a kind from the catalogue."""

    def __init__(self, mix: Mapping[str, float]) -> None:
        self._listeners: list[Callable[[Any], None]] = []
        self._quiet = False
        self._shown: list[str] = []
        self._sliders: dict[str, widgets.IntSlider] = {}
        self._add = widgets.Dropdown(
            description="add a kind",
            layout=widgets.Layout(width="auto", max_width="440px"),
            style={"description_width": "150px"},
        )
        self._add.observe(self._added, names="value")
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

    def _show(self, parts: Mapping[str, int]) -> None:
        """Set the sliders; add new ones where kinds are new."""
        self._quiet = True
        for kind in parts:
            if kind not in self._sliders:
                self._sliders[kind] = widgets.IntSlider(
                    description=f"{kind}, %",
                    min=0,
                    max=100,
                    continuous_update=False,
                    layout=widgets.Layout(width="auto", max_width="440px"),
                    style={"description_width": "150px"},
                )
                self._sliders[kind].observe(
                    lambda change, kind=kind: self._moved(kind, change), names="value"
                )
        for kind, slider in self._sliders.items():
            slider.value = parts.get(kind, 0)
        if len(self._shown) != len(self._sliders):
            self._shown = list(self._sliders)
            self._add.options = ["", *(k for k in CATALOGUE if k not in self._sliders)]
            self.children = [*self._sliders.values(), self._add]
        self._quiet = False

    def _moved(self, kind: str, change: Any) -> None:
        if self._quiet:
            return
        before = {k: s.value for k, s in self._sliders.items()} | {kind: change["old"]}
        self._show(rebalance(before, kind, change["new"]))
        for listener in self._listeners:
            listener(change)

    def _added(self, change: Any) -> None:
        if self._quiet or not change["new"]:
            return
        parts = {k: s.value for k, s in self._sliders.items()}
        self._show(rebalance({**parts, change["new"]: 0}, change["new"], 100 // (len(parts) + 1)))
        for listener in self._listeners:
            listener(change)
