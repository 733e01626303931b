"""What the buttons and menus of a page ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ftte_lab._common import require, shown


def perform(lab: Any, content: Mapping[str, Any]) -> None:
    """Do what a message of the page asks for; an unknown one is ignored.

    Args:
        lab: the Lab.
        content: the message.

    Raises:
        ValueError: whatever is not possible.
    """
    if "tool" in content:
        lab.toolbox.receive(content)
        return
    actions: dict[str, Callable[[], Any]] = {
        "run": lab.run,
        "stop": lab.stop,
        "step": lab.step,
        "reset": lab.reset,
        "pin": lab.pin,
        "unpin": lambda: _unpin(lab, str(content.get("letter", ""))),
        "restore": lambda: lab.restore(str(content.get("text", ""))),
        "export": lambda: _export(lab, content),
        "view": lambda: _change_view(lab, content),
    }
    actions.get(str(content.get("action")), lambda: None)()


def _unpin(lab: Any, letter: str) -> None:
    lab.display.unpin(letter)
    lab.toolbox.run_changed()


def _export(lab: Any, content: Mapping[str, Any]) -> None:
    at_s = content.get("at_s")
    at_s = float(at_s) if isinstance(at_s, int | float) else None
    panel = str(content.get("panel", "")) or "curves"
    lab.display.export(str(content.get("form", "")), panel, at_s)


def _change_view(lab: Any, content: Mapping[str, Any]) -> None:
    """Show other charts, another axis or another target, without a new run."""
    if "shown" in content:
        names = content["shown"]
        if isinstance(names, list):
            lab.display.select_charts([str(name) for name in names])
        return
    if "target" in content:
        lab.change_view(target=_target(content["target"]))
        return
    changes = {key: str(content[key]) for key in ("over", "metric", "watch") if key in content}
    lab.change_view(**changes)


def _target(text: Any) -> float | None:
    """Return a target typed in percent as a share; nothing: the usual one."""
    if str(text).strip() == "":
        return None
    try:
        percent = float(str(text).replace(",", ".").rstrip("% "))
    except ValueError:
        percent = float("nan")
    require(0 < percent <= 100, f"target {shown(text)}", "a percentage from 1 to 100")
    return percent / 100
