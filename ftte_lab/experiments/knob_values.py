"""The values of a knob that a search or a sweep tries, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ftte_lab._common import choice, integer, percent, require
from ftte_lab.simulation import SETTINGS, Knob, Setting

_MOST = 64  # values of a scale
_LEAST_RATIO = 1.08  # between neighbours of a long scale of integers
_WIDE = 8.0  # the ends of a scale whose values are spaced by ratio differ by this factor
_LEFT_OUT = ("slow_class", "horizon_s", "max_updates", "evaluations", "seed")

NUMERIC: Mapping[str, Setting] = MappingProxyType(
    {
        name: one
        for name, one in SETTINGS.items()
        if one.kind in ("int", "float") and one.knob is not None and name not in _LEFT_OUT
    }
)
"""The settings that can be searched and swept: quantities with a knob, except those of the run."""


def numeric_knobs() -> list[dict[str, Any]]:
    """Return name, label and both ends of each knob of `NUMERIC`, as plain values for a page.

    Example:
        >>> numeric_knobs()[0].keys()
        dict_keys(['name', 'label', 'ends'])
    """
    return [
        {"name": name, "label": one.label, "ends": [knob_values(name)[k] for k in (0, -1)]}
        for name, one in NUMERIC.items()
    ]


def knob_values(name: str, low: float | None = None, high: float | None = None) -> list[float]:
    """Return the values that a knob can take, in ascending order, at most 64.

    Args:
        name: one of `NUMERIC`.
        low: lower end of the range, included; `None`: the knob's own.
        high: upper end, included; `None`: the knob's own.

    Raises:
        ValueError: a setting that is no number, or a range that holds fewer than two values.

    Example:
        >>> knob_values("budget_kib", 100, 200)
        [107.635, 117.377, 128.0, 139.585, 152.219, 165.995, 181.019, 197.403]
        >>> knob_values("local_steps", high=8)
        [1, 2, 4, 8]
    """
    choice("knob", name, NUMERIC)
    one = NUMERIC[name]
    scale = [v for v in _scale(one) if _between(v, low, high)]
    ends = f"from {spell(name, _scale(one)[0])} to {spell(name, _scale(one)[-1])}"
    require(len(scale) >= 2, f"a range of {name} with {len(scale)} of its values", ends)
    return _thinned(scale, _MOST)


def spread(
    name: str, count: int, low: float | None = None, high: float | None = None
) -> list[float]:
    """Return some of a knob's values, evenly spaced, or by ratio where the range is wide.

    Args:
        name: one of `NUMERIC`.
        count: how many at most, 2 or more.
        low: lower end of the range, included; `None`: the knob's own.
        high: upper end, included; `None`: the knob's own.

    Raises:
        ValueError: as `knob_values` does, or fewer than two values.

    Example:
        >>> spread("buffer", 5), spread("straggler_share", 3)
        ([1, 3, 7, 19, 50], [0.0, 0.5, 1.0])
    """
    integer("number of values", count, 2, _MOST)
    scale = knob_values(name, low, high)
    wide = _is_wide(scale)
    places = [math.log(v) if wide else v for v in scale]
    step = (places[-1] - places[0]) / (count - 1)
    wanted = [places[0] + k * step for k in range(count)]
    near = [min(range(len(scale)), key=lambda k: abs(places[k] - at)) for at in wanted]
    return [scale[k] for k in dict.fromkeys(near)]


def spell(name: str, value: float) -> str:
    """Write a value of a setting with its unit.

    Example:
        >>> spell("budget_kib", 107.635), spell("straggler_share", 0.9), spell("buffer", 10)
        ('107.6 KiB', '90 %', '10')
    """
    knob = SETTINGS[name].knob
    if knob is not None and knob.readout.endswith("%"):
        return percent(value)
    unit = " KiB" if name.endswith("_kib") else " s" if name.endswith("_s") else ""
    return f"{value:,.4g}{unit}" if abs(value) < 10_000 else f"{value:,.0f}{unit}"


def _between(value: float, low: float | None, high: float | None) -> bool:
    slack = 1e-9 * max(1.0, abs(value))
    return (low is None or value >= low - slack) and (high is None or value <= high + slack)


def _scale(one: Setting) -> list[float]:
    """Return every value of a knob; the words of a ladder are left out."""
    knob = one.knob or Knob()
    if knob.steps:
        return sorted(v for v in knob.steps if not isinstance(v, str))
    count = round((knob.high - knob.low) / knob.step)
    places = [knob.low + k * knob.step for k in range(count + 1)]
    if knob.log:
        values = [round(float(knob.base**place), knob.digits) for place in places]
    elif one.kind == "int":
        values = [int(place) for place in places]
    else:
        values = [round(place, knob.digits) for place in places]
    return list(dict.fromkeys(v for v in values if one.low is None or v >= one.low))


def _thinned(scale: list[float], most: int) -> list[float]:
    """Leave out values of a long scale: neighbours differ by a ratio, or evenly."""
    if _is_wide(scale) and isinstance(scale[0], int):
        kept = scale[:1]
        for value in scale[1:]:
            if value >= kept[-1] * _LEAST_RATIO:
                kept.append(value)
        scale = kept if kept[-1] == scale[-1] else [*kept[:-1], scale[-1]]
    stride = math.ceil(len(scale) / most)
    return scale if stride == 1 else [*scale[:-1:stride], scale[-1]][:most]


def _is_wide(scale: list[float]) -> bool:
    return scale[0] > 0 and scale[-1] / scale[0] >= _WIDE
