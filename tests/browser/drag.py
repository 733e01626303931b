"""Drag every control of a Lab to both of its ends, and collect what it refuses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets

from ftte_lab.lab.lab import Lab

PATIENCE_S = 60.0


def leaves(widget: Any) -> Iterator[Any]:
    """Yield the controls inside a widget that have a value of their own."""
    if isinstance(widget, widgets.Box):
        for child in widget.children:
            yield from leaves(child)
    elif not isinstance(widget, widgets.Button | widgets.Label):
        yield widget


def ends(widget: Any) -> list[Any]:
    """Return both ends of a slider or field, all entries of a menu, both states of a box."""
    if isinstance(widget, widgets.FloatLogSlider):
        return [widget.base**widget.min, widget.base**widget.max]
    if isinstance(widget, widgets.SelectionSlider):
        values = [v[1] if isinstance(v, tuple) else v for v in widget.options]
        return [values[0], values[-1]]
    if isinstance(widget, widgets.Dropdown):
        return [v[1] if isinstance(v, tuple) else v for v in widget.options]
    if isinstance(widget, widgets.Checkbox):
        return [not widget.value, widget.value]
    return [widget.min, widget.max]


def drag(lab: Lab) -> list[str]:
    """Set each control to each end, and return what the Lab refused, in its own words.

    Raises:
        AssertionError: a value that is neither shown nor refused in a sentence.
    """
    refused: list[str] = []
    errors: list[str] = []
    show = lab.display.show_error

    def show_error(error: BaseException | None, *, fatal: bool = False) -> None:
        if error is not None:
            errors.append(str(error))
        show(error, fatal=fatal)

    lab.display.show_error = show_error  # type: ignore[method-assign]
    for name, control in lab.controls.knobs.items():
        for leaf in list(leaves(control.widget)):
            for end in ends(leaf):
                errors.clear()
                leaf.value = end
                _wait(lab, errors, f"{name} at {end!r}")
                refused += [f"{name} at {end!r}: {text}" for text in errors]
        lab.reset()
        errors.clear()
        _wait(lab, errors, f"reset after {name}")
        assert not errors, errors
    lab.stop()
    for text in refused:
        assert "; allowed: " in text, f"no clear sentence: {text}"
        assert "\n" not in text
        assert len(text) < 400
    return refused


def _wait(lab: Lab, errors: list[str], where: str) -> None:
    """Wait until what needs no training is shown, or refused."""
    end = time.monotonic() + PATIENCE_S
    while not errors:
        board = lab.display.board
        known = bool(board.prepared) and board.settings == lab.settings
        if known or lab._runner.phase in ("done", "idle"):
            return
        assert time.monotonic() < end, (
            f"{where}: nothing happened in {PATIENCE_S:g} s ({lab._runner.phase})"
        )
        time.sleep(0.005)
