"""Three tiles: what FTTE saves of FedAvg's time, memory and bytes, beside the authors' figures."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping

from ftte_lab._common import percent, seconds, size
from ftte_lab.course.display import display_text
from ftte_lab.experiments import AUTHORS, scoreboard
from ftte_lab.simulation import History, Prepared

_TILES: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "time_s": ("time to target", seconds),
    "memory_bytes": ("memory of the weakest device", size),
    "upload_bytes": ("bytes of an update", lambda value: size(value, digits=1)),
}
_TILE = "border:1px solid #8a8a8a;border-radius:8px;padding:8px 16px;min-width:12em"
_LARGE = "font-size:2em;font-weight:600;line-height:1.3"


def tiles(
    prepared: Mapping[str, Prepared], histories: Mapping[str, History], target: float
) -> None:
    """Show what FTTE saves of FedAvg's time, memory and bytes on this fleet, in three tiles.

    Args:
        prepared: prepared runs by method, "fedavg" and "ftte" among them.
        histories: their finished runs.
        target: test accuracy from 0 to 1 to which both are timed.

    Raises:
        ValueError: a target outside 0 to 1.
        KeyError: one of the two methods is missing.
    """
    points = {name: history.points for name, history in histories.items()}
    scores = scoreboard(prepared, points, target=target).scores
    ours, base = scores["ftte"], scores["fedavg"]
    lines, boxes = [], []
    for what, (name, form) in _TILES.items():
        saved, mine, theirs = ours.saved(base, what), getattr(ours, what), getattr(base, what)
        change = "not reached" if saved is None else f"{percent(abs(saved))} {_side(saved)}"
        both = f"{'–' if mine is None else form(mine)} instead of {form(theirs)}"
        authors = f"the authors report {percent(AUTHORS[what])} less"
        lines.append(f"{name}: {change} ({both}); {authors}")
        parts = (html.escape(part) for part in (name, change, both, authors))
        boxes.append(
            f'<div style="{_TILE}">{next(parts)}<div style="{_LARGE}">{next(parts)}</div>'
            f"{next(parts)}<br><small>{next(parts)}</small></div>"
        )
    row = f'<div style="display:flex;flex-wrap:wrap;gap:12px">{"".join(boxes)}</div>'
    display_text("\n".join(lines), row)


def _side(saved: float) -> str:
    return "less" if saved >= 0 else "more"
