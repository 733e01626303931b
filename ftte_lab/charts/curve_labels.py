"""What is written beside the curves: names at their ends, times at the target, letters on rings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ftte_lab.charts.curve_axes import CURVE_HEIGHT
from ftte_lab.charts.figure import Columns, columns
from ftte_lab.charts.palette import label

_LETTER = 7.6  # pixels of a bold letter
_LINE = 17.0  # pixels between two names, and the least distance of the outer ones to the edges
_SMALL = 14.0  # the same for times at the target
_NEAR = 0.28  # share of the axis within which names would stand side by side
_NAMES = 14  # more names find no room: then pinned lines have their letters alone
_RINGS = 4  # on a pinned line


@dataclass(frozen=True)
class Ends:
    """Hold the ends of both axes, as `domains` returns them."""

    x_end: float
    y_low: float
    y_high: float

    def height_of(self, y: float) -> float:
        """Return how far below the top of the plot a value stands, in pixels."""
        return CURVE_HEIGHT * (self.y_high - y) / (self.y_high - self.y_low)

    def value_at(self, pixels: float) -> float:
        """Return the value that stands so many pixels below the top."""
        return self.y_high - pixels / CURVE_HEIGHT * (self.y_high - self.y_low)


@dataclass(frozen=True)
class End:
    """Hold the last point of a line and what is written there; a letter marks a pinned run."""

    x: float
    y: float
    method: str
    text: str
    letter: str = ""


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move places apart by as little as possible, in their order, and keep them in a range.

    Args:
        wanted: places, in any order.
        gap: least distance between two of them; smaller where the range is too short for it.
        low: first place there is.
        high: last place there is.

    Example:
        >>> spread([5.0, 4.0, 20.0], 4.0, 0.0, 30.0)
        [6.5, 2.5, 20.0]
    """
    if len(wanted) > 1:
        gap = min(gap, (high - low) / (len(wanted) - 1))
    order = np.argsort(wanted, kind="stable")
    blocks: list[list[float]] = []  # sum and number of places that stand close together
    for rank, at in enumerate(order):
        blocks.append([wanted[at] - rank * gap, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    starts = np.repeat([total / count for total, count in blocks], [int(n) for _, n in blocks])
    starts = np.clip(starts, low, max(low, high - (len(wanted) - 1) * gap))
    placed = np.empty(len(wanted))
    placed[order] = starts + gap * np.arange(len(wanted))
    return [float(place) for place in placed]


def names(ends: Sequence[End], axes: Ends) -> Columns:
    """Return the names at the ends of lines; those that would touch are moved up or down."""
    if len(ends) > _NAMES:
        ends = [end for end in ends if not end.letter]
    rows: list[tuple[float, float, str, str, bool]] = []
    for group in _neighbours(ends, _NEAR * axes.x_end):
        wanted = [axes.height_of(end.y) for end in group]
        places = spread(wanted, _LINE, _LINE / 2, CURVE_HEIGHT - _LINE / 2)
        rows += [
            (end.x, axes.value_at(place), label(end.method), end.text, not end.letter)
            for end, place in zip(group, places, strict=True)
        ]
    return columns(("x", "y", "arm", "text", "bold"), rows)


def _neighbours(ends: Sequence[End], near: float) -> list[list[End]]:
    """Group lines whose ends lie close together along the horizontal axis."""
    groups: list[list[End]] = []
    for end in sorted(ends, key=lambda one: one.x):
        if groups and end.x - groups[-1][-1].x <= near:
            groups[-1].append(end)
        else:
            groups.append([end])
    return groups


def room(methods: Sequence[str], is_loss: bool) -> float:
    """Return the pixels that names and values need beside the plot."""
    longest = max((len(label(name)) for name in methods), default=0)
    return 18 + _LETTER * (longest + (5 if is_loss else 7))


def drops(
    reached: Mapping[str, float], texts: Mapping[str, str], goal: float, axes: Ends
) -> Columns:
    """Return the lines from the target down to the axis, each with its text in a row of its own.

    Args:
        reached: by method, where its line first meets the target.
        texts: what is written there.
        goal: the target.
        axes: ends of the axes.
    """
    floor = axes.y_low
    rows = []
    for rank, (name, x) in enumerate(sorted(reached.items(), key=lambda item: item[1])):
        lower = CURVE_HEIGHT - 9 - _SMALL * (len(reached) - 1 - rank)
        side = "right" if x > 0.8 * axes.x_end else "left"
        rows.append((x, goal, floor, axes.value_at(lower), label(name), texts[name], side))
    return columns(("x", "y", "floor", "at", "arm", "text", "side"), rows)


def rings(lines: Mapping[str, Mapping[str, Sequence[Columns]]], axes: Ends) -> Columns:
    """Return where a pinned line carries its letter: at a few even places and at its end.

    Args:
        lines: by letter and method, the lines `x`, `y` of each seed; the first one is marked.
        axes: ends of the axes.
    """
    rows = []
    for place, (letter, methods) in enumerate(lines.items()):
        shift = (place + 1) / (len(lines) + 1)  # letters of several runs do not meet
        for name, seeds in methods.items():
            for line in seeds[:1]:
                wanted = (np.arange(_RINGS) + shift) / _RINGS * axes.x_end
                xs = [x for x in wanted if line["x"][0] <= x < line["x"][-1]]
                ys = np.interp(xs, line["x"], line["y"])
                seen = [(x, y) for x, y in zip(xs, ys, strict=True) if y >= axes.y_low]
                rows += [(x, y, label(name), letter) for x, y in seen if y <= axes.y_high]
    return columns(("x", "y", "arm", "letter"), rows)
