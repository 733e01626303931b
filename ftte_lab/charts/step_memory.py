"""The memory of a training step from moment to moment: forward, then back, against the budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ftte_lab._common import integer, require, size
from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.curve_labels import spread
from ftte_lab.charts.figure import Columns, Figure, columns, template
from ftte_lab.charts.palette import label, method_scales
from ftte_lab.charts.style import WIDTH, Theme, finish
from ftte_lab.devices import Moment

_HEIGHT = 220
_NAMES = 32.0  # pixels between two names of two lines each
_LETTER = 7.4  # pixels of a letter
_FAR = 1.4  # times the highest peak: a budget beyond stands at the top, with an arrow
_STRIPES = 60  # hatching lines across the picture
_PLOT = "width - min(room, 0.48 * width)"
_STEP_TITLE = "forward from the first layer, then backward"


def step_memory(
    courses: Mapping[str, Sequence[Moment]],
    *,
    budget_bytes: int | None = None,
    device: str = "the weakest device",
) -> Figure:
    """Draw the bytes a device holds in the course of one training step, and the peak of each.

    What does not fit is hatched. Methods with the same course share their name.

    Args:
        courses: by method name, what `devices.memory_course` returns.
        budget_bytes: what the device may use at once (bytes).
        device: whose budget it is.

    Raises:
        ValueError: no course, an empty one, or a budget below 1.

    Example:
        >>> from ftte_lab.devices import memory_course
        >>> from ftte_lab.models import build, full, head
        >>> net = build("mlp", (1, 8, 8), 10)
        >>> subsets = {"fedavg": full(net), "ftte": head(net)}
        >>> courses = {name: memory_course(net, one, 8) for name, one in subsets.items()}
        >>> step_memory(courses, budget_bytes=40 * 1024).alt_text.partition(": ")[2]
        'FedAvg 55 KiB, does not fit; FTTE 31 KiB, fits the 40 KiB of the weakest device.'
    """
    known = bool(courses) and all(len(course) for course in courses.values())
    require(known, "no course of a training step", "at least one moment per method")
    if budget_bytes is not None:
        integer("budget_bytes", budget_bytes, 1)
    places = _places(courses)
    peaks = {name: max(m.bytes for m in course) for name, course in courses.items()}
    highest = max(peaks.values()) / 1024
    budget = None if budget_bytes is None else min(budget_bytes / 1024, _FAR * highest)
    top = 1.08 * max(highest, budget or 0.0)
    end = max(max(at) for at in places.values()) + 1
    groups = _alike(courses)
    verdicts = {name: _verdict(peaks[name], budget_bytes) for name in groups}
    data = {
        "course": _steps(courses, places),
        "hatch": _hatch({n: courses[n] for n in groups}, places, budget, (end, top)),
        **_peaks(courses, places, groups, verdicts, top),
        "budget": _budget(budget_bytes, budget, device, end),
        **_sections(max(courses.values(), key=len), end, top),
    }
    longest = max(len(line) for text in data["names"]["text"] for line in text.split("\n"))
    signals = {"end": float(end), "top": top, "room": 24 + _LETTER * longest}
    clauses = [f"{_joined(groups[n])} {size(peaks[n])}{verdicts[n]}" for n in groups]
    whose = f" the {size(budget_bytes)} of {device}" if budget_bytes else ""
    text = f"Bytes held during one training step, at the peak: {'; '.join(clauses)}{whose}."
    return Figure(template(_draw, tuple(courses)), data, text, signals)


def _verdict(peak: int, budget: int | None) -> str:
    if budget is None:
        return ""
    return ", fits" if peak <= budget else ", does not fit"


def _joined(names: Sequence[str]) -> str:
    return ", ".join(label(name) for name in names)


def _places(courses: Mapping[str, Sequence[Moment]]) -> dict[str, list[int]]:
    """Return where each moment stands in the longest course: equal events below each other."""
    keys = {name: _keys(course) for name, course in courses.items()}
    longest = max(keys, key=lambda name: len(keys[name]))
    base = {key: k for k, key in enumerate(keys[longest])}
    return {name: [base.get(key, k) for k, key in enumerate(own)] for name, own in keys.items()}


def _keys(course: Sequence[Moment]) -> list[tuple[str, str, int]]:
    seen: Counter[tuple[str, str]] = Counter()
    keys = []
    for moment in course:
        seen[moment.stage, moment.layer] += 1
        keys.append((moment.stage, moment.layer, seen[moment.stage, moment.layer]))
    return keys


def _alike(courses: Mapping[str, Sequence[Moment]]) -> dict[str, list[str]]:
    """Return the methods that share a course, by the first of them."""
    groups: dict[str, list[str]] = {}
    for name, course in courses.items():
        first = next((one for one in groups if tuple(courses[one]) == tuple(course)), name)
        groups.setdefault(first, []).append(name)
    return groups


def _steps(courses: Mapping[str, Sequence[Moment]], places: Mapping[str, list[int]]) -> Columns:
    """Return two points per moment, so that each is a level of its own."""
    rows = []
    for name, course in courses.items():
        for at, m in zip(places[name], course, strict=True):
            event = m.stage if m.stage == "loss" else f"{m.stage}, {m.layer}"
            rows += [(at + side, m.bytes / 1024, label(name), event) for side in (0, 1)]
    return columns(("x", "kib", "arm", "event"), rows)


def _hatch(
    courses: Mapping[str, Sequence[Moment]],
    places: Mapping[str, list[int]],
    budget: float | None,
    ends: tuple[float, float],
) -> Columns:
    """Return slanting lines that fill what rises above the budget."""
    rows: list[tuple[float, float, float, float, str]] = []
    if budget is not None:
        end, top = ends
        slope = 1.2 * top / end  # about 45 degrees on the page
        for name, course in courses.items():
            for at, m in zip(places[name], course, strict=True):
                height = m.bytes / 1024
                shifts = np.arange(-_STRIPES, 2 * _STRIPES) * end / _STRIPES
                for shift in shifts if height > budget else ():
                    low = max(at, shift + budget / slope)
                    high = min(at + 1, shift + height / slope)
                    if high > low:
                        y = slope * (low - shift), slope * (high - shift)
                        rows.append((low, high, *y, label(name)))
    return columns(("x", "x2", "y", "y2", "arm"), rows)


def _peaks(
    courses: Mapping[str, Sequence[Moment]],
    places: Mapping[str, list[int]],
    groups: Mapping[str, list[str]],
    verdicts: Mapping[str, str],
    top: float,
) -> dict[str, Columns]:
    """Return a dot at each peak, and its name beside the picture at the same height."""
    dots, texts = [], []
    for name, together in groups.items():
        k = max(range(len(courses[name])), key=lambda k: courses[name][k].bytes)
        peak = courses[name][k].bytes
        dots.append((places[name][k] + 0.5, peak / 1024, label(name)))
        texts.append(f"{_joined(together)}\n{size(peak)}{verdicts[name]}")
    heights = [_HEIGHT * (1 - kib / top) for _, kib, _ in dots]
    placed = spread(heights, _NAMES, _NAMES / 2, _HEIGHT - _NAMES / 2)
    rows = [
        (top * (1 - at / _HEIGHT), arm, text)
        for (_, _, arm), at, text in zip(dots, placed, texts, strict=True)
    ]
    return {
        "peaks": columns(("x", "kib", "arm"), dots),
        "names": columns(("kib", "arm", "text"), rows),
    }


def _budget(given: int | None, drawn: float | None, device: str, end: float) -> Columns:
    if given is None or drawn is None:
        return columns(("x", "x2", "kib", "text"), [])
    arrow = " ↑" if given / 1024 > drawn else ""
    return columns(("x", "x2", "kib", "text"), [(0, end, drawn, f"{device}: {size(given)}{arrow}")])


def _sections(course: Sequence[Moment], end: float, top: float) -> dict[str, Columns]:
    """Return where the passes begin, and the names of layers where there is room for them."""
    parts: list[list[Any]] = []
    blocks: list[list[Any]] = []
    for k, moment in enumerate(course):
        pass_name = "forward" if moment.stage == "forward" else "backward"
        block = moment.layer.split(".")[0]
        for runs, name in ((parts, pass_name), (blocks, block)):
            if runs and runs[-1][2] == name:
                runs[-1][1] = k + 1
            else:
                runs.append([k, k + 1, name])
    shown = [
        ((a + b) / 2, name, (b - a) / end, 5.4 * len(name))
        for a, b, name in blocks
        if name != "loss"
    ]
    return {
        "passes": columns(("x", "kib", "text"), [(a, top, name) for a, _, name in parts]),
        "layers": columns(("x", "text", "share", "pixels"), shown),
    }


def _draw(theme: Theme, names: tuple[str, ...]) -> dict[str, Any]:
    params = [alt.param(name=name, value=1.0) for name in ("end", "top", "room")]
    plot: Any = [0, alt.ExprRef(_PLOT)]
    x_scale = alt.Scale(domain={"expr": "[0, end]"}, nice=False, range=plot)
    y_scale = alt.Scale(domain={"expr": "[0, top]"}, nice=False)
    axis = alt.Axis(labels=False, ticks=False, grid=False, titleAnchor="start", titlePadding=18)
    x = alt.X("x:Q", title=_STEP_TITLE, scale=x_scale, axis=axis)
    y = alt.Y("kib:Q", title="KiB held", scale=y_scale, axis=alt.Axis(tickCount=5))
    y_low = alt.Y("y:Q", title="KiB held", scale=y_scale, axis=alt.Axis(tickCount=5))
    colours, dashes = method_scales(names, theme)
    colour = alt.Color("arm:N", scale=colours, legend=None)
    dash = alt.StrokeDash("arm:N", scale=dashes, legend=None)
    tooltip = [
        alt.Tooltip("arm:N", title="method"),
        alt.Tooltip("event:N"),
        alt.Tooltip("kib:Q", title="KiB", format=",.1f"),
    ]
    hatch = _part("hatch").mark_rule(strokeWidth=1, opacity=0.75)
    line = _part("course").mark_line(strokeWidth=2.2, strokeJoin="miter")
    area = _part("course").mark_area(opacity=0.1)
    layers = [
        area.encode(x=x, y=y.stack(None), color=colour),
        hatch.encode(x=x, x2="x2:Q", y=y_low, y2="y2:Q", color=colour),
        line.encode(x=x, y=y, color=colour, strokeDash=dash, tooltip=tooltip),
        *_marks(theme, x, y, colour),
    ]
    chart = alt.layer(*layers).add_params(*params).properties(width=WIDTH, height=_HEIGHT)
    below = ["bytes held at once; dot: the peak", "hatched: more than the device has"]
    return finish(chart, theme, "Memory during one training step", below)


def _part(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name))


def _marks(theme: Theme, x: alt.X, y: alt.Y, colour: alt.Color) -> list[alt.Chart]:
    """Return the peaks with their names, the budget, the passes and the layers."""
    beside: Any = alt.value(alt.ExprRef(_PLOT))
    halo: Any = {"stroke": theme.page, "strokeWidth": 3.5, "strokeJoin": "round"}
    own: Any = {"align": "left", "dx": 10, "fontSize": 12, "fontWeight": "bold"}
    own |= {"lineBreak": "\n", "baseline": "middle", "dy": -7}
    whose: Any = {"align": "left", "dx": 4, "dy": -6, "fontSize": 11, "fontWeight": "bold"}
    peaks = _part("peaks").mark_point(filled=True, size=90, opacity=1, stroke=theme.page)
    leads = _part("peaks").mark_rule(strokeDash=[1, 3])
    limit = _part("budget").mark_rule(color=theme.line, strokeWidth=2)
    seen: Any = alt.ExprRef(f"datum.pixels < datum.share * ({_PLOT}) ? 1 : 0")
    begins = _part("passes").mark_rule(color=theme.soft, strokeDash=[2, 3])
    passes = _part("passes").mark_text(align="left", dx=4, dy=-6, fontSize=11, color=theme.soft)
    layers = _part("layers").mark_text(fontSize=10, dy=11, color=theme.ink, opacity=seen)
    names = _part("names").mark_text(**own)
    return [
        begins.encode(x=x),
        passes.encode(x=x, y=y, text="text:N"),
        layers.encode(x=x, y=alt.value(_HEIGHT), text="text:N"),
        leads.encode(x=x, x2=beside, y=y, color=colour),
        limit.encode(x=x, x2="x2:Q", y=y),
        *(
            _part("budget").mark_text(**whose, **style).encode(x=x, y=y, text="text:N")
            for style in (halo, {"color": theme.line})
        ),
        peaks.encode(x=x, y=y, color=colour),
        names.encode(x=beside, y=y, color=colour, text="text:N"),
    ]
